// Where the files of opencode and of the watcher are.

import os from "node:os";
import path from "node:path";

import { ownName } from "./liveness.js";

/**
 * The files that this process reads and writes, and the folders of the others.
 * @typedef {Record<"auth" | "state" | "beat" | "present" | "busy" | "sessions" | "descent" | "inbox" | "outbox", string>} Places
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
  const name = ownName(exchange("present"));
  return {
    auth: path.join(data, "opencode", "auth.json"),
    state: exchange("state.json"),
    beat: exchange("beat"),
    present: exchange("present", `${name}.json`),
    busy: exchange("present", `${name}.busy`),
    sessions: exchange("present", `${name}.sessions`),
    descent: exchange("descent"),
    inbox: exchange("inbox"),
    outbox: exchange("outbox"),
  };
}
