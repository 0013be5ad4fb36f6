// How many answers of a session were none, one after the other, and when.

import { remember } from "./bounded-map.js";
import { MOST_SESSIONS } from "./bounds.js";

/** @import { FaultKind } from "./answer-reader.js" */

/**
 * What is asked in one row: a session's turn, or what is made beside it, with one login.
 * @typedef {{ session: string, aside: boolean, credential: string }} Asked
 */

/**
 * An earlier fault in the same row, and how long ago it was.
 * @typedef {{ kind: FaultKind, ms: number }} Earlier
 */

/**
 * The faults so far of one login, and what was asked last, if that matters.
 * @typedef {object} Row
 * @property {string} credential
 * @property {string | undefined} request
 * @property {{ kind: FaultKind, at: number }[]} faults
 */

const MOST_KEPT = 16;

/** The rows of this process; a good answer ends one, and so does another login. */
export class FailedRows {
  /** @type {Map<string, Row>} */
  #rows = new Map();

  /** @param {Asked} asked */
  #key = ({ session, aside }) => `${session} ${aside}`;

  /**
   * Note a fault, and return those before it, the oldest first.
   *
   * @param {Asked} asked
   * @param {FaultKind} kind
   * @param {number} now milliseconds of a clock that nobody sets
   * @param {string} [request] what was asked, where only the same again goes on with the row
   * @returns {Earlier[]}
   */
  add(asked, kind, now, request) {
    const key = this.#key(asked);
    const known = this.#rows.get(key);
    const { credential } = asked;
    const goesOn = known?.credential === credential && known.request === request;
    const faults = goesOn ? known.faults : [];
    const earlier = faults.map(({ kind, at }) => ({ kind, ms: Math.max(Math.round(now - at), 0) }));
    const kept = [...faults, { kind, at: now }].slice(-MOST_KEPT);
    remember(this.#rows, key, { credential, request, faults: kept }, MOST_SESSIONS);
    return earlier;
  }

  /**
   * Note a good answer.
   *
   * @param {Asked} asked
   */
  end(asked) {
    this.#rows.delete(this.#key(asked));
  }
}
