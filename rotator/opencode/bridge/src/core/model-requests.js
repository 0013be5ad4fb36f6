// Which requests ask a model.

import { tryOr } from "./try-or.js";
import { isObject } from "./values.js";

const MODEL_PATH =
  /(\/(chat\/completions|completions|responses|messages|chat|converse(-stream)?|invoke(-with-response-stream)?)|:(streamGenerateContent|generateContent|streamRawPredict|rawPredict))$/;

const MODEL_FIELDS =
  /^(model|modelId|messages|message|inputs?|contents|prompt|request|instances|chat_history)$/;

/** @param {string} path */
export const isModelPath = (path) => MODEL_PATH.test(path);

/**
 * Tell whether a request asks a model; a plug-in may ask its vendor other things before.
 *
 * @param {string} path
 * @param {string | null} text
 * @returns {boolean}
 */
export function isModelRequest(path, text) {
  if (isModelPath(path)) return true;
  if (/count_?tokens$/i.test(path)) return false;
  if (text === null) return true; // a body that we do not read
  const body = tryOr(() => JSON.parse(text), null);
  return isObject(body) && Object.keys(body).some((name) => MODEL_FIELDS.test(name));
}

/**
 * @param {{ url: URL }} call
 * @param {Response} answer
 */
export const isModelAnswer = ({ url }, { headers }) =>
  isModelPath(url.pathname) || /event-stream/.test(headers.get("content-type") ?? "");
