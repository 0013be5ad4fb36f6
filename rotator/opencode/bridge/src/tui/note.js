// The note that `rotator doctor` reads.

import fs from "node:fs";
import path from "node:path";

import { tryOr } from "../core/try-or.js";
import { isString } from "../core/values.js";
import { SCHEMA, VERSION } from "./core/version.js";

/** What is told of this plugin in this opencode, for as long as it runs. */
export class Note {
  /** @type {string} */
  #file;
  /** @type {string} */
  #opencode;

  /**
   * @param {string} folder
   * @param {unknown} opencode
   */
  constructor(folder, opencode) {
    this.#file = path.join(folder, `${process.pid}.json`);
    this.#opencode = isString(opencode) ? opencode : "";
    tryOr(() => sweep(folder));
  }

  /**
   * Say whether the plugin is on, and if not, why.
   *
   * @param {boolean} on
   */
  write(on, why = "") {
    const { pid } = process;
    const told = { schema: SCHEMA, pid, plugin: VERSION, opencode: this.#opencode, on, why };
    tryOr(() => {
      fs.mkdirSync(path.dirname(this.#file), { recursive: true, mode: 0o700 });
      const beside = path.join(path.dirname(this.#file), `.${pid}.tmp`);
      fs.rmSync(beside, { force: true }); // of a process that crashed and had our pid
      fs.writeFileSync(beside, JSON.stringify(told), { mode: 0o600, flag: "wx" });
      fs.renameSync(beside, this.#file);
    });
  }

  remove = () => tryOr(() => fs.rmSync(this.#file, { force: true }));
}

/**
 * Remove the notes of opencodes that have ended.
 *
 * @param {string} folder
 */
function sweep(folder) {
  for (const name of fs.readdirSync(folder)) {
    const pid = Number(/^\.?(\d+)\.(json|tmp)$/.exec(name)?.[1] ?? 0);
    if (pid && !isRunning(pid)) fs.rmSync(path.join(folder, name), { force: true });
  }
}

/** @param {number} pid */
function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}
