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
 * Return the texts that may be a credential: whole values and what follows a scheme.
 *
 * @param {any[]} values
 * @returns {Set<string>}
 */
export function credentialsInValues(values) {
  const texts = values.filter((value) => isString(value) && value !== "");
  return new Set(texts.flatMap((value) => [value, splitScheme(value).rest]));
}
