// Where credentials stand in headers.

import { headerPairs } from "./headers.js";
import { isString } from "./values.js";

/** @import { HeaderForm } from "./headers.js" */

/**
 * Split "Bearer x" into its scheme with the blank, and the rest.
 *
 * @param {string} value
 */
export function splitScheme(value) {
  const [, scheme, rest] = /^([\w!#$%&'*+.^`|~-]+[ \t]+)(.+)$/s.exec(value) ?? [null, "", value];
  return { scheme, rest };
}

/** @param {HeaderForm} headers */
export const credentialsInHeaders = (headers) =>
  credentialsInValues(headerPairs(headers).map(([, value]) => value));

/**
 * Return the credentials in headers, but for headers that stand there as somebody gave them.
 *
 * @param {HeaderForm} headers
 * @param {[string, any][]} given
 */
export function credentialsBeside(headers, given) {
  /** @type {(header: [string, any]) => string} */
  const told = ([name, value]) => `${String(name).toLowerCase()}: ${String(value).trim()}`;
  const theirs = new Set(given.map(told));
  const others = headerPairs(headers).filter((header) => !theirs.has(told(header)));
  return credentialsInValues(others.map(([, value]) => value));
}

/**
 * Return the texts that may be a credential: whole values and what follows a scheme.
 *
 * @param {any[]} values
 * @returns {Set<string>}
 */
export function credentialsInValues(values) {
  const texts = values.filter((value) => isString(value) && value !== "");
  return new Set(texts.flatMap((value) => [value, splitScheme(value).rest]));
}

const SEPARATOR = /[:=\/,;|~@ ]/g;
const MOST_PIECES = 16;

/**
 * Return the texts and what of them may be a credential that somebody has put more before or behind,
 * as a configuration does that writes `corp:{env:TOKEN}`.
 *
 * @param {Iterable<string>} texts
 * @returns {Set<string>}
 */
export function withPieces(texts) {
  const whole = [...texts];
  const pieces = whole.flatMap((text) =>
    [...text.matchAll(SEPARATOR)]
      .slice(0, MOST_PIECES)
      .flatMap(({ index }) => [text.slice(index + 1), text.slice(0, index)]),
  );
  return new Set([...whole, ...pieces.filter((piece) => piece !== "")]);
}
