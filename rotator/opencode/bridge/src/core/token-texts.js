// The texts in what is sent and answered, wherever they stand.

import { credentialsInHeaders } from "./credentials.js";
import { headerValues } from "./headers.js";
import { tryOr } from "./try-or.js";
import { isObject, isString } from "./values.js";

/**
 * A text, and the name under which it stands.
 * @typedef {[name: string, text: string]} NamedText
 */

/** @import { HeaderForm } from "./headers.js" */

const MOST_PARTS = 8 * 1024; // looked at in one body
const VALUE_NAMES = /^(value|raw|text)$/i;

/** @param {string} text */
const parseJson = (text) => tryOr(() => JSON.parse(text), undefined);

/**
 * Return what a vendor is sent or sends: JSON, or a form.
 *
 * @param {string} text
 * @returns {any}
 */
export function readFields(text) {
  const value = parseJson(text);
  return value === undefined ? Object.fromEntries(new URLSearchParams(text)) : value;
}

/**
 * Return the texts in a value as [name, text], at any depth, also those of JSON in a text.
 *
 * @param {any} value
 * @returns {NamedText[]}
 */
export function textsIn(value) {
  /** @type {NamedText[]} */
  const texts = [];
  /** @type {[string, any][]} */
  const parts = [["", value]];
  for (let at = 0; at < parts.length && at < MOST_PARTS; at += 1) {
    const [name, part] = parts[at];
    if (isString(part)) texts.push([name, part]);
    const inner = isString(part) ? /^\s*[[{]/.test(part) && parseJson(part) : part;
    if (typeof inner !== "object" || inner === null) continue;
    const isList = Array.isArray(inner);
    for (const key in inner) parts.push([isList || VALUE_NAMES.test(key) ? name : key, inner[key]]);
  }
  return texts;
}

/**
 * Return the texts in a form, whose fields may be files.
 *
 * @param {FormData | URLSearchParams} fields
 */
export const textsInFields = (fields) =>
  [...fields].flatMap(([name, value]) => (isString(value) ? textsIn({ [name]: value }) : []));

/**
 * Return the texts in headers: whole values, what follows a scheme, what cookies hold.
 *
 * @param {HeaderForm} headers
 * @returns {string[]}
 */
export function textsInHeaders(headers) {
  const whole = [...credentialsInHeaders(headers)];
  const cookies = headerValues(headers, "cookie").flatMap((value) => String(value).split(/;\s*/));
  return [...whole, ...cookies.map((cookie) => cookie.slice(cookie.indexOf("=") + 1))];
}

const REFUSAL_NAMES = [
  ...["code", "type", "error_code", "error", "error_description", "message", "error_message"],
  ...["description", "detail"],
];
const LONGEST_REFUSAL = 200;
const LONGEST_WORD = 20;
const CODE = /^[a-z]+(?:[_-][a-z]+)*$/;

/**
 * Return the codes and plain words by which an answer refuses, and nothing that may be a secret.
 *
 * @param {any} answer
 * @returns {Record<string, any>}
 */
export function refusalIn(answer, depth = 0) {
  /** @type {Record<string, any>} */
  const said = {};
  for (const name of REFUSAL_NAMES) {
    const value = isObject(answer) ? answer[name] : undefined;
    if (isString(value) && isPlainWords(value)) said[name] = value;
    else if (isObject(value) && depth < 2) said[name] = refusalIn(value, depth + 1);
  }
  return said;
}

/** @param {string} text */
function isPlainWords(text) {
  if (text.length > LONGEST_REFUSAL || !/^[A-Za-z ,.;:'"()_-]+$/.test(text)) return false;
  return CODE.test(text) || text.includes(" ")
    ? text.split(/[^A-Za-z]+/).every((word) => word.length <= LONGEST_WORD)
    : false;
}
