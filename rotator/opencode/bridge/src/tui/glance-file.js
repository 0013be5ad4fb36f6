// glance.json, looked at again and again.

import fs from "node:fs";

import { tryOr } from "../core/try-or.js";
import { parseGlance } from "./core/glance.js";

/** @import { Glance } from "./core/glance.js" */

const SILENT_MS = 120_000; // a watcher publishes every thirty seconds
const LARGEST_GLANCE = 1024 * 1024;

/**
 * Return the text of a regular file of bounded size; nothing else is waited for.
 *
 * @param {string} file
 */
function readText(file) {
  const opened = fs.openSync(file, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  try {
    const stat = fs.fstatSync(opened);
    if (!stat.isFile() || stat.size > LARGEST_GLANCE) throw new Error("not a glance");
    const bytes = Buffer.alloc(stat.size);
    return bytes.toString("utf8", 0, fs.readSync(opened, bytes, 0, stat.size, 0));
  } finally {
    fs.closeSync(opened);
  }
}

/** glance.json, looked at by its facts and read only when it is another file. */
export class GlanceFile {
  /** @type {string} */
  #file;
  #facts = "";

  /** @param {string} file */
  constructor(file) {
    this.#file = file;
  }

  /**
   * Return the glance when it is a new one, false where it cannot be understood, null when nobody
   * publishes any more, and undefined as long as nothing has changed.
   *
   * @returns {Promise<Glance | false | null | undefined>}
   */
  async look() {
    const facts = await fs.promises.stat(this.#file, { bigint: true }).catch(() => null);
    if (facts === null) return this.#take("none", () => null);
    const { ino, mtimeNs, size } = facts;
    // One ahead of now is of a clock that was set back since.
    const age = Math.abs(Date.now() - Number(mtimeNs / 1_000_000n));
    if (age > SILENT_MS) return this.#take("silent", () => null);
    if (size > LARGEST_GLANCE || !facts.isFile()) return this.#take("odd", () => false);
    const read = () => tryOr(() => parseGlance(readText(this.#file)), false);
    return this.#take(`${ino} ${mtimeNs} ${size}`, read);
  }

  /**
   * @param {string} facts
   * @param {() => Glance | false | null} read
   */
  #take(facts, read) {
    if (facts === this.#facts) return undefined;
    this.#facts = facts;
    return read();
  }
}
