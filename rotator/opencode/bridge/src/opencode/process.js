// The opencode that we are in.

import path from "node:path";

import { attempt } from "../core/attempt.js";
import { kindOfProcess } from "../core/environment.js";
import { readText } from "../system/files.js";

export const KIND = kindOfProcess(process.argv);

/** opencode's version where it was installed as a package; a plugin is not told. */
export function opencodeVersion() {
  const file = path.join(path.dirname(process.execPath), "..", "package.json");
  const { name, version } = attempt(() => JSON.parse(readText(file)), {});
  return String(name).startsWith("opencode") ? version : null;
}
