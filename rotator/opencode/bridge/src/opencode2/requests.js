// What happens to each request of OpenCode 2. It calls us before a request and after its answer;
// nothing of its own is replaced.

import { History } from "../core/bound-history.js";
import { remember } from "../core/bounded-map.js";
import { MOST_SEEN } from "../core/bounds.js";
import { credentialsInHeaders } from "../core/credentials.js";
import { sha256 } from "../core/digests.js";
import { bodyOfError } from "../core/error-words.js";
import { FailedRows } from "../core/failed-rows.js";
import { replaceLogin } from "../core/login-replacement.js";
import { Mark } from "../core/mark.js";
import { isSendable } from "../core/secret-texts.js";
import { noop } from "../core/try-or.js";
import { isString } from "../core/values.js";
import { Call } from "../requests/call.js";
import { FailedRequests } from "../requests/failed-requests.js";
import { Reports } from "../requests/reports.js";
import { sleep } from "../system/timing.js";
import { Exchange } from "../watcher/exchange.js";
import { WatcherState } from "../watcher/watcher-state.js";
import { OtherModels } from "./other-models.js";
import { Sessions } from "./sessions.js";
import { Slots } from "./slots.js";

/**
 * @import { Session } from "./sessions.js"
 * @import { Places } from "../system/places.js"
 * @import { Verdict } from "../watcher/exchange.js"
 * @import { ClaimedLogin, Layer } from "../requests/call.js"
 */

export const HOME = "opencode.db";
const MOST_SENDS = 50;
const SWITCH_MS = 3_000; // the server is told to switch, and looked at
const LOOK_MS = 20;
const REFUSALS = [401, 402, 403, 429]; // of a login
const PRIMARY = "primary"; // a request of the turn itself; all else is made beside it

/** @type {Layer} */
const send = (...given) => fetch(...given);

/** What all requests of this process share, in however many directories it works. */
export class Requests {
  #history = new History();
  #slots = new Slots();
  #rows = new FailedRows();
  #sessions = new Sessions();
  /** @type {Map<string, string>} */
  #instead = new Map(); // digest of a limited login -> whose row takes its place meanwhile
  /** @type {WeakMap<Request, number>} */
  #sentAt = new WeakMap(); // when, of the system's clock
  /** @type {WeakSet<Response>} */
  #seen = new WeakSet(); // two directories may show us the same
  /** @type {WeakMap<Call, any>} */
  #directories = new WeakMap(); // what OpenCode gives to the plug-in there

  /** @param {Places} places */
  constructor(places) {
    this.watcher = new WatcherState(places);
    this.exchange = new Exchange(places, this.watcher);
    const said = { home: HOME };
    this.reports = new Reports(this.exchange, { all: () => new Map() }, this.#sessions, said);
    this.models = new OtherModels(this.watcher, this.#sessions);
    this.failed = new FailedRequests({
      exchange: this.exchange,
      watcher: this.watcher,
      elsewhere: this.models,
      history: this.#history,
      logins: this,
      reports: this.reports,
    });
  }

  /**
   * Before a request: put a login into it that takes a limited one's place, and leave out what its
   * vendor has refused before.
   *
   * @param {any} ctx
   * @param {any} event
   */
  before(ctx, event) {
    this.#sentAt.set(event.request, Date.now());
    const told = this.watcher.second(event.model?.providerID);
    const { next } = this.#sessions.session(event.sessionID);
    // Most requests need nothing of us: OpenCode waits longer for any promise than that takes.
    if (!next && !told?.limited.size && !this.#history.has(event.sessionID)) return;
    return this.#prepare(ctx, event);
  }

  /**
   * @param {any} ctx
   * @param {any} event
   */
  async #prepare(ctx, event) {
    const login = this.#loginIn(event);
    if (!login) return;
    const { stop } = this.#sessions.session(event.sessionID);
    const call = this.#call(ctx, event, login, stop);
    const slot = this.#slotInstead(event, login);
    const isReplaced = slot !== undefined && (await this.#put(call, slot));
    const isCleaned = await this.#history.clean(call);
    if (!isReplaced && !isCleaned) return;
    event.request = new Request(call.input, call.init);
    this.#sentAt.set(event.request, Date.now());
  }

  /**
   * Return whose row takes the place of a login in this request: of one that rests, for as long as
   * it does, and once after an answer that was none.
   *
   * @param {any} event
   * @param {ClaimedLogin} login
   */
  #slotInstead({ sessionID, kind }, { slot, digest }) {
    const known = this.#sessions.session(sessionID);
    const { next } = known;
    if (kind === PRIMARY) known.next = null;
    if (kind === PRIMARY && next?.digest === digest) return next.slot;
    const rests = this.watcher.second(slot)?.limited.has(digest);
    return rests ? this.#instead.get(digest) : undefined;
  }

  /**
   * After an answer: where it is a refusal ask the watcher, and send the request again if it says
   * so. OpenCode gets the last answer, and knows nothing of those before.
   *
   * @param {any} ctx
   * @param {any} event
   */
  after(ctx, event) {
    const { response } = event;
    if (this.#seen.has(response)) return;
    this.#seen.add(response);
    const known = event.kind === PRIMARY ? this.#sessions.session(event.sessionID) : null;
    if (known) Object.assign(known, { last: null, to: null });
    const claim = this.#claiming(ctx, event);
    if (response.status >= 400) return this.#refused(claim, event, known);
    if (known) known.last = { claim, response, isGood: true };
    this.#tellGood(claim, event.model?.providerID, response);
  }

  /**
   * @param {() => Call | null} claim
   * @param {any} event
   * @param {Session | null} known of a request of the turn itself
   */
  async #refused(claim, event, known) {
    const call = claim();
    if (!call) return this.#tellForeign(event);
    try {
      await this.#answer(call, event);
    } finally {
      const { response } = event;
      if (known) known.last = { claim, response, isGood: response.status < 400 };
      this.#seen.add(response);
    }
  }

  /**
   * Return what makes the call of a request once somebody needs it: a good answer's seldom is.
   *
   * @param {any} ctx
   * @param {any} event
   * @returns {() => Call | null} null: it carries no login of ours
   */
  #claiming(ctx, { request, model, sessionID, agent, kind }) {
    const sentAt = this.#sentAt.get(request);
    const { stop } = this.#sessions.session(sessionID);
    /** @type {Call | null | undefined} */
    let made;
    const make = () => {
      const login = this.#loginIn({ request, model });
      if (!login) return null;
      const call = this.#call(ctx, { request, model, sessionID, agent, kind }, login, stop);
      call.note();
      call.sentAt = sentAt ? new Date(sentAt).toISOString() : call.sentAt;
      return call;
    };
    return () => (made === undefined ? (made = make()) : made);
  }

  /**
   * Tell of a refused request that carried no login of the table, though its provider has some
   * there: somebody's hook has put a key in, or the configuration gives one.
   *
   * @param {any} event
   */
  #tellForeign({ response, model, sessionID }) {
    const provider = model?.providerID;
    if (!REFUSALS.includes(response.status) || !this.watcher.second(provider)?.known.size) return;
    const at = new Date().toISOString();
    const of = { at, session: sessionID, provider, model: model.id ?? null };
    this.exchange.note({ kind: "failed", home: HOME, ...of, credential: null, key: "unknown" });
  }

  /**
   * @param {Call} call
   * @param {any} event
   */
  async #answer(call, event) {
    for (;;) {
      const response = event.response;
      if (response.status < 400) return this.#tellGood(() => call, call.slot, response);
      if (call.sends >= MOST_SENDS) return;
      const answer = await this.failed.settle(call, response);
      if (answer === response || call.signal?.aborted) return;
      event.response = answer ?? (await call.send(send));
      response.body?.cancel().catch(noop);
      if (answer) return;
    }
  }

  /**
   * @param {() => Call | null} claim
   * @param {string} provider
   * @param {Response} response
   */
  #tellGood(claim, provider, response) {
    this.reports.tellLimitsLater(claim, response);
    // As it was before the request: who is limited since then is not lifted by its answer.
    const limited = this.watcher.state?.second.get(provider)?.limited;
    const call = limited?.size ? claim() : null;
    if (!call) return;
    const since = limited?.get(call.carried.digest);
    if (since && since < call.sentAt) this.reports.tellAnswered(call, response, since).catch(noop);
  }

  /**
   * When OpenCode is about to end a turn, or to try again by itself: say what shall become of it.
   *
   * @param {any} ctx
   * @param {any} event
   */
  async onRetry(ctx, event) {
    const known = this.#sessions.session(event.sessionID);
    const { last } = known;
    known.last = null;
    const ended = last?.isGood && this.exchange.isAnswered() ? last.claim() : null;
    if (last && ended) {
      const verdict = await this.#askOfEnd(ended, last.response, event.error);
      if (verdict?.verdict === "reroute") await this.models.go(ended, verdict);
      else if (verdict?.verdict === "retry" && isString(verdict.slot)) {
        known.next = { digest: ended.carried.digest, slot: verdict.slot };
        event.decision = { retry: true, delay: 0 };
      } else if (verdict?.verdict === "wait" && verdict.wait_ms >= 0) {
        event.decision = { retry: true, delay: verdict.wait_ms };
      }
    }
    const isElsewhere = await this.models.change(ctx, event);
    if (isElsewhere || (await this.#isLeft(known, last))) event.decision = { retry: true, delay: 0 };
  }

  /**
   * Tell whether another login has become active since a request was refused that could not be
   * sent again; once for each.
   *
   * @param {Session} known
   * @param {Session["last"]} last
   */
  async #isLeft(known, last) {
    const call = !last || last.isGood || !this.watcher.isAlive() ? null : last.claim();
    if (!call) return false;
    const { slot, tried } = call;
    if (call.isLeftBehind) await this.#switched(call);
    const told = this.watcher.second(slot);
    if (!told?.ready || !told.active || told.limited.has(told.active)) return false;
    if (tried.has(told.active) || known.again.has(told.active)) return false;
    known.again.add(told.active);
    return true;
  }

  /**
   * Wait until another login than the one that a request carried is active.
   *
   * @param {Call} call
   */
  async #switched({ slot, carried, signal }) {
    const end = performance.now() + SWITCH_MS;
    while (performance.now() < end && !signal?.aborted) {
      if (this.watcher.second(slot)?.active !== carried.digest) return;
      await sleep(LOOK_MS);
    }
  }

  /**
   * Ask what follows from an answer with a good status in which an error stood, or that broke off.
   *
   * @param {Call} call
   * @param {Response} response
   * @param {any} error
   */
  #askOfEnd(call, response, error) {
    const body = bodyOfError(error);
    const { session, aside } = call.mark;
    const row = { session, aside, credential: call.carried.digest };
    const earlier = this.#rows.add(row, "error", performance.now());
    const fault = this.reports.fault(call, response, { kind: "error", body, earlier, isHeld: true });
    return this.exchange.ask(fault, call.signal);
  }

  /**
   * Give a refused request the login that the watcher names; false where there is none.
   *
   * @param {Call} call
   * @param {Verdict} verdict
   */
  async takeOver(call, verdict) {
    const { slot, credential } = verdict;
    const { carried } = call;
    if (credential === carried.digest) return true; // the same once more
    if (!isString(slot) || !(await this.#put(call, slot))) return false;
    remember(this.#instead, carried.digest, slot, MOST_SEEN);
    return true;
  }

  /**
   * Know the rows of a refused request's provider by the time that the watcher has named one.
   *
   * @param {Call} call
   */
  expect(call) {
    this.#slots.expect(this.#directories.get(call), call.slot);
  }

  /**
   * @param {Call} call
   * @param {string} slot
   */
  async #put(call, slot) {
    const entry = await this.#slots.resolve(this.#directories.get(call), call.slot, slot);
    if (!entry || !isSendable(entry.secret)) return false;
    const { init, url, carried } = call;
    call.init = { ...init, headers: replaceLogin(init.headers, url, carried, entry) };
    call.carried = { secret: entry.secret, digest: this.#nameOf(call.slot, entry.digests), seen: entry };
    return true;
  }

  /**
   * @param {string} provider
   * @param {string[]} digests
   */
  #nameOf(provider, digests) {
    const known = this.watcher.second(provider)?.known;
    return digests.find((digest) => known?.has(digest)) ?? digests[0];
  }

  /**
   * Return the login of a row that a request carries, or null: then it is none of ours.
   *
   * @param {any} event
   * @returns {ClaimedLogin | null}
   */
  #loginIn({ request, model }) {
    const provider = model?.providerID;
    const known = this.watcher.second(provider)?.known;
    if (!known) return null;
    for (const secret of credentialsInHeaders(request.headers)) {
      const digest = sha256(secret);
      if (known.has(digest)) return { slot: provider, secret, digest };
    }
    return null;
  }

  /**
   * @param {any} ctx
   * @param {any} event
   * @param {ClaimedLogin} login
   * @param {AbortController} stop
   */
  #call(ctx, { request, model, sessionID, agent, kind }, login, stop) {
    const mark = new Mark({
      provider: model.providerID,
      model: model.id,
      session: sessionID,
      agent: String(agent),
      message: undefined,
      aside: kind !== PRIMARY,
      configured: new Set(),
      given: () => [],
    });
    const signal = AbortSignal.any([request.signal, stop.signal].filter(Boolean));
    const init = { headers: new Headers(request.headers), signal };
    const { method, url } = request;
    const { pathname: path, searchParams: query } = new URL(url);
    const facts = { input: request, init, request, headers: init.headers, method, path, query };
    const call = new Call({ ...facts, mark, login });
    this.#directories.set(call, ctx);
    return call;
  }

  /**
   * @param {string} session
   * @param {string} type of an event
   */
  hear(session, type) {
    if (type === "session.execution.interrupted") this.#sessions.stop(session);
  }
}
