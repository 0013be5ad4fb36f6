// What becomes of a request that a vendor refused.

import { oneLine } from "../core/one-line.js";
import { tryOr } from "../core/try-or.js";
import { isString } from "../core/values.js";
import { sleep } from "../system/timing.js";
import { decodeBeginning, readBeginning } from "./answer-body.js";

/**
 * @import { History } from "../core/bound-history.js"
 * @import { Exchange, Verdict } from "../watcher/exchange.js"
 * @import { WatcherState } from "../watcher/watcher-state.js"
 * @import { Call } from "./call.js"
 * @import { Reports } from "./reports.js"
 */

/**
 * Puts another login into a request; false where it has none. What takes its time can be begun
 * while the watcher is asked.
 * @typedef {object} OtherLogins
 * @property {(call: Call, verdict: Verdict) => Promise<boolean>} takeOver
 * @property {(call: Call) => void} [expect]
 */

/**
 * Lets a turn go on with another provider, and shows the person why nothing happens: what
 * opencode gets instead of a refusal, or null; and whether its next step asks somebody else.
 * @typedef {object} Elsewhere
 * @property {(call: Call, verdict: Verdict) => Promise<Response | null>} instead
 * @property {(call: Call, verdict: Verdict) => Promise<boolean>} go
 * @property {(call: Call, note: unknown) => void} show
 */

const LONGEST_WAIT_MS = 60_000;
const LONGEST_HOLD_MS = 24 * 60 * 60 * 1000; // however often the watcher says `wait`
const SHORTEST_WAIT_MS = 20; // a watcher that says `wait 0` for ever is not asked without a pause
const LOOK_MS = 1000; // a wait ends early when state.json says something new

/** Asks the watcher about failed answers, and does as it says. */
export class FailedRequests {
  /** @type {Exchange} */
  #exchange;
  /** @type {WatcherState} */
  #watcher;
  /** @type {Elsewhere} */
  #elsewhere;
  /** @type {History} */
  #history;
  /** @type {OtherLogins} */
  #logins;
  /** @type {Reports} */
  #reports;
  /** @type {WeakSet<Call>} */
  #waiting = new WeakSet(); // which the watcher has told to wait

  /**
   * @param {{
   *   exchange: Exchange,
   *   watcher: WatcherState,
   *   elsewhere: Elsewhere,
   *   history: History,
   *   logins: OtherLogins,
   *   reports: Reports,
   * }} parts
   */
  constructor({ exchange, watcher, elsewhere, history, logins, reports }) {
    this.#exchange = exchange;
    this.#watcher = watcher;
    this.#elsewhere = elsewhere;
    this.#history = history;
    this.#logins = logins;
    this.#reports = reports;
  }

  /**
   * Tell the watcher of a failed answer and do as it says.
   * Return what opencode gets, or null to send the request again.
   *
   * @param {Call} call
   * @param {Response} response
   */
  async settle(call, response) {
    if (!this.#exchange.isAnswered()) return response;
    const body = decodeBeginning(await readBeginning(response));
    return this.#told(call, () => this.#settled(call, response, body));
  }

  /**
   * @param {Call} call
   * @param {Response} response
   * @param {string} body
   */
  async #settled(call, response, body) {
    const end = performance.now() + LONGEST_HOLD_MS;
    for (;;) {
      const asked = this.#exchange.ask(this.#reports.signal(call, response, body), call.signal);
      // Behind the signal, which the watcher works off meanwhile.
      setImmediate(() => tryOr(() => this.#logins.expect?.(call)));
      const verdict = await asked;
      switch (verdict?.verdict) {
        case "retry":
          return call.repeatable && (await this.#retry(call, verdict)) ? null : response;
        case "reroute":
          return (await this.#elsewhere.instead(call, verdict)) ?? response;
        case "wait":
          if (!call.repeatable || !(verdict.wait_ms >= 0) || performance.now() > end)
            return response;
          await this.#wait(call, verdict);
          call.endWait();
          break;
        default:
          // Somebody else becomes active all the same, whose login this request cannot carry.
          call.isLeftBehind = verdict?.verdict === "pass" && isString(verdict.slot);
          return response;
      }
    }
  }

  /**
   * Tell the watcher of an answer that was none, whose end opencode has not got yet, and do as it
   * says; nothing is sent again: opencode does that by itself once it has the end.
   * Return the sentence that the answer shall fail with, or nothing.
   *
   * @param {Call} call
   * @param {() => object} signal
   * @returns {Promise<string | undefined>}
   */
  settleEnd(call, signal) {
    return this.#told(call, () => this.#settledEnd(call, signal));
  }

  /**
   * Do what may wait, and tell the watcher if it was stopped then: for `status` a turn waits until
   * somebody says otherwise.
   *
   * @template T
   * @param {Call} call
   * @param {() => Promise<T>} work
   * @returns {Promise<T>}
   */
  async #told(call, work) {
    try {
      return await work();
    } finally {
      const isStopped = call.signal?.aborted && this.#waiting.has(call);
      if (isStopped) this.#exchange.note({ kind: "stopped", request: call.id, at: new Date().toISOString() });
      this.#waiting.delete(call);
    }
  }

  /**
   * @param {Call} call
   * @param {() => object} signal
   * @returns {Promise<string | undefined>}
   */
  async #settledEnd(call, signal) {
    const until = performance.now() + LONGEST_HOLD_MS;
    for (;;) {
      const verdict = await this.#exchange.ask(signal(), call.signal);
      const end = verdict?.end;
      const sentence = isString(end) && end ? oneLine(end) : undefined;
      switch (verdict?.verdict) {
        case "reroute":
          return (await this.#elsewhere.go(call, verdict)) ? undefined : sentence;
        case "wait":
          if (!(verdict.wait_ms >= 0) || performance.now() > until) return sentence;
          await this.#wait(call, verdict);
          call.endWait();
          break;
        default:
          return sentence;
      }
    }
  }

  /**
   * Wait as long as the watcher says, or until it has something new to say.
   *
   * @param {Call} call
   * @param {Verdict} verdict
   */
  async #wait(call, { wait_ms: ms, note }) {
    this.#waiting.add(call);
    this.#elsewhere.show(call, note);
    const { text } = this.#watcher.look(); // written anew it may say the same
    const wait = Math.min(Math.max(ms, SHORTEST_WAIT_MS), LONGEST_WAIT_MS);
    const end = performance.now() + wait;
    for (let left; (left = end - performance.now()) > 0;) {
      await sleep(Math.min(left, LOOK_MS), call.signal);
      if (this.#watcher.look().text !== text || !this.#watcher.isAlive()) return;
    }
  }

  /**
   * @param {Call} call
   * @param {Verdict} verdict
   */
  async #retry(call, verdict) {
    const { credential, drop } = verdict;
    if (drop ? drop !== "reasoning" : call.tried.has(credential)) return false;
    if (!(await this.#logins.takeOver(call, verdict))) return false;
    if (!drop) return true;
    this.#history.refuse(call.mark.session, await call.text());
    return this.#history.clean(call);
  }
}
