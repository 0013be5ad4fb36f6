// state.json: what the watcher says to every bridge.

import fs from "node:fs";

import { attempt } from "../core/attempt.js";
import { idOf } from "../core/auth-entries.js";
import { isRoute, nameOf } from "../core/models.js";
import { isObject, isText } from "../core/values.js";
import { SCHEMA } from "../core/version.js";
import { readText, realPath } from "../system/files.js";
import { isRunning } from "../system/liveness.js";

/**
 * @import { Model, Route } from "../core/models.js"
 * @import { Places } from "../system/places.js"
 */

/**
 * What the watcher says of a provider: digests of its credentials, and whether one is ready.
 * @typedef {{ active: string, known: Set<string>, ready?: boolean }} Provider
 */

/**
 * What state.json says.
 * @typedef {object} State
 * @property {any} watcher its pid, and where that is valid
 * @property {Map<string, Provider>} providers
 * @property {Route[]} routing
 * @property {Set<string>} spent
 * @property {boolean} overridesExplicit
 */

/**
 * The watcher's state, or null where it is not one that is meant for us.
 *
 * @param {string | null} text
 * @param {string} authFile
 * @returns {State | null}
 */
function parseState(text, authFile) {
  const { schema, auth_file: theirs, providers, watcher, ...more } = JSON.parse(String(text));
  if (schema !== SCHEMA || !isText(theirs) || !isObject(watcher)) return null;
  if (theirs !== authFile && realPath(theirs) !== realPath(authFile)) return null;
  /** @type {[string, Provider][]} */
  const told = Object.entries(providers).map(([id, { active, known, ready }]) => [
    id,
    { active, known: new Set([...known, active]), ready },
  ]);
  const routing = Array.isArray(more.routing) ? more.routing.filter(isRoute) : [];
  const spent = Array.isArray(more.routing_spent) ? more.routing_spent : [];
  return {
    watcher,
    providers: new Map(told),
    // With one provider there is nothing to choose.
    routing: more.balancing === true && routing.length > 1 ? routing : [],
    spent: new Set(spent), // models that nobody can answer for now
    overridesExplicit: more.routing_overrides_explicit === true,
  };
}

/** state.json, read again only when the file is another one. */
export class Told {
  key = "absent"; // which file it is
  /** @type {string | null} */
  text = null;
  /** @type {State | null} */
  state = null; // what it says; null: nothing to go by
  /** @type {Places} */
  #places;

  /** @param {Places} places */
  constructor(places) {
    this.#places = places;
  }

  look() {
    const { state, auth } = this.#places;
    const stat = attempt(() => fs.statSync(state, { bigint: true }), null);
    const key = stat ? `${stat.mtimeNs} ${stat.ino} ${stat.size}` : "absent";
    if (key !== this.key) {
      this.key = key;
      this.text = attempt(() => readText(state), null);
      this.state = attempt(() => parseState(this.text, auth), null);
    }
    return this;
  }

  /** Where a new message may go; nowhere else than it goes by itself, if that is not for us. */
  get routing() {
    return this.state?.routing ?? [];
  }

  /** @param {string} id */
  provider = (id) => this.look().state?.providers.get(id);
  /** @param {Model} model */
  isReady = (model) => this.#ready(model) === true;
  /** @param {Model} model */
  hasNobodyLeft = (model) => this.#ready(model) === false;
  /** @param {Model} model */
  #ready(model) {
    const ready = this.provider(idOf(model.providerID))?.ready;
    return ready === true && this.state?.spent.has(nameOf(model)) ? false : ready;
  }
  isAlive = () => {
    const { state } = this.look();
    return state !== null && isRunning(state.watcher, this.#places.beat);
  };
}
