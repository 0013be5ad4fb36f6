// What is known of the sessions of OpenCode 2.

import { remember } from "../core/bounded-map.js";
import { MOST_SESSIONS } from "../core/bounds.js";

/**
 * @import { Model } from "../core/models.js"
 * @import { Call } from "../requests/call.js"
 */

/**
 * What is known of a session: the providers that its turn has left, the logins with which it was
 * begun again, its last request of the turn, which login its next one has in place of which, where the watcher lets it go on, what we have set in
 * place of which model, and what ends a wait.
 * @typedef {object} Session
 * @property {Set<string>} left
 * @property {Set<string>} again
 * @property {{ claim: () => Call | null, response: Response, isGood: boolean } | null} last
 * @property {{ digest: string, slot: string } | null} next
 * @property {unknown} to
 * @property {{ from: Model, to: Model } | null} switched
 * @property {AbortController} stop
 */

/** The sessions of this process, newest last. */
export class Sessions {
  /** @type {Map<string, Session>} */
  #known = new Map();

  /**
   * @param {string} id
   * @returns {Session}
   */
  session(id) {
    const known = this.#known.get(id) ?? {
      left: new Set(),
      again: new Set(),
      last: null,
      next: null,
      to: null,
      switched: null,
      stop: new AbortController(),
    };
    remember(this.#known, id, known, MOST_SESSIONS);
    return known;
  }

  /**
   * Somebody has stopped its turn: nothing of it is waited for or sent again.
   *
   * @param {string} id
   */
  stop(id) {
    const known = this.#known.get(id);
    known?.stop.abort(new Error("the turn was stopped"));
    if (known) known.stop = new AbortController();
  }
}
