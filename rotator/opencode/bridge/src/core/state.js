// What state.json says.

import { isRoute } from "./models.js";
import { tryOr } from "./try-or.js";
import { isObject, isString } from "./values.js";
import { SCHEMA } from "./version.js";

/** @import { Route } from "./models.js" */

/**
 * What the watcher says of a provider: digests of its credentials, whether one is ready, and since
 * when those are limited that are.
 * @typedef {object} Provider
 * @property {string} active
 * @property {Set<string>} known
 * @property {boolean} [ready]
 * @property {Map<string, string>} limited
 */

/**
 * What state.json says.
 * @typedef {object} State
 * @property {any} watcher its pid, and where that is valid
 * @property {Map<string, Provider>} providers
 * @property {Map<string, Provider>} second the same of OpenCode 2's logins
 * @property {Map<string, Set<string>>} withdrawn digests of logins that the user has taken back
 * @property {Route[]} routing
 * @property {Set<string>} spent
 * @property {boolean} overridesExplicit
 */

/**
 * Which homes of logins are this opencode's.
 * @typedef {{ isOurAuth: (file: string) => boolean, isOurDatabase: (file: string) => boolean }} Homes
 */

/**
 * @param {object} providers
 * @returns {Map<string, Provider>}
 */
const parseProviders = (providers) =>
  new Map(
    Object.entries(providers).map(([id, { active, known, ready, limited }]) => [
      id,
      {
        active,
        known: new Set([...known, active]),
        ready,
        limited: new Map(Object.entries(limited ?? {})),
      },
    ]),
  );

/**
 * @param {unknown} withdrawn
 * @returns {Map<string, Set<string>>}
 */
const parseWithdrawn = (withdrawn) =>
  new Map(
    Object.entries(isObject(withdrawn) ? withdrawn : {}).map(([id, digests]) => [
      id,
      new Set(Array.isArray(digests) ? digests : []),
    ]),
  );

/**
 * The watcher's state, or null where it is not one that is meant for us.
 *
 * @param {string | null} text
 * @param {Homes} homes
 * @returns {State | null}
 */
export function parseState(text, { isOurAuth, isOurDatabase }) {
  const { schema, auth_file: theirs, providers, watcher, ...more } = JSON.parse(String(text));
  if (schema !== SCHEMA || !isString(theirs) || !isObject(watcher)) return null;
  if (!isOurAuth(theirs)) return null;
  const { file, providers: rows = {} } = more.database ?? {};
  const isOurs = isString(file) && isOurDatabase(file);
  const routing = Array.isArray(more.routing) ? more.routing.filter(isRoute) : [];
  const spent = Array.isArray(more.routing_spent) ? more.routing_spent : [];
  return {
    watcher,
    providers: parseProviders(providers),
    second: tryOr(() => parseProviders(isOurs ? rows : {}), new Map()),
    withdrawn: parseWithdrawn(more.withdrawn),
    // With one provider there is nothing to choose.
    routing: more.balancing === true && routing.length > 1 ? routing : [],
    spent: new Set(spent), // models that nobody can answer for now
    overridesExplicit: more.routing_overrides_explicit === true,
  };
}
