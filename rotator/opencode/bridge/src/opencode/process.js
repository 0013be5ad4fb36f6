// The opencode that we are in.

import path from "node:path";

import { isSecondProgram, processKind } from "../core/environment.js";
import { tryOr } from "../core/try-or.js";
import { readText } from "../system/files.js";

export const PROCESS_KIND = processKind(process.argv);

/** opencode's version where it was installed as a package; a plugin is not told. */
export function opencodeVersion() {
  const file = path.join(path.dirname(process.execPath), "..", "package.json");
  const { name, version } = tryOr(() => JSON.parse(readText(file)), {});
  return String(name).startsWith("opencode") ? version : null;
}

/**
 * Whether it is an OpenCode 2, by what its own program is called inside it; a plugin that is only
 * imported is told nothing else.
 */
export const IS_SECOND = isSecondProgram(process.argv);
