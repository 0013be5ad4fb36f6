// Whose credential a request carries, after somebody else has had it in hand.

import { credentialsInValues } from "./credentials.js";
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
  const isOurs = (value) => credentialsInValues([value]).has(secret);
  const places = before.filter(({ value }) => isOurs(value)).map(({ name }) => name);
  const looked = named(passed.headers).filter(
    ({ name, value }) => value && (HEADERS.includes(name) || places.includes(name)),
  );
  /** @type {(one: { name: string, value: unknown }) => boolean} */
  const wasThere = ({ name, value }) =>
    before.some((one) => one.name === name && one.value === value);
  if (looked.some((one) => !isOurs(one.value) && !wasThere(one))) return false;
  const isOther = [...passed.query].some(
    ([name, value]) =>
      PARAMETER.test(name) && value !== secret && !sent.query.getAll(name).includes(value),
  );
  return !isOther && looked.some(({ value }) => isOurs(value));
}
