// What becomes of a request that a vendor refused.

import { QUIET_AGENTS } from "../core/marks.js";
import { oneLine } from "../core/one-line.js";
import { conversationText, parseQuestion } from "../core/protocols.js";
import { noop, tryOr } from "../core/try-or.js";
import { isString } from "../core/values.js";
import { PROCESS_KIND } from "../opencode/process.js";
import { abortable, sleep, withTimeout } from "../system/timing.js";
import { decodeBeginning, readBeginning } from "./answer-body.js";
import { buildAnswer } from "./own-answer.js";

/**
 * @import { History } from "../core/bound-history.js"
 * @import { Question } from "../core/protocols.js"
 * @import { Exchange, Verdict } from "../watcher/exchange.js"
 * @import { WatcherState } from "../watcher/watcher-state.js"
 * @import { Call } from "./call.js"
 * @import { Reports } from "./reports.js"
 * @import { RequestLogins } from "./request-logins.js"
 * @import { Routing } from "./routing.js"
 */

const LONGEST_WAIT_MS = 60_000;
const LONGEST_HOLD_MS = 24 * 60 * 60 * 1000; // however often the watcher says `wait`
const SHORTEST_WAIT_MS = 20; // a watcher that says `wait 0` for ever is not asked without a pause
const LOOK_MS = 1000; // a wait ends early when state.json says something new
const REROUTE_MS = 10_000;
const ASIDE_MS = 300_000; // a summary of a long conversation takes a while

/** Asks the watcher about failed answers, and does as it says. */
export class FailedRequests {
  /** @type {Exchange} */
  #exchange;
  /** @type {WatcherState} */
  #watcher;
  /** @type {Routing} */
  #routing;
  /** @type {History} */
  #history;
  /** @type {RequestLogins} */
  #logins;
  /** @type {Reports} */
  #reports;

  /**
   * @param {{
   *   exchange: Exchange,
   *   watcher: WatcherState,
   *   routing: Routing,
   *   history: History,
   *   logins: RequestLogins,
   *   reports: Reports,
   * }} parts
   */
  constructor({ exchange, watcher, routing, history, logins, reports }) {
    this.#exchange = exchange;
    this.#watcher = watcher;
    this.#routing = routing;
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
    const end = performance.now() + LONGEST_HOLD_MS;
    for (;;) {
      const verdict = await this.#exchange.ask(
        this.#reports.signal(call, response, body),
        call.signal,
      );
      switch (verdict?.verdict) {
        case "retry":
          return call.repeatable && (await this.#retry(call, verdict)) ? null : response;
        case "reroute":
          return (await this.#reroute(call, verdict)) ?? response;
        case "wait":
          if (!call.repeatable || !(verdict.wait_ms >= 0) || performance.now() > end)
            return response;
          await this.#wait(call, verdict);
          call.endWait();
          break;
        default:
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
  async settleEnd(call, signal) {
    const until = performance.now() + LONGEST_HOLD_MS;
    for (;;) {
      const verdict = await this.#exchange.ask(signal(), call.signal);
      const end = verdict?.end;
      const sentence = isString(end) && end ? oneLine(end) : undefined;
      switch (verdict?.verdict) {
        case "reroute":
          return (await this.#goElsewhere(call, verdict)) ? undefined : sentence;
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
   * Let opencode's next step ask another provider; a title is no step.
   *
   * @param {Call} call
   * @param {Verdict} verdict
   */
  async #goElsewhere(call, { to, note }) {
    if (call.mark.aside) return false;
    const done = withTimeout(REROUTE_MS, this.#routing.reroute(call.mark, to, note));
    return abortable(call.signal, (stop) => (done.then(stop, () => stop(false)), noop));
  }

  /**
   * Wait as long as the watcher says, or until it has something new to say.
   *
   * @param {Call} call
   * @param {Verdict} verdict
   */
  async #wait(call, { wait_ms: ms, note }) {
    this.#show(call, note);
    const { text } = this.#watcher.look(); // written anew it may say the same
    const wait = Math.min(Math.max(ms, SHORTEST_WAIT_MS), LONGEST_WAIT_MS);
    const end = performance.now() + wait;
    for (let left; (left = end - performance.now()) > 0;) {
      await sleep(Math.min(left, LOOK_MS), call.signal);
      if (this.#watcher.look().text !== text || !this.#watcher.isAlive()) return;
    }
  }

  /**
   * Tell the person before the TUI why nothing happens; said once for each note.
   *
   * @param {Call} call
   * @param {unknown} note
   */
  #show(call, note) {
    if (!isString(note) || !note || call.shown === note) return;
    call.shown = note;
    const { client } = this.#routing.session(call.mark.session);
    const body = { title: "rotator", message: oneLine(note), variant: "info" };
    tryOr(() => client?.tui.showToast({ body }).catch(noop));
  }

  /**
   * Let opencode go on with another provider: return what it gets for now, or null.
   *
   * @param {Call} call
   * @param {Verdict} verdict
   */
  async #reroute(call, verdict) {
    const question = parseQuestion(call.url.pathname, await call.text());
    if (!question) return null;
    if (call.mark.aside) return this.#rerouteAside(call, question, verdict.to);
    return (await this.#goElsewhere(call, verdict)) ? buildAnswer(question, null) : null;
  }

  /**
   * A title or a summary is no step of the turn: its answer has to be one.
   *
   * @param {Call} call
   * @param {Question} question
   * @param {unknown} to
   */
  async #rerouteAside({ mark, signal }, question, to) {
    const isQuiet = QUIET_AGENTS.includes(mark.agent);
    // `opencode run` ends before a title is there, and would leave the session behind.
    const isAsked = !isQuiet || PROCESS_KIND !== "run";
    const abort = AbortSignal.any([AbortSignal.timeout(ASIDE_MS), ...(signal ? [signal] : [])]);
    const asked = () => this.#routing.askElsewhere(mark, to, conversationText(question), abort);
    const text = isAsked ? await asked().catch(noop) : null;
    if (signal?.aborted) throw signal.reason;
    // Without its answer a compaction would lose the conversation.
    return text || isQuiet ? buildAnswer(question, text || "") : null;
  }

  /**
   * @param {Call} call
   * @param {Verdict} verdict
   */
  async #retry(call, { credential, drop }) {
    if (drop ? drop !== "reasoning" : call.tried.has(credential)) return false;
    const entry = await this.#logins.whenLive(call, credential);
    if (!entry || !this.#logins.useLogin(call, entry)) return false;
    if (!drop) return true;
    this.#history.refuse(call.mark.session, await call.text());
    return this.#history.clean(call);
  }
}
