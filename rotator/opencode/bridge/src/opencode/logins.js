// auth.json, and what was seen in it.

import fs from "node:fs";

import { parseEntry, providerId } from "../core/auth-entries.js";
import { remember } from "../core/bounded-map.js";
import { MOST_SEEN } from "../core/bounds.js";
import { KnownTokens } from "../core/known-tokens.js";
import { tryOr } from "../core/try-or.js";
import { isObject } from "../core/values.js";
import { readText } from "../system/files.js";
import { BuiltRequests } from "./built-requests.js";

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
  /** @type {Map<string, Map<string, Entry>>} */
  #lastAt = new Map(); // provider -> destination -> the last entry with it
  /** @type {string | null} */
  #looked = null;
  /** @type {Set<BuiltRequests>} */
  #building = new Set();

  /** @param {string} file */
  constructor(file) {
    this.#file = file;
  }

  /** Return with which logins opencode builds the requests of a folder from now on. */
  build() {
    /** @type {BuiltRequests} */
    const built = new BuiltRequests(() => this.#building.delete(built));
    this.#building.add(built);
    built.note(this.all());
    return built;
  }

  /** @param {string} slot */
  get = (slot) => this.all().get(slot);
  /**
   * @param {string} slot
   * @returns {Map<string, SeenEntry>}
   */
  seen = (slot) => this.#seen.get(slot) ?? new Map();
  /**
   * The last login that auth.json has held for each destination, unless it was taken out since.
   *
   * @param {string} slot
   * @returns {Map<string, Entry>}
   */
  lastAt = (slot) => this.#lastAt.get(slot) ?? new Map();

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
    const parsed = Object.entries(value)
      .map(([id, entry]) => /** @type {const} */ ([providerId(id), entry]))
      .map(([id, entry]) => [id, parseEntry(entry, id)]);
    const entries = new Map(/** @type {[string, Entry][]} */ (parsed.filter(([, entry]) => entry)));
    // What was logged out, or taken out, is nobody's at its place.
    for (const [slot, { destination }] of this.#entries)
      if (!entries.has(slot)) this.#lastAt.get(slot)?.delete(destination);
    this.#entries = entries;
    this.#building.forEach((built) => built.note(this.#entries));
    for (const [slot, entry] of this.#entries) {
      const { digests, destination, accountId, secret, refresh } = entry;
      if (!this.#lastAt.has(slot)) this.#lastAt.set(slot, new Map());
      remember(
        /** @type {Map<string, Entry>} */ (this.#lastAt.get(slot)),
        destination,
        entry,
        MOST_SEEN,
      );
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
