// opencode-rotator bridge 0.5.0 (a plugin of opencode, put here by `rotator bridge install`)
//
// It puts the login that opencode shall use now into requests that carry an older one, and tells
// the watcher (`rotator watch`) of failed requests and does what the watcher says. New messages
// go to the provider that the watcher names. Of token requests it tells which token led to which.
// All of it works on files alone, and no secret is written into any. It decides nothing, and on
// any surprise it lets opencode go on as if it were not there. docs/architecture.md has the
// contract.
//
// opencode 1 calls `server`, OpenCode 2 calls `setup`; a late opencode 1 calls both.

import { tryOr } from "./core/try-or.js";
import { IS_SECOND } from "./opencode/process.js";
import { install } from "./opencode1/load.js";
import { isSecond, load } from "./opencode2/load.js";

const SHARED = Symbol.for("opencode-rotator.bridge");

/** @type {any} */
const globals = globalThis;
const installed = () => (globals[SHARED] ??= install());

// opencode 1 imports all plug-ins before it calls the first: who keeps fetch then, keeps ours.
// In OpenCode 2 it stays as it is.
if (!IS_SECOND) tryOr(installed);

export default {
  id: "opencode-rotator",

  /**
   * opencode 1 calls it once for each directory.
   *
   * @param {{ directory?: string, client?: any }} context
   */
  server: async (context) =>
    tryOr(() => installed().load(String(context?.directory ?? ""), context?.client), {}),

  /**
   * OpenCode 2 calls it once for each directory, and what it returns when that is over.
   *
   * @param {any} ctx
   */
  setup: async (ctx) => (isSecond(ctx) ? load(ctx).catch(() => undefined) : undefined),
};
