// What one JSON value in the answer of a model says, in whatever wire protocol. In doubt it is
// content, and whole: nobody is blamed for an answer that we do not understand.

import { isObject, isString } from "./values.js";

/**
 * What a part of an answer says: that something failed, something that can be used, that the
 * answer is whole.
 * @typedef {{ isError: boolean, hasContent: boolean, isFinished: boolean }} PartMeaning
 */

const MOST_PARTS = 64;

const NOTHING = { isError: false, hasContent: false, isFinished: false };
const ERROR = { ...NOTHING, isError: true };
const CONTENT = { ...NOTHING, hasContent: true };
const FINISHED = { ...NOTHING, isFinished: true };
const WHOLE = { ...CONTENT, isFinished: true };

// Reasons to end with which a vendor says that it could not go on.
const FAILED_FINISH = /^(?:error|\w*_error|abort(?:ed)?|insufficient_system_resource)$/i;
// Events that say nothing yet.
const QUIET_EVENT =
  /^(?:ping|keepalive|heartbeat|codex\..*|content_block_stop|response\.(?:created|in_progress|queued|rate_limits\S*))$/;
const BLOCK_EVENT = /^content_block_(?:start|delta)$/;
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
});

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

/** @param {any} choice */
function ofChoice(choice) {
  const { finish_reason: reason, text, error } = choice ?? {};
  const said = choice?.delta ?? choice?.message ?? {};
  const filled = Object.keys(said).filter((name) => name !== "role" && !isEmpty(said[name]));
  const isCall = filled.some((name) => /^(?:tool_calls|function_call)$/.test(name));
  const isGood = isString(reason) && reason !== "" && !FAILED_FINISH.test(reason);
  return {
    isError: isErrorValue(error),
    hasContent: filled.length > 0 || !isEmpty(text),
    // A tool is called whatever the reason is.
    isFinished: isCall || isGood,
  };
}

/** @param {any} candidate */
function ofCandidate(candidate) {
  const parts = listOf(candidate?.content?.parts);
  const isCall = parts.some((part) => isObject(part) && !isEmpty(part.functionCall));
  return {
    isError: false,
    hasContent: parts.some((part) => Object.values(part ?? {}).some((said) => !isEmpty(said))),
    isFinished: isCall || !isEmpty(candidate?.finishReason),
  };
}

/** @param {Record<string, any>} event */
function ofEvent({ type, ...event }) {
  if (type === "error" || type === "response.failed") return ERROR;
  if (QUIET_EVENT.test(type)) return NOTHING;
  if (type === "response.completed" || type === "response.incomplete" || type === "response.done") {
    return isEmpty(event.response?.output) ? FINISHED : WHOLE;
  }
  if (type === ITEM_DONE && !SPOKEN_ITEM.test(event.item?.type)) return WHOLE;
  if (/^response\./.test(type)) return CONTENT;
  if (type === "message_start") return isEmpty(event.message?.content) ? NOTHING : CONTENT;
  if (type === "message_delta") return isEmpty(event.delta?.stop_reason) ? NOTHING : FINISHED;
  if (type === "message_stop") return FINISHED;
  if (!BLOCK_EVENT.test(type)) return WHOLE;
  const { type: kind, ...block } = event.content_block ?? event.delta ?? {};
  if (/tool_use$/.test(kind)) return WHOLE;
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
