// state.json, looked at again and again.

import fs from "node:fs";

import { providerId } from "../core/auth-entries.js";
import { modelName } from "../core/models.js";
import { parseState } from "../core/state.js";
import { tryOr } from "../core/try-or.js";
import { readText, realPath } from "../system/files.js";
import { isRunning } from "../system/liveness.js";

/**
 * @import { Model } from "../core/models.js"
 * @import { State } from "../core/state.js"
 * @import { Places } from "../system/places.js"
 */

/** state.json, read again only when the file is another one. */
export class WatcherState {
  key = "absent"; // which file it is
  /** @type {string | null} */
  text = null;
  /** @type {State | null} */
  state = null; // what it says; null: nothing to go by
  /** @type {State["withdrawn"]} */
  #withdrawn = new Map(); // as it was told last: that holds when the watcher has ended, too
  /** @type {Places} */
  #places;

  /** @param {Places} places */
  constructor(places) {
    this.#places = places;
  }

  look() {
    const { state } = this.#places;
    // Each request waits for this look.
    const stat = tryOr(() => fs.statSync(state, { throwIfNoEntry: false }));
    const key = stat ? `${stat.mtimeMs} ${stat.ino} ${stat.size}` : "absent";
    if (key !== this.key) {
      this.key = key;
      this.text = tryOr(() => readText(state), null);
      this.state = tryOr(() => parseState(this.text, this.#homes), null);
      this.#withdrawn = this.state?.withdrawn ?? this.#withdrawn;
    }
    return this;
  }

  /** @type {(ours: string) => (file: string) => boolean} */
  #isOne = (ours) => (file) => file === ours || realPath(file) === realPath(ours);

  get #homes() {
    const { auth, database } = this.#places;
    return { isOurAuth: this.#isOne(auth), isOurDatabase: this.#isOne(database) };
  }

  /** Where a new message may go; nowhere else than it goes by itself, if that is not for us. */
  get routing() {
    return this.state?.routing ?? [];
  }

  /** @param {string} id */
  provider = (id) => this.look().state?.providers.get(id);
  /**
   * What is told of OpenCode 2's logins.
   *
   * @param {string} id
   */
  second = (id) => this.look().state?.second.get(id);
  /**
   * Tell whether a login is one that the user has taken back: disabled, removed or logged out.
   *
   * @param {string} id
   * @param {string[]} digests
   */
  isWithdrawn = (id, digests) => {
    const withdrawn = this.look().#withdrawn.get(id);
    return digests.some((digest) => withdrawn?.has(digest));
  };
  /** @param {Model} model */
  isReady = (model) => this.#ready(model) === true;
  /** @param {Model} model */
  hasNobodyLeft = (model) => this.#ready(model) === false;
  /** @param {Model} model */
  #ready(model) {
    const ready = this.provider(providerId(model.providerID))?.ready;
    return ready === true && this.state?.spent.has(modelName(model)) ? false : ready;
  }
  isAlive = () => {
    const { state } = this.look();
    return state !== null && isRunning(state.watcher, this.#places.beat);
  };
}
