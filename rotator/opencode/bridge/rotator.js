// opencode-rotator bridge 0.1.0 (a plugin of opencode, put here by `rotator bridge install`)
//
// It puts the login that is in auth.json now into requests that carry an older one, and tells
// the watcher (`rotator watch`) of failed requests and does what the watcher says. Both work on
// files alone, and no secret is written into any. It decides nothing, and on any surprise it
// lets opencode go on as if it were not there. docs/architecture.md has the contract.

import { createHash, randomBytes } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";

const VERSION = "0.1.0";
const SCHEMA = 1;
const MARK = "x-rotator-request"; // a header that only this file sets, and takes off again
const SHARED = Symbol.for("opencode-rotator.bridge");

const FIRST_WORD_MS = 250; // a watcher that lets a signal lie for longer is not asked again
const LONGEST_ACK_MS = 20_000;
const LONGEST_WAIT_MS = 60_000;
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
const TOLD_HEADERS = [/^(retry-after(-ms)?|content-type|date|x-should-retry)$/, LIMIT_HEADERS];

const sha256 = (text) => createHash("sha256").update(text).digest("hex");
const randomId = () => randomBytes(8).toString("hex");
const isText = (value) => typeof value === "string";
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const ignore = () => {};

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
  const { schema, auth_file: theirs, providers, watcher } = JSON.parse(text);
  if (schema !== SCHEMA || !isText(theirs) || !isObject(watcher)) return null;
  if (theirs !== authFile && realPath(theirs) !== realPath(authFile)) return null;
  const told = Object.entries(providers).map(([id, { active, known }]) => [
    id,
    { active, known: new Set([...known, active]) },
  ]);
  return { watcher, providers: new Map(told) };
}

/** state.json, read again only when the file is another one. */
class Told {
  key = "absent"; // which file it is
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
      this.state = attempt(() => parseState(fs.readFileSync(state, "utf8"), auth), null);
    }
    return this;
  }

  provider = (id) => this.look().state?.providers.get(id);
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

// -- One request ---------------------------------------------------------------------------

function canRepeat(body) {
  if (isText(body ?? "") || ArrayBuffer.isView(body)) return true;
  return [ArrayBuffer, URLSearchParams, Blob, FormData].some((kind) => body instanceof kind);
}

/** A request of ours, in as many attempts as it takes. */
class Call {
  id = randomId();
  attempt = 0;
  tried = new Set(); // digests
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
  }

  /** Return the mark for a request that opencode is about to make. */
  mark({ sessionID, agent, model, provider }) {
    // Login loaders set an apiKey too; only one from opencode.json wins over auth.json.
    const { apiKey, headers } = (provider?.source === "config" && provider.options) || {};
    const mark = {
      provider: idOf(String(model?.providerID ?? provider?.id)),
      model: model?.id,
      session: sessionID,
      agent: agent?.name ?? agent,
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
      if (response.status < 400 || call.attempt >= MOST_SENDS) return response;
      try {
        if (!(await this.#goOn(call, response))) return response;
      } catch {
        if (call.signal?.aborted) throw call.signal.reason;
        return response;
      }
      response.body?.cancel().catch(ignore);
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

  /** Tell the watcher of a failed answer and do as it says; true: send again. */
  async #goOn(call, response) {
    if (!this.exchange.isAnswered()) return false;
    const body = await readBeginning(response);
    const verdict = await this.exchange.ask(this.#signal(call, response, body), call.signal);
    if (!call.repeatable) return false;
    if (verdict?.verdict === "retry") return this.#retry(call, verdict);
    if (verdict?.verdict !== "wait" || !(verdict.wait_ms >= 0)) return false;
    await sleep(Math.min(verdict.wait_ms, LONGEST_WAIT_MS), call.signal);
    const entry = this.logins.get(call.mark.provider);
    return entry !== undefined && this.#fit(call, entry);
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

  #signal({ id, attempt: number, mark, carried, tried, secrets }, response, body) {
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

// -- The plugin ----------------------------------------------------------------------------

function kindOfProcess(argv) {
  const command = argv.slice(2).find((word) => ["run", "serve", "web"].includes(word));
  return { run: "run", serve: "serve", web: "serve" }[command] ?? "tui";
}

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
    kind: kindOfProcess(process.argv),
  };
  const load = (directory) => {
    directories.add(directory);
    // Where this fails, only `rotator status` misses something.
    attempt(() => publish(places.present, { ...present, directories: [...directories] }));
  };
  process.on("exit", () => unlink(places.present));
  if (standsAside(process.env)) return { load, hooks: {} };
  const bridge = new Bridge(places, globalThis.fetch);
  const addMark = async (input, output) => {
    // Builds from a branch use the WebSocket by default; their version says so.
    if (/^opencode\/(local|0\.0\.0-)/.test(output?.headers?.["User-Agent"])) return;
    attempt(() => (output.headers[MARK] = bridge.mark(input)));
  };
  process.on("exit", bridge.exchange.close);
  globalThis.fetch = wrapFetch(bridge);
  const loadAndLook = (directory) => {
    load(directory);
    bridge.logins.all(); // opencode builds the keys of this moment into its requests
  };
  return { load: loadAndLook, hooks: { "chat.headers": addMark } };
}

/** The plugin: opencode calls it once for each directory, and calls every export of this file. */
export const OpencodeRotator = async (context) =>
  attempt(() => {
    const shared = (globalThis[SHARED] ??= install());
    shared.load(String(context?.directory ?? ""));
    return shared.hooks;
  }, {});
