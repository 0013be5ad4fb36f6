// Reads along in an answer while it passes, and tells at its end whether it was one. It keeps a
// line and the first 16 KB of what is no event, and looks closely only until something was said.

import { interpretPart } from "./answer-parts.js";
import { ToolCalls } from "./tool-calls.js";
import { tryOr } from "./try-or.js";
import { isObject, isString } from "./values.js";

/** @import { PartMeaning } from "./answer-parts.js" */

/**
 * How an answer with a good status was none: something `instead` of a stream, an `error` in it,
 * nothing (`empty`), a beginning (`cut`), or silence until opencode gave up (`stalled`).
 * @typedef {"instead" | "error" | "empty" | "cut" | "stalled"} FaultKind
 */

/**
 * What was wrong with an answer, and what it said of that. One that `mayBeRead` is none only where
 * the same is asked again: a plug-in may make events of it.
 * @typedef {{ kind: FaultKind, body: string, mayBeRead?: boolean }} Fault
 */

/**
 * How an answer ended: by itself, by a broken connection, by opencode's own time-out.
 * @typedef {"ended" | "broken" | "stalled"} End
 */

const MOST_KEPT = 16 * 1024;
const LONGEST_LINE = 64 * 1024;
const FIELD = /^(?:event|id|retry|data)(?::|$)|^:/;
// What still matters once something was said. In a text of the model's the quotes are escaped.
const TELLING =
  /"(?:error|errors|stop_reason|finish_reason|finishReason|blockReason|base_resp|tool_calls|functionCall|partial_json)"\s*:\s*[^\sn]|"type"\s*:\s*"(?:error|response\.(?:failed|completed|incomplete|done|output_item\.\w+)|content_block_(?:start|stop))"/;
const PAGE = /^\s*(?:<!doctype|<html|<head|<body)/i;
const NO_SENTENCE = /^[[{"]|[^\P{C}\n\t]|\ufffd/u; // half a document, or bytes
const SAYS = /^(?:message|msg|detail|error_msg|error_message|status_msg|reason)$/i;

/** Reads one answer; what is read goes nowhere else. */
export class AnswerReader {
  #line = "";
  #isLong = false; // the line was cut
  #stray = ""; // what is no event
  #isStray = false;
  #meaning = {
    isError: false,
    hasContent: false,
    isFinished: false,
    isShort: false,
    endsCalls: false,
  };
  #calls = new ToolCalls();
  #hasEvents = false;
  #error = "";
  #isHidden = false;

  /** Whether an error stood in the stream. */
  get hasError() {
    return this.#meaning.isError;
  }

  /** Whether it stood in a piece of an answer, where an SDK may pass it by. */
  get isHidden() {
    return this.#isHidden;
  }

  /** Whether a part of the answer could be used. */
  get isUsed() {
    return this.#meaning.hasContent;
  }

  /** Whether its last word has come. */
  get isFinished() {
    const { isFinished, isShort, endsCalls } = this.#meaning;
    if (isFinished || this.#calls.isOneWhole) return true;
    return (isShort && !this.#calls.areBroken) || (endsCalls && this.#calls.areThere);
  }

  /** @param {string} text */
  feed(text) {
    let start = 0;
    for (let end; (end = text.indexOf("\n", start)) >= 0; start = end + 1) {
      this.#add(text.slice(start, end));
      this.#endLine();
    }
    this.#add(text.slice(start));
  }

  /** @param {string} text */
  #add(text) {
    const room = LONGEST_LINE - this.#line.length;
    this.#isLong ||= text.length > room;
    if (room > 0) this.#line += text.slice(0, room);
  }

  #endLine() {
    const [line, isLong] = [this.#line.replace(/\r$/, ""), this.#isLong];
    this.#line = "";
    this.#isLong = false;
    if (!FIELD.test(line)) return this.#keep(line);
    const said = /^data: ?(.*)/s.exec(line)?.[1].trim();
    if (said === undefined || said === "") return;
    this.#hasEvents = true;
    if (said === "[DONE]") return;
    // Nobody has errors of that length.
    if (isLong) return this.#take(interpretPart(said), "");
    if (this.#meaning.hasContent && !TELLING.test(said)) return;
    const value = tryOr(() => JSON.parse(said));
    const part = interpretPart(value === undefined ? said : value);
    this.#isHidden ||= part.isError && Array.isArray(value.choices);
    this.#take(part, said);
  }

  /** @param {string} line */
  #keep(line) {
    if (line.trim() === "") return;
    this.#isStray = true;
    if (this.#stray.length <= MOST_KEPT) this.#stray += `${line}\n`;
  }

  /**
   * @param {PartMeaning} part
   * @param {string} said
   */
  #take(part, said) {
    const known = this.#meaning;
    if (part.isError && !known.isError) this.#error = said.slice(0, MOST_KEPT);
    known.isError ||= part.isError;
    known.hasContent ||= part.hasContent;
    known.isFinished ||= part.isFinished;
    known.isShort ||= part.isShort;
    known.endsCalls ||= part.endsCalls;
    this.#calls.take(part.calls);
  }

  /**
   * Return what was wrong, or null: nothing that we know of.
   *
   * @param {End} end
   * @param {boolean} isStream it was asked for as a stream, in a protocol that has no other
   * @returns {Fault | null}
   */
  end(end, isStream) {
    this.#endLine();
    const { isError, hasContent } = this.#meaning;
    if (isError) return { kind: "error", body: this.#error };
    if (this.isFinished) return null;
    if (this.#isStray && !this.#hasEvents) return end === "ended" ? this.#instead(isStream) : null;
    if (end === "stalled") return { kind: "stalled", body: "" };
    if (end === "broken" || (hasContent && isStream)) return { kind: "cut", body: "" };
    return hasContent || !isStream ? null : { kind: "empty", body: "" };
  }

  /**
   * @param {boolean} isStream
   * @returns {Fault | null}
   */
  #instead(isStream) {
    /** @type {Fault} */
    const fault = { kind: "instead", body: this.#stray.trim() };
    // opencode finds nothing in what is no event. What the model said in it goes nowhere.
    /** @type {Fault | null} */
    const unread = isStream ? { kind: "empty", body: "", mayBeRead: true } : null;
    if (this.#stray.length > MOST_KEPT) return unread;
    if (PAGE.test(this.#stray)) return fault;
    const value = tryOr(() => JSON.parse(this.#stray));
    if (value === undefined) return isStream && !NO_SENTENCE.test(fault.body) ? fault : unread;
    const { isError, hasContent } = interpretPart(value);
    if (isError && !hasContent) return fault;
    if (!isStream || (hasContent && !onlySays(value))) return unread;
    return hasContent ? fault : { kind: "empty", body: "" };
  }
}

/**
 * Tell whether a document has nothing but a sentence to say.
 *
 * @param {unknown} value
 */
const onlySays = (value) =>
  isString(value) ||
  (isObject(value) &&
    Object.values(value).every((said) => typeof said !== "object") &&
    Object.keys(value).some((name) => SAYS.test(name)));
