// What stands in glance.json, of which nothing is believed unseen.

import { isObject, isString } from "../../core/values.js";
import { SCHEMA } from "./version.js";

/**
 * @typedef {object} Account
 * @property {string} alias
 * @property {boolean} [active]
 * @property {string} [state]
 * @property {number | null} until
 * @property {unknown} [used]
 * @property {unknown} [window]
 */

/**
 * @typedef {object} Provider
 * @property {string} id
 * @property {Account[]} accounts
 * @property {number} more how many are not told
 */

/**
 * @typedef {object} Event
 * @property {string} title
 * @property {string} at
 * @property {unknown} [text]
 * @property {string} [kind]
 * @property {number} [number]
 */

/**
 * What the watcher publishes for people.
 * @typedef {object} Glance
 * @property {boolean} balancing
 * @property {Provider[]} providers
 * @property {Event[]} events
 */

/**
 * What the watcher has published, or false where it is not for us.
 *
 * @param {string} text
 * @returns {Glance | false}
 */
export function parseGlance(text) {
  const { schema, balancing, providers, events } = JSON.parse(text);
  if (schema !== SCHEMA || !Array.isArray(providers) || !Array.isArray(events)) return false;
  /** @type {(provider: any) => boolean} */
  const known = ({ id, accounts }) => isString(id) && Array.isArray(accounts);
  return {
    balancing: balancing === true,
    providers: providers
      .filter((/** @type {unknown} */ provider) => isObject(provider) && known(provider))
      .map(readProvider),
    events: events.filter(
      (/** @type {unknown} */ event) =>
        isObject(event) && isString(event.title) && isString(event.at),
    ),
  };
}

/**
 * @param {any} provider
 * @returns {Provider}
 */
function readProvider({ id, accounts, more }) {
  /** @type {any[]} */
  const named = accounts.filter(
    (/** @type {unknown} */ account) => isObject(account) && isString(account.alias),
  );
  const read = named.map((account) => ({ ...account, until: Date.parse(account.until) || null }));
  return { id, accounts: read, more: Number.isInteger(more) ? more : 0 };
}
