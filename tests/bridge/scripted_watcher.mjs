// A home with a scripted watcher, for modules that ask one.

import { createHash } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";

import { SCHEMA } from "../../rotator/opencode/bridge/src/core/version.js";
import { PID_NAMESPACE, procStatFields } from "../../rotator/opencode/bridge/src/system/liveness.js";
import { findPlaces } from "../../rotator/opencode/bridge/src/system/places.js";

const LOOK_MS = 1;

export const digestOf = (secret) => createHash("sha256").update(secret).digest("hex");

/** Return the environment of a home that is taken away at the end of a test. */
export function homeOf(test) {
  const home = fs.mkdtempSync(path.join(os.tmpdir(), "rotator-bridge-"));
  test.after(() => fs.rmSync(home, { recursive: true, force: true }));
  return { XDG_DATA_HOME: path.join(home, "data"), XDG_STATE_HOME: path.join(home, "state") };
}

/**
 * A watcher that says `providers` of OpenCode 2's logins, and to each signal what `answer` returns:
 * a verdict, or nothing. What it was told lies in `signals`.
 */
export class ScriptedWatcher {
  signals = [];

  constructor(test, env, providers, answer = () => undefined) {
    this.places = findPlaces(env);
    this.answer = answer;
    for (const folder of ["inbox", "outbox"]) fs.mkdirSync(this.places[folder], { recursive: true });
    this.say(providers);
    const looking = setInterval(() => this.#look(), LOOK_MS);
    test.after(() => clearInterval(looking));
  }

  say(providers, more = {}) {
    const [pid, fields] = [process.pid, procStatFields(process.pid)];
    const watcher = { pid, start_ticks: fields[19], pid_namespace: PID_NAMESPACE };
    const { auth, database, state } = this.places;
    const told = { schema: SCHEMA, auth_file: auth, watcher, providers: {}, ...more };
    this.#write(state, { ...told, database: { file: database, providers } });
  }

  #look() {
    for (const name of fs.readdirSync(this.places.inbox).filter((one) => one.endsWith(".json"))) {
      const file = path.join(this.places.inbox, name);
      const signal = JSON.parse(fs.readFileSync(file, "utf8"));
      fs.unlinkSync(file);
      this.signals.push(signal);
      const verdict = this.answer(signal);
      if (!verdict) continue;
      const { id } = signal;
      this.#write(path.join(this.places.outbox, name), { schema: SCHEMA, id, ...verdict });
    }
  }

  #write(file, value) {
    fs.writeFileSync(`${file}.new`, JSON.stringify(value));
    fs.renameSync(`${file}.new`, file);
  }
}
