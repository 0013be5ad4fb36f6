// Answers with a good status, read along while opencode reads them, so that one that is none can
// be told. Each piece passes when it comes and is asked for, as if nobody were there; only the
// end of an answer with which opencode would begin anew at once is held for the watcher's word.

import { AnswerReader } from "../core/answer-reader.js";
import { sha256 } from "../core/digests.js";
import { FailedRows } from "../core/failed-rows.js";
import { isStall } from "../core/timeouts.js";
import { noop, tryOr } from "../core/try-or.js";
import { isString } from "../core/values.js";

/**
 * @import { Fault, End } from "../core/answer-reader.js"
 * @import { Exchange } from "../watcher/exchange.js"
 * @import { Call } from "./call.js"
 * @import { FailedRequests } from "./failed-requests.js"
 * @import { Reports } from "./reports.js"
 */

// What has no other answer than events, if it asks for a stream.
const STREAM_PATH = /\/(?:chat\/completions|responses|messages)$/;
const STREAM_WISH = /"stream"\s*:\s*true/;
const GOOGLE_PATH = /:streamGenerateContent$/;

/** @type {any} */
const nativeBody = Object.getOwnPropertyDescriptor(Response.prototype, "body")?.get;

/** Finds the answers that are none, and tells the watcher of them. */
export class ObservedAnswers {
  /** @type {Exchange} */
  #exchange;
  /** @type {Reports} */
  #reports;
  /** @type {FailedRequests} */
  #failed;
  #rows = new FailedRows();

  /** @param {{ exchange: Exchange, reports: Reports, failed: FailedRequests }} parts */
  constructor({ exchange, reports, failed }) {
    this.#exchange = exchange;
    this.#reports = reports;
    this.#failed = failed;
  }

  /**
   * Read along in an answer from now on, where a watcher is there to hear of it.
   *
   * @param {Call} call
   * @param {Response} response
   */
  observe(call, response) {
    if (!this.#exchange.isAnswered() || !nativeBody.call(response)) return;
    const stream = new ObservedAnswer(call, response, {
      tell: (fault) => this.#tell(call, response, fault),
      ask: (fault) => this.#ask(call, response, fault),
      isGood: () => this.#rows.end(asked(call)),
    }).stream();
    Object.defineProperty(response, "body", { get: () => stream, configurable: true });
  }

  /**
   * Note that opencode gave a request up before its answer began.
   *
   * @param {Call} call
   */
  noteGivenUp(call) {
    if (!call.signal?.aborted || !isStall(call.signal.reason, false)) return;
    this.#tell(call, undefined, { kind: "stalled", body: "" });
  }

  /**
   * @param {Call} call
   * @param {Response | undefined} response
   * @param {Fault} fault
   * @param {boolean} isHeld
   */
  #report(call, response, fault, isHeld) {
    const { kind, body, mayBeRead } = fault;
    const request = mayBeRead ? sha256(String(call.init.body)) : undefined;
    const earlier = this.#rows.add(asked(call), kind, performance.now(), request);
    if (mayBeRead && earlier.length === 0) return undefined;
    return () => this.#reports.fault(call, response, { kind, body, earlier, isHeld });
  }

  /**
   * @param {Call} call
   * @param {Response | undefined} response
   * @param {Fault} fault
   */
  #tell(call, response, fault) {
    const report = this.#report(call, response, fault, false);
    if (report) this.#exchange.tell(report());
  }

  /**
   * Return the sentence that the answer shall fail with, or nothing: it ends as it would.
   *
   * @param {Call} call
   * @param {Response} response
   * @param {Fault} fault
   * @returns {Promise<string | undefined>}
   */
  async #ask(call, response, fault) {
    if (!this.#exchange.isAnswered()) return undefined;
    const report = this.#report(call, response, fault, true);
    return report && this.#failed.settleEnd(call, report);
  }
}

/**
 * @param {Call} call
 * @returns {import("../core/failed-rows.js").Asked}
 */
const asked = ({ mark, carried }) => ({
  session: mark.session,
  aside: mark.aside,
  credential: carried.digest,
});

/**
 * What becomes of an answer.
 * @typedef {object} Outcome
 * @property {(fault: Fault) => void} tell
 * @property {(fault: Fault) => Promise<string | undefined>} ask
 * @property {() => void} isGood
 */

/** One answer on its way. */
class ObservedAnswer {
  #reader = new AnswerReader();
  #decoder = new TextDecoder();
  /** @type {Call} */
  #call;
  /** @type {Response} */
  #response;
  /** @type {Outcome} */
  #outcome;
  /** @type {ReadableStreamDefaultReader<Uint8Array> | undefined} */
  #source;
  #isOver = false; // nothing more is to be told of it

  /**
   * @param {Call} call
   * @param {Response} response
   * @param {Outcome} outcome
   */
  constructor(call, response, outcome) {
    this.#call = call;
    this.#response = response;
    this.#outcome = outcome;
  }

  /** Return what opencode reads: it asks for each piece as opencode asks for it. */
  stream() {
    return new ReadableStream(
      {
        pull: (controller) => this.#pull(controller),
        cancel: (reason) => this.#cancel(reason),
      },
      { highWaterMark: 0 },
    );
  }

  /** Not before it is read: others may take a copy first. */
  get #body() {
    return nativeBody.call(this.#response);
  }

  /** @param {ReadableStreamDefaultController<Uint8Array>} controller */
  async #pull(controller) {
    let part;
    try {
      this.#source ??= /** @type {ReadableStreamDefaultReader<Uint8Array>} */ (
        this.#body.getReader()
      );
      part = await this.#source.read();
    } catch (error) {
      tryOr(() => this.#breaksOff(error));
      throw error;
    }
    if (!part.done) {
      controller.enqueue(part.value);
      tryOr(() => this.#read(part.value));
      return;
    }
    const sentence = await this.#end().catch(noop);
    if (isString(sentence)) controller.error(new Error(sentence));
    else controller.close();
  }

  /** @param {Uint8Array} bytes */
  #read(bytes) {
    if (this.#isOver) return;
    this.#reader.feed(this.#decoder.decode(bytes, { stream: true }));
    // opencode ends the turn or tries again by itself, where its SDK knows an error there.
    const isHidden = this.#isGoogle || this.#reader.isHidden;
    if (this.#reader.hasError && !isHidden) this.#judge("ended");
  }

  get #isGoogle() {
    return GOOGLE_PATH.test(this.#call.url.pathname);
  }

  /** Whether a stream was asked for, in a protocol in which that is made of events. */
  get #isStream() {
    if (this.#isGoogle) return this.#call.url.searchParams.get("alt") === "sse";
    const { body } = this.#call.init;
    return STREAM_PATH.test(this.#call.url.pathname) && isString(body) && STREAM_WISH.test(body);
  }

  /**
   * Tell what is wrong with it, if anything is.
   *
   * @param {End} end
   */
  #judge(end) {
    const fault = this.#fault(end);
    if (fault) this.#outcome.tell(fault);
  }

  /**
   * Return what is wrong with it, once.
   *
   * @param {End} end
   */
  #fault(end) {
    if (this.#isOver) return null;
    this.#isOver = true;
    const fault = this.#reader.end(end, this.#isStream);
    if (!fault) this.#outcome.isGood();
    return fault;
  }

  /** @param {unknown} error */
  #breaksOff(error) {
    const { signal } = this.#call;
    if (signal?.aborted) return this.#giveUp(signal.reason);
    return isStall(error, this.#reader.isUsed) ? this.#judge("stalled") : this.#judge("broken");
  }

  /** @param {unknown} reason */
  #giveUp(reason) {
    const isTold = this.#reader.hasError || isStall(reason, this.#reader.isUsed);
    if (isTold) this.#judge("stalled");
    // Whoever needs no more of it has had an answer.
    else if (!this.#isOver && (this.#reader.isUsed || this.#reader.isFinished)) {
      this.#outcome.isGood();
    }
    this.#isOver = true;
  }

  /** @param {unknown} reason */
  #cancel(reason) {
    const { signal } = this.#call;
    tryOr(() => this.#giveUp(signal?.aborted ? signal.reason : reason));
    return (this.#source ?? this.#body).cancel(reason);
  }

  /** Return the sentence that it shall fail with, if it is none and somebody says so. */
  async #end() {
    const fault = this.#fault("ended");
    return fault ? this.#outcome.ask(fault) : undefined;
  }
}
