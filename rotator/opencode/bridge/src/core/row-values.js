// What a login of OpenCode 2's holds, as far as a request needs it.

import { parseEntry } from "./auth-entries.js";
import { isObject } from "./values.js";

/** @import { Entry } from "./auth-entries.js" */

/**
 * Return what a request needs of a login that OpenCode 2 has resolved, or null where it is none.
 *
 * @param {any} value
 * @param {string} provider
 * @returns {Entry | null}
 */
export function entryOfValue(value, provider) {
  if (!isObject(value)) return null;
  const { accountID: accountId, enterpriseUrl, ...metadata } = value.metadata ?? {};
  if (value.type === "key") return parseEntry({ ...value, type: "api" }, provider);
  return parseEntry({ ...value, accountId, enterpriseUrl, metadata }, provider);
}
