// What the watcher did, told in toasts.

import { isString } from "../core/values.js";

/**
 * @import { Event } from "./core/glance.js"
 * @import { Dashboard } from "./dashboard.js"
 */

const READ_MS = 4000; // a toast is left alone for so long when there is another one to show

/** @type {Record<string, string>} */
const VARIANTS = { failover: "warning", rerouted: "warning", rejected: "error" };

/** Tells of what happened since this opencode began, each thing once. */
export class Toasts {
  /** @type {Dashboard} */
  #dashboard;
  #since = Date.now();
  /** @type {Set<string>} */
  #told = new Set();
  /** @type {Event[]} */
  #waiting = [];
  /** @type {NodeJS.Timeout | null} */
  #pause = null;

  /** @param {Dashboard} dashboard */
  constructor(dashboard) {
    this.#dashboard = dashboard;
  }

  /** @param {Event[]} events */
  hear(events) {
    const fresh = events.filter(({ at }) => Date.parse(at) >= this.#since);
    for (const event of fresh) {
      const name = `${event.number} ${event.at}`;
      if (this.#told.has(name)) continue;
      this.#told.add(name);
      // Whoever looks at the dashboard sees it there.
      if (!this.#dashboard.isOpen) this.#waiting.push(event);
    }
    this.#tell();
  }

  /** Show the next one: opencode has room for one toast, and a second one takes its place. */
  #tell() {
    if (this.#pause !== null || this.#waiting.length === 0) return;
    const { kind, title, text } = /** @type {Event} */ (this.#waiting.shift());
    this.#dashboard.say(title, isString(text) ? text : "", VARIANTS[String(kind)] ?? "info");
    this.#pause = setTimeout(() => {
      this.#pause = null;
      this.#tell();
    }, READ_MS);
    this.#pause.unref?.();
  }

  close() {
    clearTimeout(this.#pause ?? undefined);
    this.#waiting = [];
  }
}
