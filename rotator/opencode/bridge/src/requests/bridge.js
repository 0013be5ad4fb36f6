// What happens to each request.

import { attempt, ignore } from "../core/attempt.js";
import { History } from "../core/bound-history.js";
import { remember } from "../core/bounded-map.js";
import { MOST_SEEN } from "../core/bounds.js";
import { credentialsOf } from "../core/credentials.js";
import { sha256 } from "../core/digests.js";
import { replaceLogin } from "../core/login-replacement.js";
import { Marks, QUIET_AGENTS } from "../core/marks.js";
import { isAnswerOfModel, isModelPath, isModelRequest } from "../core/model-requests.js";
import { oneLine } from "../core/one-line.js";
import { questionOf, wordsOf } from "../core/protocols.js";
import { redact } from "../core/redaction.js";
import { LIMIT_HEADERS, TOLD_HEADERS } from "../core/reported-headers.js";
import { lookAt, textOf } from "../core/request-facts.js";
import { isSigned } from "../core/signatures.js";
import { isText } from "../core/values.js";
import { Logins } from "../opencode/logins.js";
import { KIND } from "../opencode/process.js";
import { sleep, until, within } from "../system/timing.js";
import { Descent } from "../watcher/descent.js";
import { Exchange, POLL_MS } from "../watcher/exchange.js";
import { Told } from "../watcher/state.js";
import { cut, readBeginning } from "./answer-body.js";
import { Call } from "./call.js";
import { context, cross, inside } from "./context.js";
import { answerOf } from "./own-answer.js";
import { Routing } from "./routing.js";

const LONGEST_WAIT_MS = 60_000;
const LONGEST_HOLD_MS = 24 * 60 * 60 * 1000; // however often the watcher says `wait`
const SHORTEST_WAIT_MS = 20; // a watcher that says `wait 0` for ever is not asked without a pause
const LOOK_MS = 1000; // a wait ends early when state.json says something new
const REROUTE_MS = 10_000;
const ASIDE_MS = 300_000; // a summary of a long conversation takes a while
const SWAP_VISIBLE_MS = 100;
const MOST_SENDS = 50;
const LIMITS_EVERY_MS = 15_000; // what a good answer says of a login's limits is told this often

/** What all requests of this process share, and what happens to each. */
export class Bridge {
  #history = new History();
  #limitsTold = new Map(); // digest -> when the limits of that login were last told
  #unseen = new Set(); // providers whose last request did not come through our fetch
  #tellUnseen;

  constructor(places, tellUnseen) {
    this.#tellUnseen = tellUnseen;
    this.logins = new Logins(places.auth);
    this.told = new Told(places);
    this.exchange = new Exchange(places, this.told);
    this.routing = new Routing(this.told);
    this.marks = new Marks(this.logins);
    this.descent = new Descent(places.descent, this.logins);
  }

  /** Return the mark that the request has which opencode is about to make, or nothing. */
  announce(client, input, output, isOutermost) {
    const mark = this.marks.announce(input, output);
    if (!mark.isOurs) return undefined;
    this.routing.session(input.sessionID).client = client;
    mark.isGiven = isOutermost();
    return mark.isGiven ? mark : undefined;
  }

  /** Note whether requests of a provider come through our fetch, and tell it when that changes. */
  #see(provider, isSeen) {
    if (isSeen !== this.#unseen.has(provider)) return;
    this.#unseen[isSeen ? "delete" : "add"](provider);
    this.#tellUnseen([...this.#unseen].sort());
  }

  /** Note what has become of a session's turn. */
  judge(session, { isOver, isSent }) {
    const unseen = isSent ? this.marks.unseenIn(session) : null;
    if (unseen !== null) this.#see(unseen, false);
    if (isOver) this.marks.end(session);
  }

  /** Say whose the request was that made a turn fail. */
  tellFailure(session) {
    const mark = this.marks.of(session);
    if (!mark) return;
    this.exchange.note({
      kind: "failed",
      at: new Date().toISOString(),
      session,
      provider: mark.slot ?? mark.provider,
      model: mark.model ?? null,
      credential: mark.credential,
      key: mark.key,
    });
  }

  /** Send what was given to our fetch with the fetch `layer` below it.
   *  What is none of ours goes there as it came, and its answer comes back as it is. */
  fetch(layer, receiver, given) {
    const pass = () => layer.apply(receiver, given);
    const seen = attempt(() => lookAt(...given), null);
    if (seen === null) return pass();
    const outer = inside.getStore();
    if (outer && !outer.isOver) {
      // Somebody kept an older fetch of ours and calls it inside the newest.
      attempt(() => outer.call?.observe(seen));
      return pass();
    }
    const mark = context.getStore();
    if (mark && seen.method === "POST") mark.isReached = true;
    if (!isSigned(seen)) return this.#send(layer, pass, seen, mark);
    if (mark && seen.method === "POST") mark.leave();
    return pass();
  }

  #send(layer, pass, seen, mark) {
    const question = attempt(() => this.descent.questionIn(seen), null);
    const send = () => {
      const claimed = seen.method === "POST" ? attempt(() => this.#claim(seen, mark), null) : null;
      return claimed ? this.#carry(layer, pass, { ...seen, ...claimed }) : pass();
    };
    if (!question) return send();
    // Whether it is one may not be known before it is sent.
    const isSure = !(question instanceof Promise);
    return this.descent.follow(question, isSure ? () => cross(null, pass) : send);
  }

  /** Return the login that a request of ours carries, and its mark; null if it is none of ours. */
  #claim(seen, inContext) {
    const mark = this.marks.find(seen, inContext);
    const isModel = () => isModelRequest(seen.path, textOf(seen.init?.body));
    if (!mark) {
      // A tool of the turn, or whatever else goes on.
      if (inContext) inContext.isPassedBy ||= !inContext.isSpent && isModel();
      return null;
    }
    attempt(() => this.#see(mark.provider, true));
    const secrets = credentialsOf(seen.headers);
    const found = this.#findLogin(mark, secrets);
    if (!found && isModel()) mark.leave(secrets);
    return found && { mark, found };
  }

  #isKnown = (slot, digest) =>
    this.logins.seen(slot).has(digest) || this.told.provider(slot)?.known.has(digest) === true;

  /** Return the login in a request that is in auth.json or was, or null. */
  #findLogin({ provider, configured }, secrets) {
    for (const slot of this.logins.slotsOf(provider)) {
      for (const secret of secrets) {
        const digest = sha256(secret);
        const seen = this.logins.seen(slot).get(digest);
        // What auth.json holds is its own, even if opencode.json gave it to the request.
        const isOurs = seen || (!configured.has(digest) && this.#isKnown(slot, digest));
        if (isOurs) return { slot, secret, seen, digest: this.#nameOf(slot, seen, digest) };
      }
    }
    return null;
  }

  /** Return the digest that the watcher has for a login that has two, for its key has blanks. */
  #nameOf(slot, seen, digest) {
    const known = this.told.provider(slot)?.known;
    const digests = seen?.digests ?? [digest];
    return digests.find((one) => known?.has(one)) ?? digests[0];
  }

  /** Send a request of ours, again if the watcher says so. */
  async #carry(layer, pass, seen) {
    const call = await this.#prepare(seen).catch(() => null);
    if (!call) return pass();
    const { mark } = call;
    for (;;) {
      const response = await call.send(layer).finally(() => mark.take(call));
      const isGood = response.status < 400;
      if (isGood && isAnswerOfModel(call, response)) mark.isSpent = true;
      if (call.isForeign) return response;
      if (isGood) this.#tellLimits(call, response);
      if (isGood || call.sends >= MOST_SENDS) return response;
      let answer = response;
      try {
        answer = await this.#settle(call, response);
      } catch {
        if (call.signal?.aborted) throw call.signal.reason;
      }
      if (answer === response) return response;
      response.body?.cancel().catch(ignore);
      if (answer) return answer;
    }
  }

  /** Return the request ready to be sent if it asks a model, else null. */
  async #prepare(seen) {
    const { path, mark, found } = seen;
    const init = { ...seen.init, headers: seen.headers };
    const call = new Call({ ...seen, init });
    if (!isModelPath(path) && !isModelRequest(path, await call.text())) return null;
    this.#fit(call, this.logins.get(found.slot));
    await this.#history.clean(call);
    return call;
  }

  /** Give the call the login `entry`; false where the two do not belong to one destination. */
  #fit(call, entry) {
    const old = call.carried;
    if (!entry?.secret) return false;
    const digest = this.#nameOf(call.slot, entry, null);
    if (digest === old.digest) return true;
    if (this.#destination(call.slot, old) !== entry.destination) return false;
    call.init = { ...call.init, headers: replaceLogin(call.init.headers, call.url, old, entry) };
    call.carried = { secret: entry.secret, digest, seen: entry };
    return true;
  }

  #destination(slot, { digest, seen }) {
    if (seen) return seen.destination;
    // state.json names only credentials of the active one's destination, and where that is we
    // know if we saw it.
    const told = this.told.provider(slot);
    if (!told?.known.has(digest)) return null;
    return this.logins.seen(slot).get(told.active)?.destination;
  }

  /** Tell the watcher of a failed answer and do as it says.
   *  Return what opencode gets, or null to send the request again. */
  async #settle(call, response) {
    if (!this.exchange.isAnswered()) return response;
    const body = cut(await readBeginning(response));
    const end = performance.now() + LONGEST_HOLD_MS;
    for (;;) {
      const verdict = await this.exchange.ask(this.#signal(call, response, body), call.signal);
      switch (verdict?.verdict) {
        case "retry":
          return call.repeatable && (await this.#retry(call, verdict)) ? null : response;
        case "reroute":
          return (await this.#reroute(call, verdict)) ?? response;
        case "wait":
          if (!call.repeatable || !(verdict.wait_ms >= 0) || performance.now() > end)
            return response;
          await this.#hold(call, verdict);
          call.endWait();
          break;
        default:
          return response;
      }
    }
  }

  /** Wait as long as the watcher says, or until it has something new to say. */
  async #hold(call, { wait_ms: ms, note }) {
    this.#show(call, note);
    const { text } = this.told.look(); // written anew it may say the same
    const wait = Math.min(Math.max(ms, SHORTEST_WAIT_MS), LONGEST_WAIT_MS);
    const end = performance.now() + wait;
    for (let left; (left = end - performance.now()) > 0; ) {
      await sleep(Math.min(left, LOOK_MS), call.signal);
      if (this.told.look().text !== text || !this.told.isAlive()) return;
    }
  }

  /** Tell the person before the TUI why nothing happens; said once for each note. */
  #show(call, note) {
    if (!isText(note) || !note || call.shown === note) return;
    call.shown = note;
    const { client } = this.routing.session(call.mark.session);
    const body = { title: "rotator", message: oneLine(note), variant: "info" };
    attempt(() => client.tui.showToast({ body }).catch(ignore));
  }

  /** Let opencode go on with another provider: return what it gets for now, or null. */
  async #reroute(call, { to, note }) {
    const question = questionOf(call.url.pathname, await call.text());
    if (!question) return null;
    if (call.mark.aside) return this.#rerouteAside(call, question, to);
    const done = within(REROUTE_MS, this.routing.reroute(call.mark, to, note));
    const isDone = await until(call.signal, (stop) => (done.then(stop, () => stop(false)), ignore));
    return isDone ? answerOf(question, null) : null;
  }

  /** A title or a summary is no step of the turn: its answer has to be one. */
  async #rerouteAside({ mark, signal }, question, to) {
    const isQuiet = QUIET_AGENTS.includes(mark.agent);
    // `opencode run` ends before a title is there, and would leave the session behind.
    const isAsked = !isQuiet || KIND !== "run";
    const abort = AbortSignal.any([AbortSignal.timeout(ASIDE_MS), ...(signal ? [signal] : [])]);
    const asked = () => this.routing.askElsewhere(mark, to, wordsOf(question), abort);
    const text = isAsked ? await asked().catch(ignore) : null;
    if (signal?.aborted) throw signal.reason;
    // Without its answer a compaction would lose the conversation.
    return text || isQuiet ? answerOf(question, text || "") : null;
  }

  /** Let the watcher know what a good answer says of its login's limits, once it is on its way. */
  #tellLimits(call, response) {
    const { digest } = call.carried;
    const since = performance.now() - (this.#limitsTold.get(digest) ?? -Infinity);
    if (since < LIMITS_EVERY_MS) return;
    const says = attempt(() => [...response.headers.keys()].some((n) => LIMIT_HEADERS.test(n)));
    if (!says) return;
    remember(this.#limitsTold, digest, performance.now(), MOST_SEEN);
    const news = attempt(() => this.#signal(call, response, ""));
    setTimeout(() => attempt(() => this.exchange.tell(news)), 0);
  }

  #signal(call, response, body) {
    const { id, attempt: number, mark, slot, carried, tried, secrets, waited } = call;
    const all = [...secrets, ...[...this.logins.all().values()].flatMap((entry) => entry.secrets)];
    const isTold = ([name]) => TOLD_HEADERS.some((pattern) => pattern.test(name));
    const told = [...response.headers].filter(isTold);
    return {
      request: id,
      attempt: number,
      at: new Date().toISOString(),
      provider: slot,
      model: mark.model ?? null,
      session: mark.session ?? null,
      credential: carried.digest,
      tried: [...tried],
      left: [...this.routing.session(mark.session).left],
      aside: mark.aside || this.routing.session(mark.session).isOurs === true,
      waited,
      opencode: KIND,
      status: response.status,
      headers: Object.fromEntries(told.map(([name, value]) => [name, redact(value, all)])),
      body: cut(Buffer.from(redact(body, all))),
    };
  }

  async #retry(call, { credential, drop }) {
    if (drop ? drop !== "reasoning" : call.tried.has(credential)) return false;
    const entry = await this.#whenLive(call, credential);
    if (!entry || !this.#fit(call, entry)) return false;
    if (!drop) return true;
    this.#history.refuse(call.mark.session, await call.text());
    return this.#history.clean(call);
  }

  /** Return the entry with that digest as soon as auth.json holds it, which it should by now. */
  async #whenLive(call, digest) {
    for (const end = performance.now() + SWAP_VISIBLE_MS; performance.now() < end; ) {
      const entry = this.logins.get(call.slot);
      if (entry?.digests.includes(digest)) return entry;
      await sleep(POLL_MS.first, call.signal);
    }
    return null;
  }
}
