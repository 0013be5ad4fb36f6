// The tokens of logins that were seen, as digests.

import { remember } from "./bounded-map.js";
import { sha256 } from "./digests.js";
import { spellings, unpadded } from "./secret-texts.js";

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

/** Which login a token is of, and what it is for. */
export class KnownTokens {
  /** @type {Map<string, KnownToken>} */
  #tokens = new Map(); // digest -> {whose, isRefresh, isSent, since}
  #count = 0;
  /** @type {Set<number>} */
  #lengths = new Set(); // of refresh tokens

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
  now = () => this.#count;

  /**
   * Remember a token of a login, one that buys others (`isRefresh`) or goes with requests.
   *
   * @param {string} text
   * @param {string} whose
   * @param {{ isRefresh?: boolean, isSent?: boolean }} purpose
   */
  add(text, whose, purpose) {
    const digest = sha256(text);
    if (purpose.isRefresh) this.#lengths.add(text.length);
    const known = this.#tokens.get(digest) ?? { since: (this.#count += 1) };
    remember(this.#tokens, digest, { ...known, whose, ...purpose }, MOST_TOKENS);
  }

  /**
   * Remember the tokens of an entry in auth.json.
   *
   * @param {string} secret
   * @param {string} refresh
   */
  addLogin(secret, refresh) {
    // Some plug-ins pack more than the token into its field, which only they unpack.
    const tokens = [...spellings(refresh), unpadded(refresh.split("|")[0])].filter(Boolean);
    const before = tokens.map((token) => this.whoseIs(sha256(token))).find(Boolean);
    const whose = before ?? sha256(tokens.at(-1) ?? secret);
    for (const token of tokens) this.add(token, whose, { isRefresh: true });
    if (secret) this.add(secret, whose, { isSent: true });
  }
}
