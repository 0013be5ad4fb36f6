// Where the watcher publishes, and where our notes lie.

import os from "node:os";
import path from "node:path";

/** @param {NodeJS.ProcessEnv} env */
export function findPlaces(env) {
  const states = env.XDG_STATE_HOME || path.join(os.homedir(), ".local", "state");
  const state = env.ROTATOR_STATE_DIR || path.join(states, "opencode-rotator");
  return { glance: path.join(state, "glance.json"), notes: path.join(state, "bridge", "tui") };
}
