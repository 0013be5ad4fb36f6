// What the watcher is told of a request.

import { hasAnswered } from "../core/answers.js";
import { remember } from "../core/bounded-map.js";
import { MOST_SEEN } from "../core/bounds.js";
import { redact } from "../core/redaction.js";
import { LIMIT_HEADERS, TOLD_HEADERS } from "../core/reported-headers.js";
import { tryOr } from "../core/try-or.js";
import { PROCESS_KIND } from "../opencode/process.js";
import { BODY_BYTES, decodeBeginning, readBeginning } from "./answer-body.js";

/**
 * @import { Fault } from "../core/answer-reader.js"
 * @import { Earlier } from "../core/failed-rows.js"
 * @import { Mark } from "../core/mark.js"
 * @import { Exchange } from "../watcher/exchange.js"
 * @import { Call } from "./call.js"
 */

/**
 * What is to stay secret besides what a request carried.
 * @typedef {{ all: () => Map<string, { secrets: string[] }> }} Secrets
 */

/**
 * What is known of sessions.
 * @typedef {{ session: (id: string) => { left: Set<string>, isOurs?: boolean } }} SessionFacts
 */

const ANSWER_MS = 60_000; // a model that thinks says nothing for a while
const LIMITS_EVERY_MS = 15_000; // what a good answer says of a login's limits is told this often

/**
 * Tell whether an answer says anything of its login's limits.
 *
 * @param {Response} response
 */
const saysLimits = (response) =>
  tryOr(() => [...response.headers.keys()].some((name) => LIMIT_HEADERS.test(name))) === true;

/** Tells the watcher of requests, without any secret. */
export class Reports {
  /** @type {Exchange} */
  #exchange;
  /** @type {Secrets} */
  #logins;
  /** @type {SessionFacts} */
  #routing;
  /** @type {object} */
  #more;
  /** @type {Map<string, true>} */
  #answersTold = new Map(); // limited logins that have answered, each for a model and a limit
  /** @type {Map<string, number>} */
  #limitsTold = new Map(); // digest -> when the limits of that login were last told

  /**
   * @param {Exchange} exchange
   * @param {Secrets} logins
   * @param {SessionFacts} routing
   * @param {object} more what each signal says
   */
  constructor(exchange, logins, routing, more = {}) {
    this.#exchange = exchange;
    this.#logins = logins;
    this.#routing = routing;
    this.#more = more;
  }

  /**
   * Let the watcher know what a good answer says of its login's limits, once it is on its way.
   *
   * @param {Call} call
   * @param {Response} response
   */
  tellLimits(call, response) {
    const { digest } = call.carried;
    const since = performance.now() - (this.#limitsTold.get(digest) ?? -Infinity);
    if (since < LIMITS_EVERY_MS) return;
    if (!saysLimits(response)) return;
    remember(this.#limitsTold, digest, performance.now(), MOST_SEEN);
    const news = tryOr(() => this.signal(call, response, ""));
    setTimeout(() => tryOr(() => this.#exchange.tell(news)), 0);
  }

  /**
   * Look at what a good answer says of its login's limits once it is on its way.
   *
   * @param {() => Call | null} claim makes the call of it, where it is one of ours
   * @param {Response} response
   */
  tellLimitsLater(claim, response) {
    const tell = () => {
      const call = saysLimits(response) ? claim() : null;
      if (call) this.tellLimits(call, response);
    };
    setTimeout(() => tryOr(tell), 0);
  }

  /**
   * Let the watcher know once that a login has answered which is limited `since`, as soon as its
   * answer has said anything. What it says goes nowhere.
   *
   * @param {Call} call
   * @param {Response} response
   * @param {string} since
   */
  async tellAnswered(call, response, since) {
    const news = { ...this.signal(call, response, ""), answered: true, sent_at: call.sentAt };
    const which = `${news.credential} ${news.model} ${since}`;
    if (this.#answersTold.has(which) || !this.#exchange.isAnswered()) return;
    remember(this.#answersTold, which, true, MOST_SEEN);
    const isEnough = (/** @type {string} */ text) => hasAnswered(text) !== null;
    const beginning = await readBeginning(response, BODY_BYTES, ANSWER_MS, isEnough);
    if (hasAnswered(decodeBeginning(beginning))) this.#exchange.tell(news);
    else this.#answersTold.delete(which);
  }

  /**
   * @param {Call} call
   * @param {Response} response
   * @param {string} body
   */
  signal(call, response, body) {
    const { id, attempt: number, mark, slot, carried, tried, secrets, waited } = call;
    const all = [...secrets, ...[...this.#logins.all().values()].flatMap((entry) => entry.secrets)];
    const isTold = (/** @type {[string, string]} */ [name]) =>
      TOLD_HEADERS.some((pattern) => pattern.test(name));
    const told = [...response.headers].filter(isTold);
    return {
      ...this.#more,
      request: id,
      attempt: number,
      at: new Date().toISOString(),
      provider: slot,
      host: call.url.hostname,
      model: mark.model ?? null,
      session: mark.session ?? null,
      credential: carried.digest,
      tried: [...tried],
      left: [...this.#routing.session(mark.session).left],
      aside: mark.aside || this.#routing.session(mark.session).isOurs === true,
      waited,
      opencode: PROCESS_KIND,
      status: response.status,
      headers: Object.fromEntries(told.map(([name, value]) => [name, redact(value, all)])),
      body: decodeBeginning(Buffer.from(redact(body, all))),
      ...(call.isUnproven && { unproven: true }),
    };
  }

  /**
   * Tell of an answer that was none, though its status is good.
   *
   * @param {Call} call
   * @param {Response | undefined} response none, where opencode waited for it in vain
   * @param {Fault & { earlier: Earlier[], isHeld: boolean }} fault
   */
  fault(call, response, { kind, body, earlier, isHeld }) {
    const answer = response ?? new Response(null);
    const said = { ...this.signal(call, answer, body), status: null };
    // opencode asks anew by itself, and that is another request.
    const tried = call.waited ? [] : [call.carried.digest];
    return { ...said, tried, fault: kind, earlier, held: isHeld };
  }

  /**
   * Say whose the request was that made a turn fail.
   *
   * @param {string} session
   * @param {Mark} mark
   */
  tellFailure(session, mark) {
    this.#exchange.note({
      kind: "failed",
      at: new Date().toISOString(),
      session,
      provider: mark.slot ?? mark.provider,
      model: mark.model ?? null,
      credential: mark.credential,
      key: mark.key,
      ...(mark.isUnproven && { unproven: true }),
    });
  }
}
