// What opencode answers when it is asked, and what it has written down.

import os from "node:os";
import path from "node:path";

import { parseModel } from "../core/models.js";
import { tryOr } from "../core/try-or.js";
import { readText } from "../system/files.js";

/** @typedef {(asked?: any) => Promise<{ data?: any, error?: unknown }>} Question */

/**
 * What the bridge uses of opencode's SDK.
 * @typedef {object} Client
 * @property {Record<"get" | "messages" | "message" | "prompt" | "create" | "abort" | "delete", Question>} session
 * @property {Record<"agents", Question>} app
 * @property {Record<"get" | "providers", Question>} config
 * @property {Record<"showToast", Question>} tui
 */

/**
 * What opencode answers to a question inside this process; fails where it refuses.
 *
 * @param {ReturnType<Question>} question
 * @returns {Promise<any>}
 */
export async function unwrap(question) {
  const { data, error } = await question;
  if (error || data === undefined) throw new Error("opencode did not answer");
  return data;
}

/**
 * The model that opencode takes by itself was the last one used, as it was at our start.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {import("../core/models.js").Model | null}
 */
export function recentModel(env) {
  const states = env.XDG_STATE_HOME || path.join(os.homedir(), ".local", "state");
  const file = path.join(states, "opencode", "model.json");
  return tryOr(() => parseModel(JSON.parse(readText(file)).recent[0]), null);
}
