// What happens to each request.

import { History } from "../core/bound-history.js";
import { credentialsInHeaders } from "../core/credentials.js";
import { Marks } from "../core/marks.js";
import { isModelAnswer, isModelPath, isModelRequest } from "../core/model-requests.js";
import { bodyText, inspectRequest } from "../core/request-facts.js";
import { isSigned } from "../core/signatures.js";
import { noop, tryOr } from "../core/try-or.js";
import { Logins } from "../opencode/logins.js";
import { Descent } from "../watcher/descent.js";
import { Exchange } from "../watcher/exchange.js";
import { WatcherState } from "../watcher/watcher-state.js";
import { asResponse } from "./answer-body.js";
import { BoughtTokens } from "./bought-tokens.js";
import { Call } from "./call.js";
import { findSending, markContext, runSending, sendingContext } from "./context.js";
import { AnotherProvider } from "./elsewhere.js";
import { FailedRequests } from "./failed-requests.js";
import { ObservedAnswers } from "./observed-answers.js";
import { Reports } from "./reports.js";
import { RequestLogins } from "./request-logins.js";
import { Routing } from "./routing.js";

/**
 * @import { Mark } from "../core/mark.js"
 * @import { HookInput } from "../core/marks.js"
 * @import { RequestFacts } from "../core/request-facts.js"
 * @import { BuiltRequests } from "../opencode/built-requests.js"
 * @import { Client } from "../opencode/client.js"
 * @import { Places } from "../system/places.js"
 * @import { ClaimedLogin, Layer } from "./call.js"
 * @import { Place } from "./outermost-fetch.js"
 */

/**
 * What can be seen of a request, and whether nobody stands between our fetch and the network.
 * @typedef {RequestFacts & { isLast: boolean }} Seen
 */

/**
 * A request of ours, with its mark and the login in it.
 * @typedef {Seen & { mark: Mark, login: ClaimedLogin }} Claimed
 */

/**
 * The providers whose requests do not carry what auth.json holds: they passed our fetch by, or
 * carry a token that the login has bought.
 * @typedef {{ unseen: string[], bought: string[] }} Missed
 */

const MOST_SENDS = 50;
const REFUSALS = [401, 402, 403, 429]; // of a login, whatever it asked

/**
 * Return a request of which we may change what it is sent with. Of what hands its parts on by
 * getters, as a Request does, a copy would have none: it goes into a request of its own.
 *
 * @param {Claimed} seen
 */
function withOwnInit(seen) {
  const headers = /** @type {any} */ (seen.headers);
  const kind = Object.getPrototypeOf(seen.init ?? {});
  if (kind === Object.prototype || kind === null)
    return { ...seen, init: { ...seen.init, headers } };
  const request = new Request(seen.input, seen.init);
  return { ...seen, input: request, request, init: { headers } };
}

/**
 * Return a fetch that is given more than fetch knows, as the one above ours gave it: whoever asks
 * so asks somebody who knows what it is.
 *
 * @param {Layer} layer
 * @param {unknown[]} more
 */
const withMore = (layer, more) =>
  /** @type {Layer} */ (
    (/** @type {[any, any]} */ ...given) => /** @type {any} */ (layer)(...given, ...more)
  );

/** What all requests of this process share, and what happens to each. */
export class Bridge {
  #history = new History();
  /** @type {Set<string>} */
  #unseen = new Set(); // providers whose last request did not come through our fetch
  /** @type {Set<string>} */
  #buying = new Set(); // providers whose model is asked with tokens that a login buys
  #bought = new BoughtTokens();
  /** @type {(missed: Missed) => void} */
  #tellMissed;
  /** @type {RequestLogins} */
  #requestLogins;
  /** @type {Reports} */
  #reports;
  /** @type {FailedRequests} */
  #failed;
  /** @type {ObservedAnswers} */
  #observed;

  /**
   * @param {Places} places
   * @param {(missed: Missed) => void} tellMissed
   */
  constructor(places, tellMissed) {
    this.#tellMissed = tellMissed;
    this.logins = new Logins(places.auth);
    this.watcher = new WatcherState(places);
    this.exchange = new Exchange(places, this.watcher);
    this.routing = new Routing(this.watcher);
    this.marks = new Marks(this.logins);
    this.descent = new Descent(places, this.logins);
    this.#requestLogins = new RequestLogins(this.logins, this.watcher);
    this.#reports = new Reports(this.exchange, this.logins, this.routing);
    this.#failed = new FailedRequests({
      exchange: this.exchange,
      watcher: this.watcher,
      elsewhere: new AnotherProvider(this.routing),
      history: this.#history,
      logins: this.#requestLogins,
      reports: this.#reports,
    });
    this.#observed = new ObservedAnswers({
      exchange: this.exchange,
      reports: this.#reports,
      failed: this.#failed,
    });
  }

  /**
   * Return the mark that the request has which opencode is about to make, or nothing.
   *
   * @param {{ client: Client, built: BuiltRequests }} folder whose hook it is
   * @param {HookInput} input
   * @param {unknown} output
   * @param {() => boolean} isOutermost
   */
  announce({ client, built }, input, output, isOutermost) {
    const mark = this.marks.announce(input, output);
    mark.built ??= built;
    built.end();
    if (!mark.isOurs) return undefined;
    this.routing.session(input.sessionID).client = client;
    mark.isGiven = isOutermost();
    return mark.isGiven ? mark : undefined;
  }

  /**
   * Note whether requests of a provider come through our fetch, and tell it when that changes.
   *
   * @param {string} provider
   * @param {boolean} isSeen
   */
  #see(provider, isSeen) {
    if (isSeen !== this.#unseen.has(provider)) return;
    this.#unseen[isSeen ? "delete" : "add"](provider);
    this.#tell();
  }

  #tell() {
    this.#tellMissed({ unseen: [...this.#unseen].sort(), bought: [...this.#buying].sort() });
  }

  /**
   * Note whose a request is that asks a model without a login of ours in it.
   *
   * @param {Mark} mark
   * @param {Seen} seen
   */
  #leave(mark, { headers, isLast }) {
    const login = this.#bought.buyerOf(mark.provider, headers);
    if (!login) return mark.leave(credentialsInHeaders(headers));
    mark.take({ isForeign: false, isUnproven: !isLast, slot: login.slot, carried: login });
    return this.#buys(mark.provider, true);
  }

  /**
   * Note whether a provider's model is asked with what its login buys, or with the login itself.
   *
   * @param {string} provider
   * @param {boolean} isBuying
   */
  #buys(provider, isBuying) {
    if (isBuying === this.#buying.has(provider)) return;
    this.#buying[isBuying ? "add" : "delete"](provider);
    this.#tell();
  }

  /**
   * Note what has become of a session's turn.
   *
   * @param {string} session
   * @param {{ isOver: boolean, isSent: boolean }} meaning
   */
  judge(session, { isOver, isSent }) {
    const unseen = isSent ? this.marks.unseenIn(session) : null;
    if (unseen !== null) this.#see(unseen, false);
    if (isOver) this.marks.end(session);
  }

  /**
   * Say whose the request was that made a turn fail.
   *
   * @param {string} session
   */
  tellFailure(session) {
    const mark = this.marks.of(session);
    if (mark) this.#reports.tellFailure(session, mark);
  }

  /**
   * Send what was given to our fetch with the fetch `layer` below it.
   * What is none of ours goes there as it came, and its answer comes back as it is.
   *
   * @param {Layer} layer
   * @param {unknown} receiver
   * @param {Parameters<typeof fetch>} given
   * @param {Place} place where ours stands
   */
  fetch(layer, receiver, given, { isFirst, isLast }) {
    const pass = () => Reflect.apply(layer, receiver, given);
    const facts = tryOr(() => inspectRequest(...given), null);
    if (facts === null) return pass();
    const queued = isFirst ? undefined : tryOr(() => findSending(...given), undefined);
    const outer = queued ?? sendingContext.getStore();
    if (outer && !outer.isOver) {
      // Somebody kept an older fetch of ours and calls it inside the newest, or from a queue.
      const isTheirs = tryOr(() => outer.call?.observe(facts, isLast), false);
      const answer = sendingContext.run(outer, pass);
      if (isTheirs) tryOr(() => outer.call?.expect(answer));
      return answer;
    }
    const seen = { ...facts, isLast };
    const mark = markContext.getStore();
    if (mark && seen.method === "POST") mark.isReached = true;
    if (isSigned(seen)) {
      if (mark && seen.method === "POST") mark.leaveSigned();
      return pass();
    }
    const more = /** @type {unknown[]} */ (given).slice(2);
    return this.#send(more.length > 0 ? withMore(layer, more) : layer, pass, seen, mark);
  }

  /**
   * @param {Layer} layer
   * @param {() => Promise<Response>} pass
   * @param {Seen} seen
   * @param {Mark | undefined} mark
   */
  #send(layer, pass, seen, mark) {
    const question = tryOr(() => this.descent.questionIn(seen), null);
    const send = () => {
      const claimed = seen.method === "POST" ? tryOr(() => this.#claim(seen, mark), null) : null;
      return claimed ? this.#carry(layer, pass, { ...seen, ...claimed }) : pass();
    };
    if (!question) return send();
    // Whether it is one may not be known before it is sent.
    const isSure = !(question instanceof Promise);
    return this.descent.follow(question, isSure ? () => runSending(null, pass) : send);
  }

  /**
   * Return the login that a request of ours carries, and its mark; null if it is none of ours.
   *
   * @param {Seen} seen
   * @param {Mark | undefined} inContext
   */
  #claim(seen, inContext) {
    const mark = this.marks.find(seen, inContext);
    const isModel = () => isModelRequest(seen.path, bodyText(seen.init?.body));
    if (!mark) {
      // A tool of the turn, or whatever else goes on.
      if (inContext) inContext.isPassedBy ||= !inContext.isSpent && isModel();
      return null;
    }
    tryOr(() => this.#see(mark.provider, true));
    const login = this.#requestLogins.find(mark, seen.headers);
    if (!login && isModel()) this.#leave(mark, seen);
    return login && { mark, login };
  }

  /**
   * Send a request of ours, again if the watcher says so.
   *
   * @param {Layer} layer
   * @param {() => Promise<Response>} pass
   * @param {Claimed} seen
   */
  async #carry(layer, pass, seen) {
    const call = await this.#prepare(seen).catch(() => undefined);
    if (!call) return call === null ? this.#ask(pass, seen) : pass();
    const { mark } = call;
    tryOr(() => this.#buys(mark.provider, false));
    for (;;) {
      const response = await this.#sendOnce(call, layer);
      const isGood = response.status < 400;
      const isModels = isGood && tryOr(() => isModelAnswer(call, response), true);
      if (isModels) mark.isSpent = true;
      if (call.isForeign) return response;
      if (isGood) this.#reports.tellLimits(call, response);
      if (isModels) {
        this.#tellAnswered(call, response);
        this.#observe(call, response);
      }
      if (isGood || call.sends >= MOST_SENDS) return response;
      /** @type {Response | null} */
      let answer = response;
      try {
        answer = await this.#failed.settle(call, response);
      } catch {
        if (call.signal?.aborted) throw call.signal.reason;
      }
      if (answer === response) return response;
      response.body?.cancel().catch(noop);
      if (answer) return answer;
    }
  }

  /**
   * @param {Call} call
   * @param {Layer} layer
   */
  async #sendOnce(call, layer) {
    try {
      return await asResponse(await call.send(layer).finally(() => call.mark.take(call)));
    } catch (error) {
      if (!call.isForeign) tryOr(() => this.#observed.noteGivenUp(call));
      // No vendor has said anything: whatever it is called, it is theirs who threw it.
      if (call.isUnproven && !call.signal?.aborted) call.mark.leaveUnanswered();
      throw error;
    }
  }

  /**
   * @param {Call} call
   * @param {Response} response
   */
  #observe = (call, response) => tryOr(() => this.#observed.observe(call, response));

  /**
   * Tell the watcher that a login answers of which it thinks that it is limited.
   *
   * @param {Call} call
   * @param {Response} response
   */
  #tellAnswered(call, response) {
    const since = tryOr(() => this.watcher.provider(call.slot)?.limited.get(call.carried.digest));
    // Where it was sent before that, it says nothing; hardly any request comes further than here.
    if (since && since < call.sentAt) {
      this.#reports.tellAnswered(call, response, since).catch(noop);
    }
  }

  /**
   * Send what a login asks before the model: it may buy the token with which that is asked.
   *
   * @param {() => Promise<Response>} pass
   * @param {Claimed} seen
   */
  async #ask(pass, { mark, login, request, input, isLast }) {
    const response = await pass();
    const url = new URL(request ? request.url : input);
    if (this.#requestLogins.isMisplaced(mark, login, url)) return response;
    // The turn may fail of it.
    if (REFUSALS.includes(response.status)) {
      mark.take({ isForeign: false, isUnproven: !isLast, slot: login.slot, carried: login });
      tryOr(() => this.#buys(mark.provider, true));
    }
    await this.#bought.note(mark.provider, login, response).catch(noop);
    return response;
  }

  /**
   * Return the request ready to be sent if it asks a model, else null.
   *
   * @param {Claimed} seen
   */
  async #prepare(seen) {
    const { path, login } = seen;
    const call = new Call(withOwnInit(seen));
    if (!isModelPath(path) && !isModelRequest(path, await call.text())) return null;
    this.#requestLogins.keepPlace(call);
    this.#requestLogins.useLogin(call, this.logins.get(login.slot));
    await this.#history.clean(call);
    return call;
  }
}
