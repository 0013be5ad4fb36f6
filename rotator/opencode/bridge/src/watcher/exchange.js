// Signals and verdicts: one file for each that the watcher or the bridge says.

import { randomBytes } from "node:crypto";
import fs from "node:fs";
import path from "node:path";

import { remember } from "../core/bounded-map.js";
import { tryOr } from "../core/try-or.js";
import { SCHEMA } from "../core/version.js";
import { publish, readText, unlink } from "../system/files.js";
import { randomId } from "../system/random.js";
import { abortable } from "../system/timing.js";

/**
 * @import { Places } from "../system/places.js"
 * @import { WatcherState } from "./watcher-state.js"
 */

/**
 * What the watcher says to a signal.
 * @typedef {{ verdict: string, [more: string]: any }} Verdict
 */

/**
 * @callback OnVerdict
 * @param {Verdict | null} verdict
 */

const FIRST_WORD_MS = 250; // a watcher that lets a signal lie for longer is not asked again
const LONGEST_ACK_MS = 20_000;
const MOST_ASKED = 16; // more failures at once stand in line, so that none waits in vain
const MOST_LATE = 64; // verdicts that came too late, remembered until they are swept
// Most verdicts come within milliseconds, and each look that comes late is added to that.
export const POLL_MS = { first: 1, factor: 1.2, longest: 25 };
const OFTEN = 30; // looks before the pauses between them grow

/** Asks the watcher, through files, what to do with a failed request. */
export class Exchange {
  /** @type {Places} */
  #places;
  /** @type {WatcherState} */
  #watcher;
  #prefix = randomBytes(4).toString("hex");
  /** @type {string | null} */
  #mutedKey = null; // the state.json whose watcher did not answer
  #free = MOST_ASKED;
  /** @type {((free?: number) => void)[]} */
  #queue = [];
  /** @type {Set<string>} */
  #asked = new Set(); // ids that are not over yet
  /** @type {Map<string, OnVerdict>} */
  #waiting = new Map(); // id -> called with the verdict
  /** @type {Map<string, number>} */
  #acked = new Map(); // id -> inode of the ack that was read
  /** @type {Map<string, true>} */
  #late = new Map(); // ids that got no verdict in time
  /** @type {NodeJS.Timeout | null} */
  #polling = null;
  #delay = POLL_MS.first;
  #looks = 0; // since somebody began to wait

  /**
   * @param {Places} places
   * @param {WatcherState} watcher
   */
  constructor(places, watcher) {
    this.#places = places;
    this.#watcher = watcher;
  }

  isAnswered = () => this.#watcher.isAlive() && this.#watcher.key !== this.#mutedKey;

  /**
   * Send a signal and return the verdict, or null if none came; rejects when the user aborts.
   *
   * @param {object} signal
   * @param {AbortSignal | null | undefined} abort
   * @returns {Promise<Verdict | null>}
   */
  async ask(signal, abort) {
    const id = `${this.#prefix}-${randomId()}`;
    /** @type {(() => void) | undefined} */
    let leave = await this.#acquire(abort);
    try {
      if (!this.isAnswered()) return null; // it may have gone meanwhile
      const { key } = this.#watcher;
      this.#asked.add(id);
      publish(this.#inbox(id), { schema: SCHEMA, id, ...signal });
      let verdict = await this.#awaitVerdict(id, FIRST_WORD_MS, abort);
      if (verdict?.verdict === "ack") {
        leave();
        leave = undefined;
        verdict = await this.#awaitLateVerdict(id, verdict.wait_ms, abort);
      }
      if (!verdict) {
        this.#mutedKey = key;
        remember(this.#late, id, true, MOST_LATE);
      }
      return verdict;
    } finally {
      leave?.();
      this.#asked.delete(id);
      this.#acked.delete(id);
      this.#forget(id);
    }
  }

  /**
   * Tell something that asks for no verdict.
   *
   * @param {object | undefined} news
   */
  tell(news) {
    if (!this.isAnswered()) return;
    const id = `${this.#prefix}-${randomId()}`;
    publish(this.#inbox(id), { schema: SCHEMA, id, ...news });
  }

  /**
   * Tell something that is no signal, to whoever is there.
   *
   * @param {object | undefined} news
   */
  note(news) {
    if (!this.#watcher.isAlive()) return;
    const id = `${this.#prefix}-${randomId()}`;
    publish(this.#inbox(id), { schema: SCHEMA, id, ...news });
  }

  /** Leave nothing behind that the watcher would act on. */
  close = () => this.#asked.forEach((id) => this.#forget(id));

  /** @param {string} id */
  #inbox = (id) => path.join(this.#places.inbox, `${id}.json`);
  /** @param {string} id */
  #outbox = (id) => path.join(this.#places.outbox, `${id}.json`);
  /** @param {string} id */
  #forget = (id) => [this.#inbox(id), this.#outbox(id)].forEach(unlink);

  /**
   * Resolve when it is this request's turn, to what lets the next one in.
   *
   * @param {AbortSignal | null | undefined} abort
   * @returns {Promise<() => void>}
   */
  async #acquire(abort) {
    /** @type {(done: (free?: number) => void) => () => unknown} */
    const place = (done) => {
      if (this.#free > 0) done((this.#free -= 1));
      else this.#queue.push(done);
      return () => this.#queue.splice(this.#queue.indexOf(done), 1);
    };
    await abortable(abort, place);
    return () => {
      const next = this.#queue.shift();
      if (next) next();
      else this.#free += 1;
    };
  }

  /**
   * @param {string} id
   * @param {unknown} ms
   * @param {AbortSignal | null | undefined} abort
   * @returns {Promise<Verdict | null>}
   */
  async #awaitLateVerdict(id, ms, abort) {
    const end = performance.now() + Math.min(Number(ms) || 0, LONGEST_ACK_MS);
    for (let left; (left = end - performance.now()) > 0; ) {
      const verdict = await this.#awaitVerdict(id, Math.min(left, FIRST_WORD_MS), abort);
      if (verdict && verdict.verdict !== "ack") return verdict;
      if (!verdict && !this.#watcher.isAlive()) return null;
    }
    return null;
  }

  /**
   * @param {string} id
   * @param {number} ms
   * @param {AbortSignal | null | undefined} abort
   * @returns {Promise<Verdict | null>}
   */
  #awaitVerdict(id, ms, abort) {
    return abortable(abort, (done) => {
      /** @type {OnVerdict} */
      const end = (verdict) => (clearTimeout(timer), this.#waiting.delete(id), done(verdict));
      const timer = setTimeout(() => {
        this.#scanOutbox(); // we may be late ourselves, and the answer lies there
        if (this.#waiting.has(id)) end(null);
      }, ms);
      this.#waiting.set(id, end);
      this.#looks = 0;
      if (this.#polling === null || this.#delay > POLL_MS.first) this.#poll(POLL_MS.first);
      return () => end(null);
    });
  }

  // By looking: opencode's runtime does not report a file that is renamed into place.
  /** @param {number} delay */
  #poll(delay) {
    clearTimeout(this.#polling ?? undefined);
    this.#delay = delay;
    this.#polling = setTimeout(() => {
      this.#polling = null;
      this.#scanOutbox();
      const factor = ++this.#looks < OFTEN ? 1 : POLL_MS.factor;
      if (this.#waiting.size) this.#poll(Math.min(delay * factor, POLL_MS.longest));
    }, delay);
  }

  // By name: the folder may be full of what is none of ours.
  #scanOutbox() {
    for (const id of [...this.#waiting.keys()]) this.#deliver(id);
    for (const id of this.#late.keys()) unlink(this.#outbox(id)); // too late
  }

  /** @param {string} id */
  #deliver(id) {
    const inode = tryOr(() => fs.statSync(this.#outbox(id), { throwIfNoEntry: false })?.ino);
    if (inode === undefined || inode === this.#acked.get(id)) return;
    const verdict = tryOr(() => JSON.parse(readText(this.#outbox(id))), null);
    const isOurs = verdict?.schema === SCHEMA && verdict.id === id;
    // An ack stays where it is: the verdict may have taken its name since it was read.
    if (isOurs && verdict.verdict === "ack") this.#acked.set(id, inode);
    else unlink(this.#outbox(id));
    this.#waiting.get(id)?.(isOurs ? verdict : { verdict: "pass" });
  }
}
