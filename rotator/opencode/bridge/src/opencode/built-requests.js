// What auth.json held when opencode built the requests of a folder.

/** @import { Entry } from "../core/auth-entries.js" */

/**
 * The destinations of the logins with which opencode may have built the requests of a folder: it
 * does so when it loads the folder's plug-ins, or at the first use of the folder.
 */
export class BuiltRequests {
  /** @type {Map<string, Set<string>>} */
  #destinations = new Map(); // provider -> destinations
  /** @type {() => void} */
  #onDone;

  /** @param {() => void} onDone called once it is over */
  constructor(onDone) {
    this.#onDone = onDone;
  }

  /** @param {Map<string, Entry>} entries what auth.json holds meanwhile */
  note(entries) {
    for (const [slot, { destination }] of entries) {
      const known = this.#destinations.get(slot) ?? new Set();
      this.#destinations.set(slot, known.add(destination));
    }
  }

  /** Note that they are built: a request is about to be made. */
  end = () => this.#onDone();

  /** @param {string} slot */
  destinations = (slot) => [...(this.#destinations.get(slot) ?? [])];
}
