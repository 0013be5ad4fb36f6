// Plays opencode for the bridge: loads the plugin and others as opencode does, makes requests as
// model SDKs make them, each in the asynchronous context of its hooks, and tells what came back.
// One JSON command a line on standard input, one JSON answer a line. The plugin file is the first
// argument.

import { AsyncResource } from "node:async_hooks";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

// Not a word of the command line: the bridge reads there what this opencode is.
const plugin = pathToFileURL(process.argv.splice(2, 1)[0]).href;
const native = globalThis.fetch;
const inner = { responses: new WeakSet(), inits: new WeakSet(), receivers: new Set(), failures: 0 };

// Stands below the bridge, as the fetch that opencode has.
globalThis.fetch = Object.assign(
  async function fetch(input, init) {
    inner.receivers.add(this === undefined ? "none" : this === globalThis ? "global" : "other");
    if (init) inner.inits.add(init);
    try {
      const response = await native(input, init);
      inner.responses.add(response);
      return response;
    } catch (error) {
      inner.failures += 1;
      inner.error = error;
      throw error;
    }
  },
  { preconnect: native.preconnect, own: "kept" },
);
const below = globalThis.fetch;
const textOf = Function.prototype.toString;
Function.prototype.toString = function () {
  return textOf.call(this === below ? native : this);
};

// On a busy machine whoever plays the watcher may be late: in slow time the bridge waits longer.
const slowness = Number(process.env.BRIDGE_SLOWNESS ?? 1);
if (slowness !== 1) {
  const real = globalThis.setTimeout;
  globalThis.setTimeout = (done, ms, ...rest) => real(done, ms >= 100 ? ms * slowness : ms, ...rest);
}

// What is done every few seconds need not be waited for.
const haste = Number(process.env.BRIDGE_HASTE ?? 1);
if (haste !== 1) {
  const real = globalThis.setInterval;
  globalThis.setInterval = (done, ms, ...rest) => real(done, ms / haste, ...rest);
}

let plugins = []; // the hooks of each, ours where the test has put it
const controllers = new Map();
const latches = new Map();
const outside = new AsyncResource("outside"); // a context in which no hook ever ran

/** Run a generator as opencode's fibers run: they go on in the context of what they waited for,
 *  where an async function goes on in its own. */
function fiber(steps) {
  return new Promise((resolve, reject) => {
    const step = (how, value) => {
      try {
        const next = steps[how](value);
        if (next.done) return resolve(next.value);
        Promise.resolve(next.value).then((one) => step("next", one), (error) => step("throw", error));
      } catch (error) {
        reject(error);
      }
    };
    step("next");
  });
}

/** Call a hook of all plug-ins, one after the other, as opencode does. */
function* trigger(name, ...given) {
  for (const hooks of plugins) if (hooks[name]) yield hooks[name](...given);
}

/** Resolve when a test has released the latch. */
function latch(name) {
  if (!latches.has(name)) {
    let release;
    const promise = new Promise((resolve) => (release = resolve));
    latches.set(name, { promise, release });
  }
  return latches.get(name);
}

const bodies = {
  string: (text) => text,
  bytes: (text) => new TextEncoder().encode(text),
  buffer: (text) => new TextEncoder().encode(text).buffer,
  params: (text) => new URLSearchParams(text),
  blob: (text) => new Blob([text]),
  form: (text) => {
    const form = new FormData();
    form.set("text", text);
    return form;
  },
  fields: (text) => {
    const form = new FormData();
    for (const [name, value] of new URLSearchParams(text)) form.set(name, value);
    return form;
  },
  stream: (text) => new Blob([text]).stream(),
};

const headerForms = {
  object: (pairs) => Object.fromEntries(pairs),
  pairs: (pairs) => pairs,
  headers: (pairs) => new Headers(pairs),
  map: (pairs) => new Map(pairs),
  once: (pairs) => pairs.values(),
};

/** Announce a model request to the plug-ins; return the headers that they want in it. */
function* announce({ mark, output = { headers: { ...mark.headers, ...mark.added } } }) {
  const { provider, model = "m1", session = "ses_1", agent = "build", source, options } = mark;
  const of = world.messages[session]?.findLast(({ info }) => info.role === "user")?.info;
  yield* trigger(
    "chat.headers",
    {
      sessionID: session,
      agent,
      model: { id: model, providerID: provider, api: { npm: mark.npm }, headers: mark.headers },
      provider: { id: provider, source: source ?? "api", options: options ?? {} },
      message: of ?? { role: "user", sessionID: session, agent: mark.messageAgent },
    },
    output,
  );
  return output.headers;
}

// What opencode knows, for as much of its SDK as the bridge uses.
const world = {
  model: undefined,
  agents: [{ name: "build" }],
  offered: {},
  sessions: {},
  messages: {},
  prompts: [],
  toasts: [],
  ended: [],
  answer: [{ type: "step-start" }, { type: "text", text: "Said elsewhere." }],
  refused: [], // names of calls that fail
};
let messages = 0;

function answers(name, make) {
  return async (asked) => {
    if (world.refused.includes(name)) return { error: { name: "refused" } };
    if (world.refused.includes(`${name} for ever`)) return new Promise(() => {});
    return { data: await make(asked) };
  };
}

/** Store a message as opencode does, with what the plugin's hook makes of it. */
async function store({ session, given, resolved, agent = "build", parts, ...more }) {
  const id = `msg_${String((messages += 1)).padStart(4, "0")}`;
  const info = { id, role: "user", sessionID: session, agent, model: given ?? resolved, ...more };
  const input = { sessionID: session, agent, model: given, messageID: undefined };
  await fiber(trigger("chat.message", input, { message: info, parts }));
  (world.messages[session] ??= []).push({ info, parts });
  return info;
}

const client = {
  session: {
    get: answers("get", ({ path: { id } }) => ({ id, ...world.sessions[id] })),
    messages: answers("messages", ({ path: { id }, query }) =>
      (world.messages[id] ?? []).slice(-query.limit),
    ),
    message: answers("message", ({ path: { id, messageID } }) =>
      world.messages[id].find(({ info }) => info.id === messageID),
    ),
    prompt: answers("prompt", async ({ path: { id }, body }) => {
      const { parts, model, agent, tools, system } = body;
      world.prompts.push({ session: id, ...body });
      const info = await store({ session: id, given: model, agent, parts, tools, system });
      if (body.noReply) return { info };
      if (world.silent) return new Promise(() => {});
      return { info: { role: "assistant", ...world.failed }, parts: world.answer };
    }),
    create: answers("create", ({ body }) => {
      world.sessions.ses_child = body;
      return { id: "ses_child", ...body };
    }),
    abort: answers("abort", ({ path: { id } }) => world.ended.push(`abort ${id}`)),
    delete: answers("delete", ({ path: { id } }) => world.ended.push(`delete ${id}`)),
  },
  app: { agents: answers("agents", () => world.agents) },
  config: {
    get: answers("config", () => ({ model: world.model })),
    providers: answers("providers", () => ({
      providers: Object.entries(world.offered).map(([id, models]) => ({
        id,
        models: Object.fromEntries(models.map((model) => [model, {}])),
      })),
      default: Object.fromEntries(Object.entries(world.offered).map(([id, [model]]) => [id, model])),
    })),
  },
  tui: { showToast: answers("toast", ({ body }) => world.toasts.push(body)) },
};

function* build(command, signal, told = {}) {
  const added = command.mark ? yield* announce(command) : {};
  const given = Object.keys({ ...command.mark?.headers, ...command.mark?.added });
  told.hookHeaders = Object.keys(added).filter((name) => !given.includes(name));
  if (command.hold) yield latch(command.hold).promise;
  const pairs = Object.entries({ ...command.headers, ...added });
  // As an SDK does that signs what it sends.
  if (command.signed) {
    pairs.push(["x-amz-content-sha256", "0a"]);
    pairs.push(["signature-input", `sig=(${command.signed})`]);
  }
  const headers = headerForms[command.headerForm ?? "object"](pairs);
  const init = { method: command.method ?? "POST", headers, timeout: false };
  if (signal) init.signal = signal;
  if (command.body !== undefined && command.bodyKind !== "none") init.body = bodies[command.bodyKind ?? "string"](command.body);
  if (command.bodyKind === "stream") init.duplex = "half";
  if (command.form === "request") return [new Request(command.url, init)];
  // A Request, and an init that has the headers.
  if (command.form === "both") {
    const { headers: apart, ...rest } = init;
    return [new Request(command.url, rest), { headers: apart }];
  }
  // An address, and an init whose parts are asked for: a Request is one.
  if (command.form === "request as init") return [command.url, new Request(command.url, init)];
  if (command.form === "getters as init") return [command.url, new Asked(init)];
  return [command.form === "url" ? new URL(command.url) : command.url, init];
}

class Asked {
  #init;
  constructor(init) {
    this.#init = init;
  }
  get method() {
    return this.#init.method;
  }
  get headers() {
    return this.#init.headers;
  }
  get body() {
    return this.#init.body;
  }
  get signal() {
    return this.#init.signal;
  }
}

async function read(response, started) {
  const chunks = [];
  if (response.body === null) return { body: "", chunks };
  const decoder = new TextDecoder();
  for await (const part of response.body)
    chunks.push({ ms: performance.now() - started, text: decoder.decode(part, { stream: true }) });
  return { body: chunks.map((chunk) => chunk.text).join(""), chunks };
}

/** Announce a request and send it in the context that follows. */
function* request(command) {
  const controller = command.abortable ? new AbortController() : null;
  if (controller) controllers.set(command.id, controller);
  const seen = {};
  const [input, init] = yield* build(command, controller?.signal, seen);
  const started = performance.now();
  try {
    // A login loader may bring opencode a fetch of its own.
    const own = command.isKept ? below : fetch;
    const send = () => own(...(init ? [input, init] : [input]), ...(command.more ?? []));
    const response = yield command.isLost ? outside.runInAsyncScope(send) : send();
    const ms = performance.now() - started;
    const told = { ...seen, status: response.status, ms };
    told.sameResponse = inner.responses.has(response);
    told.sameInit = init !== undefined && inner.inits.has(init);
    told.type = response.headers.get("content-type");
    if (command.unread) return told;
    if (command.leaves) {
      const reader = response.body.getReader();
      yield reader.read();
      yield reader.cancel();
      return told;
    }
    return { ...told, ...(yield read(response, started)) };
  } catch (error) {
    const told = error instanceof Error ? error.message : String(error);
    const ms = performance.now() - started;
    return { ...seen, error: told, ms, rethrown: error === inner.error };
  }
}

const commands = {
  /** Import all files first and then call them; `start` says in which order. */
  async load({ directory, again, files = ["ours"], start }) {
    const ours = again ? `${plugin}?${again}` : plugin;
    const modules = [];
    for (const file of files)
      modules.push(await import(file === "ours" ? ours : pathToFileURL(file).href));
    const hooks = [];
    for (const index of start ?? modules.keys())
      for (const one of Object.values(modules[index]))
        hooks.push([files[index], (await (one.server ?? one)({ directory, client })) ?? {}]);
    plugins = hooks.map(([, one]) => one);
    return {
      exports: Object.keys(modules[files.indexOf("ours")]),
      hooks: Object.keys(hooks.find(([file]) => file === "ours")[1]),
      fetchReplaced: globalThis.fetch !== below,
      own: globalThis.fetch.own,
      preconnect: typeof globalThis.fetch.preconnect === typeof native.preconnect,
    };
  },
  fetch: (command) => fiber(request(command)),
  async many({ count, ...command }) {
    const started = performance.now();
    const all = Array.from({ length: count }, () =>
      fiber(
        (function* () {
          const response = yield fetch(...(yield* build(command)));
          yield response.text();
          return response.status;
        })(),
      ),
    );
    const statuses = {};
    for (const status of await Promise.all(all)) statuses[status] = (statuses[status] ?? 0) + 1;
    return { statuses, ms: performance.now() - started };
  },
  async abort({ call, reason, error }) {
    controllers.get(call).abort(error ? new Error(error) : reason);
    return {};
  },
  async hook({ name = "chat.headers", arguments: given }) {
    await fiber(trigger(name, ...given));
    return {};
  },
  /** Several requests in one asynchronous context, as a turn with its tools makes them. */
  turn: ({ requests }) =>
    fiber(
      (function* () {
        const answers = [];
        for (const one of requests) answers.push(yield* request(one));
        return { answers };
      })(),
    ),
  /** Requests that opencode announces and never makes. */
  async announce({ times = 1, ...command }) {
    for (let number = 0; number < times; number += 1) await fiber(announce(command));
    return {};
  },
  async release({ name }) {
    latch(name).release();
    return {};
  },
  async world({ changes }) {
    Object.assign(world, changes);
    return {};
  },
  /** A message of the person's; `resolved` is what opencode takes where none is `given`. */
  async say({ session = "ses_1", text = "hi", synthetic, ...more }) {
    const started = performance.now();
    const info = await store({ session, parts: [{ type: "text", text, synthetic }], ...more });
    return { model: info.model, ms: performance.now() - started };
  },
  /** An answer of a model's that opencode has stored. */
  async answered({ session = "ses_1", ...info }) {
    const one = { id: `msg_${String((messages += 1)).padStart(4, "0")}`, role: "assistant", ...info };
    (world.messages[session] ??= []).push({ info: one, parts: [] });
    return {};
  },
  async seen() {
    return world;
  },
  async facts() {
    return { receivers: [...inner.receivers], failures: inner.failures, others: globalThis.others ?? [] };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  // Not awaited: requests run beside each other, each in a context of its own.
  new AsyncResource("command").runInAsyncScope(() => Promise.resolve().then(() => commands[command.do](command))).then(
    (answer) => console.log(JSON.stringify({ id: command.id, ...answer })),
    (error) => console.log(JSON.stringify({ id: command.id, driverError: String(error.stack) })),
  );
}
process.exit(0);
