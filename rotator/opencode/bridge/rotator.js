// opencode-rotator bridge 0.5.0 (a plugin of opencode, put here by `rotator bridge install`)
// Made from src/plugin.js by `python -m tests.support.build_bridge`: change it there.
//
// It puts the login that opencode shall use now into requests that carry an older one, and tells
// the watcher (`rotator watch`) of failed requests and does what the watcher says. New messages
// go to the provider that the watcher names. Of token requests it tells which token led to which.
// All of it works on files alone, and no secret is written into any. It decides nothing, and on
// any surprise it lets opencode go on as if it were not there. docs/architecture.md has the
// contract.
//
// opencode 1 calls `server`, OpenCode 2 calls `setup`; a late opencode 1 calls both.

// src/core/try-or.js
function tryOr(action, otherwise) {
  try {
    return action();
  } catch {
    return otherwise;
  }
}
var noop = () => {
};

// src/opencode/process.js
import path2 from "node:path";

// src/core/environment.js
var KINDS = { run: "run", serve: "serve", web: "serve", acp: "serve" };
var AUTH_CONTENT = "OPENCODE_AUTH_CONTENT";
var WEBSOCKETS = "OPENCODE_EXPERIMENTAL_WEBSOCKETS";
var WEBSOCKET_PROVIDER = "openai";
function processKind(argv) {
  const [command, what] = commandsOf(argv.slice(2));
  if (command === "github" && what === "run") return "run";
  return Object.hasOwn(KINDS, command) ? KINDS[command] : "tui";
}
var isSecondProgram = (argv) => /\/\$bunfs\/root\/opencode$/.test(argv[1] ?? "");
function commandsOf(words) {
  const found = [];
  const end = words.indexOf("--");
  const options = end < 0 ? words : words.slice(0, end);
  for (let i = 0; i < options.length; i += 1) {
    const [word, next] = [options[i], options[i + 1] ?? ""];
    if (!word.startsWith("-") || word === "-" || isNumber(word)) found.push(word);
    else if (/^(-h|--help|-v|--version|--print-?[lL]ogs|--pure)$/.test(word))
      i += Number(["true", "false"].includes(next));
    else if (!/^(--no-.*|--[^=]+=.*|-[^-]*\w\W.*|-\w*[A-Za-z]\d+)$/s.test(word))
      i += Number(!next.startsWith("-") || isNumber(next));
  }
  return found;
}
function isNumber(word) {
  return /^-(\d+(\.\d+)?|\.\d+)$/.test(word);
}
function asideFor(env) {
  if (hasOwnLogins(env[AUTH_CONTENT])) return AUTH_CONTENT;
  return /^(|0|false|no|off|n)$/i.test(env[WEBSOCKETS] ?? "") ? null : WEBSOCKETS;
}
function hasOwnLogins(text) {
  if (!text) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
function usesWebSocket(provider, userAgent, aside) {
  const isBranch = /^opencode\/(local|0\.0\.0-)/.test(String(userAgent));
  return provider === WEBSOCKET_PROVIDER && (isBranch || aside === WEBSOCKETS);
}

// src/system/files.js
import fs from "node:fs";
import path from "node:path";

// src/system/random.js
import { randomBytes } from "node:crypto";
var randomId = () => randomBytes(8).toString("hex");

// src/system/files.js
var { O_RDONLY, O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK, O_NOFOLLOW } = fs.constants;
var FILE_BYTES = 4 * 1024 * 1024;
var SMALL_FILE_BYTES = 64 * 1024;
var unlink = (file) => tryOr(() => fs.unlinkSync(file));
var realPath = (file) => tryOr(() => fs.realpathSync(file), path.resolve(file));
function withFile(file, flags, use) {
  const opened = fs.openSync(file, flags | O_NONBLOCK, 384);
  try {
    const stat = fs.fstatSync(opened);
    if (!stat.isFile()) throw new Error("not a file");
    return use(opened, stat.size);
  } finally {
    fs.closeSync(opened);
  }
}
function readText(file) {
  if (!fs.statSync(file).isFile()) throw new Error("not a file");
  return withFile(file, O_RDONLY, (opened, size) => {
    if (size > FILE_BYTES) throw new Error("too large");
    const bytes = Buffer.alloc(size);
    let length = 0;
    for (let read = 1; read > 0 && length < size; length += read)
      read = fs.readSync(opened, bytes, length, size - length, length);
    return bytes.toString("utf8", 0, length).replace(/^\uFEFF/, "");
  });
}
async function readTextLater(file) {
  if (!(await fs.promises.stat(file)).isFile()) throw new Error("not a file");
  const opened = await fs.promises.open(file, O_RDONLY | O_NONBLOCK);
  try {
    const bytes = Buffer.alloc(SMALL_FILE_BYTES);
    const { bytesRead } = await opened.read(bytes, 0, SMALL_FILE_BYTES, 0);
    return bytes.toString("utf8", 0, bytesRead);
  } finally {
    await opened.close();
  }
}
var append = (file, text) => withFile(file, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, (opened, size) => {
  return size + (text ? fs.writeSync(opened, text) : 0);
});
function publish(file, value) {
  publishText(file, JSON.stringify(value));
}
function touch(file, make) {
  const now = /* @__PURE__ */ new Date();
  fs.promises.lutimes(file, now, now).catch(({ code }) => code === "ENOENT" && tryOr(make));
}
function publishText(file, text) {
  writeBeside(
    file,
    `.${path.basename(file, ".json")}.tmp`,
    text,
    (temporary) => fs.renameSync(temporary, file)
  );
}
function publishFirst(file, value) {
  const temporary = `.${path.basename(file, ".json")}-${randomId()}.tmp`;
  writeBeside(file, temporary, JSON.stringify(value), (written) => {
    fs.linkSync(written, file);
    unlink(written);
  });
}
function writeBeside(file, name, text, give) {
  const temporary = path.join(path.dirname(file), name);
  fs.mkdirSync(path.dirname(file), { recursive: true, mode: 448 });
  unlink(temporary);
  try {
    fs.writeFileSync(temporary, text, { mode: 384, flag: "wx" });
    give(temporary);
  } catch (error) {
    unlink(temporary);
    throw error;
  }
}

// src/opencode/process.js
var PROCESS_KIND = processKind(process.argv);
function opencodeVersion() {
  const file = path2.join(path2.dirname(process.execPath), "..", "package.json");
  const { name, version } = tryOr(() => JSON.parse(readText(file)), {});
  return String(name).startsWith("opencode") ? version : null;
}
var IS_SECOND = isSecondProgram(process.argv);

// src/core/session-events.js
var OVER_EVENTS = ["session.idle", "session.deleted"];
function interpretEvent({ type, properties }) {
  const status = type === "session.status" ? properties.status.type : null;
  const { role, sessionID, finish, error } = properties?.info ?? {};
  const isAnswer = type === "message.updated" && role === "assistant" && finish && !error;
  const isRefusal = type === "session.error" && properties.error?.name === "APIError";
  return {
    session: properties?.sessionID ?? sessionID ?? properties?.info?.id,
    isOver: status === "idle" || type === "session.error" || OVER_EVENTS.includes(type),
    isFailure: status === "retry" || type === "session.error",
    isSent: status === "retry" || isRefusal || Boolean(isAnswer)
  };
}

// src/core/version.js
var VERSION = "0.5.0";
var SCHEMA = 1;

// src/core/bounded-map.js
function remember(map, key, value, most) {
  map.delete(key);
  map.set(key, value);
  while (map.size > most) map.delete(map.keys().next().value);
}

// src/core/bounds.js
var MOST_SESSIONS = 256;
var MOST_SEEN = 64;

// src/core/digests.js
import { createHash } from "node:crypto";
var sha256 = (text) => createHash("sha256").update(text).digest("hex");

// src/core/values.js
var isString = (value) => typeof value === "string";
var isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

// src/core/bound-history.js
var MOST_REFUSED = 4096;
function responseInput(text) {
  const input = tryOr(() => JSON.parse(String(text)).input, null);
  return Array.isArray(input) ? input : [];
}
var isReference = (item) => item.type === "item_reference";
var isReasoningReference = (item) => isReference(item) && String(item.id).startsWith("rs_");
var isEmptyReasoning = ({ summary, content }) => !(Array.isArray(summary) && summary.some((part) => part?.text)) && !content?.length;
function boundPieces(item) {
  if (!isObject(item) || isReference(item) && !isReasoningReference(item)) return [];
  const pieces = item.type === "reasoning" ? [item.id, item.encrypted_content] : [item.id];
  return pieces.filter((piece) => isString(piece) && piece !== "");
}
function withoutRefused(item, isRefused) {
  if (!boundPieces(item).some(isRefused)) return item;
  if (isReference(item)) return null;
  const { id, ...rest } = item;
  if (item.type === "reasoning") {
    delete rest.encrypted_content;
    if (isEmptyReasoning(rest)) return null;
  }
  return rest;
}
var History = class {
  /** @type {Map<string, Map<string, true>>} */
  #sessions = /* @__PURE__ */ new Map();
  /**
   * Tell whether anything of a session's history was refused.
   *
   * @param {string} session
   */
  has = (session) => this.#sessions.has(session);
  /**
   * Note everything bound in the body of a refused request.
   *
   * @param {string} session
   * @param {string | null} text
   */
  refuse(session, text) {
    const refused = this.#sessions.get(session) ?? /* @__PURE__ */ new Map();
    for (const piece of responseInput(text).flatMap(boundPieces))
      remember(refused, sha256(piece), true, MOST_REFUSED);
    remember(this.#sessions, session, refused, MOST_SESSIONS);
  }
  /**
   * Take out of the call's body what its session was refused; tell whether there was any.
   *
   * @param {EditableRequest} call
   * @returns {Promise<boolean>}
   */
  async clean(call) {
    const refused = this.#sessions.get(call.mark.session);
    const text = refused ? await call.text() : null;
    const input = responseInput(text);
    const isRefused = (piece) => refused?.has(sha256(piece)) === true;
    const cleaned = input.map((item) => withoutRefused(item, isRefused));
    if (cleaned.every((item, index) => item === input[index])) return false;
    const kept = cleaned.filter((item) => item !== null);
    call.setText(JSON.stringify({ ...JSON.parse(String(text)), input: kept }));
    return true;
  }
};

// src/core/headers.js
var REMOVED = /* @__PURE__ */ Symbol("removed");
var isReadable = (headers) => !isIterable(headers) || !Object.is(headers[Symbol.iterator](), headers);
var isIterable = (headers) => typeof headers?.[Symbol.iterator] === "function";
var headerPairs = (headers) => isIterable(headers) ? [...headers] : Object.entries(headers ?? {});
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
  const pairs = headerPairs(headers).map(([name, value]) => [name, change(String(name).toLowerCase(), value)]).filter(([, value]) => value !== REMOVED);
  return isIterable(headers) ? pairs : Object.fromEntries(pairs);
}
var without = (headers, unwanted) => editHeaders(headers, (name, value) => name === unwanted ? REMOVED : value);
function headerValues(headers, wanted) {
  if (headers instanceof Headers && !headers.has(wanted)) return [];
  const pairs = headerPairs(headers).filter(([name]) => String(name).toLowerCase() === wanted);
  return pairs.map(([, value]) => value);
}

// src/core/credentials.js
function splitScheme(value) {
  const [, scheme, rest] = /^([\w!#$%&'*+.^`|~-]+[ \t]+)(.+)$/s.exec(value) ?? [null, "", value];
  return { scheme, rest };
}
var credentialsInHeaders = (headers) => credentialsInValues(headerPairs(headers).map(([, value]) => value));
function credentialsBeside(headers, given) {
  const told = ([name, value]) => `${String(name).toLowerCase()}: ${String(value).trim()}`;
  const theirs = new Set(given.map(told));
  const others = headerPairs(headers).filter((header) => !theirs.has(told(header)));
  return credentialsInValues(others.map(([, value]) => value));
}
function credentialsInValues(values) {
  const texts = values.filter((value) => isString(value) && value !== "");
  return new Set(texts.flatMap((value) => [value, splitScheme(value).rest]));
}
var SEPARATOR = /[:=\/,;|~@ ]/g;
var MOST_PIECES = 16;
function withPieces(texts) {
  const whole = [...texts];
  const pieces = whole.flatMap(
    (text) => [...text.matchAll(SEPARATOR)].slice(0, MOST_PIECES).flatMap(({ index }) => [text.slice(index + 1), text.slice(0, index)])
  );
  return /* @__PURE__ */ new Set([...whole, ...pieces.filter((piece) => piece !== "")]);
}

// src/core/login-places.js
var DESTINATION_FIELDS = [
  "accountId",
  "apiBase",
  "api_base",
  "baseURL",
  "baseUrl",
  "cluster",
  "deployment",
  "deploymentId",
  "deploymentName",
  "deployment_id",
  "domain",
  "domainName",
  "endpoint",
  "enterpriseUrl",
  "gateway",
  "gatewayId",
  "host",
  "hostname",
  "hostName",
  "instance",
  "instanceUrl",
  "location",
  "project",
  "projectId",
  "project_id",
  "region",
  "resource",
  "resourceName",
  "server",
  "serverName",
  "subdomain",
  "tenant",
  "tenantId",
  "tenant_id",
  "url"
];
var PAGES = [
  "aud",
  "audience",
  "avatar",
  "billing",
  "callback",
  "changelog",
  "console",
  "dashboard",
  "doc",
  "documentation",
  "docs",
  "feedback",
  "help",
  "homepage",
  "icon",
  "image",
  "iss",
  "issuer",
  "logo",
  "photo",
  "picture",
  "pricing",
  "privacy",
  "profile",
  "redirect",
  "referer",
  "referrer",
  "schema",
  "scope",
  "scopes",
  "signup",
  "support",
  "terms",
  "website"
];
var NO_HOSTS = [
  "author",
  "email",
  "file",
  "label",
  "login",
  "mail",
  "model",
  "name",
  "nickname",
  "owner",
  "path",
  "plan",
  "role",
  "title",
  "user",
  "username",
  "version"
];
var PLACES_OF_PROVIDER = {
  azure: ["accountId"],
  "snowflake-cortex": ["account", "accountId"]
};
var DEFAULT_PLACES = { instanceUrl: "https://gitlab.com" };
var WORD = /[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])/g;
var ADDRESS = /^https?:\/\/[!-~]+$/i;
var HOST = /^(?:localhost|(?:[0-9]{1,3}\.){3}[0-9]{1,3}|(?:[a-z0-9-]+\.)+[a-z]{2,})(?::[0-9]{1,5})?(?:\/[!-~]*)?$/i;
function isAddress(name, text) {
  const words = (name.match(WORD) ?? []).map((word) => word.toLowerCase());
  if (words.some((word) => PAGES.includes(word))) return false;
  const isHost = HOST.test(text.trim()) && !NO_HOSTS.includes(words.at(-1) ?? "");
  return isHost || ADDRESS.test(text.trim());
}
function plain(text) {
  const place = text.trim().replace(/\/+$/, "");
  if (!ADDRESS.test(place) && !HOST.test(place)) return place;
  return place.replace(/^(?:https?:\/\/)?[^/?#]*/i, (host) => host.toLowerCase());
}
function destinationOf(provider, { type, accountId, enterpriseUrl = null, metadata }) {
  const own = PLACES_OF_PROVIDER[provider] ?? [];
  const told = type === "api" ? metadata : type === "oauth" && accountId && { accountId };
  const isPlace = (name, value) => own.includes(name) || type === "api" && (DESTINATION_FIELDS.includes(name) || isAddress(name, value));
  const described = Object.entries(told || {});
  const places = described.filter(([name, value]) => isPlace(name, value)).map(([name, value]) => (
    /** @type {[string, string]} */
    [name, plain(value)]
  )).filter(([name, place]) => place !== DEFAULT_PLACES[name]);
  const site = enterpriseUrl && plain(enterpriseUrl).replace(/^https:\/\//, "");
  return JSON.stringify([type, places.sort(), type === "wellknown" ? null : site]);
}

// src/core/secret-texts.js
var UNSEEN = "[\\x00-\\x20\\x7f-\\xa0\\xad\\u061c\\u1680\\u180e\\u2000-\\u200f\\u2028-\\u202f\\u205f-\\u206f\\u3000\\ufeff\\ufff9-\\ufffb]";
var PADDING = new RegExp(`^${UNSEEN}+|${UNSEEN}+$`, "g");
var unpadded = (text) => text.replace(PADDING, "");
var spellings = (text) => [
  .../* @__PURE__ */ new Set([text, text.replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, ""), unpadded(text)])
];
var isSendable = (text) => /^[\x20-\x7e\xa0-\xff]+$/.test(text);

// src/core/auth-entries.js
var providerId = (provider) => provider.replace(/\/+$/, "");
var SECRET_FIELDS = { api: "key", oauth: "access", wellknown: "token" };
function parseEntry(entry, provider) {
  const secret = entry?.[SECRET_FIELDS[entry?.type]];
  const { type, accountId = null, enterpriseUrl = null, metadata, expires } = entry ?? {};
  const isWhole = [secret, accountId ?? "", enterpriseUrl ?? ""].every(isString) && isObject(metadata ?? {}) && Object.values(metadata ?? {}).every(isString) && (type !== "oauth" || isString(entry.refresh) && Number.isInteger(expires) && expires >= 0) && (type !== "wellknown" || isString(entry.key));
  if (!isWhole) return null;
  const hasToken = type === "oauth" && unpadded(entry.refresh.split("|")[0]);
  const refresh = hasToken ? entry.refresh : "";
  if (!unpadded(secret) && !refresh) return null;
  return {
    type,
    secret: unpadded(secret),
    digests: spellings(secret).map(sha256),
    accountId,
    destination: destinationOf(provider, entry),
    expires: type === "oauth" ? expires : 0,
    refresh,
    secrets: [.../* @__PURE__ */ new Set([...spellings(secret), refresh, refresh.split("|")[0]])]
  };
}

// src/core/mark.js
var Mark = class {
  isOurs = false;
  // auth.json has a login that its request may carry
  isPlain = false;
  // its SDK puts the key into one header
  isNamed = false;
  // opencode names the session in its request
  isSpent = false;
  // a model has answered: what goes on in this context is none of ours
  isHeard = false;
  // its request came through our fetch
  isPassedBy = false;
  // another one did that does not name the session
  isGiven = false;
  // it stands in the context of its hook
  isReached = false;
  // something came through our fetch in that context
  /** @type {{ destinations: (slot: string) => string[] } | undefined} */
  built;
  // with which logins opencode built its request
  /** @type {string | null} */
  slot = null;
  /** @type {string | null} */
  credential = null;
  // the digest that its request carried last, if that is a login of ours
  /** @type {"configured" | "unknown" | "signed" | "unseen" | "elsewhere" | "unanswered" | null} */
  key = "unseen";
  // else whose it was
  isUnproven = false;
  // somebody else may have put another credential into it
  /** @param {Announced} fields */
  constructor(fields) {
    this.provider = fields.provider;
    this.model = fields.model;
    this.session = fields.session;
    this.agent = fields.agent;
    this.message = fields.message;
    this.aside = fields.aside;
    this.configured = fields.configured;
    this.given = fields.given;
  }
  /** @param {HeaderForm} headers */
  isNamedIn = (headers) => headerPairs(headers).some(([, value]) => value === this.session);
  /**
   * Tell whether a request may be its own, which names the session where nothing hinders that.
   *
   * @param {HeaderForm} headers
   */
  fits = (headers) => !this.isNamed || this.isNamedIn(headers);
  /**
   * Its request carried a login of ours.
   *
   * @param {{
   *   isForeign: boolean,
   *   isElsewhere?: boolean,
   *   isUnproven: boolean,
   *   slot: string,
   *   carried: CarriedLogin,
   * }} call
   */
  take({ isForeign, isElsewhere, isUnproven, slot, carried }) {
    if (isForeign) {
      this.leave();
      if (isElsewhere) this.key = "elsewhere";
      return;
    }
    this.isUnproven = isUnproven;
    this.isHeard = true;
    this.slot = slot;
    this.credential = carried.digest;
    this.key = null;
  }
  /**
   * Its request carries what is none of ours.
   *
   * @param {Iterable<string>} secrets
   */
  leave(secrets = []) {
    this.isHeard = true;
    this.isUnproven = false;
    this.credential = null;
    const isConfigured = [...secrets].some((secret) => this.configured.has(sha256(secret)));
    this.key = isConfigured ? "configured" : "unknown";
  }
  /** Somebody who had its request in hand let it fail, and no vendor's answer was seen. */
  leaveUnanswered() {
    this.leave();
    this.key = "unanswered";
  }
  /** Its request is signed: whatever it carries, it is left as it is. */
  leaveSigned() {
    this.leave();
    this.key = "signed";
  }
};

// src/core/request-facts.js
var TOKEN_BYTES = 64 * 1024;
function bodyText(body) {
  if (isString(body)) return body;
  if (body instanceof URLSearchParams) return body.toString();
  const bytes = body instanceof ArrayBuffer ? new Uint8Array(body) : body;
  const isSmall = ArrayBuffer.isView(bytes) && bytes.byteLength <= TOKEN_BYTES;
  return isSmall ? new TextDecoder().decode(
    /** @type {Uint8Array} */
    bytes
  ) : null;
}
function inspectRequest(input, init) {
  const request = input instanceof Request ? input : null;
  const headers = init?.headers ?? request?.headers;
  if (headers !== void 0 && !isReadable(headers)) return null;
  const method = String(init?.method ?? request?.method ?? "GET").toUpperCase();
  const { pathname: path8, searchParams: query } = new URL(request ? request.url : input);
  return { input, init, request, headers, method, path: path8, query };
}

// src/core/marks.js
var CREDENTIAL_NAMES = /auth|key|token|secret|cookie/i;
var SESSION_HEADERS = ["x-session-affinity", "x-session-id"];
var SDK_AGENT = /(^|\s)ai-sdk\//;
var PLAIN_SDKS = /^(@ai-sdk\/(openai|openai-compatible|anthropic|xai|github-copilot|google|mistral|groq|deepseek|cerebras|perplexity|togetherai|deepinfra)|@openrouter\/ai-sdk-provider)$/;
var QUIET_AGENTS = ["title", "summary"];
var Marks = class {
  /** @type {{ slotsOf: (provider: string) => string[] }} */
  #logins;
  /** @type {Map<string, SessionMarks>} */
  #sessions = /* @__PURE__ */ new Map();
  // session -> its newest mark of a turn, and beside one
  /** @type {WeakMap<object, Mark>} */
  #announced = /* @__PURE__ */ new WeakMap();
  // what opencode gave the hook -> mark: we may be loaded twice
  /** @type {Set<string>} */
  #nameless = /* @__PURE__ */ new Set();
  // providers whose requests lose the name of the session on their way
  /** @type {Set<string>} */
  #holding = /* @__PURE__ */ new Set();
  // providers whose requests come in the context of their hook
  /** @param {{ slotsOf: (provider: string) => string[] }} logins */
  constructor(logins) {
    this.#logins = logins;
  }
  /**
   * Return the mark for a request that opencode is about to make.
   *
   * @param {HookInput} input
   * @param {any} output
   * @returns {Mark}
   */
  announce({ sessionID, agent, model, provider, message }, output) {
    const known = this.#announced.get(output);
    if (known) return known;
    const name = agent?.name ?? agent;
    const { apiKey, headers } = provider?.source === "config" && provider.options || {};
    const given = [headers, model?.headers].flatMap((set) => Object.entries(set ?? {})).filter(([key]) => CREDENTIAL_NAMES.test(key));
    const configured = [...credentialsInValues([apiKey, ...given.map(([, value]) => value)])];
    const mark = new Mark({
      provider: providerId(String(model?.providerID ?? provider?.id)),
      model: model?.id,
      session: sessionID,
      agent: name,
      message: message?.id,
      // A title and the like: made beside the turn, for the same message.
      aside: message?.agent !== void 0 && message.agent !== name,
      configured: new Set(configured.map(sha256)),
      // Hooks after ours set theirs yet.
      given: () => [model?.headers, output?.headers].flatMap(headerPairs)
    });
    const sdk = [model?.api?.npm, provider?.npm].filter(isString);
    mark.isPlain = sdk.length > 0 && sdk.every((name2) => PLAIN_SDKS.test(name2));
    mark.isOurs = this.#logins.slotsOf(mark.provider).length > 0;
    if (!mark.isOurs) mark.leave(configured);
    this.#follow(mark);
    const hasOwnFetch = provider?.options?.fetch !== void 0;
    const own = Object.keys(model?.headers ?? {}).map((name2) => name2.toLowerCase());
    const hidesSession = SESSION_HEADERS.every((name2) => own.includes(name2));
    const isNameless = hidesSession || this.#nameless.has(mark.provider);
    mark.isNamed = mark.isPlain && !hasOwnFetch && !isNameless;
    if (isObject(output)) this.#announced.set(output, mark);
    return mark;
  }
  /** @param {Mark} mark */
  #follow(mark) {
    const of = this.#sessions.get(mark.session) ?? {};
    const place = QUIET_AGENTS.includes(mark.agent) ? "aside" : "turn";
    this.#drop(of[place]);
    of[place] = mark;
    remember(this.#sessions, mark.session, of, MOST_SESSIONS);
  }
  /**
   * Wait no longer for the request of a mark.
   *
   * @param {Mark | undefined} mark
   */
  #drop(mark) {
    if (mark?.isPassedBy && !mark.isHeard) this.#nameless.add(mark.provider);
  }
  /**
   * Return the provider of a session's turn that was answered, though we saw no request of it.
   *
   * @param {string} session
   */
  unseenIn(session) {
    const { turn } = this.#sessions.get(session) ?? {};
    const isUnseen = turn?.isOurs && !turn.isSpent && !turn.isHeard && !turn.isReached;
    return isUnseen ? turn.provider : null;
  }
  /**
   * Note that the turn of a session is over.
   *
   * @param {string} session
   */
  end(session) {
    const { turn, aside } = this.#sessions.get(session) ?? {};
    if (turn) turn.isSpent = true;
    [turn, aside].forEach((mark) => this.#drop(mark));
  }
  /**
   * Return the mark of the request that opencode tells of when a turn fails.
   *
   * @param {string} session
   */
  of(session) {
    const { turn, aside } = this.#sessions.get(session) ?? {};
    return turn ?? aside;
  }
  /**
   * Return the mark of the request that came in its context, or has lost it; null: it has none.
   *
   * @param {RequestFacts} seen
   * @param {Mark | undefined} inContext
   * @returns {Mark | null | undefined}
   */
  find(seen, inContext) {
    if (!inContext || inContext.isSpent || !inContext.fits(seen.headers)) return this.#lost(seen);
    if (inContext.isNamedIn(seen.headers)) this.#holding.add(inContext.provider);
    return inContext;
  }
  /**
   * Where no request of a provider comes in its context, the SDK's own is known by the session
   * that opencode names in it.
   *
   * @param {RequestFacts} seen
   * @returns {Mark | null | undefined}
   */
  #lost({ init, headers }) {
    if (!headerValues(headers, "user-agent").some((value) => SDK_AGENT.test(String(value))))
      return null;
    const of = headerPairs(headers).map(([, value]) => this.#sessions.get(value)).find(Boolean) ?? {};
    const isOpen = (mark) => mark?.isGiven && !mark.isSpent && !this.#holding.has(mark.provider);
    const open = [of.turn, of.aside].filter(isOpen);
    if (open.length < 2) return open[0] ?? null;
    const hasTools = () => JSON.parse(String(bodyText(init?.body))).tools.length > 0;
    return tryOr(hasTools, false) ? of.turn : null;
  }
};

// src/core/model-requests.js
var MODEL_PATH = /(\/(chat\/completions|completions|responses|messages|chat|converse(-stream)?|invoke(-with-response-stream)?)|:(streamGenerateContent|generateContent|streamRawPredict|rawPredict))$/;
var MODEL_FIELDS = /^(model|modelId|messages|message|inputs?|contents|prompt|request|instances|chat_history)$/;
var isModelPath = (path8) => MODEL_PATH.test(path8);
function isModelRequest(path8, text) {
  if (isModelPath(path8)) return true;
  if (/count_?tokens$/i.test(path8)) return false;
  if (text === null) return true;
  const body = tryOr(() => JSON.parse(text), null);
  return isObject(body) && Object.keys(body).some((name) => MODEL_FIELDS.test(name));
}
var isModelAnswer = ({ url }, { headers }) => isModelPath(url.pathname) || /event-stream/.test(headers.get("content-type") ?? "");

// src/core/signatures.js
var SIGNATURE_NAME = /signature|^dpop$|(^|[-_])(x?sign(ed)?|sig|mac|hmac|jws|hash|digest|checksum|proof|attestation|sha\d*|md5)($|[-_])/i;
var OF_THE_BODY = /^(content-digest|repr-digest|digest|want-.*|content-md5)$/i;
var OF_A_THING = /(^|[-_])(mac[-_]?addr(ess)?|(machine|device|prompt|cache|commit|git|repo|project|model|build|file)[-_](hash|digest|checksum|sha\d*|md5))($|[-_])/i;
var SIGNED_SCHEME = /^\s*(AWS4-|signature\b|sharedkey|\S*hmac)/i;
var TOKEN_SCHEME = /^\s*(bearer|token|basic)\s/i;
var PARTS = /[;,&]|=\s*[^\s=]/;
var isSigned = ({ headers, query }) => [...query.keys()].some((name) => SIGNATURE_NAME.test(name)) || headerPairs(headers).some(([name, value]) => {
  if (OF_THE_BODY.test(String(name)) || OF_A_THING.test(String(name))) return false;
  if (!/^authorization$/i.test(String(name))) return SIGNATURE_NAME.test(String(name));
  const hasParts = !TOKEN_SCHEME.test(value) && PARTS.test(value);
  return SIGNED_SCHEME.test(value) || hasParts;
});

// src/opencode/logins.js
import fs2 from "node:fs";

// src/core/known-tokens.js
var MOST_TOKENS = 2048;
var KnownTokens = class {
  /** @type {Map<string, KnownToken>} */
  #tokens = /* @__PURE__ */ new Map();
  // digest -> {whose, isRefresh, isSent, since}
  #count = 0;
  /** @type {Set<number>} */
  #lengths = /* @__PURE__ */ new Set();
  // of refresh tokens
  /**
   * Return what is known of a text that is a login's refresh token, else nothing.
   *
   * @param {string} text
   */
  refreshToken(text) {
    if (!this.#lengths.has(text.length)) return void 0;
    const digest = sha256(text);
    const known = this.#tokens.get(digest);
    return known?.isRefresh ? { ...known, digest } : void 0;
  }
  /**
   * Return which login a token is of; undefined: nobody's that we know.
   *
   * @param {string} digest
   */
  whoseIs = (digest) => this.#tokens.get(digest)?.whose;
  /**
   * Tell whether a token was known at that point of time to be of another login.
   *
   * @param {string} digest
   * @param {string} whose
   * @param {{ before: number }} time
   */
  isOfAnother(digest, whose, { before }) {
    const known = this.#tokens.get(digest);
    return known !== void 0 && known.whose !== whose && known.since <= before;
  }
  /** A point of time, for `isOfAnother`. */
  now = () => this.#count;
  /**
   * Remember a token of a login, one that buys others (`isRefresh`) or goes with requests.
   *
   * @param {string} text
   * @param {string} whose
   * @param {{ isRefresh?: boolean, isSent?: boolean }} purpose
   */
  add(text, whose, purpose) {
    const digest = sha256(text);
    if (purpose.isRefresh) this.#lengths.add(text.length);
    const known = this.#tokens.get(digest) ?? { since: this.#count += 1 };
    remember(this.#tokens, digest, { ...known, whose, ...purpose }, MOST_TOKENS);
  }
  /**
   * Remember the tokens of an entry in auth.json.
   *
   * @param {string} secret
   * @param {string} refresh
   */
  addLogin(secret, refresh) {
    const tokens = [...spellings(refresh), unpadded(refresh.split("|")[0])].filter(Boolean);
    const before = tokens.map((token) => this.whoseIs(sha256(token))).find(Boolean);
    const whose = before ?? sha256(tokens.at(-1) ?? secret);
    for (const token of tokens) this.add(token, whose, { isRefresh: true });
    if (secret) this.add(secret, whose, { isSent: true });
  }
};

// src/opencode/built-requests.js
var BuiltRequests = class {
  /** @type {Map<string, Set<string>>} */
  #destinations = /* @__PURE__ */ new Map();
  // provider -> destinations
  /** @type {() => void} */
  #onDone;
  /** @param {() => void} onDone called once it is over */
  constructor(onDone) {
    this.#onDone = onDone;
  }
  /** @param {Map<string, Entry>} entries what auth.json holds meanwhile */
  note(entries) {
    for (const [slot, { destination }] of entries) {
      const known = this.#destinations.get(slot) ?? /* @__PURE__ */ new Set();
      this.#destinations.set(slot, known.add(destination));
    }
  }
  /** Note that they are built: a request is about to be made. */
  end = () => this.#onDone();
  /** @param {string} slot */
  destinations = (slot) => [...this.#destinations.get(slot) ?? []];
};

// src/opencode/logins.js
var Logins = class {
  tokens = new KnownTokens();
  /** @type {string} */
  #file;
  /** @type {string | null} */
  #text = null;
  /** @type {Map<string, Entry>} */
  #entries = /* @__PURE__ */ new Map();
  /** @type {Map<string, Map<string, SeenEntry>>} */
  #seen = /* @__PURE__ */ new Map();
  // provider -> digest -> entry without its secrets
  /** @type {Map<string, Map<string, Entry>>} */
  #lastAt = /* @__PURE__ */ new Map();
  // provider -> destination -> the last entry with it
  /** @type {string | null} */
  #looked = null;
  /** @type {Set<BuiltRequests>} */
  #building = /* @__PURE__ */ new Set();
  /** @param {string} file */
  constructor(file) {
    this.#file = file;
  }
  /** Return with which logins opencode builds the requests of a folder from now on. */
  build() {
    const built = new BuiltRequests(() => this.#building.delete(built));
    this.#building.add(built);
    built.note(this.all());
    return built;
  }
  /** @param {string} slot */
  get = (slot) => this.all().get(slot);
  /**
   * @param {string} slot
   * @returns {Map<string, SeenEntry>}
   */
  seen = (slot) => this.#seen.get(slot) ?? /* @__PURE__ */ new Map();
  /**
   * The last login that auth.json has held for each destination, unless it was taken out since.
   *
   * @param {string} slot
   * @returns {Map<string, Entry>}
   */
  lastAt = (slot) => this.#lastAt.get(slot) ?? /* @__PURE__ */ new Map();
  /**
   * The entries that a request of opencode's provider may carry: its own comes first.
   * A well-known login stands under an address and its token goes out for any provider.
   *
   * @param {string} provider
   */
  slotsOf(provider) {
    const isWellKnown = ([id, { type }]) => type === "wellknown" && id !== provider;
    const others = [...this.all()].filter(isWellKnown).map(([id]) => id);
    return this.#entries.has(provider) ? [provider, ...others] : others;
  }
  /** Look at auth.json if it is another file, or another text, than it was. */
  look() {
    const stat = tryOr(() => fs2.statSync(this.#file, { bigint: true }), null);
    const looked = stat && `${stat.mtimeNs} ${stat.ino} ${stat.size}`;
    if (looked === this.#looked) return;
    this.#looked = looked;
    this.all();
  }
  all() {
    let text = this.#text;
    try {
      text = readText(this.#file);
    } catch (error) {
      if (error.code === "ENOENT") text = "{}";
    }
    if (text !== this.#text) tryOr(() => this.#take(text));
    return this.#entries;
  }
  /** @param {string | null} text */
  #take(text) {
    const value = JSON.parse(String(text));
    if (!isObject(value)) return;
    this.#text = text;
    const parsed = Object.entries(value).map(([id, entry]) => (
      /** @type {const} */
      [providerId(id), entry]
    )).map(([id, entry]) => [id, parseEntry(entry, id)]);
    const entries = new Map(
      /** @type {[string, Entry][]} */
      parsed.filter(([, entry]) => entry)
    );
    for (const [slot, { destination }] of this.#entries)
      if (!entries.has(slot)) this.#lastAt.get(slot)?.delete(destination);
    this.#entries = entries;
    this.#building.forEach((built) => built.note(this.#entries));
    for (const [slot, entry] of this.#entries) {
      const { digests, destination, accountId, secret, refresh } = entry;
      if (!this.#lastAt.has(slot)) this.#lastAt.set(slot, /* @__PURE__ */ new Map());
      remember(
        /** @type {Map<string, Entry>} */
        this.#lastAt.get(slot),
        destination,
        entry,
        MOST_SEEN
      );
      if (!this.#seen.has(slot)) this.#seen.set(slot, /* @__PURE__ */ new Map());
      for (const digest of digests)
        remember(
          /** @type {Map<string, SeenEntry>} */
          this.#seen.get(slot),
          digest,
          { digests, destination, accountId },
          MOST_SEEN
        );
      this.tokens.addLogin(secret, refresh);
    }
  }
};

// src/watcher/descent.js
import fs3 from "node:fs";
import path3 from "node:path";

// src/core/token-requests.js
var TOKEN_METHODS = ["POST", "PUT", "GET"];
var TOKEN_PATH = /token|auth|login|refresh|exchange|session/i;
var LOGIN_WORDS = /device_?code|auth(orization)?_?code|\bcode\b/i;
var CODE_NAMES = ["code", "authCode", "auth_code", "authorizationCode", "authorization_code"];
var BESIDE_CODES = [
  ...["code_verifier", "codeVerifier", "verifier", "state"],
  ...["client_id", "clientId", "redirect_uri", "redirectUri"]
];
var LOGIN_GRANTS = ["authorization_code", "urn:ietf:params:oauth:grant-type:device_code"];
var ASKING_FIELDS = /^(model|modelId|messages|contents|prompt|instances|chat_history)$/;
var PROMPT_OF_LOGIN = /^(none|login|consent|select_account|create)( (login|consent|select_account|create))*$/;
var asksModel = (fields) => Object.entries(fields).some(
  ([name, value]) => ASKING_FIELDS.test(name) && !(name === "prompt" && PROMPT_OF_LOGIN.test(String(value)))
);
function isLoginExchange(fields) {
  const places = [fields, ...Object.values(fields).filter(isObject)];
  const find = (...names2) => names2.flatMap((name) => places.map((place) => place[name])).find((value) => isString(value) && value);
  const isCode = find(...CODE_NAMES) && find(...BESIDE_CODES);
  const isDevice = find("device_code", "deviceCode");
  const grant = find("grant_type", "grantType");
  if (/refresh/i.test(grant ?? "")) return false;
  return Boolean(LOGIN_GRANTS.includes(grant) || isCode || isDevice);
}

// src/core/token-texts.js
var MOST_PARTS = 8 * 1024;
var VALUE_NAMES = /^(value|raw|text)$/i;
var parseJson = (text) => tryOr(() => JSON.parse(text), void 0);
function readFields(text) {
  const value = parseJson(text);
  return value === void 0 ? Object.fromEntries(new URLSearchParams(text)) : value;
}
function textsIn(value) {
  const texts = [];
  const parts = [["", value]];
  for (let at = 0; at < parts.length && at < MOST_PARTS; at += 1) {
    const [name, part] = parts[at];
    if (isString(part)) texts.push([name, part]);
    const inner = isString(part) ? /^\s*[[{]/.test(part) && parseJson(part) : part;
    if (typeof inner !== "object" || inner === null) continue;
    const isList = Array.isArray(inner);
    for (const key in inner) parts.push([isList || VALUE_NAMES.test(key) ? name : key, inner[key]]);
  }
  return texts;
}
var textsInFields = (fields) => [...fields].flatMap(([name, value]) => isString(value) ? textsIn({ [name]: value }) : []);
function textsInHeaders(headers) {
  const whole = [...credentialsInHeaders(headers)];
  const cookies = headerValues(headers, "cookie").flatMap((value) => String(value).split(/;\s*/));
  return [...whole, ...cookies.map((cookie) => cookie.slice(cookie.indexOf("=") + 1))];
}
var REFUSAL_NAMES = [
  ...["code", "type", "error_code", "error", "error_description", "message", "error_message"],
  ...["description", "detail"]
];
var LONGEST_REFUSAL = 200;
var LONGEST_WORD = 20;
var CODE = /^[a-z]+(?:[_-][a-z]+)*$/;
function refusalIn(answer, depth = 0) {
  const said = {};
  for (const name of REFUSAL_NAMES) {
    const value = isObject(answer) ? answer[name] : void 0;
    if (isString(value) && isPlainWords(value)) said[name] = value;
    else if (isObject(value) && depth < 2) said[name] = refusalIn(value, depth + 1);
  }
  return said;
}
function isPlainWords(text) {
  if (text.length > LONGEST_REFUSAL || !/^[A-Za-z ,.;:'"()_-]+$/.test(text)) return false;
  return CODE.test(text) || text.includes(" ") ? text.split(/[^A-Za-z]+/).every((word) => word.length <= LONGEST_WORD) : false;
}

// src/core/tokens.js
var SHORTEST_TOKEN = 12;
var LONGEST_TOKEN = 16 * 1024;
var REFRESH_NAMES = ["refresh_token", "refreshToken"];
var TOKEN_NAMES = ["access_token", "accessToken", ...REFRESH_NAMES];
var LIKE_TOKEN_NAMES = /^[\w.-]{0,40}(token|access|refresh|jwt|session)[\w.-]{0,40}$/i;
var REFRESH_NAME = /^refresh([_-]?(token|jwt))?$/i;
var BESIDE_TOKENS = /(type|scope|ur[il]|endpoint|hint|kind|status)s?$|expir|tokeni[sz]|_(at|in)$|[a-z](At|In)$/;
var isPlainToken = (text) => text.length >= SHORTEST_TOKEN && text.length <= LONGEST_TOKEN && !/\s/.test(text);
function tokensIn(texts) {
  const isUsual = ([name]) => TOKEN_NAMES.includes(name);
  const isLike = ([name, text]) => LIKE_TOKEN_NAMES.test(name) && !isBesideTokens(name) && isPlainToken(text.trim());
  const usual = texts.filter((named2) => isUsual(named2) && named2[1]);
  const tokens = [...usual, ...texts.filter((named2) => !isUsual(named2) && isLike(named2))];
  return tokens.flatMap(([name, text]) => [.../* @__PURE__ */ new Set([text, text.trim()])].map((t) => [name, t]));
}
var isRefreshName = ([name]) => REFRESH_NAME.test(name);
var isBesideTokens = (name) => BESIDE_TOKENS.test(name) || /refresh/i.test(name) && !isRefreshName([name]);

// src/requests/answer-body.js
var BODY_BYTES = 16 * 1024;
var BODY_MS = 1e3;
var decodeBeginning = (bytes) => new TextDecoder().decode(bytes.subarray(0, BODY_BYTES), { stream: true });
async function readBeginning(response, most = BODY_BYTES, ms = BODY_MS, isEnough) {
  const reader = response.clone().body?.getReader();
  const parts = [];
  let timer;
  const late = new Promise((resolve) => timer = setTimeout(resolve, ms, { done: true }));
  timer?.unref?.();
  try {
    for (let size = 0; reader && size < most; size += parts.at(-1)?.length ?? 0) {
      const { done, value } = await Promise.race([reader.read(), late]);
      if (done) break;
      parts.push(value);
      if (isEnough?.(decodeBeginning(Buffer.concat(parts)))) break;
    }
  } catch {
  } finally {
    clearTimeout(timer);
    reader?.cancel().catch(noop);
  }
  return Buffer.concat(parts).subarray(0, most);
}
async function asResponse(answer) {
  if (answer instanceof Response) return answer;
  const { status, statusText, headers, body } = answer ?? {};
  if (!(status >= 400 && status < 600)) return answer;
  const content = body instanceof ReadableStream ? body : await answer.text();
  return new Response(content, { status, statusText, headers });
}

// src/system/timing.js
function abortable(abort, start) {
  return new Promise((resolve, reject) => {
    if (abort?.aborted) return reject(abort.reason);
    const stop = () => (reject(abort?.reason), undo());
    abort?.addEventListener("abort", stop, { once: true });
    const undo = start((value) => (abort?.removeEventListener("abort", stop), resolve(value)));
  });
}
var sleep = (ms, abort) => abortable(abort, (done) => {
  const timer = setTimeout(done, ms);
  return () => clearTimeout(timer);
});
var withTimeout = (ms, promise) => {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("too late")), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
};
var repeat = (ms, action) => setInterval(() => tryOr(action), ms).unref?.();

// src/watcher/descent.js
var MOST_DESCENTS = 256;
var REFUSED = "-refused";
var QUESTION_BYTES = 16 * 1024;
var FOLDER_ENTRIES = 2 * 1024;
var TOKEN_MS = 1e3;
var MOST_TO = 16;
var STREAMED = /event-stream|octet-stream|^(image|audio|video)/i;
var STALLED_MS = 6e4;
var Descent = class {
  /** @type {string} */
  #folder;
  /** @type {string} */
  #auth;
  /** @type {Logins} */
  #logins;
  /**
   * @param {Places} places
   * @param {Logins} logins
   */
  constructor(places, logins) {
    this.#folder = places.descent;
    this.#auth = path3.resolve(places.auth);
    this.#logins = logins;
  }
  /**
   * Return what a request may ask for as {grant, from}, or a promise of it; null: no token.
   *
   * @param {RequestFacts} seen
   * @returns {MaybeTokenQuestion | Promise<MaybeTokenQuestion>}
   */
  questionIn(seen) {
    const { request, init, method, path: path8, headers } = seen;
    if (!TOKEN_METHODS.includes(method) || isModelPath(path8)) return null;
    this.#logins.look();
    const whole = init instanceof Request ? init : request;
    const body = (init instanceof Request ? null : init?.body) ?? null;
    if (body instanceof FormData) return this.#askedIn(seen, Object.fromEntries(body), "");
    if (body === null && (!whole || method === "GET")) return this.#askedBy(seen, "");
    if (body instanceof Blob && body.size <= TOKEN_BYTES && TOKEN_PATH.test(path8))
      return this.#later(seen, body);
    if (body !== null) return this.#askedBy(seen, bodyText(body));
    const [length = 0, type = ""] = ["content-length", "content-type"].map(
      (name) => headerValues(headers, name)[0]
    );
    const isSmall = Number(length) <= TOKEN_BYTES;
    if (!TOKEN_PATH.test(path8) || !isSmall || !/json|form-urlencoded|text\/plain/.test(type))
      return this.#askedBy(seen, null);
    return this.#later(
      seen,
      /** @type {Request} */
      whole.clone()
    );
  }
  /**
   * @param {RequestFacts} seen
   * @param {{ text: () => Promise<string> }} body
   * @returns {Promise<MaybeTokenQuestion>}
   */
  #later(seen, body) {
    return body.text().then((text) => this.#askedBy(seen, text)).catch(() => null);
  }
  /**
   * @param {RequestFacts} seen
   * @param {string | null} text
   * @returns {MaybeTokenQuestion}
   */
  #askedBy(seen, text) {
    if (text === null || text.length > QUESTION_BYTES) return this.#asked(seen, [], null);
    return this.#askedIn(seen, readFields(text), text);
  }
  /**
   * @param {RequestFacts} seen
   * @param {any} fields
   * @param {string} text
   * @returns {MaybeTokenQuestion}
   */
  #askedIn(seen, fields, text) {
    const given = isObject(fields) ? fields : {};
    if (asksModel(given)) return null;
    const all2 = { ...Object.fromEntries(seen.query), ...given };
    const mayLogIn = seen.method === "POST" || TOKEN_PATH.test(seen.path);
    if (mayLogIn && LOGIN_WORDS.test(`${text} ${Object.keys(all2)}`) && isLoginExchange(all2))
      return { grant: "login", from: null };
    return this.#asked(seen, [["", text.trim()], ...textsIn(fields)], text);
  }
  /**
   * Return the question of a request that holds a refresh token of a login's.
   * Null: of several, as a copy of auth.json does; undefined: of none.
   *
   * @param {RequestFacts} seen
   * @param {NamedText[]} texts
   * @param {string | null} body
   * @returns {MaybeTokenQuestion}
   */
  #asked({ headers, path: path8, query }, texts, body) {
    const named2 = [...textsInFields(query), ...texts];
    const isIt = ([name, text]) => text.length >= SHORTEST_TOKEN || REFRESH_NAMES.includes(name);
    const stated = this.#refreshIn(named2.filter(isIt).map(([, text]) => text));
    if (stated.length > 0) return this.#refreshBy(stated, { isStated: true });
    if (body === null ? !TOKEN_PATH.test(path8) : isModelRequest(path8, body)) return void 0;
    const carried = this.#refreshIn(textsInHeaders(headers).filter(isPlainToken));
    const apart = carried.filter(({ isSent }) => !isSent);
    return apart.length > 0 ? this.#refreshBy(apart, { isStated: false }) : void 0;
  }
  /** @param {string[]} texts */
  #refreshIn = (texts) => (
    /** @type {RefreshToken[]} */
    texts.map((text) => this.#logins.tokens.refreshToken(text)).filter(Boolean)
  );
  /**
   * @param {{ digest: string, whose: string }[]} tokens
   * @param {{ isStated: boolean }} more
   * @returns {TokenQuestion | null}
   */
  #refreshBy([{ digest: from, whose }, ...more], { isStated }) {
    if (more.some((token) => token.whose !== whose)) return null;
    return { grant: "refresh", from, whose, isStated, before: this.#logins.tokens.now() };
  }
  /**
   * Send a token request; its answer is handed on when the watcher can know of it.
   *
   * @param {MaybeTokenQuestion | Promise<MaybeTokenQuestion>} question
   * @param {() => Promise<Response>} send
   */
  async follow(question, send2) {
    const response = await send2();
    const told = this.#tell(await question, response).catch(noop);
    await Promise.race([told, sleep(TOKEN_MS)]);
    return response;
  }
  /**
   * @param {MaybeTokenQuestion} question
   * @param {Response} response
   */
  async #tell(question, response) {
    if (!question || STREAMED.test(response.headers.get("content-type") ?? "")) return;
    const { grant, from, whose = randomId(), isStated = false, before = 0 } = question;
    const bytes = await readBeginning(response, TOKEN_BYTES, STALLED_MS);
    const answer = readFields(new TextDecoder().decode(bytes));
    const isNew = ([, token]) => !this.#logins.tokens.isOfAnother(sha256(token), whose, { before });
    const tokens = tokensIn(textsIn(answer)).filter(isNew);
    const ok = response.ok && !answer?.error;
    const digests = tokens.map(([, token]) => sha256(token));
    const isKept = ok && from !== null && digests.length > 0 && !tokens.some(isRefreshName);
    const to = [...new Set(isKept ? [from, ...digests] : digests)].slice(0, MOST_TO);
    if (!isStated && to.every((digest) => digest === from)) return;
    for (const [name, token] of tokens)
      this.#logins.tokens.add(token, whose, isRefreshName([name]) ? { isRefresh: true } : {});
    const at = (/* @__PURE__ */ new Date()).toISOString();
    const told = { schema: SCHEMA, auth_file: this.#auth, at, grant, from, to, ok };
    const why = ok ? {} : { status: response.status, said: refusalIn(answer) };
    await this.#publish({ ...told, ...why }, ok ? "" : REFUSED);
  }
  /**
   * @param {object} value
   * @param {string} mark
   */
  async #publish(value, mark) {
    const id = `${Date.now().toString(16).padStart(12, "0")}-${randomId()}${mark}`;
    publish(path3.join(this.#folder, `${id}.json`), value);
    const entries = await fs3.promises.readdir(this.#folder);
    const names2 = entries.length > FOLDER_ENTRIES ? [] : entries.filter((name) => /^[^.].*\.json$/.test(name));
    const [pairs, refused] = [false, true].map(
      (isIt) => names2.filter((name) => name.endsWith(`${REFUSED}.json`) === isIt).sort()
    );
    for (const name of [...refused, ...pairs].slice(0, -MOST_DESCENTS))
      unlink(path3.join(this.#folder, name));
  }
};

// src/watcher/exchange.js
import { randomBytes as randomBytes2 } from "node:crypto";
import fs4 from "node:fs";
import path4 from "node:path";
var FIRST_WORD_MS = 250;
var LONGEST_ACK_MS = 2e4;
var MOST_ASKED = 16;
var MOST_LATE = 64;
var POLL_MS = { first: 1, factor: 1.2, longest: 25 };
var OFTEN = 30;
var Exchange = class {
  /** @type {Places} */
  #places;
  /** @type {WatcherState} */
  #watcher;
  #prefix = randomBytes2(4).toString("hex");
  /** @type {string | null} */
  #mutedKey = null;
  // the state.json whose watcher did not answer
  #free = MOST_ASKED;
  /** @type {((free?: number) => void)[]} */
  #queue = [];
  /** @type {Set<string>} */
  #asked = /* @__PURE__ */ new Set();
  // ids that are not over yet
  /** @type {Map<string, OnVerdict>} */
  #waiting = /* @__PURE__ */ new Map();
  // id -> called with the verdict
  /** @type {Map<string, number>} */
  #acked = /* @__PURE__ */ new Map();
  // id -> inode of the ack that was read
  /** @type {Map<string, true>} */
  #late = /* @__PURE__ */ new Map();
  // ids that got no verdict in time
  /** @type {NodeJS.Timeout | null} */
  #polling = null;
  #delay = POLL_MS.first;
  #looks = 0;
  // since somebody began to wait
  /**
   * @param {Places} places
   * @param {WatcherState} watcher
   */
  constructor(places, watcher) {
    this.#places = places;
    this.#watcher = watcher;
  }
  isAnswered = () => this.#watcher.isAlive() && this.#watcher.key !== this.#mutedKey;
  /**
   * Send a signal and return the verdict, or null if none came; rejects when the user aborts.
   *
   * @param {object} signal
   * @param {AbortSignal | null | undefined} abort
   * @returns {Promise<Verdict | null>}
   */
  async ask(signal, abort) {
    const id = `${this.#prefix}-${randomId()}`;
    let leave = await this.#acquire(abort);
    try {
      if (!this.isAnswered()) return null;
      const { key } = this.#watcher;
      this.#asked.add(id);
      publish(this.#inbox(id), { schema: SCHEMA, id, ...signal });
      let verdict = await this.#awaitVerdict(id, FIRST_WORD_MS, abort);
      if (verdict?.verdict === "ack") {
        leave();
        leave = void 0;
        verdict = await this.#awaitLateVerdict(id, verdict.wait_ms, abort);
      }
      if (!verdict) {
        this.#mutedKey = key;
        remember(this.#late, id, true, MOST_LATE);
      }
      return verdict;
    } finally {
      leave?.();
      this.#asked.delete(id);
      this.#acked.delete(id);
      this.#forget(id);
    }
  }
  /**
   * Tell something that asks for no verdict.
   *
   * @param {object | undefined} news
   */
  tell(news) {
    if (!this.isAnswered()) return;
    const id = `${this.#prefix}-${randomId()}`;
    publish(this.#inbox(id), { schema: SCHEMA, id, ...news });
  }
  /**
   * Tell something that is no signal, to whoever is there.
   *
   * @param {object | undefined} news
   */
  note(news) {
    if (!this.#watcher.isAlive()) return;
    const id = `${this.#prefix}-${randomId()}`;
    publish(this.#inbox(id), { schema: SCHEMA, id, ...news });
  }
  /** Leave nothing behind that the watcher would act on. */
  close = () => this.#asked.forEach((id) => this.#forget(id));
  /** @param {string} id */
  #inbox = (id) => path4.join(this.#places.inbox, `${id}.json`);
  /** @param {string} id */
  #outbox = (id) => path4.join(this.#places.outbox, `${id}.json`);
  /** @param {string} id */
  #forget = (id) => [this.#inbox(id), this.#outbox(id)].forEach(unlink);
  /**
   * Resolve when it is this request's turn, to what lets the next one in.
   *
   * @param {AbortSignal | null | undefined} abort
   * @returns {Promise<() => void>}
   */
  async #acquire(abort) {
    const place = (done) => {
      if (this.#free > 0) done(this.#free -= 1);
      else this.#queue.push(done);
      return () => this.#queue.splice(this.#queue.indexOf(done), 1);
    };
    await abortable(abort, place);
    return () => {
      const next = this.#queue.shift();
      if (next) next();
      else this.#free += 1;
    };
  }
  /**
   * @param {string} id
   * @param {unknown} ms
   * @param {AbortSignal | null | undefined} abort
   * @returns {Promise<Verdict | null>}
   */
  async #awaitLateVerdict(id, ms, abort) {
    const end = performance.now() + Math.min(Number(ms) || 0, LONGEST_ACK_MS);
    for (let left; (left = end - performance.now()) > 0; ) {
      const verdict = await this.#awaitVerdict(id, Math.min(left, FIRST_WORD_MS), abort);
      if (verdict && verdict.verdict !== "ack") return verdict;
      if (!verdict && !this.#watcher.isAlive()) return null;
    }
    return null;
  }
  /**
   * @param {string} id
   * @param {number} ms
   * @param {AbortSignal | null | undefined} abort
   * @returns {Promise<Verdict | null>}
   */
  #awaitVerdict(id, ms, abort) {
    return abortable(abort, (done) => {
      const end = (verdict) => (clearTimeout(timer), this.#waiting.delete(id), done(verdict));
      const timer = setTimeout(() => {
        this.#scanOutbox();
        if (this.#waiting.has(id)) end(null);
      }, ms);
      this.#waiting.set(id, end);
      this.#looks = 0;
      if (this.#polling === null || this.#delay > POLL_MS.first) this.#poll(POLL_MS.first);
      return () => end(null);
    });
  }
  // By looking: opencode's runtime does not report a file that is renamed into place.
  /** @param {number} delay */
  #poll(delay) {
    clearTimeout(this.#polling ?? void 0);
    this.#delay = delay;
    this.#polling = setTimeout(() => {
      this.#polling = null;
      this.#scanOutbox();
      const factor = ++this.#looks < OFTEN ? 1 : POLL_MS.factor;
      if (this.#waiting.size) this.#poll(Math.min(delay * factor, POLL_MS.longest));
    }, delay);
  }
  // By name: the folder may be full of what is none of ours.
  #scanOutbox() {
    for (const id of [...this.#waiting.keys()]) this.#deliver(id);
    for (const id of this.#late.keys()) unlink(this.#outbox(id));
  }
  /** @param {string} id */
  #deliver(id) {
    const inode = tryOr(() => fs4.statSync(this.#outbox(id), { throwIfNoEntry: false })?.ino);
    if (inode === void 0 || inode === this.#acked.get(id)) return;
    const verdict = tryOr(() => JSON.parse(readText(this.#outbox(id))), null);
    const isOurs = verdict?.schema === SCHEMA && verdict.id === id;
    if (isOurs && verdict.verdict === "ack") this.#acked.set(id, inode);
    else unlink(this.#outbox(id));
    this.#waiting.get(id)?.(isOurs ? verdict : { verdict: "pass" });
  }
};

// src/watcher/watcher-state.js
import fs6 from "node:fs";

// src/core/models.js
var modelName = (model) => `${model.providerID}/${model.modelID}`;
var modelOfRoute = ({ provider, model }) => ({ providerID: provider, modelID: model });
var parseModel = (told) => isString(told?.providerID) && isString(told.modelID) ? { providerID: told.providerID, modelID: told.modelID } : null;
var isRoute = (value) => isString(value?.provider) && isString(value?.model);
var isOffered = ({ providers }, { providerID, modelID }) => providers.some(({ id, models }) => id === providerID && isObject(models) && modelID in models);

// src/core/state.js
var parseProviders = (providers) => new Map(
  Object.entries(providers).map(([id, { active, known, ready, limited }]) => [
    id,
    {
      active,
      known: /* @__PURE__ */ new Set([...known, active]),
      ready,
      limited: new Map(Object.entries(limited ?? {}))
    }
  ])
);
var parseWithdrawn = (withdrawn) => new Map(
  Object.entries(isObject(withdrawn) ? withdrawn : {}).map(([id, digests]) => [
    id,
    new Set(Array.isArray(digests) ? digests : [])
  ])
);
function parseState(text, { isOurAuth, isOurDatabase }) {
  const { schema, auth_file: theirs, providers, watcher, ...more } = JSON.parse(String(text));
  if (schema !== SCHEMA || !isString(theirs) || !isObject(watcher)) return null;
  if (!isOurAuth(theirs)) return null;
  const { file, providers: rows = {} } = more.database ?? {};
  const isOurs = isString(file) && isOurDatabase(file);
  const routing = Array.isArray(more.routing) ? more.routing.filter(isRoute) : [];
  const spent = Array.isArray(more.routing_spent) ? more.routing_spent : [];
  return {
    watcher,
    providers: parseProviders(providers),
    second: tryOr(() => parseProviders(isOurs ? rows : {}), /* @__PURE__ */ new Map()),
    withdrawn: parseWithdrawn(more.withdrawn),
    // With one provider there is nothing to choose.
    routing: more.balancing === true && routing.length > 1 ? routing : [],
    spent: new Set(spent),
    // models that nobody can answer for now
    overridesExplicit: more.routing_overrides_explicit === true
  };
}

// src/system/liveness.js
import fs5 from "node:fs";
var SILENT_MS = 2e4;
var PID_NAMESPACE = tryOr(() => {
  if (process.platform !== "linux") return process.platform;
  if (fs5.readlinkSync("/proc/self") !== String(process.pid)) return null;
  const boot = fs5.readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
  const time = tryOr(() => fs5.readlinkSync("/proc/self/ns/time"));
  return [boot, fs5.readlinkSync("/proc/self/ns/pid"), time].filter(isString).join(" ");
}, null);
function procStatFields(pid) {
  const line = tryOr(() => fs5.readFileSync(`/proc/${pid}/stat`, "latin1"), "");
  return line.slice(line.lastIndexOf(")") + 2).split(" ");
}
var isFresh = (file, silentMs = SILENT_MS) => tryOr(() => Math.abs(Date.now() - fs5.statSync(file).mtimeMs) <= silentMs, false);
function isRunning({ pid, start_ticks: ticks, pid_namespace: where }, beat) {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  if (where !== void 0 && (where === null || where !== PID_NAMESPACE)) return isFresh(beat);
  if (process.platform !== "linux") return tryOr(() => (process.kill(pid, 0), true), false);
  const fields = procStatFields(pid);
  return fields[19] === String(ticks) && !"TtZXx".includes(fields[0]);
}

// src/watcher/watcher-state.js
var WatcherState = class {
  key = "absent";
  // which file it is
  /** @type {string | null} */
  text = null;
  /** @type {State | null} */
  state = null;
  // what it says; null: nothing to go by
  /** @type {State["withdrawn"]} */
  #withdrawn = /* @__PURE__ */ new Map();
  // as it was told last: that holds when the watcher has ended, too
  /** @type {Places} */
  #places;
  /** @param {Places} places */
  constructor(places) {
    this.#places = places;
  }
  look() {
    const { state } = this.#places;
    const stat = tryOr(() => fs6.statSync(state, { throwIfNoEntry: false }));
    const key = stat ? `${stat.mtimeMs} ${stat.ino} ${stat.size}` : "absent";
    if (key !== this.key) {
      this.key = key;
      this.text = tryOr(() => readText(state), null);
      this.state = tryOr(() => parseState(this.text, this.#homes), null);
      this.#withdrawn = this.state?.withdrawn ?? this.#withdrawn;
    }
    return this;
  }
  /** @type {(ours: string) => (file: string) => boolean} */
  #isOne = (ours) => (file) => file === ours || realPath(file) === realPath(ours);
  get #homes() {
    const { auth, database } = this.#places;
    return { isOurAuth: this.#isOne(auth), isOurDatabase: this.#isOne(database) };
  }
  /** Where a new message may go; nowhere else than it goes by itself, if that is not for us. */
  get routing() {
    return this.state?.routing ?? [];
  }
  /** @param {string} id */
  provider = (id) => this.look().state?.providers.get(id);
  /**
   * What is told of OpenCode 2's logins.
   *
   * @param {string} id
   */
  second = (id) => this.look().state?.second.get(id);
  /**
   * Tell whether a login is one that the user has taken back: disabled, removed or logged out.
   *
   * @param {string} id
   * @param {string[]} digests
   */
  isWithdrawn = (id, digests) => {
    const withdrawn = this.look().#withdrawn.get(id);
    return digests.some((digest) => withdrawn?.has(digest));
  };
  /** @param {Model} model */
  isReady = (model) => this.#ready(model) === true;
  /** @param {Model} model */
  hasNobodyLeft = (model) => this.#ready(model) === false;
  /** @param {Model} model */
  #ready(model) {
    const ready = this.provider(providerId(model.providerID))?.ready;
    return ready === true && this.state?.spent.has(modelName(model)) ? false : ready;
  }
  isAlive = () => {
    const { state } = this.look();
    return state !== null && isRunning(state.watcher, this.#places.beat);
  };
};

// src/requests/bought-tokens.js
var JSON_TYPE = /[/+]json\b/i;
var BoughtTokens = class {
  /** @type {Map<string, { provider: string, login: ClaimedLogin }>} */
  #buyers = /* @__PURE__ */ new Map();
  // digest of a token -> who bought it
  /**
   * Remember the tokens in the answer to what a login has asked; the answer stays whole.
   *
   * @param {string} provider
   * @param {ClaimedLogin} login
   * @param {Response} response
   */
  async note(provider, login, response) {
    if (!response.ok || !JSON_TYPE.test(response.headers.get("content-type") ?? "")) return;
    const answer = readFields(new TextDecoder().decode(await readBeginning(response)));
    for (const [, token] of tokensIn(textsIn(answer)))
      remember(this.#buyers, sha256(token), { provider, login }, MOST_SEEN);
  }
  /**
   * Return the login that has bought the token in a request of the provider's, if one has.
   *
   * @param {string} provider
   * @param {HeaderForm} headers
   */
  buyerOf(provider, headers) {
    const buyers = [...credentialsInHeaders(headers)].map((text) => this.#buyers.get(sha256(text)));
    return buyers.find((buyer) => buyer?.provider === provider)?.login;
  }
};

// src/core/passed-credentials.js
var HEADERS = ["authorization", "api-key", "x-api-key", "x-goog-api-key"];
var PARAMETER = /^(key|api[-_]?key|access[-_]?token)$/i;
var named = (headers) => headerPairs(headers).map(([name, value]) => ({ name: String(name).toLowerCase(), value }));
function carriesStill(secret, sent, passed) {
  const before = named(sent.headers);
  const isOurs = (value) => withPieces(credentialsInValues([value])).has(secret);
  const places = before.filter(({ value }) => isOurs(value)).map(({ name }) => name);
  const looked = named(passed.headers).filter(
    ({ name, value }) => value && (HEADERS.includes(name) || places.includes(name))
  );
  const wasThere = ({ name, value }) => before.some((one) => one.name === name && one.value === value);
  if (looked.some((one) => !isOurs(one.value) && !wasThere(one))) return false;
  return !hasOtherKey(secret, sent.query, passed.query) && looked.some(({ value }) => isOurs(value));
}
var hasOtherKey = (secret, sent, passed) => [...passed].some(
  ([name, value]) => PARAMETER.test(name) && value !== secret && !sent.getAll(name).includes(value)
);
function answeredFor(secret, url, answer) {
  if (!answer.url || answer.redirected) return null;
  const { pathname, searchParams } = new URL(answer.url);
  if (hasOtherKey(secret, url.searchParams, searchParams)) return "unknown";
  return pathname === url.pathname ? null : "elsewhere";
}

// src/requests/context.js
import { AsyncLocalStorage } from "node:async_hooks";
var markContext = new AsyncLocalStorage();
var sendingContext = new AsyncLocalStorage();
var underWay = /* @__PURE__ */ new Map();
var objectsOf = (input, init) => [input, init, init?.headers, init?.body, init?.signal].filter(isObject);
async function runSending(call, action) {
  const sending = { call, isOver: false };
  if (call) {
    const objects = new WeakSet(objectsOf(call.input, call.init));
    underWay.set(sending, { objects, body: call.init.body });
  }
  try {
    return await sendingContext.run(sending, action);
  } finally {
    sending.isOver = true;
    underWay.delete(sending);
  }
}
function findSending(input, init) {
  const newest = [...underWay].reverse();
  const body = init?.body;
  const isText = isString(body) && body !== "";
  const objects = objectsOf(input, init);
  const found = newest.find(([, made]) => isText && made.body === body) ?? newest.find(([, made]) => objects.some((one) => made.objects.has(one)));
  return found?.[0];
}

// src/requests/call.js
function canRepeat(body) {
  if (isString(body ?? "") || ArrayBuffer.isView(body)) return true;
  return [ArrayBuffer, URLSearchParams, Blob, FormData].some((kind) => body instanceof kind);
}
var Call = class {
  id = randomId();
  sends = 0;
  sentAt = "";
  // when it was sent last
  attempt = 0;
  // of sending and asking, since a wait ended
  /** @type {Set<string>} */
  tried = /* @__PURE__ */ new Set();
  // digests
  waited = false;
  /** @type {Set<string>} */
  secrets = /* @__PURE__ */ new Set();
  /** @type {string | undefined} */
  shown;
  // the newest note that the person was shown
  isLeftBehind = false;
  // it has failed, and another login is about to become active
  isForeign = false;
  // whoever stands between us and the network sent another credential
  isElsewhere = false;
  // that is known by where its answer came from
  isUnproven = false;
  // somebody stands there, and what he sent of it we have not seen
  /** @type {Set<unknown>} */
  #answers = /* @__PURE__ */ new Set();
  // to what was seen of it on its way to the network
  /**
   * @param {RequestFacts & {
   *   init: RequestInit,
   *   mark: Mark,
   *   login: ClaimedLogin,
   *   isLast?: boolean,
   * }} claimed `isLast`: nobody stands between our fetch and the network
   */
  constructor({ input, init, request, mark, login, isLast = true }) {
    this.isLast = isLast;
    this.request = request;
    this.input = input;
    this.init = init;
    this.mark = mark;
    this.slot = login.slot;
    this.carried = login;
    this.url = new URL(request ? request.url : input);
    this.signal = init.signal === void 0 ? this.request?.signal : init.signal;
    this.repeatable = canRepeat(init.body);
  }
  /**
   * Send it; a body inside a Request is kept for the next time.
   *
   * @param {Layer} layer
   */
  send(layer) {
    this.note();
    const input = this.input;
    if (this.request && (this.init.body ?? null) === null) {
      try {
        this.input = input.clone();
      } catch {
        this.repeatable = false;
      }
    }
    return runSending(this, async () => {
      const response = await layer(input, this.init);
      if (!this.isLast) tryOr(() => this.#weigh(response));
      return response;
    });
  }
  /**
   * Look at where an answer came from that somebody between us and the network hands on.
   *
   * @param {Response} response
   */
  #weigh(response) {
    if (!(response instanceof Response)) return;
    const key = answeredFor(this.carried.secret, this.url, response);
    if (key !== null) this.isForeign = true;
    this.isElsewhere = key === "elsewhere";
    const isAnothers = response.url && this.#answers.size > 0 && !this.#answers.has(response);
    if (isAnothers) this.isUnproven = true;
  }
  /** Note that it is sent, by us or by opencode. */
  note() {
    if (this.waited) this.attempt = 0;
    this.waited = false;
    this.sends += 1;
    this.isUnproven = !this.isLast;
    this.#answers.clear();
    this.sentAt = (/* @__PURE__ */ new Date()).toISOString();
    this.attempt += 1;
    this.tried.add(this.carried.digest);
    this.secrets.add(this.carried.secret);
  }
  /**
   * Look at what a fetch between us and the network makes of it, wherever that sends it.
   *
   * @param {RequestFacts} facts
   * @param {boolean} isLast what we see here goes to the network as it is
   * @returns {boolean} whether the answer to it is that of the network
   */
  observe({ method, path: path8, query, headers, init }, isLast) {
    const text = bodyText(init?.body);
    const isIt = isModelPath(path8) || path8 === this.url.pathname || text !== null && isModelRequest(path8, text);
    if (method !== "POST" || !isIt) return false;
    const sent = { headers: this.init.headers, query: this.url.searchParams };
    if (!carriesStill(this.carried.secret, sent, { headers, query })) this.isForeign = true;
    else if (isLast) this.isUnproven = false;
    return isLast;
  }
  /** @param {Promise<unknown>} answer to what was seen */
  expect(answer) {
    answer.then((response) => this.#answers.add(response), noop);
  }
  /** Note that a wait is over: the watcher is asked anew, and may name any login again. */
  endWait() {
    this.waited = true;
    this.attempt += 1;
    this.tried.clear();
  }
  /**
   * Return the body as text, or null if it is none.
   *
   * @returns {Promise<string | null>}
   */
  async text() {
    const body = this.init.body ?? null;
    if (body === null && this.request) return this.input.clone().text();
    return isString(body) ? body : null;
  }
  /** @param {string} body */
  setText(body) {
    this.init = { ...this.init, body, headers: without(this.init.headers, "content-length") };
  }
};

// src/core/one-line.js
var NOTE_LETTERS = 200;
var oneLine = (text) => text.replace(/[\p{C}\s]+/gu, " ").trim().slice(0, NOTE_LETTERS);

// src/core/protocols.js
var NO_TOKENS = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 };
var NO_WORDS = { input_tokens: 0, output_tokens: 0 };
var sseEvent = (value) => `event: ${value.type}
data: ${JSON.stringify(value)}

`;
var ANSWERS = {
  "/chat/completions": (id, model, text) => {
    const base = { id, created: 0, model };
    const finish_reason = text === null ? "tool_calls" : "stop";
    const message = { role: "assistant", content: text ?? "" };
    const chunk = { ...base, object: "chat.completion.chunk", usage: NO_TOKENS };
    const part = { ...chunk, choices: [{ index: 0, delta: message, finish_reason }] };
    const choices = [{ index: 0, message, finish_reason }];
    return {
      whole: { ...base, object: "chat.completion", choices, usage: NO_TOKENS },
      stream: `data: ${JSON.stringify(part)}

data: [DONE]

`
    };
  },
  "/responses": (id, model, text) => {
    const content = [{ type: "output_text", text, annotations: [] }];
    const item = { id: `${id}_text`, type: "message", role: "assistant", status: "completed" };
    const output = text ? [{ ...item, content }] : [];
    const base = { id, object: "response", created_at: 0, model, error: null };
    const usage = { ...NO_WORDS, total_tokens: 0 };
    const done = { status: "completed", incomplete_details: null, output, usage };
    const begun = { status: "in_progress", incomplete_details: null, output: [], usage: null };
    const place = { item_id: item.id, output_index: 0, content_index: 0 };
    const events = [
      { type: "response.created", response: { ...base, ...begun } },
      ...output.flatMap((spoken) => [
        { type: "response.output_item.added", output_index: 0, item: { ...item, content: [] } },
        { type: "response.output_text.delta", ...place, delta: text },
        { type: "response.output_item.done", output_index: 0, item: spoken }
      ]),
      { type: "response.completed", response: { ...base, ...done } }
    ].map((event, number) => ({ ...event, sequence_number: number }));
    return { whole: { ...base, ...done }, stream: events.map(sseEvent).join("") };
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
        { type: "content_block_stop", index: 0 }
      ]),
      { type: "message_delta", delta: end, usage: { output_tokens: 0 } },
      { type: "message_stop" }
    ];
    const whole = { ...base, content, ...end, usage: NO_WORDS };
    return { whole, stream: events.map(sseEvent).join("") };
  }
};
function parseQuestion(path8, text) {
  const [, make] = Object.entries(ANSWERS).find(([end]) => path8.endsWith(end)) ?? [];
  const asked2 = tryOr(() => JSON.parse(String(text)), null);
  return make && isObject(asked2) ? { make, asked: asked2 } : null;
}
function conversationText({ asked: asked2 }) {
  const inParts = (parts) => parts.map(({ text }) => text).join("\n");
  const textIn = (item) => {
    if (isString(item?.content)) return item.content;
    const isPlain = Array.isArray(item?.content) && item.content.every((part) => isString(part?.text));
    return isPlain ? inParts(item.content) : JSON.stringify(item, withoutPictures);
  };
  const items = asked2.messages ?? asked2.input ?? [];
  if (isString(items)) return items;
  const spoken = items.filter(
    (item) => !["system", "developer"].includes(item?.role)
  );
  return spoken.map(textIn).join("\n\n");
}
var withoutPictures = (_, value) => isString(value) && value.startsWith("data:") ? "" : value;

// src/requests/own-answer.js
function buildAnswer({ make, asked: asked2 }, text) {
  const { whole, stream } = make(`rotator_${randomId()}`, String(asked2.model ?? ""), text);
  const isStream = asked2.stream === true;
  const headers = { "content-type": isStream ? "text/event-stream" : "application/json" };
  return new Response(isStream ? stream : JSON.stringify(whole), { headers });
}

// src/requests/elsewhere.js
var REROUTE_MS = 1e4;
var ASIDE_MS = 3e5;
var AnotherProvider = class {
  /** @type {Routing} */
  #routing;
  /** @param {Routing} routing */
  constructor(routing) {
    this.#routing = routing;
  }
  /**
   * Let opencode go on with another provider: return what it gets for now, or null.
   *
   * @param {Call} call
   * @param {Verdict} verdict
   */
  async instead(call, verdict) {
    const question = parseQuestion(call.url.pathname, await call.text());
    if (!question) return null;
    if (call.mark.aside) return this.#askAside(call, question, verdict.to);
    return await this.go(call, verdict) ? buildAnswer(question, null) : null;
  }
  /**
   * Let opencode's next step ask another provider; a title is no step.
   *
   * @param {Call} call
   * @param {Verdict} verdict
   * @returns {Promise<boolean>}
   */
  async go(call, { to, note }) {
    if (call.mark.aside) return false;
    const done = withTimeout(REROUTE_MS, this.#routing.reroute(call.mark, to, note));
    return abortable(call.signal, (stop) => (done.then(stop, () => stop(false)), noop));
  }
  /**
   * Tell the person before the TUI why nothing happens; said once for each note.
   *
   * @param {Call} call
   * @param {unknown} note
   */
  show(call, note) {
    if (!isString(note) || !note || call.shown === note) return;
    call.shown = note;
    const { client } = this.#routing.session(call.mark.session);
    const body = { title: "rotator", message: oneLine(note), variant: "info" };
    tryOr(() => client?.tui.showToast({ body }).catch(noop));
  }
  /**
   * A title or a summary is no step of the turn: its answer has to be one.
   *
   * @param {Call} call
   * @param {Question} question
   * @param {unknown} to
   */
  async #askAside({ mark, signal }, question, to) {
    const isQuiet = QUIET_AGENTS.includes(mark.agent);
    const isAsked = !isQuiet || PROCESS_KIND !== "run";
    const abort = AbortSignal.any([AbortSignal.timeout(ASIDE_MS), ...signal ? [signal] : []]);
    const asked2 = () => this.#routing.askElsewhere(mark, to, conversationText(question), abort);
    const text = isAsked ? await asked2().catch(noop) : null;
    if (signal?.aborted) throw signal.reason;
    return text || isQuiet ? buildAnswer(question, text || "") : null;
  }
};

// src/requests/failed-requests.js
var LONGEST_WAIT_MS = 6e4;
var LONGEST_HOLD_MS = 24 * 60 * 60 * 1e3;
var SHORTEST_WAIT_MS = 20;
var LOOK_MS = 1e3;
var FailedRequests = class {
  /** @type {Exchange} */
  #exchange;
  /** @type {WatcherState} */
  #watcher;
  /** @type {Elsewhere} */
  #elsewhere;
  /** @type {History} */
  #history;
  /** @type {OtherLogins} */
  #logins;
  /** @type {Reports} */
  #reports;
  /** @type {WeakSet<Call>} */
  #waiting = /* @__PURE__ */ new WeakSet();
  // which the watcher has told to wait
  /**
   * @param {{
   *   exchange: Exchange,
   *   watcher: WatcherState,
   *   elsewhere: Elsewhere,
   *   history: History,
   *   logins: OtherLogins,
   *   reports: Reports,
   * }} parts
   */
  constructor({ exchange, watcher, elsewhere, history, logins, reports }) {
    this.#exchange = exchange;
    this.#watcher = watcher;
    this.#elsewhere = elsewhere;
    this.#history = history;
    this.#logins = logins;
    this.#reports = reports;
  }
  /**
   * Tell the watcher of a failed answer and do as it says.
   * Return what opencode gets, or null to send the request again.
   *
   * @param {Call} call
   * @param {Response} response
   */
  async settle(call, response) {
    if (!this.#exchange.isAnswered()) return response;
    const body = decodeBeginning(await readBeginning(response));
    return this.#told(call, () => this.#settled(call, response, body));
  }
  /**
   * @param {Call} call
   * @param {Response} response
   * @param {string} body
   */
  async #settled(call, response, body) {
    const end = performance.now() + LONGEST_HOLD_MS;
    for (; ; ) {
      const asked2 = this.#exchange.ask(this.#reports.signal(call, response, body), call.signal);
      setImmediate(() => tryOr(() => this.#logins.expect?.(call)));
      const verdict = await asked2;
      switch (verdict?.verdict) {
        case "retry":
          return call.repeatable && await this.#retry(call, verdict) ? null : response;
        case "reroute":
          return await this.#elsewhere.instead(call, verdict) ?? response;
        case "wait":
          if (!call.repeatable || !(verdict.wait_ms >= 0) || performance.now() > end)
            return response;
          await this.#wait(call, verdict);
          call.endWait();
          break;
        default:
          call.isLeftBehind = verdict?.verdict === "pass" && isString(verdict.slot);
          return response;
      }
    }
  }
  /**
   * Tell the watcher of an answer that was none, whose end opencode has not got yet, and do as it
   * says; nothing is sent again: opencode does that by itself once it has the end.
   * Return the sentence that the answer shall fail with, or nothing.
   *
   * @param {Call} call
   * @param {() => object} signal
   * @returns {Promise<string | undefined>}
   */
  settleEnd(call, signal) {
    return this.#told(call, () => this.#settledEnd(call, signal));
  }
  /**
   * Do what may wait, and tell the watcher if it was stopped then: for `status` a turn waits until
   * somebody says otherwise.
   *
   * @template T
   * @param {Call} call
   * @param {() => Promise<T>} work
   * @returns {Promise<T>}
   */
  async #told(call, work) {
    try {
      return await work();
    } finally {
      const isStopped = call.signal?.aborted && this.#waiting.has(call);
      if (isStopped) this.#exchange.note({ kind: "stopped", request: call.id, at: (/* @__PURE__ */ new Date()).toISOString() });
      this.#waiting.delete(call);
    }
  }
  /**
   * @param {Call} call
   * @param {() => object} signal
   * @returns {Promise<string | undefined>}
   */
  async #settledEnd(call, signal) {
    const until = performance.now() + LONGEST_HOLD_MS;
    for (; ; ) {
      const verdict = await this.#exchange.ask(signal(), call.signal);
      const end = verdict?.end;
      const sentence = isString(end) && end ? oneLine(end) : void 0;
      switch (verdict?.verdict) {
        case "reroute":
          return await this.#elsewhere.go(call, verdict) ? void 0 : sentence;
        case "wait":
          if (!(verdict.wait_ms >= 0) || performance.now() > until) return sentence;
          await this.#wait(call, verdict);
          call.endWait();
          break;
        default:
          return sentence;
      }
    }
  }
  /**
   * Wait as long as the watcher says, or until it has something new to say.
   *
   * @param {Call} call
   * @param {Verdict} verdict
   */
  async #wait(call, { wait_ms: ms, note }) {
    this.#waiting.add(call);
    this.#elsewhere.show(call, note);
    const { text } = this.#watcher.look();
    const wait = Math.min(Math.max(ms, SHORTEST_WAIT_MS), LONGEST_WAIT_MS);
    const end = performance.now() + wait;
    for (let left; (left = end - performance.now()) > 0; ) {
      await sleep(Math.min(left, LOOK_MS), call.signal);
      if (this.#watcher.look().text !== text || !this.#watcher.isAlive()) return;
    }
  }
  /**
   * @param {Call} call
   * @param {Verdict} verdict
   */
  async #retry(call, verdict) {
    const { credential, drop } = verdict;
    if (drop ? drop !== "reasoning" : call.tried.has(credential)) return false;
    if (!await this.#logins.takeOver(call, verdict)) return false;
    if (!drop) return true;
    this.#history.refuse(call.mark.session, await call.text());
    return this.#history.clean(call);
  }
};

// src/core/answer-parts.js
var MOST_PARTS2 = 64;
var NOTHING = {
  isError: false,
  hasContent: false,
  isFinished: false,
  endsCalls: false,
  isShort: false,
  calls: []
};
var ERROR = { ...NOTHING, isError: true };
var CONTENT = { ...NOTHING, hasContent: true };
var FINISHED = { ...NOTHING, isFinished: true };
var WHOLE = { ...CONTENT, isFinished: true };
var FINISHES = /^(?:stop|content_filter|end_turn|stop_sequence|pause_turn|refusal|compaction)$/;
var SHORT_FINISHES = /^(?:length|max_tokens|model_length|model_context_window_exceeded)$/;
var CALL_FINISHES = /^(?:tool_calls|function_call|tool_use)$/;
var GOOGLE_FINISHES = /^(?:STOP|MAX_TOKENS|SAFETY|IMAGE_SAFETY|RECITATION|BLOCKLIST|PROHIBITED_CONTENT|SPII|MALFORMED_FUNCTION_CALL)$/;
var QUIET_EVENT = /^(?:ping|keepalive|heartbeat|codex\..*|message_stop|response\.(?:created|in_progress|queued|rate_limits\S*))$/;
var BLOCK_EVENT = /^content_block_(?:start|delta|stop)$/;
var ITEM_DONE = "response.output_item.done";
var SPOKEN_ITEM = /^(?:message|reasoning)$/;
var FINE_CODE = /^(?:0*|200|20000|ok|success|null|none)$/i;
var FRAME = /^(?:id|object|created|model|usage|system_fingerprint|service_tier|provider|x_groq|timings|obfuscation|usagemetadata|modelversion|responseid|createtime|traceid)$/i;
var ERROR_WORDS = ["message", "msg", "type", "code", "status", "detail", "Message", "Code"];
var isEmpty = (value) => value === null || value === void 0 || value === "" || value === false || typeof value === "object" && Object.keys(value).length === 0;
var listOf = (value) => Array.isArray(value) ? value.slice(0, MOST_PARTS2) : [];
var all = (meanings) => ({
  isError: meanings.some(({ isError }) => isError),
  hasContent: meanings.some(({ hasContent }) => hasContent),
  isFinished: meanings.some(({ isFinished }) => isFinished),
  endsCalls: meanings.some(({ endsCalls }) => endsCalls),
  isShort: meanings.some(({ isShort }) => isShort),
  calls: meanings.flatMap(({ calls }) => calls)
});
var finishOf = (reason) => {
  const word = isString(reason) ? reason : "";
  return {
    isFinished: FINISHES.test(word),
    isShort: SHORT_FINISHES.test(word),
    endsCalls: CALL_FINISHES.test(word)
  };
};
function ofCall(call, place) {
  const given = call?.function?.arguments;
  const id = String(call?.index ?? call?.id ?? place);
  return { id, text: isString(given) ? given : "", isWhole: isObject(given) };
}
var isFailureCode = (code) => (typeof code === "number" || isString(code)) && !FINE_CODE.test(String(code).trim());
var isErrorValue = (error) => isObject(error) ? ERROR_WORDS.some((name) => !isEmpty(error[name]) && error[name] !== 0) : isString(error) && !FINE_CODE.test(error.trim());
function saysError(value) {
  const { error, errors, base_resp: answered, code, error_code: number, success } = value;
  const { message, msg, error_msg: told, error_message: said } = value;
  const words = [message, msg, told, said].some((text) => isString(text) && text !== "");
  if (isErrorValue(error) || isErrorValue(value.Error)) return true;
  if (value.type === "error" || value.object === "error") return true;
  if (Array.isArray(errors) && errors.length > 0) return true;
  if (isFailureCode(answered?.status_code)) return true;
  return words && (isFailureCode(code) || isFailureCode(number) || success === false);
}
function ofChoice(choice) {
  const { finish_reason: reason, text, error } = choice ?? {};
  const said = choice?.delta ?? choice?.message ?? {};
  const filled = Object.keys(said).filter((name) => name !== "role" && !isEmpty(said[name]));
  return {
    ...finishOf(reason),
    isError: isErrorValue(error),
    hasContent: filled.length > 0 || !isEmpty(text),
    calls: listOf(said.tool_calls).map(ofCall)
  };
}
function ofCandidate(candidate) {
  const parts = listOf(candidate?.content?.parts);
  const isCall = parts.some((part) => isObject(part) && !isEmpty(part.functionCall));
  return {
    ...NOTHING,
    hasContent: parts.some((part) => Object.values(part ?? {}).some((said) => !isEmpty(said))),
    isFinished: isCall || GOOGLE_FINISHES.test(String(candidate?.finishReason))
  };
}
function ofEvent({ type, ...event }) {
  if (type === "error" || type === "response.failed") return ERROR;
  if (QUIET_EVENT.test(type)) return NOTHING;
  if (type === "response.completed" || type === "response.incomplete" || type === "response.done") {
    return isEmpty(event.response?.output) ? FINISHED : WHOLE;
  }
  if (type === ITEM_DONE && !SPOKEN_ITEM.test(event.item?.type)) return WHOLE;
  if (/^response\./.test(type)) return CONTENT;
  if (type === "message_start") return isEmpty(event.message?.content) ? NOTHING : CONTENT;
  if (type === "message_delta") return { ...NOTHING, ...finishOf(event.delta?.stop_reason) };
  if (!BLOCK_EVENT.test(type)) return WHOLE;
  const id = String(event.index);
  if (type === "content_block_stop")
    return { ...NOTHING, calls: [{ id, isEnd: true }] };
  const { type: kind, ...block } = event.content_block ?? event.delta ?? {};
  if (kind === "tool_use") return { ...CONTENT, calls: [{ id }] };
  if (kind === "input_json_delta" && isString(block.partial_json))
    return { ...CONTENT, calls: [{ id, text: block.partial_json, isMore: true }] };
  return Object.values(block).every(isEmpty) ? NOTHING : CONTENT;
}
function interpretPart(value) {
  if (value === null) return NOTHING;
  if (Array.isArray(value)) return all(listOf(value).map(interpretPart));
  if (!isObject(value)) return WHOLE;
  const isFailed = saysError(value);
  if (Array.isArray(value.choices)) {
    const said = all(listOf(value.choices).map(ofChoice));
    return { ...said, isError: said.isError || isFailed && !said.hasContent };
  }
  if (isFailed) return ERROR;
  if (isString(value.type)) return ofEvent(
    /** @type {any} */
    value
  );
  if (isObject(value.response) && Object.keys(value).every((k) => k === "response" || FRAME.test(k)))
    return interpretPart(value.response);
  if (isObject(value.Response)) return saysError(value.Response) ? ERROR : WHOLE;
  if (Array.isArray(value.candidates)) return all(listOf(value.candidates).map(ofCandidate));
  if (!isEmpty(value.promptFeedback?.blockReason)) return FINISHED;
  return Object.keys(value).every((name) => FRAME.test(name) || isEmpty(value[name])) ? NOTHING : WHOLE;
}

// src/core/tool-calls.js
var MOST_CALLS = 256;
var Arguments = class {
  #depth = 0;
  #isText = false;
  #isEscaped = false;
  isBegun = false;
  isWhole = false;
  /** @param {string} text */
  feed(text) {
    for (const letter of text) this.#take(letter);
  }
  /** @param {string} letter */
  #take(letter) {
    this.isBegun ||= letter.trim() !== "";
    if (this.#isEscaped) this.#isEscaped = false;
    else if (letter === "\\") this.#isEscaped = this.#isText;
    else if (letter === '"') this.#isText = !this.#isText;
    else if (!this.#isText && (letter === "{" || letter === "[")) this.#depth += 1;
    else if (!this.#isText && (letter === "}" || letter === "]")) {
      this.#depth -= 1;
      this.isWhole ||= this.#depth === 0;
    }
  }
};
var ToolCalls = class {
  /** @type {Map<string, Arguments>} */
  #calls = /* @__PURE__ */ new Map();
  /** @param {CallPiece[]} pieces */
  take(pieces) {
    for (const { id, text = "", isWhole = false, isMore, isEnd } of pieces) {
      const known = this.#calls.get(id);
      if (!known && (isMore || isEnd || this.#calls.size >= MOST_CALLS)) continue;
      const call = known ?? new Arguments();
      this.#calls.set(id, call);
      call.feed(text);
      call.isWhole ||= isWhole || isEnd === true && !call.isBegun;
    }
  }
  /** Whether one was begun. */
  get areThere() {
    return this.#calls.size > 0;
  }
  /** Whether one came whole: that one is made, whatever else there is. */
  get isOneWhole() {
    return [...this.#calls.values()].some(({ isWhole }) => isWhole);
  }
  /** Whether one broke off in the middle, and none came whole. */
  get areBroken() {
    return !this.isOneWhole && [...this.#calls.values()].some(({ isBegun }) => isBegun);
  }
};

// src/core/answer-reader.js
var MOST_KEPT = 16 * 1024;
var LONGEST_LINE = 64 * 1024;
var FIELD = /^(?:event|id|retry|data)(?::|$)|^:/;
var TELLING = /"(?:error|errors|stop_reason|finish_reason|finishReason|blockReason|base_resp|tool_calls|functionCall|partial_json)"\s*:\s*[^\sn]|"type"\s*:\s*"(?:error|response\.(?:failed|completed|incomplete|done|output_item\.\w+)|content_block_(?:start|stop))"/;
var PAGE = /^\s*(?:<!doctype|<html|<head|<body)/i;
var NO_SENTENCE = /^[[{"]|[^\P{C}\n\t]|\ufffd/u;
var SAYS = /^(?:message|msg|detail|error_msg|error_message|status_msg|reason)$/i;
var AnswerReader = class {
  #line = "";
  #isLong = false;
  // the line was cut
  #stray = "";
  // what is no event
  #isStray = false;
  #meaning = {
    isError: false,
    hasContent: false,
    isFinished: false,
    isShort: false,
    endsCalls: false
  };
  #calls = new ToolCalls();
  #hasEvents = false;
  #error = "";
  #isHidden = false;
  /** Whether an error stood in the stream. */
  get hasError() {
    return this.#meaning.isError;
  }
  /** Whether it stood in a piece of an answer, where an SDK may pass it by. */
  get isHidden() {
    return this.#isHidden;
  }
  /** Whether a part of the answer could be used. */
  get isUsed() {
    return this.#meaning.hasContent;
  }
  /** Whether its last word has come. */
  get isFinished() {
    const { isFinished, isShort, endsCalls } = this.#meaning;
    if (isFinished || this.#calls.isOneWhole) return true;
    return isShort && !this.#calls.areBroken || endsCalls && this.#calls.areThere;
  }
  /** @param {string} text */
  feed(text) {
    let start = 0;
    for (let end; (end = text.indexOf("\n", start)) >= 0; start = end + 1) {
      this.#add(text.slice(start, end));
      this.#endLine();
    }
    this.#add(text.slice(start));
  }
  /** @param {string} text */
  #add(text) {
    const room = LONGEST_LINE - this.#line.length;
    this.#isLong ||= text.length > room;
    if (room > 0) this.#line += text.slice(0, room);
  }
  #endLine() {
    const [line, isLong] = [this.#line.replace(/\r$/, ""), this.#isLong];
    this.#line = "";
    this.#isLong = false;
    if (!FIELD.test(line)) return this.#keep(line);
    const said = /^data: ?(.*)/s.exec(line)?.[1].trim();
    if (said === void 0 || said === "") return;
    this.#hasEvents = true;
    if (said === "[DONE]") return;
    if (isLong) return this.#take(interpretPart(said), "");
    if (this.#meaning.hasContent && !TELLING.test(said)) return;
    const value = tryOr(() => JSON.parse(said));
    const part = interpretPart(value === void 0 ? said : value);
    this.#isHidden ||= part.isError && Array.isArray(value.choices);
    this.#take(part, said);
  }
  /** @param {string} line */
  #keep(line) {
    if (line.trim() === "") return;
    this.#isStray = true;
    if (this.#stray.length <= MOST_KEPT) this.#stray += `${line}
`;
  }
  /**
   * @param {PartMeaning} part
   * @param {string} said
   */
  #take(part, said) {
    const known = this.#meaning;
    if (part.isError && !known.isError) this.#error = said.slice(0, MOST_KEPT);
    known.isError ||= part.isError;
    known.hasContent ||= part.hasContent;
    known.isFinished ||= part.isFinished;
    known.isShort ||= part.isShort;
    known.endsCalls ||= part.endsCalls;
    this.#calls.take(part.calls);
  }
  /**
   * Return what was wrong, or null: nothing that we know of.
   *
   * @param {End} end
   * @param {boolean} isStream it was asked for as a stream, in a protocol that has no other
   * @returns {Fault | null}
   */
  end(end, isStream) {
    this.#endLine();
    const { isError, hasContent } = this.#meaning;
    if (isError) return { kind: "error", body: this.#error };
    if (this.isFinished) return null;
    if (this.#isStray && !this.#hasEvents) return end === "ended" ? this.#instead(isStream) : null;
    if (end === "stalled") return { kind: "stalled", body: "" };
    if (end === "broken" || hasContent && isStream) return { kind: "cut", body: "" };
    return hasContent || !isStream ? null : { kind: "empty", body: "" };
  }
  /**
   * @param {boolean} isStream
   * @returns {Fault | null}
   */
  #instead(isStream) {
    const fault = { kind: "instead", body: this.#stray.trim() };
    const unread = isStream ? { kind: "empty", body: "", mayBeRead: true } : null;
    if (this.#stray.length > MOST_KEPT) return unread;
    if (PAGE.test(this.#stray)) return fault;
    const value = tryOr(() => JSON.parse(this.#stray));
    if (value === void 0) return isStream && !NO_SENTENCE.test(fault.body) ? fault : unread;
    const { isError, hasContent } = interpretPart(value);
    if (isError && !hasContent) return fault;
    if (!isStream || hasContent && !onlySays(value)) return unread;
    return hasContent ? fault : { kind: "empty", body: "" };
  }
};
var onlySays = (value) => isString(value) || isObject(value) && Object.values(value).every((said) => typeof said !== "object") && Object.keys(value).some((name) => SAYS.test(name));

// src/core/failed-rows.js
var MOST_KEPT2 = 16;
var FailedRows = class {
  /** @type {Map<string, Row>} */
  #rows = /* @__PURE__ */ new Map();
  /** @param {Asked} asked */
  #key = ({ session, aside }) => `${session} ${aside}`;
  /**
   * Note a fault, and return those before it, the oldest first.
   *
   * @param {Asked} asked
   * @param {FaultKind} kind
   * @param {number} now milliseconds of a clock that nobody sets
   * @param {string} [request] what was asked, where only the same again goes on with the row
   * @returns {Earlier[]}
   */
  add(asked2, kind, now, request) {
    const key = this.#key(asked2);
    const known = this.#rows.get(key);
    const { credential } = asked2;
    const goesOn = known?.credential === credential && known.request === request;
    const faults = goesOn ? known.faults : [];
    const earlier = faults.map(({ kind: kind2, at }) => ({ kind: kind2, ms: Math.max(Math.round(now - at), 0) }));
    const kept = [...faults, { kind, at: now }].slice(-MOST_KEPT2);
    remember(this.#rows, key, { credential, request, faults: kept }, MOST_SESSIONS);
    return earlier;
  }
  /**
   * Note a good answer.
   *
   * @param {Asked} asked
   */
  end(asked2) {
    this.#rows.delete(this.#key(asked2));
  }
};

// src/core/timeouts.js
var NAMES = /^Provider(?:HeaderTimeout|ResponseStream)Error$/;
var SENTENCE = /\btimed out\b/i;
var WHOLE_REQUEST = "TimeoutError";
function isStall(reason, isUsed) {
  const { name, message } = reason ?? {};
  if (name === WHOLE_REQUEST) return !isUsed;
  return NAMES.test(name) || name === "Error" && isString(message) && SENTENCE.test(message);
}

// src/requests/observed-answers.js
var STREAM_PATH = /\/(?:chat\/completions|responses|messages)$/;
var STREAM_WISH = /"stream"\s*:\s*true/;
var GOOGLE_PATH = /:streamGenerateContent$/;
var nativeBody = Object.getOwnPropertyDescriptor(Response.prototype, "body")?.get;
var ObservedAnswers = class {
  /** @type {Exchange} */
  #exchange;
  /** @type {Reports} */
  #reports;
  /** @type {FailedRequests} */
  #failed;
  #rows = new FailedRows();
  /** @param {{ exchange: Exchange, reports: Reports, failed: FailedRequests }} parts */
  constructor({ exchange, reports, failed }) {
    this.#exchange = exchange;
    this.#reports = reports;
    this.#failed = failed;
  }
  /**
   * Read along in an answer from now on, where a watcher is there to hear of it.
   *
   * @param {Call} call
   * @param {Response} response
   */
  observe(call, response) {
    if (!this.#exchange.isAnswered() || !nativeBody.call(response)) return;
    const stream = new ObservedAnswer(call, response, {
      tell: (fault) => this.#tell(call, response, fault),
      ask: (fault) => this.#ask(call, response, fault),
      isGood: () => this.#rows.end(asked(call))
    }).stream();
    Object.defineProperty(response, "body", { get: () => stream, configurable: true });
  }
  /**
   * Note that opencode gave a request up before its answer began.
   *
   * @param {Call} call
   */
  noteGivenUp(call) {
    if (!call.signal?.aborted || !isStall(call.signal.reason, false)) return;
    this.#tell(call, void 0, { kind: "stalled", body: "" });
  }
  /**
   * @param {Call} call
   * @param {Response | undefined} response
   * @param {Fault} fault
   * @param {boolean} isHeld
   */
  #report(call, response, fault, isHeld) {
    const { kind, body, mayBeRead } = fault;
    const request = mayBeRead ? sha256(String(call.init.body)) : void 0;
    const earlier = this.#rows.add(asked(call), kind, performance.now(), request);
    if (mayBeRead && earlier.length === 0) return void 0;
    return () => this.#reports.fault(call, response, { kind, body, earlier, isHeld });
  }
  /**
   * @param {Call} call
   * @param {Response | undefined} response
   * @param {Fault} fault
   */
  #tell(call, response, fault) {
    const report = this.#report(call, response, fault, false);
    if (report) this.#exchange.tell(report());
  }
  /**
   * Return the sentence that the answer shall fail with, or nothing: it ends as it would.
   *
   * @param {Call} call
   * @param {Response} response
   * @param {Fault} fault
   * @returns {Promise<string | undefined>}
   */
  async #ask(call, response, fault) {
    if (!this.#exchange.isAnswered()) return void 0;
    const report = this.#report(call, response, fault, true);
    return report && this.#failed.settleEnd(call, report);
  }
};
var asked = ({ mark, carried }) => ({
  session: mark.session,
  aside: mark.aside,
  credential: carried.digest
});
var ObservedAnswer = class {
  #reader = new AnswerReader();
  #decoder = new TextDecoder();
  /** @type {Call} */
  #call;
  /** @type {Response} */
  #response;
  /** @type {Outcome} */
  #outcome;
  /** @type {ReadableStreamDefaultReader<Uint8Array> | undefined} */
  #source;
  #isOver = false;
  // nothing more is to be told of it
  /**
   * @param {Call} call
   * @param {Response} response
   * @param {Outcome} outcome
   */
  constructor(call, response, outcome) {
    this.#call = call;
    this.#response = response;
    this.#outcome = outcome;
  }
  /** Return what opencode reads: it asks for each piece as opencode asks for it. */
  stream() {
    return new ReadableStream(
      {
        pull: (controller) => this.#pull(controller),
        cancel: (reason) => this.#cancel(reason)
      },
      { highWaterMark: 0 }
    );
  }
  /** Not before it is read: others may take a copy first. */
  get #body() {
    return nativeBody.call(this.#response);
  }
  /** @param {ReadableStreamDefaultController<Uint8Array>} controller */
  async #pull(controller) {
    let part;
    try {
      this.#source ??= /** @type {ReadableStreamDefaultReader<Uint8Array>} */
      this.#body.getReader();
      part = await this.#source.read();
    } catch (error) {
      tryOr(() => this.#breaksOff(error));
      throw error;
    }
    if (!part.done) {
      controller.enqueue(part.value);
      tryOr(() => this.#read(part.value));
      return;
    }
    const sentence = await this.#end().catch(noop);
    if (isString(sentence)) controller.error(new Error(sentence));
    else controller.close();
  }
  /** @param {Uint8Array} bytes */
  #read(bytes) {
    if (this.#isOver) return;
    this.#reader.feed(this.#decoder.decode(bytes, { stream: true }));
    const isHidden = this.#isGoogle || this.#reader.isHidden;
    if (this.#reader.hasError && !isHidden) this.#judge("ended");
  }
  get #isGoogle() {
    return GOOGLE_PATH.test(this.#call.url.pathname);
  }
  /** Whether a stream was asked for, in a protocol in which that is made of events. */
  get #isStream() {
    if (this.#isGoogle) return this.#call.url.searchParams.get("alt") === "sse";
    const { body } = this.#call.init;
    return STREAM_PATH.test(this.#call.url.pathname) && isString(body) && STREAM_WISH.test(body);
  }
  /**
   * Tell what is wrong with it, if anything is.
   *
   * @param {End} end
   */
  #judge(end) {
    const fault = this.#fault(end);
    if (fault) this.#outcome.tell(fault);
  }
  /**
   * Return what is wrong with it, once.
   *
   * @param {End} end
   */
  #fault(end) {
    if (this.#isOver) return null;
    this.#isOver = true;
    const fault = this.#reader.end(end, this.#isStream);
    if (!fault) this.#outcome.isGood();
    return fault;
  }
  /** @param {unknown} error */
  #breaksOff(error) {
    const { signal } = this.#call;
    if (signal?.aborted) return this.#giveUp(signal.reason);
    return isStall(error, this.#reader.isUsed) ? this.#judge("stalled") : this.#judge("broken");
  }
  /** @param {unknown} reason */
  #giveUp(reason) {
    const isTold = this.#reader.hasError || isStall(reason, this.#reader.isUsed);
    if (isTold) this.#judge("stalled");
    else if (!this.#isOver && (this.#reader.isUsed || this.#reader.isFinished)) {
      this.#outcome.isGood();
    }
    this.#isOver = true;
  }
  /** @param {unknown} reason */
  #cancel(reason) {
    const { signal } = this.#call;
    tryOr(() => this.#giveUp(signal?.aborted ? signal.reason : reason));
    return (this.#source ?? this.#body).cancel(reason);
  }
  /** Return the sentence that it shall fail with, if it is none and somebody says so. */
  async #end() {
    const fault = this.#fault("ended");
    return fault ? this.#outcome.ask(fault) : void 0;
  }
};

// src/core/answers.js
var SAID = /"(?:content|text|delta|arguments|partial_json|thinking|reasoning|reasoning_content|output_text)"\s*:\s*"[^"]/;
var FAILED = /"errors?"\s*:\s*(?!null|false|""|\[\]|\{\})[{["\w]|"type"\s*:\s*"(?:error|response\.failed)"|^event:\s*error/m;
function hasAnswered(text) {
  const [said, failed] = [text.search(SAID), text.search(FAILED)];
  if (said < 0 && failed < 0) return null;
  return failed < 0 || said >= 0 && said < failed;
}

// src/core/redaction.js
function redact(text, secrets) {
  const worthIt = secrets.filter((secret) => secret.length >= 4);
  for (const secret of worthIt.sort((a, b) => b.length - a.length)) {
    const fingerprint = sha256(secret).slice(0, 8);
    const quoted = JSON.stringify(secret).slice(1, -1);
    const inAddress = tryOr(() => encodeURIComponent(secret), secret);
    const escaped = [quoted.replaceAll("/", "\\/"), inAddress];
    for (const form of [secret, quoted, ...escaped]) text = text.replaceAll(form, fingerprint);
    let length = secret.length - 1;
    while (length >= 8 && !text.endsWith(secret.slice(0, length))) length -= 1;
    if (length >= 8) text = text.slice(0, -length) + fingerprint;
  }
  return text;
}

// src/core/reported-headers.js
var LIMIT_HEADERS = /^(?:(?:x-)?rate-?limit(?:-|$)|anthropic-ratelimit-|x-codex-|x-quota-|x-usage-ratelimit-)/;
var WINDOW_HEADERS = /^x-[\w-]{1,40}-(?:primary|secondary)-(?:used-percent|reset-at|reset-after-seconds)$/;
var END_HEADERS = /^(?:[\w-]{1,60}-)?(?:retry-after|reset)(?:-(?:after|at|in|time))?(?:-(?:ms|seconds))?$/;
var GROUP_HEADERS = /^(openai-organization|anthropic-organization-id)$/;
var PLAIN_HEADERS = /^(content-type|date|x-should-retry)$/;
var TOLD_HEADERS = [
  PLAIN_HEADERS,
  GROUP_HEADERS,
  LIMIT_HEADERS,
  WINDOW_HEADERS,
  END_HEADERS
];

// src/requests/reports.js
var ANSWER_MS = 6e4;
var LIMITS_EVERY_MS = 15e3;
var saysLimits = (response) => tryOr(() => [...response.headers.keys()].some((name) => LIMIT_HEADERS.test(name))) === true;
var Reports = class {
  /** @type {Exchange} */
  #exchange;
  /** @type {Secrets} */
  #logins;
  /** @type {SessionFacts} */
  #routing;
  /** @type {object} */
  #more;
  /** @type {Map<string, true>} */
  #answersTold = /* @__PURE__ */ new Map();
  // limited logins that have answered, each for a model and a limit
  /** @type {Map<string, number>} */
  #limitsTold = /* @__PURE__ */ new Map();
  // digest -> when the limits of that login were last told
  /**
   * @param {Exchange} exchange
   * @param {Secrets} logins
   * @param {SessionFacts} routing
   * @param {object} more what each signal says
   */
  constructor(exchange, logins, routing, more = {}) {
    this.#exchange = exchange;
    this.#logins = logins;
    this.#routing = routing;
    this.#more = more;
  }
  /**
   * Let the watcher know what a good answer says of its login's limits, once it is on its way.
   *
   * @param {Call} call
   * @param {Response} response
   */
  tellLimits(call, response) {
    const { digest } = call.carried;
    const since = performance.now() - (this.#limitsTold.get(digest) ?? -Infinity);
    if (since < LIMITS_EVERY_MS) return;
    if (!saysLimits(response)) return;
    remember(this.#limitsTold, digest, performance.now(), MOST_SEEN);
    const news = tryOr(() => this.signal(call, response, ""));
    setTimeout(() => tryOr(() => this.#exchange.tell(news)), 0);
  }
  /**
   * Look at what a good answer says of its login's limits once it is on its way.
   *
   * @param {() => Call | null} claim makes the call of it, where it is one of ours
   * @param {Response} response
   */
  tellLimitsLater(claim, response) {
    const tell = () => {
      const call = saysLimits(response) ? claim() : null;
      if (call) this.tellLimits(call, response);
    };
    setTimeout(() => tryOr(tell), 0);
  }
  /**
   * Let the watcher know once that a login has answered which is limited `since`, as soon as its
   * answer has said anything. What it says goes nowhere.
   *
   * @param {Call} call
   * @param {Response} response
   * @param {string} since
   */
  async tellAnswered(call, response, since) {
    const news = { ...this.signal(call, response, ""), answered: true, sent_at: call.sentAt };
    const which = `${news.credential} ${news.model} ${since}`;
    if (this.#answersTold.has(which) || !this.#exchange.isAnswered()) return;
    remember(this.#answersTold, which, true, MOST_SEEN);
    const isEnough = (text) => hasAnswered(text) !== null;
    const beginning = await readBeginning(response, BODY_BYTES, ANSWER_MS, isEnough);
    if (hasAnswered(decodeBeginning(beginning))) this.#exchange.tell(news);
    else this.#answersTold.delete(which);
  }
  /**
   * @param {Call} call
   * @param {Response} response
   * @param {string} body
   */
  signal(call, response, body) {
    const { id, attempt: number, mark, slot, carried, tried, secrets, waited } = call;
    const all2 = [...secrets, ...[...this.#logins.all().values()].flatMap((entry) => entry.secrets)];
    const isTold = ([name]) => TOLD_HEADERS.some((pattern) => pattern.test(name));
    const told = [...response.headers].filter(isTold);
    return {
      ...this.#more,
      request: id,
      attempt: number,
      at: (/* @__PURE__ */ new Date()).toISOString(),
      provider: slot,
      host: call.url.hostname,
      model: mark.model ?? null,
      session: mark.session ?? null,
      credential: carried.digest,
      tried: [...tried],
      left: [...this.#routing.session(mark.session).left],
      aside: mark.aside || this.#routing.session(mark.session).isOurs === true,
      waited,
      opencode: PROCESS_KIND,
      status: response.status,
      headers: Object.fromEntries(told.map(([name, value]) => [name, redact(value, all2)])),
      body: decodeBeginning(Buffer.from(redact(body, all2))),
      ...call.isUnproven && { unproven: true }
    };
  }
  /**
   * Tell of an answer that was none, though its status is good.
   *
   * @param {Call} call
   * @param {Response | undefined} response none, where opencode waited for it in vain
   * @param {Fault & { earlier: Earlier[], isHeld: boolean }} fault
   */
  fault(call, response, { kind, body, earlier, isHeld }) {
    const answer = response ?? new Response(null);
    const said = { ...this.signal(call, answer, body), status: null };
    const tried = call.waited ? [] : [call.carried.digest];
    return { ...said, tried, fault: kind, earlier, held: isHeld };
  }
  /**
   * Say whose the request was that made a turn fail.
   *
   * @param {string} session
   * @param {Mark} mark
   */
  tellFailure(session, mark) {
    this.#exchange.note({
      kind: "failed",
      at: (/* @__PURE__ */ new Date()).toISOString(),
      session,
      provider: mark.slot ?? mark.provider,
      model: mark.model ?? null,
      credential: mark.credential,
      key: mark.key,
      ...mark.isUnproven && { unproven: true }
    });
  }
};

// src/core/built-places.js
function readDestination(destination) {
  const [type, described, enterpriseUrl] = JSON.parse(destination);
  const texts = [...described.map(([, text]) => text), enterpriseUrl ?? ""].map((text) => text.toLowerCase().replace(/^\w+:\/\//, "").replace(/\/+$/, "")).filter(Boolean);
  return { type, texts };
}
function names(address, text) {
  const escaped = text.replace(/[^\w]/g, "\\$&");
  return new RegExp(`(?<![\\w-])${escaped}(?![\\w-])`).test(address);
}
function builtFor(url, carried, seen, begun) {
  const { type } = readDestination(carried);
  if (type !== "oauth") return null;
  const address = (url.host + url.pathname).toLowerCase();
  const textsOf = (destination) => {
    const told = readDestination(destination);
    return told.type === type ? told.texts : null;
  };
  const named2 = seen.filter((destination) => {
    const texts = textsOf(destination);
    return texts?.length && texts.every((text) => names(address, text));
  });
  const possible = named2.length ? named2 : begun.filter((destination) => textsOf(destination)?.length === 0);
  return possible.length === 1 ? possible[0] : null;
}

// src/core/login-replacement.js
function replaceLogin(headers, url, old, entry) {
  const change = (name2, value) => {
    if (!isString(value)) return value;
    const { scheme, rest } = splitScheme(value);
    if (value === old.secret) return entry.secret;
    if (rest === old.secret) return scheme + entry.secret;
    const isPiece = entry.type === "wellknown" && withPieces([value, rest]).has(old.secret);
    if (isPiece) return value.replace(old.secret, () => entry.secret);
    const isOurs = entry.type === "oauth" && name2.endsWith("account-id");
    if (isOurs && (!old.seen || old.seen.accountId === value)) return entry.accountId ?? REMOVED;
    return value;
  };
  const changed = editHeaders(headers, change);
  const name = "ChatGPT-Account-Id";
  const isCodex = entry.type === "oauth" && url.pathname.endsWith("/codex/responses");
  if (!isCodex || !entry.accountId || headerValues(changed, name.toLowerCase()).length)
    return changed;
  if (changed instanceof Headers) changed.set(name, entry.accountId);
  else if (Array.isArray(changed)) changed.push([name, entry.accountId]);
  else changed[name] = entry.accountId;
  return changed;
}

// src/requests/request-logins.js
var SWAP_VISIBLE_MS = 100;
var RequestLogins = class {
  /** @type {Logins} */
  #logins;
  /** @type {WatcherState} */
  #watcher;
  /**
   * @param {Logins} logins
   * @param {WatcherState} watcher
   */
  constructor(logins, watcher) {
    this.#logins = logins;
    this.#watcher = watcher;
  }
  /**
   * Tell whether a login may have stood in auth.json between two looks of ours. Tokens may, for
   * they are read at each request. A key is read when we look as well: one that only the watcher
   * knows has come from elsewhere.
   *
   * @param {string} slot
   * @param {string} digest
   */
  #mayHaveBeen = (slot, digest) => this.#logins.get(slot)?.type === "oauth" && this.#watcher.provider(slot)?.known.has(digest) === true;
  /**
   * Return the login in a request that is in auth.json or was, or null.
   *
   * @param {Mark} mark
   * @param {HeaderForm} headers
   * @returns {ClaimedLogin | null}
   */
  find({ provider, configured, given }, headers) {
    const plain2 = { all: credentialsInHeaders(headers), beside: credentialsBeside(headers, given()) };
    const pieces = { all: withPieces(plain2.all), beside: withPieces(plain2.beside) };
    for (const slot of this.#logins.slotsOf(provider)) {
      const { type, digests: live } = this.#logins.get(slot) ?? {};
      const { all: all2, beside } = type === "wellknown" ? pieces : plain2;
      for (const secret of all2) {
        const digest = sha256(secret);
        const seen = this.#logins.seen(slot).get(digest);
        const isOurs = live?.includes(digest) || beside.has(secret) && (seen || !configured.has(digest) && this.#mayHaveBeen(slot, digest));
        if (isOurs)
          return { slot, secret, seen, digest: this.#nameOf(slot, seen?.digests ?? [digest]) };
      }
    }
    return null;
  }
  /**
   * Return the digest that the watcher has for a login that has two, for its key has blanks.
   *
   * @param {string} slot
   * @param {string[]} digests
   */
  #nameOf(slot, digests) {
    const known = this.#watcher.provider(slot)?.known;
    return digests.find((digest) => known?.has(digest)) ?? digests[0];
  }
  /**
   * Give the call the login `entry`; false where the two do not belong to one destination, or no
   * header can hold it.
   *
   * @param {Call} call
   * @param {Entry | undefined} entry
   */
  useLogin(call, entry) {
    const old = call.carried;
    if (!entry || !isSendable(entry.secret)) return false;
    const digest = this.#nameOf(call.slot, entry.digests);
    if (digest === old.digest) {
      if (old.secret !== entry.secret) this.#put(call, entry);
      return true;
    }
    if (this.#destination(call.slot, old) !== entry.destination) return false;
    this.#put(call, entry);
    return true;
  }
  /**
   * @param {Call} call
   * @param {Entry} entry
   */
  #put(call, entry) {
    const { init, url, carried } = call;
    call.init = { ...init, headers: replaceLogin(init.headers, url, carried, entry) };
    const digest = this.#nameOf(call.slot, entry.digests);
    call.carried = { secret: entry.secret, digest, seen: entry };
  }
  /**
   * Return the destination for which a request was built that carries a login for another one;
   * null where that is not so, or not certain.
   *
   * @param {Mark} mark
   * @param {ClaimedLogin} login
   * @param {URL} url
   */
  #otherPlace({ built }, login, url) {
    const { slot } = login;
    const carried = this.#destination(slot, login);
    if (!built || !carried) return null;
    const seen = [...this.#logins.lastAt(slot).keys()];
    const place = builtFor(url, carried, seen, built.destinations(slot));
    return place === carried ? null : place;
  }
  /**
   * Tell whether a request carries a login for another place than that for which it was built.
   *
   * @param {Mark} mark
   * @param {ClaimedLogin} login
   * @param {URL} url
   */
  isMisplaced = (mark, login, url) => this.#otherPlace(mark, login, url) !== null;
  /**
   * Send no tokens to the place of another login: opencode reads them anew for each request, and
   * its address when it begins. What belongs there takes their place. Where that is not known, or
   * has run out, or the user has taken it back, the answer says nothing of any login.
   *
   * @param {Call} call
   */
  keepPlace(call) {
    const place = this.#otherPlace(call.mark, { ...call.carried, slot: call.slot }, call.url);
    if (place === null) return;
    const last = this.#logins.lastAt(call.slot).get(place);
    const isGood = isSendable(last?.secret ?? "");
    const own = last && isGood && !this.#watcher.isWithdrawn(call.slot, last.digests) ? last : null;
    if (own) this.#put(call, own);
    call.isForeign = !own || own.expires > 0 && own.expires <= Date.now();
  }
  /**
   * @param {string} slot
   * @param {CarriedLogin} login
   */
  #destination(slot, { digest, seen }) {
    if (seen) return seen.destination;
    const told = this.#watcher.provider(slot);
    if (!told?.known.has(digest)) return null;
    return this.#logins.seen(slot).get(told.active)?.destination;
  }
  /**
   * Give the call the login that the watcher names; false where it has none or another place.
   *
   * @param {Call} call
   * @param {{ [more: string]: any }} verdict
   */
  async takeOver(call, { credential }) {
    if (this.#isOwn(call, credential)) return true;
    const entry = await this.#whenLive(call, credential);
    return entry !== null && this.useLogin(call, entry);
  }
  /**
   * Tell whether that is the login that the call carries, while auth.json has one for another place.
   *
   * @param {Call} call
   * @param {string} credential
   */
  #isOwn({ slot, carried }, credential) {
    if (credential !== carried.digest || this.#watcher.isWithdrawn(slot, [credential])) return false;
    const live = this.#logins.get(slot)?.destination;
    const own = this.#destination(slot, carried);
    return Boolean(live && own && live !== own);
  }
  /**
   * Return the entry with that digest as soon as auth.json holds it, which it should by now.
   *
   * @param {Call} call
   * @param {string} digest
   */
  async #whenLive(call, digest) {
    for (const end = performance.now() + SWAP_VISIBLE_MS; performance.now() < end; ) {
      const entry = this.#logins.get(call.slot);
      if (entry?.digests.includes(digest)) return entry;
      await sleep(POLL_MS.first, call.signal);
    }
    return null;
  }
};

// src/opencode/client.js
import os from "node:os";
import path5 from "node:path";
async function unwrap(question) {
  const { data, error } = await question;
  if (error || data === void 0) throw new Error("opencode did not answer");
  return data;
}
function recentModel(env) {
  const states = env.XDG_STATE_HOME || path5.join(os.homedir(), ".local", "state");
  const file = path5.join(states, "opencode", "model.json");
  return tryOr(() => parseModel(JSON.parse(readText(file)).recent[0]), null);
}

// src/requests/routing.js
var ROUTING_MS = 2e3;
var RECENT_MESSAGES = 20;
var Routing = class {
  /** @type {WatcherState} */
  #watcher;
  #recent = recentModel(process.env);
  // later ones are choices of the user
  /** @type {Map<string, Session>} */
  #sessions = /* @__PURE__ */ new Map();
  // id -> {client, last, message, line, left, ours}
  /** @type {Set<string>} */
  #carried = /* @__PURE__ */ new Set();
  // what the session before this one had of us, if it ended with that
  // The TUI begins a session with the model of the one before; other clients name what they mean.
  #isTui = PROCESS_KIND === "tui";
  /** @param {WatcherState} watcher */
  constructor(watcher) {
    this.#watcher = watcher;
  }
  /**
   * Return what is known of a session, newest last.
   *
   * @param {string} id
   * @returns {Session}
   */
  session(id) {
    const known = this.#sessions.get(id) ?? { left: /* @__PURE__ */ new Set(), ours: /* @__PURE__ */ new Set() };
    remember(this.#sessions, id, known, MOST_SESSIONS);
    return known;
  }
  /**
   * Set the model of a message that opencode is about to store, if it is for us to choose.
   *
   * @param {Client} client
   * @param {{ model?: any }} input
   * @param {{ message: any, parts: any[] }} output
   */
  async choose(client, input, { message, parts }) {
    const known = this.session(message.sessionID);
    const isSeen = known.message === message.id;
    if (isSeen || parts.some((part) => known.line && part.text === known.line)) return;
    known.message = message.id;
    known.client = client;
    if (!parts.length || !parts.every((part) => part.synthetic)) known.left = /* @__PURE__ */ new Set();
    const wanted = parseModel(message.model);
    const isActive = wanted && this.#watcher.isAlive() && this.#watcher.routing.length;
    const chosen = isActive ? await withTimeout(ROUTING_MS, this.#find(client, known, input, message)).catch(() => null) : null;
    if (wanted && chosen && modelName(chosen) !== modelName(wanted)) {
      this.#set(known, chosen);
      message.model = { ...message.model, ...chosen };
    } else if (wanted) known.last = wanted;
    const isLastOurs = known.last && known.ours.has(modelName(known.last));
    if (!known.isChild) this.#carried = isLastOurs ? known.ours : /* @__PURE__ */ new Set();
  }
  /**
   * Note that the session goes on with a model that was not the user's choice.
   *
   * @param {Session} known
   * @param {Model} model
   */
  #set(known, model) {
    known.last = model;
    known.ours.add(modelName(model));
    if (!known.isChild) this.#carried = known.ours;
  }
  /**
   * @param {Client} client
   * @param {Session} known
   * @param {{ model?: any }} input
   * @param {any} message
   * @returns {Promise<Model | null>}
   */
  async #find(client, known, { model: given }, message) {
    const wanted = parseModel(message.model);
    if (!wanted) return null;
    const session = await unwrap(client.session.get({ path: { id: message.sessionID } }));
    known.isChild = Boolean(session.parentID);
    if (known.isChild) {
      return this.#watcher.hasNobodyLeft(wanted) ? this.#next(client, wanted) : wanted;
    }
    const last = known.last ?? await this.#servedBy(client, message.sessionID);
    const own = await this.#modelOfAgent(client, message.agent);
    const isOwn = own !== null && modelName(own) === modelName(wanted);
    const isCarried = (name) => this.#isTui && !last && this.#carried.has(name);
    const isOurs = (name) => known.ours.has(name) || isCarried(name);
    const isPicked = !isOwn && !isOurs(modelName(wanted)) && await this.#isPicked(client, wanted, last, given !== void 0);
    const stays = last && this.#watcher.isReady(last);
    const isLeft = stays && known.ours.has(modelName(last)) && this.#watcher.hasNobodyLeft(wanted);
    if (isPicked && !isLeft && !this.#watcher.state?.overridesExplicit) return wanted;
    const target = stays ? last : await this.#next(client, last);
    const isFree = isOwn || stays && !known.ours.has(modelName(last));
    return target?.providerID === wanted.providerID && isFree ? wanted : target;
  }
  /**
   * Return the first model in the order of providers that can be asked now, or null.
   *
   * @param {Client} client
   * @param {Model | null | undefined} from
   * @returns {Promise<Model | null>}
   */
  async #next(client, from) {
    let known = null;
    for (const route of this.#watcher.routing) {
      const instead = from && isObject(route.instead) ? route.instead[modelName(from)] : void 0;
      if (instead === null) continue;
      const model = modelOfRoute({ ...route, ...isString(instead) ? { model: instead } : {} });
      if (!this.#watcher.isReady(model)) continue;
      known ??= await unwrap(client.config.providers());
      if (isOffered(known, model)) return model;
    }
    return null;
  }
  /**
   * Return the model of the session's last good answer, also one of an earlier process.
   *
   * @param {Client} client
   * @param {string} id
   * @returns {Promise<Model | null>}
   */
  async #servedBy(client, id) {
    const query = { limit: RECENT_MESSAGES };
    const messages = await unwrap(client.session.messages({ path: { id }, query }));
    const answers = messages.map(({ info }) => info).filter((info) => info.role === "assistant");
    return parseModel(answers.findLast((info) => !info.error && !info.summary));
  }
  /**
   * @param {Client} client
   * @param {string} name
   * @returns {Promise<Model | null>}
   */
  async #modelOfAgent(client, name) {
    const agents = await unwrap(client.app.agents());
    return parseModel(agents.find((agent) => agent.name === name)?.model);
  }
  /**
   * Tell whether the user picked `wanted`, which is none of ours: it is not opencode's default.
   *
   * @param {Client} client
   * @param {Model} wanted
   * @param {Model | null | undefined} last
   * @param {boolean} isGiven
   */
  async #isPicked(client, wanted, last, isGiven) {
    const name = modelName(wanted);
    if (!last && !isGiven) return false;
    const { model } = await unwrap(client.config.get());
    if (model) return model !== name && !this.#wasOurs(name, last);
    if (this.#recent) return modelName(this.#recent) !== name && !this.#wasOurs(name, last);
    const { default: usual } = await unwrap(client.config.providers());
    return usual?.[wanted.providerID] !== wanted.modelID && !this.#wasOurs(name, last);
  }
  /**
   * Tell whether an earlier process of ours may have set it: it served the session before.
   *
   * @param {string} name
   * @param {Model | null | undefined} last
   */
  #wasOurs(name, last) {
    const isListed = ({ provider, model, instead }) => [model, ...Object.values(isObject(instead) ? instead : {})].some(
      (other) => `${provider}/${other}` === name
    );
    return last && modelName(last) === name && this.#watcher.routing.some(isListed);
  }
  /**
   * Let the turn of a failed request go on with another provider; false: it cannot.
   *
   * @param {Mark} mark
   * @param {unknown} to
   * @param {unknown} note
   */
  async reroute(mark, to, note) {
    const known = this.session(mark.session);
    const { client } = known;
    if (!client || !isRoute(to) || known.left.has(to.provider)) return false;
    if (providerId(to.provider) === mark.provider) return false;
    const model = modelOfRoute(to);
    if (!isOffered(await unwrap(client.config.providers()), model)) return false;
    const base = await this.#lastOfUser(client, mark);
    if (base.format?.type === "json_schema") return false;
    const why = isString(note) && note ? oneLine(note) : `${mark.provider} has nobody left`;
    known.line = `[rotator] ${why}; going on with ${modelName(model)}`;
    const { agent, tools, system, variant = base.model?.variant } = base;
    const parts = [{ type: "text", text: known.line, ignored: true }];
    const body = { noReply: true, agent, variant, tools, system, model, parts };
    await unwrap(client.session.prompt({ path: { id: mark.session }, body }));
    known.left.add(mark.provider);
    this.#set(known, model);
    return true;
  }
  /**
   * Let another provider answer what is asked beside a turn, in a session that is gone then.
   *
   * @param {Mark} mark
   * @param {unknown} to
   * @param {string} text
   * @param {AbortSignal} abort
   * @returns {Promise<string | null>}
   */
  async askElsewhere(mark, to, text, abort) {
    const { client } = this.session(mark.session);
    if (!client || !isRoute(to) || !text || providerId(to.provider) === mark.provider) return null;
    const model = modelOfRoute(to);
    if (!isOffered(await unwrap(client.config.providers()), model)) return null;
    const made = { parentID: mark.session, title: `[rotator] ${mark.agent}` };
    const { id } = await unwrap(client.session.create({ body: made }));
    this.session(id).isOurs = true;
    const body = { agent: mark.agent, model, parts: [{ type: "text", text }] };
    try {
      const answer = unwrap(client.session.prompt({ path: { id }, body }));
      const { info, parts } = await abortable(abort, (done) => {
        answer.then(done, () => done({ info: { error: true }, parts: [] }));
        return () => client.session.abort({ path: { id } }).catch(noop);
      });
      const answered = parts.map((part) => part.type === "text" ? part.text : "").join("");
      return info.error || !answered.trim() ? null : answered;
    } finally {
      client.session.delete({ path: { id } }).catch(noop);
    }
  }
  /**
   * Return the message that the turn is about: the newest of the user's.
   *
   * @param {Client} client
   * @param {Mark} mark
   * @returns {Promise<any>}
   */
  async #lastOfUser(client, { session: id, message: messageID }) {
    const query = { limit: RECENT_MESSAGES };
    const messages = await unwrap(client.session.messages({ path: { id }, query }));
    const newest = messages.findLast(({ info }) => info.role === "user");
    return (newest ?? await unwrap(client.session.message({ path: { id, messageID } }))).info;
  }
};

// src/requests/bridge.js
var MOST_SENDS = 50;
var REFUSALS = [401, 402, 403, 429];
function withOwnInit(seen) {
  const headers = (
    /** @type {any} */
    seen.headers
  );
  const kind = Object.getPrototypeOf(seen.init ?? {});
  if (kind === Object.prototype || kind === null)
    return { ...seen, init: { ...seen.init, headers } };
  const request = new Request(seen.input, seen.init);
  return { ...seen, input: request, request, init: { headers } };
}
var withMore = (layer, more) => (
  /** @type {Layer} */
  ((...given) => (
    /** @type {any} */
    layer(...given, ...more)
  ))
);
var Bridge = class {
  #history = new History();
  /** @type {Set<string>} */
  #unseen = /* @__PURE__ */ new Set();
  // providers whose last request did not come through our fetch
  /** @type {Set<string>} */
  #buying = /* @__PURE__ */ new Set();
  // providers whose model is asked with tokens that a login buys
  #bought = new BoughtTokens();
  /** @type {(missed: Missed) => void} */
  #tellMissed;
  /** @type {RequestLogins} */
  #requestLogins;
  /** @type {Reports} */
  #reports;
  /** @type {FailedRequests} */
  #failed;
  /** @type {ObservedAnswers} */
  #observed;
  /**
   * @param {Places} places
   * @param {(missed: Missed) => void} tellMissed
   */
  constructor(places, tellMissed) {
    this.#tellMissed = tellMissed;
    this.logins = new Logins(places.auth);
    this.watcher = new WatcherState(places);
    this.exchange = new Exchange(places, this.watcher);
    this.routing = new Routing(this.watcher);
    this.marks = new Marks(this.logins);
    this.descent = new Descent(places, this.logins);
    this.#requestLogins = new RequestLogins(this.logins, this.watcher);
    this.#reports = new Reports(this.exchange, this.logins, this.routing);
    this.#failed = new FailedRequests({
      exchange: this.exchange,
      watcher: this.watcher,
      elsewhere: new AnotherProvider(this.routing),
      history: this.#history,
      logins: this.#requestLogins,
      reports: this.#reports
    });
    this.#observed = new ObservedAnswers({
      exchange: this.exchange,
      reports: this.#reports,
      failed: this.#failed
    });
  }
  /**
   * Return the mark that the request has which opencode is about to make, or nothing.
   *
   * @param {{ client: Client, built: BuiltRequests }} folder whose hook it is
   * @param {HookInput} input
   * @param {unknown} output
   * @param {() => boolean} isOutermost
   */
  announce({ client, built }, input, output, isOutermost) {
    const mark = this.marks.announce(input, output);
    mark.built ??= built;
    built.end();
    if (!mark.isOurs) return void 0;
    this.routing.session(input.sessionID).client = client;
    mark.isGiven = isOutermost();
    return mark.isGiven ? mark : void 0;
  }
  /**
   * Note whether requests of a provider come through our fetch, and tell it when that changes.
   *
   * @param {string} provider
   * @param {boolean} isSeen
   */
  #see(provider, isSeen) {
    if (isSeen !== this.#unseen.has(provider)) return;
    this.#unseen[isSeen ? "delete" : "add"](provider);
    this.#tell();
  }
  #tell() {
    this.#tellMissed({ unseen: [...this.#unseen].sort(), bought: [...this.#buying].sort() });
  }
  /**
   * Note whose a request is that asks a model without a login of ours in it.
   *
   * @param {Mark} mark
   * @param {Seen} seen
   */
  #leave(mark, { headers, isLast }) {
    const login = this.#bought.buyerOf(mark.provider, headers);
    if (!login) return mark.leave(credentialsInHeaders(headers));
    mark.take({ isForeign: false, isUnproven: !isLast, slot: login.slot, carried: login });
    return this.#buys(mark.provider, true);
  }
  /**
   * Note whether a provider's model is asked with what its login buys, or with the login itself.
   *
   * @param {string} provider
   * @param {boolean} isBuying
   */
  #buys(provider, isBuying) {
    if (isBuying === this.#buying.has(provider)) return;
    this.#buying[isBuying ? "add" : "delete"](provider);
    this.#tell();
  }
  /**
   * Note what has become of a session's turn.
   *
   * @param {string} session
   * @param {{ isOver: boolean, isSent: boolean }} meaning
   */
  judge(session, { isOver, isSent }) {
    const unseen = isSent ? this.marks.unseenIn(session) : null;
    if (unseen !== null) this.#see(unseen, false);
    if (isOver) this.marks.end(session);
  }
  /**
   * Say whose the request was that made a turn fail.
   *
   * @param {string} session
   */
  tellFailure(session) {
    const mark = this.marks.of(session);
    if (mark) this.#reports.tellFailure(session, mark);
  }
  /**
   * Send what was given to our fetch with the fetch `layer` below it.
   * What is none of ours goes there as it came, and its answer comes back as it is.
   *
   * @param {Layer} layer
   * @param {unknown} receiver
   * @param {Parameters<typeof fetch>} given
   * @param {Place} place where ours stands
   */
  fetch(layer, receiver, given, { isFirst, isLast }) {
    const pass = () => Reflect.apply(layer, receiver, given);
    const facts = tryOr(() => inspectRequest(...given), null);
    if (facts === null) return pass();
    const queued = isFirst ? void 0 : tryOr(() => findSending(...given), void 0);
    const outer = queued ?? sendingContext.getStore();
    if (outer && !outer.isOver) {
      const isTheirs = tryOr(() => outer.call?.observe(facts, isLast), false);
      const answer = sendingContext.run(outer, pass);
      if (isTheirs) tryOr(() => outer.call?.expect(answer));
      return answer;
    }
    const seen = { ...facts, isLast };
    const mark = markContext.getStore();
    if (mark && seen.method === "POST") mark.isReached = true;
    if (isSigned(seen)) {
      if (mark && seen.method === "POST") mark.leaveSigned();
      return pass();
    }
    const more = (
      /** @type {unknown[]} */
      given.slice(2)
    );
    return this.#send(more.length > 0 ? withMore(layer, more) : layer, pass, seen, mark);
  }
  /**
   * @param {Layer} layer
   * @param {() => Promise<Response>} pass
   * @param {Seen} seen
   * @param {Mark | undefined} mark
   */
  #send(layer, pass, seen, mark) {
    const question = tryOr(() => this.descent.questionIn(seen), null);
    const send2 = () => {
      const claimed = seen.method === "POST" ? tryOr(() => this.#claim(seen, mark), null) : null;
      return claimed ? this.#carry(layer, pass, { ...seen, ...claimed }) : pass();
    };
    if (!question) return send2();
    const isSure = !(question instanceof Promise);
    return this.descent.follow(question, isSure ? () => runSending(null, pass) : send2);
  }
  /**
   * Return the login that a request of ours carries, and its mark; null if it is none of ours.
   *
   * @param {Seen} seen
   * @param {Mark | undefined} inContext
   */
  #claim(seen, inContext) {
    const mark = this.marks.find(seen, inContext);
    const isModel = () => isModelRequest(seen.path, bodyText(seen.init?.body));
    if (!mark) {
      if (inContext) inContext.isPassedBy ||= !inContext.isSpent && isModel();
      return null;
    }
    tryOr(() => this.#see(mark.provider, true));
    const login = this.#requestLogins.find(mark, seen.headers);
    if (!login && isModel()) this.#leave(mark, seen);
    return login && { mark, login };
  }
  /**
   * Send a request of ours, again if the watcher says so.
   *
   * @param {Layer} layer
   * @param {() => Promise<Response>} pass
   * @param {Claimed} seen
   */
  async #carry(layer, pass, seen) {
    const call = await this.#prepare(seen).catch(() => void 0);
    if (!call) return call === null ? this.#ask(pass, seen) : pass();
    const { mark } = call;
    tryOr(() => this.#buys(mark.provider, false));
    for (; ; ) {
      const response = await this.#sendOnce(call, layer);
      const isGood = response.status < 400;
      const isModels = isGood && tryOr(() => isModelAnswer(call, response), true);
      if (isModels) mark.isSpent = true;
      if (call.isForeign) return response;
      if (isGood) this.#reports.tellLimits(call, response);
      if (isModels) {
        this.#tellAnswered(call, response);
        this.#observe(call, response);
      }
      if (isGood || call.sends >= MOST_SENDS) return response;
      let answer = response;
      try {
        answer = await this.#failed.settle(call, response);
      } catch {
        if (call.signal?.aborted) throw call.signal.reason;
      }
      if (answer === response) return response;
      response.body?.cancel().catch(noop);
      if (answer) return answer;
    }
  }
  /**
   * @param {Call} call
   * @param {Layer} layer
   */
  async #sendOnce(call, layer) {
    try {
      return await asResponse(await call.send(layer).finally(() => call.mark.take(call)));
    } catch (error) {
      if (!call.isForeign) tryOr(() => this.#observed.noteGivenUp(call));
      if (call.isUnproven && !call.signal?.aborted) call.mark.leaveUnanswered();
      throw error;
    }
  }
  /**
   * @param {Call} call
   * @param {Response} response
   */
  #observe = (call, response) => tryOr(() => this.#observed.observe(call, response));
  /**
   * Tell the watcher that a login answers of which it thinks that it is limited.
   *
   * @param {Call} call
   * @param {Response} response
   */
  #tellAnswered(call, response) {
    const since = tryOr(() => this.watcher.provider(call.slot)?.limited.get(call.carried.digest));
    if (since && since < call.sentAt) {
      this.#reports.tellAnswered(call, response, since).catch(noop);
    }
  }
  /**
   * Send what a login asks before the model: it may buy the token with which that is asked.
   *
   * @param {() => Promise<Response>} pass
   * @param {Claimed} seen
   */
  async #ask(pass, { mark, login, request, input, isLast }) {
    const response = await pass();
    const url = new URL(request ? request.url : input);
    if (this.#requestLogins.isMisplaced(mark, login, url)) return response;
    if (REFUSALS.includes(response.status)) {
      mark.take({ isForeign: false, isUnproven: !isLast, slot: login.slot, carried: login });
      tryOr(() => this.#buys(mark.provider, true));
    }
    await this.#bought.note(mark.provider, login, response).catch(noop);
    return response;
  }
  /**
   * Return the request ready to be sent if it asks a model, else null.
   *
   * @param {Claimed} seen
   */
  async #prepare(seen) {
    const { path: path8, login } = seen;
    const call = new Call(withOwnInit(seen));
    if (!isModelPath(path8) && !isModelRequest(path8, await call.text())) return null;
    this.#requestLogins.keepPlace(call);
    this.#requestLogins.useLogin(call, this.logins.get(login.slot));
    await this.#history.clean(call);
    return call;
  }
};

// src/requests/outermost-fetch.js
import { AsyncLocalStorage as AsyncLocalStorage2 } from "node:async_hooks";
var OWN_TEXT = /^(async )?function fetch\([^)]*\) \{(\s*\[native code\]\s*\}$|[^]*\bundici\b)/;
var isNative = (fetch2) => fetch2.name === "fetch" && OWN_TEXT.test(Function.prototype.toString.call(fetch2));
var MOST_LAYERS = 1e3;
var OutermostFetch = class {
  /** @type {Send} */
  #send;
  // (layer, receiver, arguments) -> what fetch returns
  /** @type {WeakMap<Fetch, Layer>} */
  #layers = /* @__PURE__ */ new WeakMap();
  // a fetch of ours -> what is below it
  /** @type {WeakMap<Fetch, Layer>} */
  #known = /* @__PURE__ */ new WeakMap();
  // somebody's fetch -> the same
  /** @type {AsyncLocalStorage<Set<Layer>>} */
  #inside = new AsyncLocalStorage2();
  // those that are just sending something
  /** @type {any} */
  #current;
  #made = 0;
  /** @type {() => any} */
  #get;
  /** @type {(value: any) => void} */
  #set;
  /** @param {Send} send */
  constructor(send2) {
    this.#send = send2;
    this.#get = () => this.#current;
    this.#set = (value) => this.#put(value);
  }
  /** Stand in front of whatever fetch there is; false: somebody does not let us. */
  hold = () => tryOr(() => {
    const { get, enumerable = true } = Object.getOwnPropertyDescriptor(globalThis, "fetch") ?? {};
    if (get !== this.#get) {
      this.#put(globalThis.fetch);
      const access = { get: this.#get, set: this.#set, enumerable, configurable: true };
      Object.defineProperty(globalThis, "fetch", access);
    }
    return this.#layers.has(this.#current);
  }, false);
  /** @param {any} value */
  #put(value) {
    const isPlain = typeof value !== "function" || this.#layers.has(value);
    this.#current = isPlain ? value : this.#over(value);
  }
  /**
   * @param {Fetch} theirs
   * @returns {Fetch}
   */
  #over(theirs) {
    const known = this.#known.get(theirs);
    if (!known && this.#made >= MOST_LAYERS) return theirs;
    const layer = known ?? this.#newLayer(theirs);
    if (known && this.#layers.get(this.#current) === known) known.found = this.#current;
    return layer.ours.find((one) => one !== layer.found) ?? this.#wrapped(layer);
  }
  /** @param {Fetch} theirs */
  #newLayer(theirs) {
    this.#made += 1;
    const layer = {
      theirs,
      before: this.#current,
      ours: [],
      found: null,
      given: /* @__PURE__ */ new WeakSet(),
      isLast: tryOr(() => isNative(theirs), false)
    };
    this.#known.set(theirs, layer);
    return layer;
  }
  /**
   * @param {Layer} layer
   * @returns {Fetch}
   */
  #wrapped(layer) {
    const wrapped = new Proxy(layer.theirs, {
      apply: (_, receiver, given) => {
        const { before } = layer;
        if (typeof before === "function" && this.#isAskedBy(layer, wrapped, given))
          return Reflect.apply(before, receiver, given);
        const below = layer.found ? this.#noted(layer) : layer.theirs;
        const place = { isFirst: wrapped === this.#current, isLast: layer.isLast };
        return this.#send(below, receiver, given, place);
      }
    });
    layer.ours.push(wrapped);
    this.#layers.set(wrapped, layer);
    return wrapped;
  }
  /**
   * Return a layer's fetch, of which is noted what it has got and what it asks meanwhile.
   *
   * @param {Layer} layer
   * @returns {Fetch}
   */
  #noted(layer) {
    const inside = this.#inside;
    return function() {
      for (const one of arguments) if (isObject(one)) layer.given.add(one);
      const within = /* @__PURE__ */ new Set([...inside.getStore() ?? [], layer]);
      return inside.run(within, () => Reflect.apply(layer.theirs, this, arguments));
    };
  }
  /**
   * Tell whether a layer itself asks one of ours over it, for what it was given. One that sends
   * from a queue of its own is known by that; one that was defined in our place stands before us.
   *
   * @param {Layer} layer
   * @param {Fetch} ours
   * @param {unknown[]} given
   */
  #isAskedBy(layer, ours, given) {
    if (Object.getOwnPropertyDescriptor(globalThis, "fetch")?.value === layer.theirs) return true;
    if (layer.found !== ours) return false;
    if (this.#inside.getStore()?.has(layer)) return true;
    return given.some((one) => isObject(one) && layer.given.has(one));
  }
};

// src/system/own-file.js
import { randomBytes as randomBytes3 } from "node:crypto";
import path6 from "node:path";
var PID = String(process.pid);
var WHO = {
  pid: process.pid,
  started_at: (/* @__PURE__ */ new Date()).toISOString(),
  start_ticks: procStatFields("self")[19] ?? null,
  pid_namespace: PID_NAMESPACE
};
var OwnFile = class {
  /** @type {string} */
  #folder;
  #name = `${PID}-${randomBytes3(4).toString("hex")}`;
  /** @type {object | null} */
  #told = null;
  /** @param {string} folder */
  constructor(folder) {
    this.#folder = folder;
  }
  /**
   * The file of ours with that ending, all of which have one name.
   *
   * @param {string} ending
   */
  file = (ending) => path6.join(this.#folder, `${this.#name}${ending}`);
  /**
   * Say that we are there, and what else there is to say; tell whether it is the first time and
   * what else a dead process has left under our name is to be removed.
   *
   * @param {object} more
   */
  tell(more) {
    const isFirst = this.#told === null;
    const told = this.#told = { ...more, ...WHO };
    if (isFirst && this.#takePid(told)) return true;
    publish(this.file(".json"), told);
    return false;
  }
  /** Show that we are there; another one may have the name by now, if ours was gone meanwhile. */
  async beat() {
    const told = this.#told;
    if (told === null) return;
    if (this.#name === PID) {
      const text = await readTextLater(this.file(".json")).catch(() => "");
      if (!this.#isOurs(text)) {
        this.#name = `${PID}-${randomBytes3(4).toString("hex")}`;
        if (this.#takePid(told)) return;
      }
    }
    touch(this.file(".json"), () => publish(this.file(".json"), told));
  }
  close = () => {
    const file = this.file(".json");
    if (this.#name !== PID || this.#isOurs(tryOr(() => readText(file), ""))) unlink(file);
  };
  /**
   * Take the name that is our pid, if nobody else has it; where we do not know, they have.
   *
   * @param {object} told
   */
  #takePid(told) {
    const file = path6.join(this.#folder, `${PID}.json`);
    const isOurs = this.#isOurs(tryOr(() => readText(file), ""));
    const isTaken = tryOr(() => ((isOurs ? publish : publishFirst)(file, told), true), false);
    if (isTaken) this.#name = PID;
    return isTaken;
  }
  /**
   * Tell whether a file with our pid's name is of this process, or of a dead one that had its pid.
   *
   * @param {string} text
   */
  #isOurs(text) {
    const theirs = tryOr(() => JSON.parse(text), null);
    if (theirs?.pid_namespace !== PID_NAMESPACE) return false;
    return PID_NAMESPACE !== null || theirs.started_at === WHO.started_at;
  }
};

// src/system/places.js
import os2 from "node:os";
import path7 from "node:path";
function findPlaces(env) {
  const data = env.XDG_DATA_HOME || path7.join(os2.homedir(), ".local", "share");
  const states = env.XDG_STATE_HOME || path7.join(os2.homedir(), ".local", "state");
  const state = env.ROTATOR_STATE_DIR || path7.join(states, "opencode-rotator");
  const exchange = (...names2) => path7.join(state, "bridge", ...names2);
  return {
    auth: path7.join(data, "opencode", "auth.json"),
    database: path7.resolve(data, "opencode", env.OPENCODE_DB || "opencode.db"),
    state: exchange("state.json"),
    beat: exchange("beat"),
    present: exchange("present"),
    descent: exchange("descent"),
    inbox: exchange("inbox"),
    outbox: exchange("outbox")
  };
}

// src/watcher/session-list.js
var SESSION_LIST_BYTES = 64 * 1024;
var SessionList = class {
  /** @type {() => string} */
  #file;
  /** @type {Map<string, true>} */
  #ids = /* @__PURE__ */ new Map();
  /** @param {() => string} file where it is for now */
  constructor(file) {
    this.#file = file;
  }
  /** @param {unknown} id */
  add(id) {
    if (!isString(id) || !/^[\w-]{1,128}$/.test(id) || this.#ids.has(id)) return;
    const size = append(this.#file(), `${id}
`);
    remember(this.#ids, id, true, MOST_SESSIONS);
    if (size > SESSION_LIST_BYTES) this.#write();
  }
  beat = () => this.#ids.size && touch(this.#file(), () => this.#write());
  #write() {
    publishText(this.#file(), [...this.#ids.keys()].map((id) => `${id}
`).join(""));
  }
};

// src/watcher/turns.js
var Turns = class {
  /** @type {() => string} */
  #file;
  /** @type {Map<string, string>} */
  #busy = /* @__PURE__ */ new Map();
  // session -> directory of the part of opencode that it is in
  #isShown = false;
  /** @param {() => string} file where it is for now */
  constructor(file) {
    this.#file = file;
  }
  /**
   * Take in what opencode tells of its sessions.
   *
   * @param {string} directory
   * @param {Event} event
   */
  note(directory, { type, properties }) {
    const isStatus = type === "session.status";
    const isOver = isStatus ? properties.status.type === "idle" : OVER_EVENTS.includes(type);
    if (isOver) this.#busy.delete(properties.sessionID ?? properties.info?.id);
    else if (isStatus) this.#busy.set(properties.sessionID, directory);
    else return;
    this.#show();
  }
  /**
   * Forget the turns in a directory that is loaded anew: none of them goes on.
   *
   * @param {string} directory
   */
  forget(directory) {
    for (const [id, where] of this.#busy) if (where === directory) this.#busy.delete(id);
    this.#show();
  }
  close = () => unlink(this.#file());
  beat = () => this.#isShown && touch(this.#file(), () => append(this.#file(), ""));
  #show() {
    const isBusy = this.#busy.size > 0;
    if (isBusy === this.#isShown) return;
    if (isBusy) append(this.#file(), "");
    else unlink(this.#file());
    this.#isShown = isBusy;
  }
};

// src/opencode1/load.js
var BEAT_MS = 5e3;
function install() {
  const places = findPlaces(process.env);
  const directories = /* @__PURE__ */ new Set();
  const present = {
    schema: SCHEMA,
    bridge: VERSION,
    opencode: opencodeVersion(),
    auth_file: places.auth,
    kind: PROCESS_KIND,
    aside: asideFor(process.env)
  };
  let missed = { unseen: [], bought: [] };
  const presence = new OwnFile(places.present);
  const tell = () => {
    const isNamed = presence.tell({ ...present, directories: [...directories], ...missed });
    if (isNamed) unlink(presence.file(".busy"));
  };
  const load2 = (directory) => {
    directories.add(directory);
    tryOr(tell);
  };
  process.on("exit", presence.close);
  const sessions = new SessionList(() => presence.file(".sessions"));
  const beside = [sessions];
  repeat(BEAT_MS, async () => {
    if (!directories.size) return;
    await presence.beat().catch(noop);
    for (const part of beside) tryOr(part.beat);
  });
  if (present.aside === AUTH_CONTENT) {
    const hooks = {
      "chat.headers": async (input) => tryOr(() => sessions.add(input.sessionID))
    };
    return { load: (directory) => (load2(directory), hooks) };
  }
  const bridge = new Bridge(places, (told) => {
    missed = told;
    tryOr(tell);
  });
  const outermost = new OutermostFetch((...given) => bridge.fetch(...given));
  const turns = new Turns(() => presence.file(".busy"));
  const hooksFor = (directory, client, built) => ({
    "chat.headers": async (input, output) => {
      tryOr(() => sessions.add(input.sessionID));
      const userAgent = output?.headers?.["User-Agent"];
      const isUnseen = usesWebSocket(input?.model?.providerID, userAgent, present.aside);
      const isOutermost = () => !isUnseen && outermost.hold();
      const place = { client, built };
      const mark = tryOr(() => bridge.announce(place, input, output, isOutermost), void 0);
      markContext.enterWith(mark);
    },
    "chat.message": (input, output) => bridge.routing.choose(client, input, output).catch(noop),
    event: async ({ event }) => {
      tryOr(() => turns.note(directory, event));
      tryOr(() => {
        const meaning = interpretEvent(event);
        const { session, isOver, isFailure } = meaning;
        if (isFailure) tryOr(() => bridge.tellFailure(session));
        if (isOver || meaning.isSent) bridge.judge(session, meaning);
      });
    }
  });
  process.on("exit", () => (bridge.exchange.close(), turns.close()));
  beside.push(turns, { beat: () => (bridge.logins.look(), bridge.watcher.look()) });
  outermost.hold();
  const loadAndLook = (directory, client) => {
    load2(directory);
    tryOr(() => turns.forget(directory));
    return hooksFor(directory, client, bridge.logins.build());
  };
  return { load: loadAndLook };
}

// src/core/error-words.js
var VENDORS_WORDS = {
  "provider.rate-limit": "rate_limit_error",
  "provider.quota": "insufficient_quota"
};
function bodyOfError(error) {
  const { type, message } = error ?? {};
  return JSON.stringify({ error: { type: VENDORS_WORDS[type], message } });
}

// src/opencode2/other-models.js
var OtherModels = class {
  /** @type {WatcherState} */
  #watcher;
  /** @type {Sessions} */
  #sessions;
  /**
   * @param {WatcherState} watcher
   * @param {Sessions} sessions
   */
  constructor(watcher, sessions) {
    this.#watcher = watcher;
    this.#sessions = sessions;
  }
  /**
   * Nothing is answered in a vendor's place: OpenCode gets the refusal, and then asks what to do.
   *
   * @param {Call} call
   * @param {Verdict} verdict
   */
  async instead(call, verdict) {
    await this.go(call, verdict);
    return null;
  }
  /**
   * Note where a turn shall go on; a title is no turn.
   *
   * @param {Call} call
   * @param {Verdict} verdict
   */
  async go({ mark }, { to }) {
    if (mark.aside || !isRoute(to)) return false;
    this.#sessions.session(mark.session).to = to;
    return true;
  }
  show = noop;
  /**
   * Let a turn that is about to end or to be tried again go on where the watcher has said.
   *
   * @param {any} ctx
   * @param {any} event
   */
  async change(ctx, { sessionID, model }) {
    const known = this.#sessions.session(sessionID);
    const { to } = known;
    known.to = null;
    if (!isRoute(to) || to.provider === model.providerID || known.left.has(to.provider)) return false;
    const next = modelOfRoute(to);
    if (!await this.#set(ctx, sessionID, next)) return false;
    known.left.add(model.providerID);
    const from = known.switched?.from ?? { providerID: model.providerID, modelID: model.id };
    known.switched = { from, to: next };
    return true;
  }
  /**
   * Before a new message: a provider with nobody left is not asked first, and a session that we
   * have taken elsewhere goes back once its own can answer again.
   *
   * @param {any} ctx
   * @param {any} event
   */
  async choose(ctx, { sessionID }) {
    const known = this.#sessions.session(sessionID);
    known.left.clear();
    known.again.clear();
    if (!this.#watcher.isAlive() || !this.#watcher.routing.length) return;
    const { model = (await ctx.model.default()).data } = await ctx.session.get({ sessionID });
    if (!model) return;
    const now = { providerID: model.providerID, modelID: model.id };
    const { switched } = known;
    if (switched && modelName(now) !== modelName(switched.to)) known.switched = null;
    else if (switched && this.#ready(switched.from) === true) {
      await this.#set(ctx, sessionID, switched.from);
      known.switched = null;
      return;
    }
    if (this.#ready(now) !== false) return;
    const next = this.#watcher.routing.filter(({ instead }) => instead?.[modelName(now)] !== null).map((route) => ({ ...route, model: route.instead?.[modelName(now)] ?? route.model })).map(modelOfRoute).find((other) => this.#ready(other) === true);
    if (!next || !await this.#set(ctx, sessionID, next)) return;
    known.switched = { from: known.switched?.from ?? now, to: next };
  }
  /**
   * @param {Model} model
   * @returns {boolean | undefined}
   */
  #ready(model) {
    const ready = this.#watcher.second(model.providerID)?.ready;
    return ready === true && this.#watcher.state?.spent.has(modelName(model)) ? false : ready;
  }
  /**
   * Give a session a model that OpenCode has; false where it has it not.
   *
   * @param {any} ctx
   * @param {string} sessionID
   * @param {Model} model
   */
  async #set(ctx, sessionID, { providerID, modelID }) {
    const { data } = await ctx.model.list();
    const isThere = data.some(
      (one) => one.providerID === providerID && one.id === modelID
    );
    if (isThere) await ctx.session.switchModel({ sessionID, model: { providerID, id: modelID } });
    return isThere;
  }
};

// src/opencode2/sessions.js
var Sessions = class {
  /** @type {Map<string, Session>} */
  #known = /* @__PURE__ */ new Map();
  /**
   * @param {string} id
   * @returns {Session}
   */
  session(id) {
    const known = this.#known.get(id) ?? {
      left: /* @__PURE__ */ new Set(),
      again: /* @__PURE__ */ new Set(),
      last: null,
      next: null,
      to: null,
      switched: null,
      stop: new AbortController()
    };
    remember(this.#known, id, known, MOST_SESSIONS);
    return known;
  }
  /**
   * Somebody has stopped its turn: nothing of it is waited for or sent again.
   *
   * @param {string} id
   */
  stop(id) {
    const known = this.#known.get(id);
    known?.stop.abort(new Error("the turn was stopped"));
    if (known) known.stop = new AbortController();
  }
};

// src/core/row-values.js
function entryOfValue(value, provider) {
  if (!isObject(value)) return null;
  const { accountID: accountId, enterpriseUrl, ...metadata } = value.metadata ?? {};
  if (value.type === "key") return parseEntry({ ...value, type: "api" }, provider);
  return parseEntry({ ...value, accountId, enterpriseUrl, metadata }, provider);
}

// src/opencode2/slots.js
var LISTED_MS = 1e3;
var Slots = class {
  /** @type {Map<string, Promise<Entry | null>>} */
  #asked = /* @__PURE__ */ new Map();
  /** @type {Map<string, { at: number, list: Promise<any[]> }>} */
  #expected = /* @__PURE__ */ new Map();
  /**
   * Ask for the rows of a provider, of which one is about to be needed.
   *
   * @param {any} ctx
   * @param {string} provider
   */
  expect(ctx, provider) {
    const list = this.#list(ctx, provider);
    list.catch(noop);
    this.#expected.set(provider, { at: performance.now(), list });
  }
  /**
   * Return what stands in a row, or null.
   *
   * @param {any} ctx
   * @param {string} provider
   * @param {string} slot
   * @returns {Promise<Entry | null>}
   */
  resolve(ctx, provider, slot) {
    const key = `${provider} ${slot}`;
    const before = this.#asked.get(key);
    if (before) return before;
    const asked2 = this.#ask(ctx, provider, slot).finally(() => this.#asked.delete(key));
    this.#asked.set(key, asked2);
    return asked2;
  }
  /**
   * @param {any} ctx
   * @param {string} provider
   * @param {string} slot
   */
  async #ask(ctx, provider, slot) {
    const isIt = ({ id }) => id === slot;
    const one = (await this.#listed(provider)).find(isIt) ?? (await this.#list(ctx, provider)).find(isIt);
    if (!one) return null;
    return entryOfValue(await ctx.integration.connection.resolve(one), provider);
  }
  /**
   * Return what was listed a moment ago, if that was.
   *
   * @param {string} provider
   */
  async #listed(provider) {
    const expected = this.#expected.get(provider);
    this.#expected.delete(provider);
    if (!expected || performance.now() - expected.at > LISTED_MS) return [];
    return expected.list.catch(() => []);
  }
  /**
   * @param {any} ctx
   * @param {string} provider
   * @returns {Promise<any[]>}
   */
  async #list({ integration }, provider) {
    return (await integration.get({ integrationID: provider })).data.connections;
  }
};

// src/opencode2/requests.js
var HOME = "opencode.db";
var MOST_SENDS2 = 50;
var SWITCH_MS = 3e3;
var LOOK_MS2 = 20;
var REFUSALS2 = [401, 402, 403, 429];
var PRIMARY = "primary";
var send = (...given) => fetch(...given);
var Requests = class {
  #history = new History();
  #slots = new Slots();
  #rows = new FailedRows();
  #sessions = new Sessions();
  /** @type {Map<string, string>} */
  #instead = /* @__PURE__ */ new Map();
  // digest of a limited login -> whose row takes its place meanwhile
  /** @type {WeakMap<Request, number>} */
  #sentAt = /* @__PURE__ */ new WeakMap();
  // when, of the system's clock
  /** @type {WeakSet<Response>} */
  #seen = /* @__PURE__ */ new WeakSet();
  // two directories may show us the same
  /** @type {WeakMap<Call, any>} */
  #directories = /* @__PURE__ */ new WeakMap();
  // what OpenCode gives to the plug-in there
  /** @param {Places} places */
  constructor(places) {
    this.watcher = new WatcherState(places);
    this.exchange = new Exchange(places, this.watcher);
    const said = { home: HOME };
    this.reports = new Reports(this.exchange, { all: () => /* @__PURE__ */ new Map() }, this.#sessions, said);
    this.models = new OtherModels(this.watcher, this.#sessions);
    this.failed = new FailedRequests({
      exchange: this.exchange,
      watcher: this.watcher,
      elsewhere: this.models,
      history: this.#history,
      logins: this,
      reports: this.reports
    });
  }
  /**
   * Before a request: put a login into it that takes a limited one's place, and leave out what its
   * vendor has refused before.
   *
   * @param {any} ctx
   * @param {any} event
   */
  before(ctx, event) {
    this.#sentAt.set(event.request, Date.now());
    const told = this.watcher.second(event.model?.providerID);
    const { next } = this.#sessions.session(event.sessionID);
    if (!next && !told?.limited.size && !this.#history.has(event.sessionID)) return;
    return this.#prepare(ctx, event);
  }
  /**
   * @param {any} ctx
   * @param {any} event
   */
  async #prepare(ctx, event) {
    const login = this.#loginIn(event);
    if (!login) return;
    const { stop } = this.#sessions.session(event.sessionID);
    const call = this.#call(ctx, event, login, stop);
    const slot = this.#slotInstead(event, login);
    const isReplaced = slot !== void 0 && await this.#put(call, slot);
    const isCleaned = await this.#history.clean(call);
    if (!isReplaced && !isCleaned) return;
    event.request = new Request(call.input, call.init);
    this.#sentAt.set(event.request, Date.now());
  }
  /**
   * Return whose row takes the place of a login in this request: of one that rests, for as long as
   * it does, and once after an answer that was none.
   *
   * @param {any} event
   * @param {ClaimedLogin} login
   */
  #slotInstead({ sessionID, kind }, { slot, digest }) {
    const known = this.#sessions.session(sessionID);
    const { next } = known;
    if (kind === PRIMARY) known.next = null;
    if (kind === PRIMARY && next?.digest === digest) return next.slot;
    const rests = this.watcher.second(slot)?.limited.has(digest);
    return rests ? this.#instead.get(digest) : void 0;
  }
  /**
   * After an answer: where it is a refusal ask the watcher, and send the request again if it says
   * so. OpenCode gets the last answer, and knows nothing of those before.
   *
   * @param {any} ctx
   * @param {any} event
   */
  after(ctx, event) {
    const { response } = event;
    if (this.#seen.has(response)) return;
    this.#seen.add(response);
    const known = event.kind === PRIMARY ? this.#sessions.session(event.sessionID) : null;
    if (known) Object.assign(known, { last: null, to: null });
    const claim = this.#claiming(ctx, event);
    if (response.status >= 400) return this.#refused(claim, event, known);
    if (known) known.last = { claim, response, isGood: true };
    this.#tellGood(claim, event.model?.providerID, response);
  }
  /**
   * @param {() => Call | null} claim
   * @param {any} event
   * @param {Session | null} known of a request of the turn itself
   */
  async #refused(claim, event, known) {
    const call = claim();
    if (!call) return this.#tellForeign(event);
    try {
      await this.#answer(call, event);
    } finally {
      const { response } = event;
      if (known) known.last = { claim, response, isGood: response.status < 400 };
      this.#seen.add(response);
    }
  }
  /**
   * Return what makes the call of a request once somebody needs it: a good answer's seldom is.
   *
   * @param {any} ctx
   * @param {any} event
   * @returns {() => Call | null} null: it carries no login of ours
   */
  #claiming(ctx, { request, model, sessionID, agent, kind }) {
    const sentAt = this.#sentAt.get(request);
    const { stop } = this.#sessions.session(sessionID);
    let made;
    const make = () => {
      const login = this.#loginIn({ request, model });
      if (!login) return null;
      const call = this.#call(ctx, { request, model, sessionID, agent, kind }, login, stop);
      call.note();
      call.sentAt = sentAt ? new Date(sentAt).toISOString() : call.sentAt;
      return call;
    };
    return () => made === void 0 ? made = make() : made;
  }
  /**
   * Tell of a refused request that carried no login of the table, though its provider has some
   * there: somebody's hook has put a key in, or the configuration gives one.
   *
   * @param {any} event
   */
  #tellForeign({ response, model, sessionID }) {
    const provider = model?.providerID;
    if (!REFUSALS2.includes(response.status) || !this.watcher.second(provider)?.known.size) return;
    const at = (/* @__PURE__ */ new Date()).toISOString();
    const of = { at, session: sessionID, provider, model: model.id ?? null };
    this.exchange.note({ kind: "failed", home: HOME, ...of, credential: null, key: "unknown" });
  }
  /**
   * @param {Call} call
   * @param {any} event
   */
  async #answer(call, event) {
    for (; ; ) {
      const response = event.response;
      if (response.status < 400) return this.#tellGood(() => call, call.slot, response);
      if (call.sends >= MOST_SENDS2) return;
      const answer = await this.failed.settle(call, response);
      if (answer === response || call.signal?.aborted) return;
      event.response = answer ?? await call.send(send);
      response.body?.cancel().catch(noop);
      if (answer) return;
    }
  }
  /**
   * @param {() => Call | null} claim
   * @param {string} provider
   * @param {Response} response
   */
  #tellGood(claim, provider, response) {
    this.reports.tellLimitsLater(claim, response);
    const limited = this.watcher.state?.second.get(provider)?.limited;
    const call = limited?.size ? claim() : null;
    if (!call) return;
    const since = limited?.get(call.carried.digest);
    if (since && since < call.sentAt) this.reports.tellAnswered(call, response, since).catch(noop);
  }
  /**
   * When OpenCode is about to end a turn, or to try again by itself: say what shall become of it.
   *
   * @param {any} ctx
   * @param {any} event
   */
  async onRetry(ctx, event) {
    const known = this.#sessions.session(event.sessionID);
    const { last } = known;
    known.last = null;
    const ended = last?.isGood && this.exchange.isAnswered() ? last.claim() : null;
    if (last && ended) {
      const verdict = await this.#askOfEnd(ended, last.response, event.error);
      if (verdict?.verdict === "reroute") await this.models.go(ended, verdict);
      else if (verdict?.verdict === "retry" && isString(verdict.slot)) {
        known.next = { digest: ended.carried.digest, slot: verdict.slot };
        event.decision = { retry: true, delay: 0 };
      } else if (verdict?.verdict === "wait" && verdict.wait_ms >= 0) {
        event.decision = { retry: true, delay: verdict.wait_ms };
      }
    }
    const isElsewhere = await this.models.change(ctx, event);
    if (isElsewhere || await this.#isLeft(known, last)) event.decision = { retry: true, delay: 0 };
  }
  /**
   * Tell whether another login has become active since a request was refused that could not be
   * sent again; once for each.
   *
   * @param {Session} known
   * @param {Session["last"]} last
   */
  async #isLeft(known, last) {
    const call = !last || last.isGood || !this.watcher.isAlive() ? null : last.claim();
    if (!call) return false;
    const { slot, tried } = call;
    if (call.isLeftBehind) await this.#switched(call);
    const told = this.watcher.second(slot);
    if (!told?.ready || !told.active || told.limited.has(told.active)) return false;
    if (tried.has(told.active) || known.again.has(told.active)) return false;
    known.again.add(told.active);
    return true;
  }
  /**
   * Wait until another login than the one that a request carried is active.
   *
   * @param {Call} call
   */
  async #switched({ slot, carried, signal }) {
    const end = performance.now() + SWITCH_MS;
    while (performance.now() < end && !signal?.aborted) {
      if (this.watcher.second(slot)?.active !== carried.digest) return;
      await sleep(LOOK_MS2);
    }
  }
  /**
   * Ask what follows from an answer with a good status in which an error stood, or that broke off.
   *
   * @param {Call} call
   * @param {Response} response
   * @param {any} error
   */
  #askOfEnd(call, response, error) {
    const body = bodyOfError(error);
    const { session, aside } = call.mark;
    const row = { session, aside, credential: call.carried.digest };
    const earlier = this.#rows.add(row, "error", performance.now());
    const fault = this.reports.fault(call, response, { kind: "error", body, earlier, isHeld: true });
    return this.exchange.ask(fault, call.signal);
  }
  /**
   * Give a refused request the login that the watcher names; false where there is none.
   *
   * @param {Call} call
   * @param {Verdict} verdict
   */
  async takeOver(call, verdict) {
    const { slot, credential } = verdict;
    const { carried } = call;
    if (credential === carried.digest) return true;
    if (!isString(slot) || !await this.#put(call, slot)) return false;
    remember(this.#instead, carried.digest, slot, MOST_SEEN);
    return true;
  }
  /**
   * Know the rows of a refused request's provider by the time that the watcher has named one.
   *
   * @param {Call} call
   */
  expect(call) {
    this.#slots.expect(this.#directories.get(call), call.slot);
  }
  /**
   * @param {Call} call
   * @param {string} slot
   */
  async #put(call, slot) {
    const entry = await this.#slots.resolve(this.#directories.get(call), call.slot, slot);
    if (!entry || !isSendable(entry.secret)) return false;
    const { init, url, carried } = call;
    call.init = { ...init, headers: replaceLogin(init.headers, url, carried, entry) };
    call.carried = { secret: entry.secret, digest: this.#nameOf(call.slot, entry.digests), seen: entry };
    return true;
  }
  /**
   * @param {string} provider
   * @param {string[]} digests
   */
  #nameOf(provider, digests) {
    const known = this.watcher.second(provider)?.known;
    return digests.find((digest) => known?.has(digest)) ?? digests[0];
  }
  /**
   * Return the login of a row that a request carries, or null: then it is none of ours.
   *
   * @param {any} event
   * @returns {ClaimedLogin | null}
   */
  #loginIn({ request, model }) {
    const provider = model?.providerID;
    const known = this.watcher.second(provider)?.known;
    if (!known) return null;
    for (const secret of credentialsInHeaders(request.headers)) {
      const digest = sha256(secret);
      if (known.has(digest)) return { slot: provider, secret, digest };
    }
    return null;
  }
  /**
   * @param {any} ctx
   * @param {any} event
   * @param {ClaimedLogin} login
   * @param {AbortController} stop
   */
  #call(ctx, { request, model, sessionID, agent, kind }, login, stop) {
    const mark = new Mark({
      provider: model.providerID,
      model: model.id,
      session: sessionID,
      agent: String(agent),
      message: void 0,
      aside: kind !== PRIMARY,
      configured: /* @__PURE__ */ new Set(),
      given: () => []
    });
    const signal = AbortSignal.any([request.signal, stop.signal].filter(Boolean));
    const init = { headers: new Headers(request.headers), signal };
    const { method, url } = request;
    const { pathname: path8, searchParams: query } = new URL(url);
    const facts = { input: request, init, request, headers: init.headers, method, path: path8, query };
    const call = new Call({ ...facts, mark, login });
    this.#directories.set(call, ctx);
    return call;
  }
  /**
   * @param {string} session
   * @param {string} type of an event
   */
  hear(session, type) {
    if (type === "session.execution.interrupted") this.#sessions.stop(session);
  }
};

// src/opencode2/load.js
var BEAT_MS2 = 5e3;
var SHARED = /* @__PURE__ */ Symbol.for(`opencode-rotator.bridge.2 ${VERSION}`);
var isSecond = (ctx) => typeof ctx?.session?.hook === "function" && typeof ctx.integration?.connection?.resolve === "function";
var Loaded = class {
  /** @type {string[]} */
  #directories = [];
  // one for each load
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
      bought: []
    };
    this.requests = new Requests(places);
    process.on("exit", this.close);
    repeat(BEAT_MS2, () => this.#directories.length && this.#presence.beat().catch(noop));
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
  #tell = () => tryOr(() => this.#presence.tell({ ...this.#told, directories: [...new Set(this.#directories)] }));
};
async function load(ctx) {
  const globals2 = globalThis;
  const loaded = globals2[SHARED] ??= new Loaded(ctx.app?.version);
  const { requests } = loaded;
  const directory = String(ctx.location?.directory ?? "");
  const hooks = [
    ["http.request", (event) => requests.before(ctx, event)],
    ["http.response", (event) => requests.after(ctx, event)],
    ["retry", (event) => requests.onRetry(ctx, event)],
    ["prompt", (event) => requests.models.choose(ctx, event)]
  ];
  for (const [name, act] of hooks) {
    await tryLater(
      () => ctx.session.hook(name, (event) => {
        const acting = tryOr(() => act(event));
        return acting && tryLater(() => acting);
      })
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
async function hear(ctx, requests, signal) {
  for await (const event of ctx.event.subscribe({ signal })) {
    tryOr(() => requests.hear(event.data?.sessionID, event.type));
  }
}
var tryLater = async (action) => {
  try {
    await action();
  } catch {
  }
};

// src/plugin.js
var SHARED2 = /* @__PURE__ */ Symbol.for("opencode-rotator.bridge");
var globals = globalThis;
var installed = () => globals[SHARED2] ??= install();
if (!IS_SECOND) tryOr(installed);
var plugin_default = {
  id: "opencode-rotator",
  /**
   * opencode 1 calls it once for each directory.
   *
   * @param {{ directory?: string, client?: any }} context
   */
  server: async (context) => tryOr(() => installed().load(String(context?.directory ?? ""), context?.client), {}),
  /**
   * OpenCode 2 calls it once for each directory, and what it returns when that is over.
   *
   * @param {any} ctx
   */
  setup: async (ctx) => isSecond(ctx) ? load(ctx).catch(() => void 0) : void 0
};
export {
  plugin_default as default
};
