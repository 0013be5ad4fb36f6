// auth.json, and the tokens of the logins that were seen in it.

import fs from "node:fs";

import { attempt } from "../core/attempt.js";
import { idOf, parseEntry } from "../core/auth-entries.js";
import { remember } from "../core/bounded-map.js";
import { MOST_SEEN } from "../core/bounds.js";
import { sha256 } from "../core/digests.js";
import { isObject } from "../core/values.js";
import { readText } from "../system/files.js";

/** @import { Entry, SeenEntry } from "../core/auth-entries.js" */

/**
 * A token of a login; `whose` names the login, `since` says when it became known.
 * @typedef {object} KnownToken
 * @property {string} whose
 * @property {number} since
 * @property {boolean} [isRefresh] it buys others
 * @property {boolean} [isSent] it goes with requests
 */

/** @typedef {KnownToken & { digest: string }} RefreshToken */

const MOST_TOKENS = 2048; // remembered of logins, all providers together

/** auth.json as it is now, and what was seen in it since this process began. */
export class Logins {
  /** @type {string} */
  #file;
  /** @type {string | null} */
  #text = null;
  /** @type {Map<string, Entry>} */
  #entries = new Map();
  /** @type {Map<string, Map<string, SeenEntry>>} */
  #seen = new Map(); // provider -> digest -> entry without its secrets
  /** @type {Map<string, KnownToken>} */
  #tokens = new Map(); // digest -> {whose, isRefresh, isSent, since}
  #found = 0;
  /** @type {Set<number>} */
  #lengths = new Set(); // of refresh tokens
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

  /**
   * Return what is known of a text that is a login's refresh token, else nothing.
   *
   * @param {string} text
   */
  refreshToken(text) {
    if (!this.#lengths.has(text.length)) return undefined; // most texts are not hashed
    const digest = sha256(text);
    const known = this.#tokens.get(digest);
    return known?.isRefresh ? { ...known, digest } : undefined;
  }

  /**
   * Return which login a token is of; undefined: nobody's that we know.
   *
   * @param {string} digest
   */
  whoseIs = (digest) => this.#tokens.get(digest)?.whose;

  /**
   * Tell whether a token was known at that point of time to be of another login.
   *
   * @param {string} digest
   * @param {string} whose
   * @param {{ before: number }} time
   */
  isOfAnother(digest, whose, { before }) {
    const known = this.#tokens.get(digest);
    return known !== undefined && known.whose !== whose && known.since <= before;
  }

  /** A point of time, for `isOfAnother`. */
  now = () => this.#found;

  /**
   * Remember a token of a login, one that buys others (`isRefresh`) or goes with requests.
   *
   * @param {string} text
   * @param {string} whose
   * @param {{ isRefresh?: boolean, isSent?: boolean }} found
   */
  addToken(text, whose, found) {
    const digest = sha256(text);
    if (found.isRefresh) this.#lengths.add(text.length);
    const known = this.#tokens.get(digest) ?? { since: (this.#found += 1) };
    remember(this.#tokens, digest, { ...known, whose, ...found }, MOST_TOKENS);
  }

  /** Look at auth.json if it is another file, or another text, than it was. */
  look() {
    const stat = attempt(() => fs.statSync(this.#file, { bigint: true }), null);
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
    if (text !== this.#text) attempt(() => this.#take(text));
    return this.#entries;
  }

  /** @param {string | null} text */
  #take(text) {
    const value = JSON.parse(String(text));
    if (!isObject(value)) return;
    this.#text = text;
    const parsed = Object.entries(value).map(([id, entry]) => [idOf(id), parseEntry(entry)]);
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
      this.#takeTokens(secret, refresh);
    }
  }

  /**
   * @param {string} secret
   * @param {string} refresh
   */
  #takeTokens(secret, refresh) {
    // Some plug-ins pack more than the token into its field, which only they unpack.
    const tokens = [refresh, refresh.trim(), refresh.split("|")[0]].filter(Boolean);
    const before = tokens.map((token) => this.whoseIs(sha256(token))).find(Boolean);
    const whose = before ?? sha256(tokens.at(-1) ?? secret);
    for (const token of tokens) this.addToken(token, whose, { isRefresh: true });
    if (secret) this.addToken(secret, whose, { isSent: true });
  }
}
