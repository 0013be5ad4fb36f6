// A turn of opencode 1's that goes on with another provider.

import { QUIET_AGENTS } from "../core/marks.js";
import { oneLine } from "../core/one-line.js";
import { conversationText, parseQuestion } from "../core/protocols.js";
import { noop, tryOr } from "../core/try-or.js";
import { isString } from "../core/values.js";
import { PROCESS_KIND } from "../opencode/process.js";
import { abortable, withTimeout } from "../system/timing.js";
import { buildAnswer } from "./own-answer.js";

/**
 * @import { Question } from "../core/protocols.js"
 * @import { Verdict } from "../watcher/exchange.js"
 * @import { Call } from "./call.js"
 * @import { Routing } from "./routing.js"
 */

const REROUTE_MS = 10_000;
const ASIDE_MS = 300_000; // a summary of a long conversation takes a while

/** Gives opencode an answer of ours after which its next step asks somebody else. */
export class AnotherProvider {
  /** @type {Routing} */
  #routing;

  /** @param {Routing} routing */
  constructor(routing) {
    this.#routing = routing;
  }

  /**
   * Let opencode go on with another provider: return what it gets for now, or null.
   *
   * @param {Call} call
   * @param {Verdict} verdict
   */
  async instead(call, verdict) {
    const question = parseQuestion(call.url.pathname, await call.text());
    if (!question) return null;
    if (call.mark.aside) return this.#askAside(call, question, verdict.to);
    return (await this.go(call, verdict)) ? buildAnswer(question, null) : null;
  }

  /**
   * Let opencode's next step ask another provider; a title is no step.
   *
   * @param {Call} call
   * @param {Verdict} verdict
   * @returns {Promise<boolean>}
   */
  async go(call, { to, note }) {
    if (call.mark.aside) return false;
    const done = withTimeout(REROUTE_MS, this.#routing.reroute(call.mark, to, note));
    return abortable(call.signal, (stop) => (done.then(stop, () => stop(false)), noop));
  }

  /**
   * Tell the person before the TUI why nothing happens; said once for each note.
   *
   * @param {Call} call
   * @param {unknown} note
   */
  show(call, note) {
    if (!isString(note) || !note || call.shown === note) return;
    call.shown = note;
    const { client } = this.#routing.session(call.mark.session);
    const body = { title: "rotator", message: oneLine(note), variant: "info" };
    tryOr(() => client?.tui.showToast({ body }).catch(noop));
  }

  /**
   * A title or a summary is no step of the turn: its answer has to be one.
   *
   * @param {Call} call
   * @param {Question} question
   * @param {unknown} to
   */
  async #askAside({ mark, signal }, question, to) {
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
}
