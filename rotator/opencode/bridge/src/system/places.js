// Where the files of opencode and of the watcher are.

import os from "node:os";
import path from "node:path";

/**
 * The files that this process reads and writes, and the folders of the others.
 * @typedef {Record<"auth" | "database" | "state" | "beat" | "present" | "descent" | "inbox" | "outbox", string>} Places
 */

/**
 * @param {NodeJS.ProcessEnv} env
 * @returns {Places}
 */
export function findPlaces(env) {
  const data = env.XDG_DATA_HOME || path.join(os.homedir(), ".local", "share");
  const states = env.XDG_STATE_HOME || path.join(os.homedir(), ".local", "state");
  const state = env.ROTATOR_STATE_DIR || path.join(states, "opencode-rotator");
  /** @type {(...names: string[]) => string} */
  const exchange = (...names) => path.join(state, "bridge", ...names);
  return {
    auth: path.join(data, "opencode", "auth.json"),
    database: path.resolve(data, "opencode", env.OPENCODE_DB || "opencode.db"),
    state: exchange("state.json"),
    beat: exchange("beat"),
    present: exchange("present"),
    descent: exchange("descent"),
    inbox: exchange("inbox"),
    outbox: exchange("outbox"),
  };
}
