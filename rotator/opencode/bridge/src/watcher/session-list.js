// The list of this process's sessions.

import { remember } from "../core/bounded-map.js";
import { MOST_SESSIONS } from "../core/bounds.js";
import { isString } from "../core/values.js";
import { append, publishText, touch } from "../system/files.js";

const SESSION_LIST_BYTES = 64 * 1024;

/** Lists the sessions of this process, so that its lines in opencode's log can be told. */
export class SessionList {
  /** @type {() => string} */
  #file;
  /** @type {Map<string, true>} */
  #ids = new Map();

  /** @param {() => string} file where it is for now */
  constructor(file) {
    this.#file = file;
  }

  /** @param {unknown} id */
  add(id) {
    if (!isString(id) || !/^[\w-]{1,128}$/.test(id) || this.#ids.has(id)) return;
    const size = append(this.#file(), `${id}\n`);
    remember(this.#ids, id, true, MOST_SESSIONS);
    if (size > SESSION_LIST_BYTES) this.#write();
  }

  beat = () => this.#ids.size && touch(this.#file(), () => this.#write());

  #write() {
    publishText(this.#file(), [...this.#ids.keys()].map((id) => `${id}\n`).join(""));
  }
}
