// opencode-rotator bridge 0.3.0 (a plugin of opencode, put here by `rotator bridge install`)
//
// It puts the login that is in auth.json now into requests that carry an older one, and tells
// the watcher (`rotator watch`) of failed requests and does what the watcher says. New messages
// go to the provider that the watcher names. All of it works on files alone, and no secret is
// written into any. It decides nothing, and on any surprise it lets opencode go on as if it were
// not there. docs/architecture.md has the contract.

import { createHash, randomBytes } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";

const VERSION = "0.3.0";
const SCHEMA = 1;
const MARK = "x-rotator-request"; // a header that only this file sets, and takes off again
const SHARED = Symbol.for("opencode-rotator.bridge");

const FIRST_WORD_MS = 250; // a watcher that lets a signal lie for longer is not asked again
const LONGEST_ACK_MS = 20_000;
const LONGEST_WAIT_MS = 60_000;
const LONGEST_HOLD_MS = 24 * 60 * 60 * 1000; // however often the watcher says `wait`
const SHORTEST_WAIT_MS = 20; // a watcher that says `wait 0` for ever is not asked without a pause
const LOOK_MS = 1000; // a wait ends early when state.json says something new
const ROUTING_MS = 2000; // a message is not held up for longer to find its provider
const REROUTE_MS = 10_000;
const ASIDE_MS = 300_000; // a summary of a long conversation takes a while
const RECENT_MESSAGES = 20;
const NOTE_LETTERS = 200;
const SWAP_VISIBLE_MS = 100;
const POLL_MS = { first: 1, factor: 1.2, longest: 25 };
const BODY_BYTES = 16 * 1024;
const BODY_MS = 1000;
const MOST_SENDS = 50;
const MOST_ASKED = 16; // more failures at once stand in line, so that none waits in vain
const MOST_SEEN = 64; // credentials remembered for each provider
const MOST_SESSIONS = 256;
const MOST_REFUSED = 4096; // pieces of history remembered for each session
const LIMITS_EVERY_MS = 15_000; // what a good answer says of a login's limits is told this often
const LIMIT_HEADERS =
  /^(x-ratelimit|anthropic-ratelimit|x-codex|x-quota-snapshot|x-usage-ratelimit)-/;
const GROUP_HEADERS = /^(openai-organization|anthropic-organization-id)$/; // who shares limits
const PLAIN_HEADERS = /^(retry-after(-ms)?|content-type|date|x-should-retry)$/;
const TOLD_HEADERS = [PLAIN_HEADERS, GROUP_HEADERS, LIMIT_HEADERS];

const sha256 = (text) => createHash("sha256").update(text).digest("hex");
const randomId = () => randomBytes(8).toString("hex");
const isText = (value) => typeof value === "string";
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const ignore = () => {};
const QUIET_AGENTS = ["title", "summary"]; // opencode goes on without what they say

function attempt(action, otherwise) {
  try {
    return action();
  } catch {
    return otherwise;
  }
}

/** Put `key` last into a map and forget the oldest keys above `most`. */
function remember(map, key, value, most) {
  map.delete(key);
  map.set(key, value);
  while (map.size > most) map.delete(map.keys().next().value);
}

/** Resolve when `start(done)` calls done; reject, and call what start returned, on an abort. */
function until(abort, start) {
  return new Promise((resolve, reject) => {
    if (abort?.aborted) return reject(abort.reason);
    const stop = () => (reject(abort.reason), undo());
    abort?.addEventListener("abort", stop, { once: true });
    const undo = start((value) => (abort?.removeEventListener("abort", stop), resolve(value)));
  });
}

const sleep = (ms, abort) =>
  until(abort, (done) => {
    const timer = setTimeout(done, ms);
    return () => clearTimeout(timer);
  });

// -- Files ---------------------------------------------------------------------------------

function findPlaces(env) {
  const data = env.XDG_DATA_HOME || path.join(os.homedir(), ".local", "share");
  const states = env.XDG_STATE_HOME || path.join(os.homedir(), ".local", "state");
  const state = env.ROTATOR_STATE_DIR || path.join(states, "opencode-rotator");
  const exchange = (...names) => path.join(state, "bridge", ...names);
  return {
    auth: path.join(data, "opencode", "auth.json"),
    state: exchange("state.json"),
    present: exchange("present", `${process.pid}.json`),
    busy: exchange("present", `${process.pid}.busy`),
    inbox: exchange("inbox"),
    outbox: exchange("outbox"),
  };
}

const unlink = (file) => attempt(() => fs.unlinkSync(file));
const realPath = (file) => attempt(() => fs.realpathSync(file), path.resolve(file));

/** Write a file that appears whole or not at all; its folder is made if it is missing. */
function publish(file, value) {
  const temporary = path.join(path.dirname(file), `.${path.basename(file, ".json")}.tmp`);
  fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  unlink(temporary); // of a process that crashed and had our pid
  try {
    fs.writeFileSync(temporary, JSON.stringify(value), { mode: 0o600, flag: "wx" });
    fs.renameSync(temporary, file);
  } catch (error) {
    unlink(temporary);
    throw error;
  }
}

// -- auth.json -----------------------------------------------------------------------------

const idOf = (provider) => provider.replace(/\/+$/, ""); // as opencode writes it

/** What a request needs of an entry, or null for what opencode would not take either. */
function parseEntry(entry) {
  const secret = entry?.[{ api: "key", oauth: "access", wellknown: "token" }[entry?.type]];
  const { type, accountId = null, enterpriseUrl = null, metadata, expires } = entry ?? {};
  const isWhole =
    [secret, accountId ?? "", enterpriseUrl ?? ""].every(isText) &&
    isObject(metadata ?? {}) &&
    Object.values(metadata ?? {}).every(isText) &&
    (type !== "oauth" || (isText(entry.refresh) && Number.isInteger(expires) && expires >= 0)) &&
    (type !== "wellknown" || isText(entry.key));
  if (!isWhole) return null;
  // Where a request is sent depends on these: only the same may take its place.
  const destination = JSON.stringify([type, Object.entries(metadata ?? {}).sort(), enterpriseUrl]);
  const secrets = [secret, entry.refresh].filter(isText);
  return { type, secret, digest: sha256(secret), accountId, destination, secrets };
}

/** auth.json as it is now, and what was seen in it since this process began. */
class Logins {
  #file;
  #text = null;
  #entries = new Map();
  #seen = new Map(); // provider -> digest -> entry without its secrets

  constructor(file) {
    this.#file = file;
  }

  get = (provider) => this.all().get(provider);
  seen = (provider) => this.#seen.get(provider) ?? new Map();

  all() {
    let text = this.#text;
    try {
      text = fs.readFileSync(this.#file, "utf8");
    } catch (error) {
      if (error.code === "ENOENT") text = "{}";
    }
    // What does not parse is just being written: the last whole content counts.
    if (text !== this.#text) attempt(() => this.#take(text));
    return this.#entries;
  }

  #take(text) {
    const value = JSON.parse(text);
    if (!isObject(value)) return;
    this.#text = text;
    const parsed = Object.entries(value).map(([id, entry]) => [idOf(id), parseEntry(entry)]);
    this.#entries = new Map(parsed.filter(([, entry]) => entry));
    for (const [provider, { digest, destination, accountId }] of this.#entries) {
      if (!this.#seen.has(provider)) this.#seen.set(provider, new Map());
      remember(this.#seen.get(provider), digest, { destination, accountId }, MOST_SEEN);
    }
  }
}

// -- state.json ----------------------------------------------------------------------------

/** The watcher's state, or null where it is not one that is meant for us. */
function parseState(text, authFile) {
  const { schema, auth_file: theirs, providers, watcher, ...more } = JSON.parse(text);
  if (schema !== SCHEMA || !isText(theirs) || !isObject(watcher)) return null;
  if (theirs !== authFile && realPath(theirs) !== realPath(authFile)) return null;
  const told = Object.entries(providers).map(([id, { active, known, ready }]) => [
    id,
    { active, known: new Set([...known, active]), ready },
  ]);
  const routing = Array.isArray(more.routing) ? more.routing.filter(isRoute) : [];
  const spent = Array.isArray(more.routing_spent) ? more.routing_spent : [];
  return {
    watcher,
    providers: new Map(told),
    // With one provider there is nothing to choose.
    routing: more.balancing === true && routing.length > 1 ? routing : [],
    spent: new Set(spent), // models that nobody can answer for now
    overridesExplicit: more.routing_overrides_explicit === true,
  };
}

const isRoute = (value) => isText(value?.provider) && isText(value?.model);

/** state.json, read again only when the file is another one. */
class Told {
  key = "absent"; // which file it is
  text = null;
  state = null; // what it says; null: nothing to go by
  #places;

  constructor(places) {
    this.#places = places;
  }

  look() {
    const { state, auth } = this.#places;
    const stat = attempt(() => fs.statSync(state, { bigint: true }), null);
    const key = stat ? `${stat.mtimeNs} ${stat.ino} ${stat.size}` : "absent";
    if (key !== this.key) {
      this.key = key;
      this.text = attempt(() => fs.readFileSync(state, "utf8"), null);
      this.state = attempt(() => parseState(this.text, auth), null);
    }
    return this;
  }

  provider = (id) => this.look().state?.providers.get(id);
  isReady = (model) => this.#ready(model) === true;
  hasNobodyLeft = (model) => this.#ready(model) === false;
  #ready(model) {
    const ready = this.provider(idOf(model.providerID))?.ready;
    return ready === true && this.state.spent.has(nameOf(model)) ? false : ready;
  }
  isAlive = () => this.look().state !== null && isRunning(this.state.watcher);
}

/** Tell whether the watcher runs: by its pid alone, a stranger's process could be waited for. */
function isRunning({ pid, start_ticks: ticks }) {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  if (process.platform !== "linux") return attempt(() => (process.kill(pid, 0), true), false);
  const line = attempt(() => fs.readFileSync(`/proc/${pid}/stat`, "latin1"), "");
  // The name stands in brackets and may hold brackets and blanks itself; field 3 follows it.
  const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
  return fields[19] === String(ticks) && !"TtZXx".includes(fields[0]);
}

// -- Headers -------------------------------------------------------------------------------

const REMOVED = Symbol("removed");
const isIterable = (headers) => typeof headers?.[Symbol.iterator] === "function";
const pairsOf = (headers) => (isIterable(headers) ? [...headers] : Object.entries(headers ?? {}));

/** Return a copy in the same form, each value replaced by what `change(name, value)` returns. */
function editHeaders(headers, change) {
  if (headers instanceof Headers) {
    const copy = new Headers(headers);
    for (const [name, value] of headers) {
      const next = change(name, value);
      if (next === REMOVED) copy.delete(name);
      else if (next !== value) copy.set(name, next);
    }
    return copy;
  }
  const pairs = pairsOf(headers)
    .map(([name, value]) => [name, change(String(name).toLowerCase(), value)])
    .filter(([, value]) => value !== REMOVED);
  return isIterable(headers) ? pairs : Object.fromEntries(pairs);
}

const without = (headers, unwanted) =>
  editHeaders(headers, (name, value) => (name === unwanted ? REMOVED : value));

function valuesOf(headers, wanted) {
  if (headers instanceof Headers && !headers.has(wanted)) return [];
  const pairs = pairsOf(headers).filter(([name]) => String(name).toLowerCase() === wanted);
  return pairs.map(([, value]) => value);
}

/** Split "Bearer x" into its scheme with the blank, and the rest. */
function splitScheme(value) {
  const [, scheme, rest] = /^([\w!#$%&'*+.^`|~-]+[ \t]+)(.+)$/s.exec(value) ?? [null, "", value];
  return { scheme, rest };
}

/** Return the texts that may be a credential: whole values and what follows a scheme. */
function credentialsIn(values) {
  const texts = values.filter((value) => isText(value) && value !== "");
  return new Set(texts.flatMap((value) => [value, splitScheme(value).rest]));
}

/** Put `entry` where `old` stands, and its account id where the old one's stands. */
function replaceLogin(headers, url, old, entry) {
  const change = (name, value) => {
    if (!isText(value)) return value;
    const { scheme, rest } = splitScheme(value);
    if (value === old.secret) return entry.secret;
    if (rest === old.secret) return scheme + entry.secret;
    // A header of such a name that holds something else was set by the user.
    const isOurs = entry.type === "oauth" && name.endsWith("account-id");
    if (isOurs && (!old.seen || old.seen.accountId === value)) return entry.accountId ?? REMOVED;
    return value;
  };
  const changed = editHeaders(headers, change);
  // opencode's own OpenAI login sends this whenever there is one: the old login had none.
  const name = "ChatGPT-Account-Id";
  const isCodex = entry.type === "oauth" && url.pathname.endsWith("/codex/responses");
  if (!isCodex || !entry.accountId || valuesOf(changed, name.toLowerCase()).length) return changed;
  if (changed instanceof Headers) changed.set(name, entry.accountId);
  else if (Array.isArray(changed)) changed.push([name, entry.accountId]);
  else changed[name] = entry.accountId;
  return changed;
}

// -- Signals and verdicts ------------------------------------------------------------------

/** Asks the watcher, through files, what to do with a failed request. */
class Exchange {
  #places;
  #told;
  #prefix = randomBytes(4).toString("hex");
  #mutedKey = null; // the state.json whose watcher did not answer
  #free = MOST_ASKED;
  #line = [];
  #asked = new Set(); // ids that are not over yet
  #waiting = new Map(); // id -> called with the verdict
  #acked = new Map(); // id -> inode of the ack that was read
  #polling = null;
  #delay = POLL_MS.first;

  constructor(places, told) {
    this.#places = places;
    this.#told = told;
  }

  isAnswered = () => this.#told.isAlive() && this.#told.key !== this.#mutedKey;

  /** Send a signal and return the verdict, or null if none came; rejects when the user aborts. */
  async ask(signal, abort) {
    const id = `${this.#prefix}-${randomId()}`;
    let leave = await this.#standInLine(abort);
    try {
      if (!this.isAnswered()) return null; // it may have gone meanwhile
      const { key } = this.#told;
      this.#asked.add(id);
      publish(this.#inbox(id), { schema: SCHEMA, id, ...signal });
      let verdict = await this.#hear(id, FIRST_WORD_MS, abort);
      if (verdict?.verdict === "ack") {
        leave = leave();
        verdict = await this.#hearLater(id, verdict.wait_ms, abort);
      }
      if (!verdict) this.#mutedKey = key;
      return verdict;
    } finally {
      leave?.();
      this.#asked.delete(id);
      this.#acked.delete(id);
      this.#forget(id);
    }
  }

  /** Tell something that asks for no verdict. */
  tell(news) {
    if (!this.isAnswered()) return;
    const id = `${this.#prefix}-${randomId()}`;
    publish(this.#inbox(id), { schema: SCHEMA, id, ...news });
  }

  /** Leave nothing behind that the watcher would act on. */
  close = () => this.#asked.forEach((id) => this.#forget(id));

  #inbox = (id) => path.join(this.#places.inbox, `${id}.json`);
  #outbox = (id) => path.join(this.#places.outbox, `${id}.json`);
  #forget = (id) => [this.#inbox(id), this.#outbox(id)].forEach(unlink);

  /** Resolve when it is this request's turn, to what lets the next one in. */
  async #standInLine(abort) {
    const place = (done) => {
      if (this.#free > 0) done((this.#free -= 1));
      else this.#line.push(done);
      return () => this.#line.splice(this.#line.indexOf(done), 1);
    };
    await until(abort, place);
    return () => {
      const next = this.#line.shift();
      if (next) next();
      else this.#free += 1;
    };
  }

  async #hearLater(id, ms, abort) {
    const end = performance.now() + Math.min(Number(ms) || 0, LONGEST_ACK_MS);
    for (let left; (left = end - performance.now()) > 0; ) {
      const verdict = await this.#hear(id, Math.min(left, FIRST_WORD_MS), abort);
      if (verdict && verdict.verdict !== "ack") return verdict;
      if (!verdict && !this.#told.isAlive()) return null;
    }
    return null;
  }

  #hear(id, ms, abort) {
    return until(abort, (done) => {
      const end = (verdict) => (clearTimeout(timer), this.#waiting.delete(id), done(verdict));
      const timer = setTimeout(() => {
        this.#collect(); // we may be late ourselves, and the answer lies there
        if (this.#waiting.has(id)) end(null);
      }, ms);
      this.#waiting.set(id, end);
      if (this.#polling === null || this.#delay > POLL_MS.first) this.#poll(POLL_MS.first);
      return () => end(null);
    });
  }

  // By looking: opencode's runtime does not report a file that is renamed into place.
  #poll(delay) {
    clearTimeout(this.#polling);
    this.#delay = delay;
    this.#polling = setTimeout(() => {
      this.#polling = null;
      this.#collect();
      if (this.#waiting.size) this.#poll(Math.min(delay * POLL_MS.factor, POLL_MS.longest));
    }, delay);
  }

  #collect() {
    for (const name of attempt(() => fs.readdirSync(this.#places.outbox), [])) {
      const id = path.basename(name, ".json");
      if (id !== name && this.#waiting.has(id)) this.#offer(id);
      else if (id.startsWith(this.#prefix) && !this.#asked.has(id)) this.#forget(id); // too late
    }
  }

  #offer(id) {
    const inode = attempt(() => fs.statSync(this.#outbox(id)).ino, null);
    if (inode === null || inode === this.#acked.get(id)) return;
    const verdict = attempt(() => JSON.parse(fs.readFileSync(this.#outbox(id), "utf8")), null);
    const isOurs = verdict?.schema === SCHEMA && verdict.id === id;
    // An ack stays where it is: the verdict may have taken its name since it was read.
    if (isOurs && verdict.verdict === "ack") this.#acked.set(id, inode);
    else unlink(this.#outbox(id));
    this.#waiting.get(id)(isOurs ? verdict : { verdict: "pass" });
  }
}

/** Decode at most BODY_BYTES, without half a character at the end. */
const cut = (bytes) => new TextDecoder().decode(bytes.subarray(0, BODY_BYTES), { stream: true });

/** Read the beginning of an answer from a copy; opencode can still read the whole of it. */
async function readBeginning(response) {
  const reader = response.clone().body?.getReader();
  const parts = [];
  let timer;
  const late = new Promise((resolve) => (timer = setTimeout(resolve, BODY_MS, { done: true })));
  try {
    for (let size = 0; reader && size < BODY_BYTES; size += parts.at(-1).length) {
      const { done, value } = await Promise.race([reader.read(), late]);
      if (done) break;
      parts.push(value);
    }
  } catch {
    // It broke off: what came has to do.
  } finally {
    clearTimeout(timer);
    // Not awaited: of two copies, the cancelling ends only when both are cancelled.
    reader?.cancel().catch(ignore);
  }
  return cut(Buffer.concat(parts));
}

/** Replace each secret in `text` by its fingerprint, also one that was cut off at the end. */
function redact(text, secrets) {
  const worthIt = secrets.filter((secret) => secret.length >= 4); // "x" would be everywhere
  for (const secret of worthIt.sort((a, b) => b.length - a.length)) {
    const fingerprint = sha256(secret).slice(0, 8);
    const quoted = JSON.stringify(secret).slice(1, -1);
    const escaped = [quoted.replaceAll("/", "\\/"), encodeURIComponent(secret)];
    for (const form of [secret, quoted, ...escaped]) text = text.replaceAll(form, fingerprint);
    let length = secret.length - 1;
    while (length >= 8 && !text.endsWith(secret.slice(0, length))) length -= 1;
    if (length >= 8) text = text.slice(0, -length) + fingerprint;
  }
  return text;
}

// -- Account-bound history -----------------------------------------------------------------
// Ciphertexts and item ids in `input` of a Responses request, which other accounts cannot read.

function inputOf(text) {
  const input = attempt(() => JSON.parse(text).input, null);
  return Array.isArray(input) ? input : [];
}

const isReference = (item) => item.type === "item_reference";
const isReasoningReference = (item) => isReference(item) && String(item.id).startsWith("rs_");
const isEmptyReasoning = ({ summary, content }) =>
  !(Array.isArray(summary) && summary.some((part) => part?.text)) && !content?.length;

function boundPieces(item) {
  if (!isObject(item) || (isReference(item) && !isReasoningReference(item))) return [];
  const pieces = item.type === "reasoning" ? [item.id, item.encrypted_content] : [item.id];
  return pieces.filter((piece) => isText(piece) && piece !== "");
}

/** Return the item without what was refused: itself if nothing was, null if nothing is left. */
function withoutRefused(item, isRefused) {
  if (!boundPieces(item).some(isRefused)) return item;
  if (isReference(item)) return null;
  const { id, ...rest } = item;
  if (item.type === "reasoning") {
    delete rest.encrypted_content; // alone, it or the id would be refused again
    if (isEmptyReasoning(rest)) return null;
  }
  return rest;
}

/** Remembers for each session, as digests, what of its history was refused. */
class History {
  #sessions = new Map();

  /** Note everything bound in the body of a refused request. */
  refuse(session, text) {
    const refused = this.#sessions.get(session) ?? new Map();
    for (const piece of inputOf(text).flatMap(boundPieces))
      remember(refused, sha256(piece), true, MOST_REFUSED);
    remember(this.#sessions, session, refused, MOST_SESSIONS);
  }

  /** Take out of the call's body what its session was refused; tell whether there was any. */
  async clean(call) {
    const refused = this.#sessions.get(call.mark.session);
    const text = refused ? await call.text() : null;
    const input = inputOf(text);
    const isRefused = (piece) => refused.has(sha256(piece));
    const cleaned = input.map((item) => withoutRefused(item, isRefused));
    if (cleaned.every((item, index) => item === input[index])) return false;
    const kept = cleaned.filter((item) => item !== null);
    call.setText(JSON.stringify({ ...JSON.parse(text), input: kept }));
    return true;
  }
}

// -- Answers of our own --------------------------------------------------------------------
// For each wire protocol that we know: one that says nothing and ends the step, or one text.

const NO_TOKENS = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 };
const NO_WORDS = { input_tokens: 0, output_tokens: 0 };
const eventOf = (value) => `event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`;

// Each gets an id, a model and a text; without a text opencode shall go on with another step.
const ANSWERS = {
  "/chat/completions": (id, model, text) => {
    const base = { id, created: 0, model };
    const finish_reason = text === null ? "tool_calls" : "stop";
    const said = { role: "assistant", content: text ?? "" };
    const chunk = { ...base, object: "chat.completion.chunk", usage: NO_TOKENS };
    const part = { ...chunk, choices: [{ index: 0, delta: said, finish_reason }] };
    const choices = [{ index: 0, message: said, finish_reason }];
    return {
      whole: { ...base, object: "chat.completion", choices, usage: NO_TOKENS },
      stream: `data: ${JSON.stringify(part)}\n\ndata: [DONE]\n\n`,
    };
  },
  "/responses": (id, model, text) => {
    const said = [{ type: "output_text", text, annotations: [] }];
    const item = { id: `${id}_text`, type: "message", role: "assistant", status: "completed" };
    const output = text ? [{ ...item, content: said }] : [];
    const base = { id, object: "response", created_at: 0, model, error: null };
    const usage = { ...NO_WORDS, total_tokens: 0 };
    const done = { status: "completed", incomplete_details: null, output, usage };
    const begun = { status: "in_progress", incomplete_details: null, output: [], usage: null };
    const place = { item_id: item.id, output_index: 0, content_index: 0 };
    const events = [
      { type: "response.created", response: { ...base, ...begun } },
      ...output.flatMap((one) => [
        { type: "response.output_item.added", output_index: 0, item: { ...item, content: [] } },
        { type: "response.output_text.delta", ...place, delta: text },
        { type: "response.output_item.done", output_index: 0, item: one },
      ]),
      { type: "response.completed", response: { ...base, ...done } },
    ].map((event, number) => ({ ...event, sequence_number: number }));
    return { whole: { ...base, ...done }, stream: events.map(eventOf).join("") };
  },
  "/messages": (id, model, text) => {
    const base = { id, type: "message", role: "assistant", model };
    const end = { stop_reason: text === null ? "tool_use" : "end_turn", stop_sequence: null };
    const begun = { content: [], stop_reason: null, stop_sequence: null, usage: NO_WORDS };
    const content = text ? [{ type: "text", text }] : [];
    const events = [
      { type: "message_start", message: { ...base, ...begun } },
      ...content.flatMap((block) => [
        { type: "content_block_start", index: 0, content_block: { ...block, text: "" } },
        { type: "content_block_delta", index: 0, delta: { type: "text_delta", text } },
        { type: "content_block_stop", index: 0 },
      ]),
      { type: "message_delta", delta: end, usage: { output_tokens: 0 } },
      { type: "message_stop" },
    ];
    const whole = { ...base, content, ...end, usage: NO_WORDS };
    return { whole, stream: events.map(eventOf).join("") };
  },
};

/** A request to a model, as far as its protocol has to be known; null where we do not know it. */
function questionOf(path, text) {
  const [, make] = Object.entries(ANSWERS).find(([end]) => path.endsWith(end)) ?? [];
  const asked = attempt(() => JSON.parse(text), null);
  return make && isObject(asked) ? { make, asked } : null;
}

/** Return an answer with that text; null: with nothing, after which opencode goes on. */
function answerOf({ make, asked }, text) {
  const { whole, stream } = make(`rotator_${randomId()}`, String(asked.model ?? ""), text);
  const isStream = asked.stream === true;
  const headers = { "content-type": isStream ? "text/event-stream" : "application/json" };
  return new Response(isStream ? stream : JSON.stringify(whole), { headers });
}

/** Return as one text what a request says beside its instructions, without pictures. */
function wordsOf({ asked }) {
  const inParts = (parts) => parts.map((part) => (isText(part?.text) ? part.text : "")).join("\n");
  const said = (item) => {
    if (isText(item?.content)) return item.content;
    const isPlain = Array.isArray(item?.content) && item.content.every((part) => isText(part?.text));
    return isPlain ? inParts(item.content) : JSON.stringify(item, withoutData);
  };
  const items = asked.messages ?? asked.input ?? [];
  if (isText(items)) return items;
  const spoken = items.filter((item) => !["system", "developer"].includes(item?.role));
  return spoken.map(said).join("\n\n");
}

const withoutData = (_, value) => (isText(value) && value.startsWith("data:") ? "" : value);

// -- Which provider serves a session -------------------------------------------------------

const nameOf = (model) => `${model.providerID}/${model.modelID}`;
const modelOf = ({ provider, model }) => ({ providerID: provider, modelID: model });
/** Return the model that two notations of opencode's mean, or null. */
const modelIn = (told) =>
  isText(told?.providerID) && isText(told.modelID)
    ? { providerID: told.providerID, modelID: told.modelID }
    : null;

/** What opencode answers to a question inside this process; fails where it refuses. */
async function ask(question) {
  const { data, error } = await question;
  if (error || data === undefined) throw new Error("opencode did not answer");
  return data;
}

/** Reject after `ms`: opencode shall not wait for us. */
const within = (ms, promise) => {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("too late")), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
};

/** The model that opencode takes by itself was the last one used, as it was at our start. */
function recentModel(env) {
  const states = env.XDG_STATE_HOME || path.join(os.homedir(), ".local", "state");
  const file = path.join(states, "opencode", "model.json");
  return attempt(() => modelIn(JSON.parse(fs.readFileSync(file, "utf8")).recent[0]), null);
}

/** Gives each new message its provider, and remembers who serves which session. */
class Routing {
  #told;
  #recent = recentModel(process.env); // later ones are choices of the user
  #sessions = new Map(); // id -> {client, last, message, line, left}
  #ours = new Map(); // names of models that we set

  constructor(told) {
    this.#told = told;
  }

  /** Return what is known of a session, newest last. */
  session(id) {
    const known = this.#sessions.get(id) ?? { left: new Set() };
    remember(this.#sessions, id, known, MOST_SESSIONS);
    return known;
  }

  /** Set the model of a message that opencode is about to store, if it is for us to choose. */
  async choose(client, input, { message, parts }) {
    const known = this.session(message.sessionID);
    const isSeen = known.message === message.id; // we are loaded twice
    if (isSeen || parts.some((part) => known.line && part.text === known.line)) return;
    known.message = message.id;
    known.client = client;
    // What nobody typed belongs to the turn that is under way.
    if (!parts.length || !parts.every((part) => part.synthetic)) known.left = new Set();
    const wanted = modelIn(message.model);
    const isActive = wanted && this.#told.isAlive() && this.#told.state.routing.length;
    const chosen = isActive
      ? await within(ROUTING_MS, this.#find(client, known, input, message)).catch(() => null)
      : null;
    if (chosen && nameOf(chosen) !== nameOf(wanted)) {
      this.#set(known, chosen);
      message.model = { ...message.model, ...chosen };
    } else if (wanted) known.last = wanted;
  }

  /** Note that the session goes on with a model that was not the user's choice. */
  #set(known, model) {
    known.last = model;
    remember(this.#ours, nameOf(model), true, MOST_SESSIONS);
  }

  async #find(client, known, { model: given }, message) {
    const wanted = modelIn(message.model);
    const session = await ask(client.session.get({ path: { id: message.sessionID } }));
    if (session.parentID) {
      return this.#told.hasNobodyLeft(wanted) ? this.#next(client, wanted) : wanted;
    }
    const last = known.last ?? (await this.#servedBy(client, message.sessionID));
    const own = await this.#modelOfAgent(client, message.agent);
    const isOwn = own !== null && nameOf(own) === nameOf(wanted);
    const isPicked = !isOwn && (await this.#isPicked(client, wanted, last, given !== undefined));
    const stays = last && this.#told.isReady(last);
    // A turn that was rerouted would only be rerouted again.
    const isLeft = stays && this.#ours.has(nameOf(last)) && this.#told.hasNobodyLeft(wanted);
    if (isPicked && !isLeft && !this.#told.state.overridesExplicit) return wanted;
    const target = stays ? last : await this.#next(client, last);
    // Inside the provider the choice is the agent's, or the user's if it was not ours before.
    const isFree = isOwn || (stays && !this.#ours.has(nameOf(last)));
    return target?.providerID === wanted.providerID && isFree ? wanted : target;
  }

  /** Return the first model in the order of providers that can be asked now, or null. */
  async #next(client, from) {
    let known = null;
    for (const route of this.#told.state.routing) {
      const instead = from && isObject(route.instead) ? route.instead[nameOf(from)] : undefined;
      // Null: nothing there is of the same standing as what the session has now.
      if (instead === null) continue;
      const model = modelOf({ ...route, ...(isText(instead) ? { model: instead } : {}) });
      if (!this.#told.isReady(model)) continue;
      known ??= await ask(client.config.providers());
      if (isOffered(known, model)) return model;
    }
    return null;
  }

  /** Return the model of the session's last good answer, also one of an earlier process. */
  async #servedBy(client, id) {
    const query = { limit: RECENT_MESSAGES };
    const messages = await ask(client.session.messages({ path: { id }, query }));
    const answers = messages.map(({ info }) => info).filter((info) => info.role === "assistant");
    return modelIn(answers.findLast((info) => !info.error && !info.summary));
  }

  async #modelOfAgent(client, name) {
    const agents = await ask(client.app.agents());
    return modelIn(agents.find((agent) => agent.name === name)?.model);
  }

  /** Tell whether the user picked `wanted`: it is neither opencode's default nor one of ours. */
  async #isPicked(client, wanted, last, isGiven) {
    const name = nameOf(wanted);
    if (this.#ours.has(name)) return false;
    if (!last && !isGiven) return false; // opencode found it by itself
    const { model } = await ask(client.config.get());
    if (model) return model !== name && !this.#wasOurs(name, last);
    if (this.#recent) return nameOf(this.#recent) !== name && !this.#wasOurs(name, last);
    const { default: usual } = await ask(client.config.providers());
    return usual?.[wanted.providerID] !== wanted.modelID && !this.#wasOurs(name, last);
  }

  /** Tell whether an earlier process of ours may have set it: it served the session before. */
  #wasOurs(name, last) {
    const isListed = ({ provider, model, instead }) =>
      [model, ...Object.values(isObject(instead) ? instead : {})].some(
        (one) => `${provider}/${one}` === name,
      );
    return last && nameOf(last) === name && this.#told.state.routing.some(isListed);
  }

  /** Let the turn of a failed request go on with another provider; false: it cannot. */
  async reroute(mark, to, note) {
    const known = this.session(mark.session);
    const { client } = known;
    if (!client || !isRoute(to) || known.left.has(to.provider)) return false;
    if (idOf(to.provider) === mark.provider) return false;
    const model = modelOf(to);
    if (!isOffered(await ask(client.config.providers()), model)) return false;
    const base = await this.#lastOfUser(client, mark);
    // Responses end a step with `stop`, which an answer of a given form may not.
    if (base.format?.type === "json_schema") return false;
    const why = isText(note) && note ? oneLine(note) : `${mark.provider} has nobody left`;
    known.line = `[rotator] ${why}; going on with ${nameOf(model)}`;
    const { agent, tools, system, variant = base.model?.variant } = base;
    const parts = [{ type: "text", text: known.line, ignored: true }];
    const body = { noReply: true, agent, variant, tools, system, model, parts };
    await ask(client.session.prompt({ path: { id: mark.session }, body }));
    known.left.add(mark.provider);
    this.#set(known, model);
    return true;
  }

  /** Let another provider answer what is asked beside a turn, in a session that is gone then. */
  async askElsewhere(mark, to, text, abort) {
    const { client } = this.session(mark.session);
    if (!client || !isRoute(to) || !text || idOf(to.provider) === mark.provider) return null;
    const model = modelOf(to);
    if (!isOffered(await ask(client.config.providers()), model)) return null;
    // As a child it is in no list of sessions and gets no title of its own.
    const made = { parentID: mark.session, title: `[rotator] ${mark.agent}` };
    const { id } = await ask(client.session.create({ body: made }));
    this.session(id).isOurs = true;
    const body = { agent: mark.agent, model, parts: [{ type: "text", text }] };
    try {
      const answer = ask(client.session.prompt({ path: { id }, body }));
      const { info, parts } = await until(abort, (done) => {
        answer.then(done, () => done({ info: { error: true }, parts: [] }));
        return () => client.session.abort({ path: { id } }).catch(ignore);
      });
      const said = parts.map((part) => (part.type === "text" ? part.text : "")).join("");
      return info.error || !said.trim() ? null : said;
    } finally {
      client.session.delete({ path: { id } }).catch(ignore);
    }
  }

  /** Return the message that the turn is about: the newest of the user's. */
  async #lastOfUser(client, { session: id, message: messageID }) {
    const query = { limit: RECENT_MESSAGES };
    const messages = await ask(client.session.messages({ path: { id }, query }));
    const found = messages.findLast(({ info }) => info.role === "user");
    // Behind many steps of one turn it is further back.
    return (found ?? (await ask(client.session.message({ path: { id, messageID } })))).info;
  }
}

/** Tell whether opencode has that model; another one would end the turn. */
const isOffered = ({ providers }, { providerID, modelID }) =>
  providers.some(({ id, models }) => id === providerID && isObject(models) && modelID in models);

/** Return text from a file as one line without anything that moves a cursor. */
const oneLine = (text) => text.replace(/[\p{C}\s]+/gu, " ").trim().slice(0, NOTE_LETTERS);

// -- One request ---------------------------------------------------------------------------

function canRepeat(body) {
  if (isText(body ?? "") || ArrayBuffer.isView(body)) return true;
  return [ArrayBuffer, URLSearchParams, Blob, FormData].some((kind) => body instanceof kind);
}

/** A request of ours, in as many attempts as it takes. */
class Call {
  id = randomId();
  sends = 0;
  attempt = 0; // of sending and asking, since a wait ended
  tried = new Set(); // digests
  waited = false;
  secrets = new Set();

  constructor(input, init, mark, carried) {
    this.request = input instanceof Request ? input : null;
    this.input = input;
    this.init = init;
    this.mark = mark;
    this.carried = carried; // {secret, digest, seen}: the login that the headers hold
    this.url = new URL(this.request ? input.url : input);
    this.signal = init.signal === undefined ? this.request?.signal : init.signal;
    this.repeatable = canRepeat(init.body);
  }

  /** Send it; a body inside a Request is kept for the next time. */
  send(original) {
    if (this.waited) this.attempt = 0; // what was refused before says nothing any more
    this.waited = false;
    this.sends += 1;
    this.attempt += 1;
    this.tried.add(this.carried.digest);
    this.secrets.add(this.carried.secret);
    const input = this.input;
    if (this.request && (this.init.body ?? null) === null) {
      try {
        this.input = input.clone();
      } catch {
        this.repeatable = false;
      }
    }
    return original(input, this.init);
  }

  /** Note that a wait is over: the watcher is asked anew, and may name any login again. */
  endWait() {
    this.waited = true;
    this.attempt += 1;
    this.tried.clear();
  }

  /** Return the body as text, or null if it is none. */
  async text() {
    const body = this.init.body ?? null;
    if (body === null && this.request) return this.input.clone().text();
    return isText(body) ? body : null;
  }

  setText(body) {
    this.init = { ...this.init, body, headers: without(this.init.headers, "content-length") };
  }
}

/** What all requests of this process share, and what happens to each. */
class Bridge {
  #nonce = randomId();
  #history = new History();
  #limitsTold = new Map(); // digest -> when the limits of that login were last told

  constructor(places, original) {
    this.original = original;
    this.logins = new Logins(places.auth);
    this.told = new Told(places);
    this.exchange = new Exchange(places, this.told);
    this.routing = new Routing(this.told);
  }

  /** Return the mark for a request that opencode is about to make. */
  mark(client, { sessionID, agent, model, provider, message }) {
    const name = agent?.name ?? agent;
    this.routing.session(sessionID).client = client;
    // Login loaders set an apiKey too; only one from opencode.json wins over auth.json.
    const { apiKey, headers } = (provider?.source === "config" && provider.options) || {};
    const mark = {
      provider: idOf(String(model?.providerID ?? provider?.id)),
      model: model?.id,
      session: sessionID,
      agent: name,
      message: message?.id,
      // A title and the like: made beside the turn, for the same message.
      aside: message?.agent !== undefined && message.agent !== name,
      configured: [...credentialsIn([apiKey, ...Object.values(headers ?? {})])].map(sha256),
    };
    return `${this.#nonce}.${Buffer.from(JSON.stringify(mark)).toString("base64url")}`;
  }

  #readMark(value) {
    const [nonce, told] = String(value).split(".");
    return nonce === this.#nonce ? JSON.parse(Buffer.from(told, "base64url").toString()) : null;
  }

  /** Send a request whose mark is off already; `marks` are the values it had. */
  async fetch(input, init, marks) {
    const { original } = this;
    const call = await this.#prepare(input, init, marks).catch(() => null);
    if (!call) return original(input, init);
    for (;;) {
      const response = await call.send(original);
      if (response.status < 400) this.#tellLimits(call, response);
      if (response.status < 400 || call.sends >= MOST_SENDS) return response;
      let answer = response;
      try {
        answer = await this.#settle(call, response);
      } catch {
        if (call.signal?.aborted) throw call.signal.reason;
      }
      if (answer === response) return response;
      response.body?.cancel().catch(ignore);
      if (answer) return answer;
    }
  }

  /** Return the request ready to be sent if it is ours, else null. */
  async #prepare(input, init, marks) {
    const mark = marks.map((value) => this.#readMark(value)).find(Boolean);
    const entry = mark && this.logins.get(mark.provider);
    const carried = entry && this.#findLogin(mark, init.headers);
    if (!carried) return null;
    const call = new Call(input, init, mark, carried);
    this.#fit(call, entry);
    await this.#history.clean(call);
    return call;
  }

  /** Return the login in the headers that is in auth.json or was, or null. */
  #findLogin({ provider, configured }, headers) {
    const seen = this.logins.seen(provider);
    const known = this.told.provider(provider)?.known;
    let found = null;
    for (const secret of credentialsIn(pairsOf(headers).map(([, value]) => value))) {
      const digest = sha256(secret);
      if (configured.includes(digest)) return null;
      if (seen.has(digest) || known?.has(digest))
        found ??= { secret, digest, seen: seen.get(digest) };
    }
    return found;
  }

  /** Give the call the login `entry`; false where the two do not belong to one destination. */
  #fit(call, entry) {
    const old = call.carried;
    if (entry.digest === old.digest) return true;
    if (this.#destination(call.mark.provider, old) !== entry.destination) return false;
    call.init = { ...call.init, headers: replaceLogin(call.init.headers, call.url, old, entry) };
    call.carried = { ...entry, seen: entry };
    return true;
  }

  #destination(provider, { digest, seen }) {
    if (seen) return seen.destination;
    // state.json names only credentials of the active one's destination, and where that is we
    // know if we saw it.
    const told = this.told.provider(provider);
    if (!told?.known.has(digest)) return null;
    return this.logins.seen(provider).get(told.active)?.destination;
  }

  /** Tell the watcher of a failed answer and do as it says.
   *  Return what opencode gets, or null to send the request again. */
  async #settle(call, response) {
    if (!this.exchange.isAnswered()) return response;
    const body = await readBeginning(response);
    const end = performance.now() + LONGEST_HOLD_MS;
    for (;;) {
      const verdict = await this.exchange.ask(this.#signal(call, response, body), call.signal);
      switch (verdict?.verdict) {
        case "retry":
          return call.repeatable && (await this.#retry(call, verdict)) ? null : response;
        case "reroute":
          return (await this.#reroute(call, verdict)) ?? response;
        case "wait":
          if (!call.repeatable || !(verdict.wait_ms >= 0) || performance.now() > end)
            return response;
          await this.#hold(call, verdict);
          call.endWait();
          break;
        default:
          return response;
      }
    }
  }

  /** Wait as long as the watcher says, or until it has something new to say. */
  async #hold(call, { wait_ms: ms, note }) {
    this.#show(call, note);
    const { text } = this.told.look(); // written anew it may say the same
    const wait = Math.min(Math.max(ms, SHORTEST_WAIT_MS), LONGEST_WAIT_MS);
    const end = performance.now() + wait;
    for (let left; (left = end - performance.now()) > 0; ) {
      await sleep(Math.min(left, LOOK_MS), call.signal);
      if (this.told.look().text !== text || !this.told.isAlive()) return;
    }
  }

  /** Tell the person before the TUI why nothing happens; said once for each note. */
  #show(call, note) {
    if (!isText(note) || !note || call.shown === note) return;
    call.shown = note;
    const { client } = this.routing.session(call.mark.session);
    const body = { title: "rotator", message: oneLine(note), variant: "info" };
    attempt(() => client.tui.showToast({ body }).catch(ignore));
  }

  /** Let opencode go on with another provider: return what it gets for now, or null. */
  async #reroute(call, { to, note }) {
    const question = questionOf(call.url.pathname, await call.text());
    if (!question) return null;
    if (call.mark.aside) return this.#rerouteAside(call, question, to);
    const done = within(REROUTE_MS, this.routing.reroute(call.mark, to, note));
    const isDone = await until(call.signal, (stop) => (done.then(stop, () => stop(false)), ignore));
    return isDone ? answerOf(question, null) : null;
  }

  /** A title or a summary is no step of the turn: its answer has to be one. */
  async #rerouteAside({ mark, signal }, question, to) {
    const isQuiet = QUIET_AGENTS.includes(mark.agent);
    // `opencode run` ends before a title is there, and would leave the session behind.
    const isAsked = !isQuiet || KIND !== "run";
    const abort = AbortSignal.any([AbortSignal.timeout(ASIDE_MS), ...(signal ? [signal] : [])]);
    const asked = () => this.routing.askElsewhere(mark, to, wordsOf(question), abort);
    const text = isAsked ? await asked().catch(ignore) : null;
    if (signal?.aborted) throw signal.reason;
    // Without its answer a compaction would lose the conversation.
    return text || isQuiet ? answerOf(question, text || "") : null;
  }

  /** Let the watcher know what a good answer says of its login's limits, once it is on its way. */
  #tellLimits(call, response) {
    const { digest } = call.carried;
    const since = performance.now() - (this.#limitsTold.get(digest) ?? -Infinity);
    if (since < LIMITS_EVERY_MS) return;
    const says = attempt(() => [...response.headers.keys()].some((n) => LIMIT_HEADERS.test(n)));
    if (!says) return;
    remember(this.#limitsTold, digest, performance.now(), MOST_SEEN);
    const news = attempt(() => this.#signal(call, response, ""));
    setTimeout(() => attempt(() => this.exchange.tell(news)), 0);
  }

  #signal({ id, attempt: number, mark, carried, tried, secrets, waited }, response, body) {
    const all = [...secrets, ...[...this.logins.all().values()].flatMap((entry) => entry.secrets)];
    const isTold = ([name]) => TOLD_HEADERS.some((pattern) => pattern.test(name));
    const told = [...response.headers].filter(isTold);
    return {
      request: id,
      attempt: number,
      at: new Date().toISOString(),
      provider: mark.provider,
      model: mark.model ?? null,
      session: mark.session ?? null,
      credential: carried.digest,
      tried: [...tried],
      left: [...this.routing.session(mark.session).left],
      aside: mark.aside || this.routing.session(mark.session).isOurs === true,
      waited,
      opencode: KIND,
      status: response.status,
      headers: Object.fromEntries(told.map(([name, value]) => [name, redact(value, all)])),
      body: cut(Buffer.from(redact(body, all))),
    };
  }

  async #retry(call, { credential, drop }) {
    if (drop ? drop !== "reasoning" : call.tried.has(credential)) return false;
    const entry = await this.#whenLive(call, credential);
    if (!entry || !this.#fit(call, entry)) return false;
    if (!drop) return true;
    this.#history.refuse(call.mark.session, await call.text());
    return this.#history.clean(call);
  }

  /** Return the entry with that digest as soon as auth.json holds it, which it should by now. */
  async #whenLive(call, digest) {
    for (const end = performance.now() + SWAP_VISIBLE_MS; performance.now() < end; ) {
      const entry = this.logins.get(call.mark.provider);
      if (entry?.digest === digest) return entry;
      await sleep(POLL_MS.first, call.signal);
    }
    return null;
  }
}

// -- Turns ---------------------------------------------------------------------------------

const ENDS = ["session.idle", "session.deleted"];

/** Shows by an empty file that a turn is under way, so that no swap without need disturbs it. */
class Turns {
  #file;
  #busy = new Map(); // session -> directory of the part of opencode that it is in
  #isShown = false;

  constructor(file) {
    this.#file = file;
    unlink(file); // of a process that crashed and had our pid
  }

  /** Take in what opencode tells of its sessions. */
  note(directory, { type, properties }) {
    // Also after an error and an abort opencode says `idle`; of a deleted session it does not.
    const isStatus = type === "session.status";
    const isOver = isStatus ? properties.status.type === "idle" : ENDS.includes(type);
    if (isOver) this.#busy.delete(properties.sessionID ?? properties.info?.id);
    else if (isStatus) this.#busy.set(properties.sessionID, directory);
    else return;
    this.#show();
  }

  /** Forget the turns in a directory that is loaded anew: none of them goes on. */
  forget(directory) {
    for (const [id, where] of this.#busy) if (where === directory) this.#busy.delete(id);
    this.#show();
  }

  close = () => unlink(this.#file);

  #show() {
    const isBusy = this.#busy.size > 0;
    if (isBusy === this.#isShown) return;
    if (isBusy) fs.writeFileSync(this.#file, "", { mode: 0o600 });
    else unlink(this.#file);
    this.#isShown = isBusy;
  }
}

// -- The plugin ----------------------------------------------------------------------------

function kindOfProcess(argv) {
  const command = argv.slice(2).find((word) => ["run", "serve", "web"].includes(word));
  return { run: "run", serve: "serve", web: "serve" }[command] ?? "tui";
}

const KIND = kindOfProcess(process.argv);

/** opencode's version where it was installed as a package; a plugin is not told. */
function opencodeVersion() {
  const file = path.join(path.dirname(process.execPath), "..", "package.json");
  const { name, version } = attempt(() => JSON.parse(fs.readFileSync(file, "utf8")), {});
  return String(name).startsWith("opencode") ? version : null;
}

/** Return whether the requests of this process may not be touched at all. */
function standsAside(env) {
  // The logins come from the environment then, and auth.json says nothing.
  if (env.OPENCODE_AUTH_CONTENT) return true;
  // The mark would leave through a WebSocket, which no fetch sees.
  return !/^(|0|false|no|off|n)$/i.test(env.OPENCODE_EXPERIMENTAL_WEBSOCKETS ?? "");
}

function wrapFetch(bridge) {
  const { original } = bridge;
  const wrapped = function (input, init) {
    const theirs = input instanceof Request ? input.headers : undefined;
    const marks = attempt(() => [init?.headers, theirs].flatMap((one) => valuesOf(one, MARK)), []);
    if (marks.length === 0) return original.apply(this, arguments);
    // fetch takes these instead of all headers of a Request.
    return bridge.fetch(input, { ...init, headers: without(init?.headers ?? theirs, MARK) }, marks);
  };
  const { prototype, ...own } = Object.getOwnPropertyDescriptors(original);
  return Object.defineProperties(wrapped, own);
}

/** Install what this process needs once, and return what each further load needs of it. */
function install() {
  const places = findPlaces(process.env);
  const directories = new Set();
  const present = {
    schema: SCHEMA,
    pid: process.pid,
    bridge: VERSION,
    opencode: opencodeVersion(),
    auth_file: places.auth,
    started_at: new Date().toISOString(),
    kind: KIND,
  };
  const load = (directory) => {
    directories.add(directory);
    // Where this fails, only `rotator status` misses something.
    attempt(() => publish(places.present, { ...present, directories: [...directories] }));
  };
  process.on("exit", () => unlink(places.present));
  if (standsAside(process.env)) return { load: (directory) => (load(directory), {}) };
  const bridge = new Bridge(places, globalThis.fetch);
  const turns = new Turns(places.busy);
  // What asks opencode itself belongs to one directory.
  const hooksFor = (directory, client) => ({
    "chat.headers": async (input, output) => {
      // Builds from a branch use the WebSocket by default; their version says so.
      if (/^opencode\/(local|0\.0\.0-)/.test(output?.headers?.["User-Agent"])) return;
      attempt(() => (output.headers[MARK] = bridge.mark(client, input)));
    },
    "chat.message": (input, output) => bridge.routing.choose(client, input, output).catch(ignore),
    event: async ({ event }) => attempt(() => turns.note(directory, event)),
  });
  process.on("exit", () => (bridge.exchange.close(), turns.close()));
  globalThis.fetch = wrapFetch(bridge);
  const loadAndLook = (directory, client) => {
    load(directory);
    attempt(() => turns.forget(directory));
    bridge.logins.all(); // opencode builds the keys of this moment into its requests
    return hooksFor(directory, client);
  };
  return { load: loadAndLook };
}

/** The plugin: opencode calls it once for each directory, and calls every export of this file. */
export const OpencodeRotator = async (context) =>
  attempt(() => {
    const shared = (globalThis[SHARED] ??= install());
    return shared.load(String(context?.directory ?? ""), context?.client);
  }, {});
