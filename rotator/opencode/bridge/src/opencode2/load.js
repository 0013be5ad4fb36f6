// The bridge inside OpenCode 2, by its hooks alone. Each hook can fail only into OpenCode's own way.

import { noop, tryOr } from "../core/try-or.js";
import { SCHEMA, VERSION } from "../core/version.js";
import { PROCESS_KIND } from "../opencode/process.js";
import { OwnFile } from "../system/own-file.js";
import { findPlaces } from "../system/places.js";
import { repeat } from "../system/timing.js";
import { HOME, Requests } from "./requests.js";

const BEAT_MS = 5000;
// OpenCode loads the file anew for each directory, and when it has changed.
const SHARED = Symbol.for(`opencode-rotator.bridge.2 ${VERSION}`);

/**
 * Tell whether a plug-in's context is one of OpenCode 2's; late versions of opencode 1 call
 * `setup`, too, and give it less.
 *
 * @param {any} ctx
 */
export const isSecond = (ctx) =>
  typeof ctx?.session?.hook === "function" &&
  typeof ctx.integration?.connection?.resolve === "function";

/** What one process has of us, in however many directories. */
class Loaded {
  /** @type {string[]} */
  #directories = []; // one for each load
  /** @type {OwnFile} */
  #presence;
  /** @type {object} */
  #told;

  /** @param {string | undefined} version */
  constructor(version) {
    const places = findPlaces(process.env);
    this.#presence = new OwnFile(places.present);
    this.#told = {
      schema: SCHEMA,
      bridge: VERSION,
      opencode: version,
      auth_file: places.auth,
      home: HOME,
      kind: PROCESS_KIND,
      aside: null,
      unseen: [],
      bought: [],
    };
    this.requests = new Requests(places);
    process.on("exit", this.close);
    repeat(BEAT_MS, () => this.#directories.length && this.#presence.beat().catch(noop));
  }

  /** @param {string} directory */
  enter(directory) {
    this.#directories.push(directory);
    this.#tell();
  }

  /** @param {string} directory */
  leave(directory) {
    this.#directories.splice(this.#directories.indexOf(directory), 1);
    if (this.#directories.length) this.#tell();
    else this.close();
  }

  close = () => {
    this.requests.exchange.close();
    this.#presence.close();
  };

  // Where this fails, only `rotator status` misses something.
  #tell = () =>
    tryOr(() => this.#presence.tell({ ...this.#told, directories: [...new Set(this.#directories)] }));
}

/**
 * Begin in one directory; return what ends it there.
 *
 * @param {any} ctx
 */
export async function load(ctx) {
  /** @type {any} */
  const globals = globalThis;
  /** @type {Loaded} */
  const loaded = (globals[SHARED] ??= new Loaded(ctx.app?.version));
  const { requests } = loaded;
  const directory = String(ctx.location?.directory ?? "");
  /** @type {[string, (event: any) => Promise<unknown> | undefined][]} */
  const hooks = [
    ["http.request", (event) => requests.before(ctx, event)],
    ["http.response", (event) => requests.after(ctx, event)],
    ["retry", (event) => requests.onRetry(ctx, event)],
    ["prompt", (event) => requests.models.choose(ctx, event)],
  ];
  for (const [name, act] of hooks) {
    // A version without one of them has the others.
    await tryLater(() =>
      ctx.session.hook(name, (/** @type {any} */ event) => {
        const acting = tryOr(() => act(event));
        return acting && tryLater(() => acting);
      }),
    );
  }
  loaded.enter(directory);
  const over = new AbortController();
  tryLater(() => hear(ctx, requests, over.signal));
  return () => {
    over.abort();
    loaded.leave(directory);
  };
}

/**
 * Hear which turns are stopped: a hook that waits is not told.
 *
 * @param {any} ctx
 * @param {Requests} requests
 * @param {AbortSignal} signal
 */
async function hear(ctx, requests, signal) {
  for await (const event of ctx.event.subscribe({ signal })) {
    tryOr(() => requests.hear(event.data?.sessionID, event.type));
  }
}

/** @param {() => Promise<unknown>} action */
const tryLater = async (action) => {
  try {
    await action();
  } catch {
    // As if we were not there.
  }
};
