// What an entry of auth.json holds, as far as a request needs it.

import { sha256 } from "./digests.js";
import { destinationOf } from "./login-places.js";
import { spellings, unpadded } from "./secret-texts.js";
import { isObject, isString } from "./values.js";

/**
 * What a request needs of an entry in auth.json.
 * @typedef {object} Entry
 * @property {string} type
 * @property {string} secret without what is around it
 * @property {string[]} digests of the secret in each of its spellings
 * @property {string | null} accountId
 * @property {string} destination only logins of one destination may take each other's place
 * @property {number} expires when its tokens run out, in milliseconds; 0: that is not said
 * @property {string} refresh the refresh token, or ""
 * @property {string[]} secrets all that may not be told
 */

/**
 * What is remembered of an entry: all but its secrets.
 * @typedef {Pick<Entry, "digests" | "destination" | "accountId">} SeenEntry
 */

/**
 * The login that a request carries; `seen` is missing where it never stood in auth.json.
 * @typedef {object} CarriedLogin
 * @property {string} secret
 * @property {string} digest
 * @property {SeenEntry} [seen]
 */

/** @param {string} provider */
export const providerId = (provider) => provider.replace(/\/+$/, ""); // as opencode writes it

/** @type {Record<string, string>} */
const SECRET_FIELDS = { api: "key", oauth: "access", wellknown: "token" };

/**
 * What a request needs of an entry, or null for what opencode would not take either.
 *
 * @param {any} entry
 * @param {string} provider
 * @returns {Entry | null}
 */
export function parseEntry(entry, provider) {
  const secret = entry?.[SECRET_FIELDS[entry?.type]];
  const { type, accountId = null, enterpriseUrl = null, metadata, expires } = entry ?? {};
  const isWhole =
    [secret, accountId ?? "", enterpriseUrl ?? ""].every(isString) &&
    isObject(metadata ?? {}) &&
    Object.values(metadata ?? {}).every(isString) &&
    (type !== "oauth" || (isString(entry.refresh) && Number.isInteger(expires) && expires >= 0)) &&
    (type !== "wellknown" || isString(entry.key));
  if (!isWhole) return null;
  // Some plug-ins pack more behind the token, and leave that where they clear the entry.
  const hasToken = type === "oauth" && unpadded(entry.refresh.split("|")[0]);
  const refresh = hasToken ? entry.refresh : "";
  if (!unpadded(secret) && !refresh) return null; // a plug-in's way to log out
  return {
    type,
    secret: unpadded(secret),
    digests: spellings(secret).map(sha256),
    accountId,
    destination: destinationOf(provider, entry),
    expires: type === "oauth" ? expires : 0,
    refresh,
    secrets: [...new Set([...spellings(secret), refresh, refresh.split("|")[0]])],
  };
}
