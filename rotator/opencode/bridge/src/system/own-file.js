// The file in which this process says of itself that it is there.

import { randomBytes } from "node:crypto";
import path from "node:path";

import { tryOr } from "../core/try-or.js";
import { publish, publishFirst, readText, readTextLater, touch, unlink } from "./files.js";
import { PID_NAMESPACE, procStatFields } from "./liveness.js";

const PID = String(process.pid);
// By which anybody else can tell whether we still run.
const WHO = {
  pid: process.pid,
  started_at: new Date().toISOString(),
  start_ticks: procStatFields("self")[19] ?? null,
  pid_namespace: PID_NAMESPACE,
};

/**
 * A file of this process alone, in a folder that other containers may share.
 *
 * It is named after our pid, which a process of theirs may have too: then the name is theirs who
 * had it first, and ours has random bytes.
 */
export class OwnFile {
  /** @type {string} */
  #folder;
  #name = `${PID}-${randomBytes(4).toString("hex")}`;
  /** @type {object | null} */
  #told = null;

  /** @param {string} folder */
  constructor(folder) {
    this.#folder = folder;
  }

  /**
   * The file of ours with that ending, all of which have one name.
   *
   * @param {string} ending
   */
  file = (ending) => path.join(this.#folder, `${this.#name}${ending}`);

  /**
   * Say that we are there, and what else there is to say; tell whether it is the first time and
   * what else a dead process has left under our name is to be removed.
   *
   * @param {object} more
   */
  tell(more) {
    const isFirst = this.#told === null;
    const told = (this.#told = { ...more, ...WHO });
    if (isFirst && this.#takePid(told)) return true;
    publish(this.file(".json"), told);
    return false;
  }

  /** Show that we are there; another one may have the name by now, if ours was gone meanwhile. */
  async beat() {
    const told = this.#told;
    if (told === null) return;
    if (this.#name === PID) {
      const text = await readTextLater(this.file(".json")).catch(() => "");
      if (!this.#isOurs(text)) {
        this.#name = `${PID}-${randomBytes(4).toString("hex")}`;
        if (this.#takePid(told)) return;
      }
    }
    touch(this.file(".json"), () => publish(this.file(".json"), told));
  }

  close = () => {
    const file = this.file(".json");
    if (this.#name !== PID || this.#isOurs(tryOr(() => readText(file), ""))) unlink(file);
  };

  /**
   * Take the name that is our pid, if nobody else has it; where we do not know, they have.
   *
   * @param {object} told
   */
  #takePid(told) {
    const file = path.join(this.#folder, `${PID}.json`);
    const isOurs = this.#isOurs(tryOr(() => readText(file), ""));
    const isTaken = tryOr(() => ((isOurs ? publish : publishFirst)(file, told), true), false);
    if (isTaken) this.#name = PID;
    return isTaken;
  }

  /**
   * Tell whether a file with our pid's name is of this process, or of a dead one that had its pid.
   *
   * @param {string} text
   */
  #isOurs(text) {
    const theirs = tryOr(() => JSON.parse(text), null);
    if (theirs?.pid_namespace !== PID_NAMESPACE) return false;
    return PID_NAMESPACE !== null || theirs.started_at === WHO.started_at;
  }
}
