// Whether a turn is under way in this process.

import { OVER_EVENTS } from "../core/session-events.js";
import { append, touch, unlink } from "../system/files.js";

/** @import { Event } from "../core/session-events.js" */

/** Shows by an empty file that a turn is under way, so that no swap without need disturbs it. */
export class Turns {
  /** @type {() => string} */
  #file;
  /** @type {Map<string, string>} */
  #busy = new Map(); // session -> directory of the part of opencode that it is in
  #isShown = false;

  /** @param {() => string} file where it is for now */
  constructor(file) {
    this.#file = file;
  }

  /**
   * Take in what opencode tells of its sessions.
   *
   * @param {string} directory
   * @param {Event} event
   */
  note(directory, { type, properties }) {
    // Also after an error and an abort opencode says `idle`; of a deleted session it does not.
    const isStatus = type === "session.status";
    const isOver = isStatus ? properties.status.type === "idle" : OVER_EVENTS.includes(type);
    if (isOver) this.#busy.delete(properties.sessionID ?? properties.info?.id);
    else if (isStatus) this.#busy.set(properties.sessionID, directory);
    else return;
    this.#show();
  }

  /**
   * Forget the turns in a directory that is loaded anew: none of them goes on.
   *
   * @param {string} directory
   */
  forget(directory) {
    for (const [id, where] of this.#busy) if (where === directory) this.#busy.delete(id);
    this.#show();
  }

  close = () => unlink(this.#file());
  beat = () => this.#isShown && touch(this.#file(), () => append(this.#file(), ""));

  #show() {
    const isBusy = this.#busy.size > 0;
    if (isBusy === this.#isShown) return;
    if (isBusy) append(this.#file(), "");
    else unlink(this.#file());
    this.#isShown = isBusy;
  }
}
