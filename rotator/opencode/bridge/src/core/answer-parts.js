// What one JSON value in the answer of a model says, in whatever wire protocol. In doubt it is
// content, and whole: nobody is blamed for an answer that we do not understand.

import { isObject, isString } from "./values.js";

/** @import { CallPiece } from "./tool-calls.js" */

/**
 * What a part of an answer says: that something failed, something that can be used, that the
 * answer is whole, or is if a tool is called in it (`endsCalls`), or is where no call in it was
 * broken off (`isShort`: it had no more room); and pieces of calls.
 *
 * @typedef {object} PartMeaning
 * @property {boolean} isError
 * @property {boolean} hasContent
 * @property {boolean} isFinished
 * @property {boolean} endsCalls
 * @property {boolean} isShort
 * @property {CallPiece[]} calls
 */

const MOST_PARTS = 64;

/** @type {PartMeaning} */
const NOTHING = {
  isError: false,
  hasContent: false,
  isFinished: false,
  endsCalls: false,
  isShort: false,
  calls: [],
};
const ERROR = { ...NOTHING, isError: true };
const CONTENT = { ...NOTHING, hasContent: true };
const FINISHED = { ...NOTHING, isFinished: true };
const WHOLE = { ...CONTENT, isFinished: true };

// The reasons to end that the SDKs of opencode know. With another one opencode takes the answer for
// unfinished, and asks again at once, as it does where tools are to be called and none is.
const FINISHES = /^(?:stop|content_filter|end_turn|stop_sequence|pause_turn|refusal|compaction)$/;
const SHORT_FINISHES = /^(?:length|max_tokens|model_length|model_context_window_exceeded)$/;
const CALL_FINISHES = /^(?:tool_calls|function_call|tool_use)$/;
const GOOGLE_FINISHES =
  /^(?:STOP|MAX_TOKENS|SAFETY|IMAGE_SAFETY|RECITATION|BLOCKLIST|PROHIBITED_CONTENT|SPII|MALFORMED_FUNCTION_CALL)$/;
// Events that say nothing yet.
const QUIET_EVENT =
  /^(?:ping|keepalive|heartbeat|codex\..*|message_stop|response\.(?:created|in_progress|queued|rate_limits\S*))$/;
const BLOCK_EVENT = /^content_block_(?:start|delta|stop)$/;
const ITEM_DONE = "response.output_item.done";
// Items of /responses that are no call of a tool.
const SPOKEN_ITEM = /^(?:message|reasoning)$/;
const FINE_CODE = /^(?:0*|200|20000|ok|success|null|none)$/i;
// What stands in a part beside what it says.
const FRAME =
  /^(?:id|object|created|model|usage|system_fingerprint|service_tier|provider|x_groq|timings|obfuscation|usagemetadata|modelversion|responseid|createtime|traceid)$/i;
const ERROR_WORDS = ["message", "msg", "type", "code", "status", "detail", "Message", "Code"];

/** @param {unknown} value */
const isEmpty = (value) =>
  value === null ||
  value === undefined ||
  value === "" ||
  value === false ||
  (typeof value === "object" && Object.keys(value).length === 0);

/**
 * @param {unknown} value
 * @returns {any[]}
 */
const listOf = (value) => (Array.isArray(value) ? value.slice(0, MOST_PARTS) : []);

/**
 * @param {PartMeaning[]} meanings
 * @returns {PartMeaning}
 */
const all = (meanings) => ({
  isError: meanings.some(({ isError }) => isError),
  hasContent: meanings.some(({ hasContent }) => hasContent),
  isFinished: meanings.some(({ isFinished }) => isFinished),
  endsCalls: meanings.some(({ endsCalls }) => endsCalls),
  isShort: meanings.some(({ isShort }) => isShort),
  calls: meanings.flatMap(({ calls }) => calls),
});

/** @param {unknown} reason why a model ended */
const finishOf = (reason) => {
  const word = isString(reason) ? reason : "";
  return {
    isFinished: FINISHES.test(word),
    isShort: SHORT_FINISHES.test(word),
    endsCalls: CALL_FINISHES.test(word),
  };
};

/**
 * @param {any} call a piece of one, in chat completions
 * @param {number} place
 * @returns {CallPiece}
 */
function ofCall(call, place) {
  const given = call?.function?.arguments;
  const id = String(call?.index ?? call?.id ?? place);
  return { id, text: isString(given) ? given : "", isWhole: isObject(given) };
}

/** @param {unknown} code */
const isFailureCode = (code) =>
  (typeof code === "number" || isString(code)) && !FINE_CODE.test(String(code).trim());

/** @param {unknown} error */
const isErrorValue = (error) =>
  isObject(error)
    ? ERROR_WORDS.some((name) => !isEmpty(error[name]) && error[name] !== 0)
    : isString(error) && !FINE_CODE.test(error.trim());

/**
 * Tell whether a value says that something failed, by the fields of a vendor's errors.
 *
 * @param {Record<string, any>} value
 */
function saysError(value) {
  const { error, errors, base_resp: answered, code, error_code: number, success } = value;
  const { message, msg, error_msg: told, error_message: said } = value;
  const words = [message, msg, told, said].some((text) => isString(text) && text !== "");
  if (isErrorValue(error) || isErrorValue(value.Error)) return true;
  if (value.type === "error" || value.object === "error") return true;
  if (Array.isArray(errors) && errors.length > 0) return true;
  if (isFailureCode(answered?.status_code)) return true;
  return words && (isFailureCode(code) || isFailureCode(number) || success === false);
}

/**
 * @param {any} choice
 * @returns {PartMeaning}
 */
function ofChoice(choice) {
  const { finish_reason: reason, text, error } = choice ?? {};
  const said = choice?.delta ?? choice?.message ?? {};
  const filled = Object.keys(said).filter((name) => name !== "role" && !isEmpty(said[name]));
  return {
    ...finishOf(reason),
    isError: isErrorValue(error),
    hasContent: filled.length > 0 || !isEmpty(text),
    calls: listOf(said.tool_calls).map(ofCall),
  };
}

/**
 * @param {any} candidate
 * @returns {PartMeaning}
 */
function ofCandidate(candidate) {
  const parts = listOf(candidate?.content?.parts);
  const isCall = parts.some((part) => isObject(part) && !isEmpty(part.functionCall));
  return {
    ...NOTHING,
    hasContent: parts.some((part) => Object.values(part ?? {}).some((said) => !isEmpty(said))),
    isFinished: isCall || GOOGLE_FINISHES.test(String(candidate?.finishReason)),
  };
}

/**
 * @param {Record<string, any>} event
 * @returns {PartMeaning}
 */
function ofEvent({ type, ...event }) {
  if (type === "error" || type === "response.failed") return ERROR;
  if (QUIET_EVENT.test(type)) return NOTHING;
  if (type === "response.completed" || type === "response.incomplete" || type === "response.done") {
    return isEmpty(event.response?.output) ? FINISHED : WHOLE;
  }
  if (type === ITEM_DONE && !SPOKEN_ITEM.test(event.item?.type)) return WHOLE;
  if (/^response\./.test(type)) return CONTENT;
  if (type === "message_start") return isEmpty(event.message?.content) ? NOTHING : CONTENT;
  if (type === "message_delta") return { ...NOTHING, ...finishOf(event.delta?.stop_reason) };
  if (!BLOCK_EVENT.test(type)) return WHOLE;
  const id = String(event.index);
  if (type === "content_block_stop")
    return { ...NOTHING, calls: [{ id, isEnd: true }] };
  const { type: kind, ...block } = event.content_block ?? event.delta ?? {};
  if (kind === "tool_use") return { ...CONTENT, calls: [{ id }] };
  if (kind === "input_json_delta" && isString(block.partial_json))
    return { ...CONTENT, calls: [{ id, text: block.partial_json, isMore: true }] };
  return Object.values(block).every(isEmpty) ? NOTHING : CONTENT;
}

/**
 * @param {unknown} value
 * @returns {PartMeaning}
 */
export function interpretPart(value) {
  if (value === null) return NOTHING;
  if (Array.isArray(value)) return all(listOf(value).map(interpretPart));
  if (!isObject(value)) return WHOLE;
  const isFailed = saysError(value);
  if (Array.isArray(value.choices)) {
    const said = all(listOf(value.choices).map(ofChoice));
    return { ...said, isError: said.isError || (isFailed && !said.hasContent) };
  }
  if (isFailed) return ERROR;
  if (isString(value.type)) return ofEvent(/** @type {any} */ (value));
  // Google's, which some of its services put into an object of their own.
  if (
    isObject(value.response) &&
    Object.keys(value).every((k) => k === "response" || FRAME.test(k))
  )
    return interpretPart(value.response);
  if (isObject(value.Response)) return saysError(value.Response) ? ERROR : WHOLE;
  if (Array.isArray(value.candidates)) return all(listOf(value.candidates).map(ofCandidate));
  if (!isEmpty(value.promptFeedback?.blockReason)) return FINISHED;
  return Object.keys(value).every((name) => FRAME.test(name) || isEmpty(value[name]))
    ? NOTHING
    : WHOLE;
}
