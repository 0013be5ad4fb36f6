// opencode-rotator dashboard plugin 0.1.0 (for OpenCode 2's TUI, put here by `rotator bridge install`)
//
// The same as the one for opencode 1, whose parts it is given under the names that they have there.

import fs from "node:fs";

import { tryOr } from "../core/try-or.js";
import { begin } from "./begin.js";
import { adapted } from "./core/second-api.js";

/** @param {any} ctx */
async function setup(ctx) {
  const { api, close } = adapted(ctx);
  // Which program is ours, as the installation said.
  const file = new URL("./options.json", import.meta.url);
  await begin(
    api,
    tryOr(() => JSON.parse(fs.readFileSync(file, "utf8"))),
  );
  return close;
}

export default { id: "opencode-rotator-dashboard", setup };
