// auth.json, and what was seen in it.

import fs from "node:fs";

import { parseEntry, providerId } from "../core/auth-entries.js";
import { remember } from "../core/bounded-map.js";
import { MOST_SEEN } from "../core/bounds.js";
import { KnownTokens } from "../core/known-tokens.js";
import { tryOr } from "../core/try-or.js";
import { isObject } from "../core/values.js";
import { readText } from "../system/files.js";

/** @import { Entry, SeenEntry } from "../core/auth-entries.js" */

/** auth.json as it is now, and what was seen in it since this process began. */
export class Logins {
  tokens = new KnownTokens();
  /** @type {string} */
  #file;
  /** @type {string | null} */
  #text = null;
  /** @type {Map<string, Entry>} */
  #entries = new Map();
  /** @type {Map<string, Map<string, SeenEntry>>} */
  #seen = new Map(); // provider -> digest -> entry without its secrets
  /** @type {string | null} */
  #looked = null;

  /** @param {string} file */
  constructor(file) {
    this.#file = file;
  }

  /** @param {string} slot */
  get = (slot) => this.all().get(slot);
  /**
   * @param {string} slot
   * @returns {Map<string, SeenEntry>}
   */
  seen = (slot) => this.#seen.get(slot) ?? new Map();

  /**
   * The entries that a request of opencode's provider may carry: its own comes first.
   * A well-known login stands under an address and its token goes out for any provider.
   *
   * @param {string} provider
   */
  slotsOf(provider) {
    /** @type {(slot: [string, Entry]) => boolean} */
    const isWellKnown = ([id, { type }]) => type === "wellknown" && id !== provider;
    const others = [...this.all()].filter(isWellKnown).map(([id]) => id);
    return this.#entries.has(provider) ? [provider, ...others] : others;
  }

  /** Look at auth.json if it is another file, or another text, than it was. */
  look() {
    const stat = tryOr(() => fs.statSync(this.#file, { bigint: true }), null);
    const looked = stat && `${stat.mtimeNs} ${stat.ino} ${stat.size}`;
    if (looked === this.#looked) return;
    this.#looked = looked;
    this.all();
  }

  all() {
    let text = this.#text;
    try {
      text = readText(this.#file);
    } catch (error) {
      if (error.code === "ENOENT") text = "{}";
    }
    // What does not parse is just being written: the last whole content counts.
    if (text !== this.#text) tryOr(() => this.#take(text));
    return this.#entries;
  }

  /** @param {string | null} text */
  #take(text) {
    const value = JSON.parse(String(text));
    if (!isObject(value)) return;
    this.#text = text;
    const parsed = Object.entries(value).map(([id, entry]) => [providerId(id), parseEntry(entry)]);
    this.#entries = new Map(/** @type {[string, Entry][]} */ (parsed.filter(([, entry]) => entry)));
    for (const [slot, { digests, destination, accountId, secret, refresh }] of this.#entries) {
      if (!this.#seen.has(slot)) this.#seen.set(slot, new Map());
      for (const digest of digests)
        remember(
          /** @type {Map<string, SeenEntry>} */ (this.#seen.get(slot)),
          digest,
          { digests, destination, accountId },
          MOST_SEEN,
        );
      this.tokens.addLogin(secret, refresh);
    }
  }
}
