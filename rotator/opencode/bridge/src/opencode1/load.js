// The bridge inside opencode 1: what one process needs, and the hooks that opencode calls.

import { asideFor, AUTH_CONTENT, usesWebSocket } from "../core/environment.js";
import { interpretEvent } from "../core/session-events.js";
import { noop, tryOr } from "../core/try-or.js";
import { SCHEMA, VERSION } from "../core/version.js";
import { opencodeVersion, PROCESS_KIND } from "../opencode/process.js";
import { Bridge } from "../requests/bridge.js";
import { markContext } from "../requests/context.js";
import { OutermostFetch } from "../requests/outermost-fetch.js";
import { unlink } from "../system/files.js";
import { OwnFile } from "../system/own-file.js";
import { findPlaces } from "../system/places.js";
import { repeat } from "../system/timing.js";
import { SessionList } from "../watcher/session-list.js";
import { Turns } from "../watcher/turns.js";

/**
 * @import { HookInput } from "../core/marks.js"
 * @import { Event } from "../core/session-events.js"
 * @import { BuiltRequests } from "../opencode/built-requests.js"
 * @import { Client } from "../opencode/client.js"
 * @import { Missed } from "../requests/bridge.js"
 */

const BEAT_MS = 5000;

/** Install what this process needs once, and return what each further load needs of it. */
export function install() {
  const places = findPlaces(process.env);
  const directories = new Set();
  const present = {
    schema: SCHEMA,
    bridge: VERSION,
    opencode: opencodeVersion(),
    auth_file: places.auth,
    kind: PROCESS_KIND,
    aside: asideFor(process.env),
  };
  /** @type {Missed} */
  let missed = { unseen: [], bought: [] }; // as far as we know
  const presence = new OwnFile(places.present);
  const tell = () => {
    const isNamed = presence.tell({ ...present, directories: [...directories], ...missed });
    if (isNamed) unlink(presence.file(".busy")); // of a process that crashed and had our pid
  };
  /** @param {string} directory */
  const load = (directory) => {
    directories.add(directory);
    // Where this fails, only `rotator status` misses something.
    tryOr(tell);
  };
  process.on("exit", presence.close);
  const sessions = new SessionList(() => presence.file(".sessions"));
  /** @type {{ beat: () => unknown }[]} */
  const beside = [sessions]; // what has its name, which a beat may change
  repeat(BEAT_MS, async () => {
    if (!directories.size) return;
    await presence.beat().catch(noop);
    for (const part of beside) tryOr(part.beat);
  });
  if (present.aside === AUTH_CONTENT) {
    // Whose the lines in the log are is known when this process has ended, too.
    const hooks = {
      "chat.headers": async (/** @type {HookInput} */ input) =>
        tryOr(() => sessions.add(input.sessionID)),
    };
    return { load: (/** @type {string} */ directory) => (load(directory), hooks) };
  }
  const bridge = new Bridge(places, (told) => {
    missed = told;
    tryOr(tell);
  });
  const outermost = new OutermostFetch((...given) => bridge.fetch(...given));
  const turns = new Turns(() => presence.file(".busy"));
  // What asks opencode itself belongs to one directory.
  /**
   * @param {string} directory
   * @param {Client} client
   * @param {BuiltRequests} built
   */
  const hooksFor = (directory, client, built) => ({
    "chat.headers": async (/** @type {HookInput} */ input, /** @type {any} */ output) => {
      tryOr(() => sessions.add(input.sessionID));
      const userAgent = output?.headers?.["User-Agent"];
      const isUnseen = usesWebSocket(input?.model?.providerID, userAgent, present.aside);
      const isOutermost = () => !isUnseen && outermost.hold();
      const place = { client, built };
      const mark = tryOr(() => bridge.announce(place, input, output, isOutermost), undefined);
      // Before anything is awaited: what follows takes the context over. What opencode asks of
      // others shall not find an older mark in it.
      markContext.enterWith(mark);
    },
    "chat.message": (/** @type {any} */ input, /** @type {any} */ output) =>
      bridge.routing.choose(client, input, output).catch(noop),
    event: async (/** @type {{ event: Event }} */ { event }) => {
      tryOr(() => turns.note(directory, event));
      tryOr(() => {
        const meaning = interpretEvent(event);
        const { session, isOver, isFailure } = meaning;
        if (isFailure) tryOr(() => bridge.tellFailure(session));
        if (isOver || meaning.isSent) bridge.judge(session, meaning);
      });
    },
  });
  process.on("exit", () => (bridge.exchange.close(), turns.close()));
  beside.push(turns, { beat: () => (bridge.logins.look(), bridge.watcher.look()) });
  outermost.hold();
  /**
   * @param {string} directory
   * @param {Client} client
   */
  const loadAndLook = (directory, client) => {
    load(directory);
    tryOr(() => turns.forget(directory));
    // opencode builds the keys and the places of this moment into its requests.
    return hooksFor(directory, client, bridge.logins.build());
  };
  return { load: loadAndLook };
}
