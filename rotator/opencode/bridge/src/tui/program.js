// Our own program, run as a child.

import { spawn } from "node:child_process";
import fs from "node:fs";

import { isString } from "../core/values.js";

/** @import { ChildProcess, StdioOptions } from "node:child_process" */

const KEY = "ctrl+b";
const ASK_MS = 3000; // for the key, which takes a quarter of a second; opencode waits meanwhile

/**
 * Return how to start our program: as the installation said, or by its name.
 *
 * @param {any} options
 * @returns {string[]}
 */
export function programOf(options) {
  const told = options?.program;
  const whole = Array.isArray(told) && told.length > 0 && told.every(isString);
  return whole && fs.existsSync(told[0]) ? told : ["rotator"];
}

/**
 * Run it to its end; resolve with its exit code and what it printed.
 *
 * @param {string[]} program
 * @param {string[]} words
 * @param {StdioOptions} stdio
 * @param {(child: ChildProcess) => void} [begun]
 * @param {import("node:child_process").SpawnOptions} [more]
 * @returns {Promise<{ code: number | null, printed: string }>}
 */
export function run([file, ...first], words, stdio, begun = () => {}, more = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, [...first, ...words], { stdio, ...more });
    begun(child);
    let printed = "";
    child.stdout?.setEncoding("utf8").on("data", (text) => (printed += text));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, printed }));
  });
}

/**
 * Return the key that the settings have now, so that a changed one holds from the next start on;
 * where nobody tells it, the one in the entry of tui.json, or the usual one.
 *
 * @param {any} options
 * @returns {Promise<string>}
 */
export async function keyOf(options) {
  const otherwise = isString(options?.key) ? options.key : KEY;
  if (!options?.program) return otherwise;
  try {
    /** @type {import("node:child_process").SpawnOptions} */
    const ended = { timeout: ASK_MS, killSignal: "SIGKILL" };
    /** @type {StdioOptions} */
    const told = ["ignore", "pipe", "ignore"];
    const { code, printed } = await run(
      programOf(options),
      ["bridge", "key"],
      told,
      undefined,
      ended,
    );
    return code === 0 && printed.trim() ? printed.trim() : otherwise;
  } catch {
    return otherwise;
  }
}
