// Why opencode gave a request up: a time-out of its own, or whatever else.

import { isString } from "./values.js";

// 1.17 and later name the first two; before, an error without a name of its own said the sentence.
const NAMES = /^Provider(?:HeaderTimeout|ResponseStream)Error$/;
const SENTENCE = /\btimed out\b/i;
const WHOLE_REQUEST = "TimeoutError"; // of AbortSignal.timeout, which counts from the beginning

/**
 * Tell whether opencode waited in vain. A time-out of the whole request says that only where
 * nothing had come: else the answer was longer than the user allows.
 *
 * @param {any} reason what the signal was aborted with
 * @param {boolean} isUsed
 */
export function isStall(reason, isUsed) {
  const { name, message } = reason ?? {};
  if (name === WHOLE_REQUEST) return !isUsed;
  return NAMES.test(name) || (name === "Error" && isString(message) && SENTENCE.test(message));
}
