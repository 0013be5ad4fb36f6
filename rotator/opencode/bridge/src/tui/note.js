// The note that `rotator doctor` reads.

import fs from "node:fs";
import path from "node:path";

import { noop, tryOr } from "../core/try-or.js";
import { isString } from "../core/values.js";
import { readText } from "../system/files.js";
import { isFresh, PID_NAMESPACE, procStatFields } from "../system/liveness.js";
import { OwnFile } from "../system/own-file.js";
import { repeat } from "../system/timing.js";
import { SCHEMA, VERSION } from "./core/version.js";

const BEAT_MS = 5000;
const UNPLACED_MS = 30 * 24 * 3600 * 1000;

/** What is told of this plugin in this opencode, for as long as it runs. */
export class Note {
  /** @type {OwnFile} */
  #file;
  /** @type {NodeJS.Timeout | null} */
  #beating = null;
  /** @type {string} */
  #opencode;

  /**
   * @param {string} folder
   * @param {unknown} opencode
   */
  constructor(folder, opencode) {
    this.#file = new OwnFile(folder);
    this.#opencode = isString(opencode) ? opencode : "";
    tryOr(() => sweep(folder));
  }

  /**
   * Say whether the plugin is on, and if not, why.
   *
   * @param {boolean} on
   */
  write(on, why = "") {
    const told = { schema: SCHEMA, plugin: VERSION, opencode: this.#opencode, on, why };
    tryOr(() => this.#file.tell(told));
    this.#beating ??= repeat(BEAT_MS, () => this.#file.beat().catch(noop));
  }

  remove = () => {
    clearInterval(this.#beating ?? undefined);
    this.#file.close();
  };
}

/**
 * Remove the notes of opencodes that have ended.
 *
 * @param {string} folder
 */
function sweep(folder) {
  for (const name of fs.readdirSync(folder)) {
    const [, pid, ending] = /^\.?(\d+)(?:-[0-9a-f]+)?\.(json|tmp)$/.exec(name) ?? [];
    const file = path.join(folder, name);
    const isLeft = ending === "tmp" ? !isFresh(file) : pid && !isAlive(file, Number(pid));
    if (isLeft) tryOr(() => fs.rmSync(file, { force: true }));
  }
}

/**
 * Tell whether the opencode of a note runs: by its pid where that is valid, by its beat elsewhere.
 *
 * @param {string} file
 * @param {number} pid
 */
function isAlive(file, pid) {
  const told = tryOr(() => JSON.parse(readText(file)), null);
  const where = told?.pid_namespace;
  // A plugin of before its pids had a place names none and does not beat: it may run elsewhere.
  if (where === undefined && isFresh(file, UNPLACED_MS)) return true;
  if (where !== undefined && (where === null || where !== PID_NAMESPACE)) return isFresh(file);
  const [theirs, ticks] = [told?.start_ticks ?? null, procStatFields(pid)[19] ?? null];
  if (theirs !== null && ticks !== null) return theirs === ticks;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}
