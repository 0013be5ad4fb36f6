// Whose credential a request carries, after somebody else has had it in hand.

import { credentialsInValues, withPieces } from "./credentials.js";
import { headerPairs } from "./headers.js";

/**
 * @import { HeaderForm } from "./headers.js"
 */

/**
 * A request of ours as it was sent, or as it was passed on.
 * @typedef {{ headers: HeaderForm, query: URLSearchParams }} Carrier
 */

// Where vendors look for a credential.
const HEADERS = ["authorization", "api-key", "x-api-key", "x-goog-api-key"];
const PARAMETER = /^(key|api[-_]?key|access[-_]?token)$/i;

/** @param {HeaderForm} headers */
const named = (headers) =>
  headerPairs(headers).map(([name, value]) => ({ name: String(name).toLowerCase(), value }));

/**
 * Tell whether a request that was sent with `secret` still carries that where a vendor looks for
 * it, and nothing else that it may take instead.
 *
 * @param {string} secret
 * @param {Carrier} sent
 * @param {Carrier} passed
 */
export function carriesStill(secret, sent, passed) {
  const before = named(sent.headers);
  /** @type {(value: unknown) => boolean} */
  const isOurs = (value) => withPieces(credentialsInValues([value])).has(secret);
  const places = before.filter(({ value }) => isOurs(value)).map(({ name }) => name);
  const looked = named(passed.headers).filter(
    ({ name, value }) => value && (HEADERS.includes(name) || places.includes(name)),
  );
  /** @type {(one: { name: string, value: unknown }) => boolean} */
  const wasThere = ({ name, value }) =>
    before.some((one) => one.name === name && one.value === value);
  if (looked.some((one) => !isOurs(one.value) && !wasThere(one))) return false;
  return !hasOtherKey(secret, sent.query, passed.query) && looked.some(({ value }) => isOurs(value));
}

/**
 * Tell whether an address has a key that a request with `secret` was not sent with.
 *
 * @param {string} secret
 * @param {URLSearchParams} sent
 * @param {URLSearchParams} passed
 */
const hasOtherKey = (secret, sent, passed) =>
  [...passed].some(
    ([name, value]) =>
      PARAMETER.test(name) && value !== secret && !sent.getAll(name).includes(value),
  );

/**
 * Say what an answer's own address tells of a request that was sent to `url` with `secret`: that it
 * went out with another key, or somewhere else than to its vendor's model; null: neither. One
 * that was redirected has the address that its vendor gave, and one that somebody made has none.
 *
 * @param {string} secret
 * @param {URL} url
 * @param {{ url: string, redirected: boolean }} answer
 * @returns {"unknown" | "elsewhere" | null}
 */
export function answeredFor(secret, url, answer) {
  if (!answer.url || answer.redirected) return null;
  const { pathname, searchParams } = new URL(answer.url);
  if (hasOtherKey(secret, url.searchParams, searchParams)) return "unknown";
  return pathname === url.pathname ? null : "elsewhere";
}
