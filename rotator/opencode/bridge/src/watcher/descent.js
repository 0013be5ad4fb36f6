// Which token led to which, told to the watcher before the caller has the answer.

import fs from "node:fs";
import path from "node:path";

import { sha256 } from "../core/digests.js";
import { headerValues } from "../core/headers.js";
import { isModelPath, isModelRequest } from "../core/model-requests.js";
import { bodyText, TOKEN_BYTES } from "../core/request-facts.js";
import {
  asksModel,
  isLoginExchange,
  LOGIN_WORDS,
  TOKEN_METHODS,
  TOKEN_PATH,
} from "../core/token-requests.js";
import {
  readFields,
  refusalIn,
  textsIn,
  textsInFields,
  textsInHeaders,
} from "../core/token-texts.js";
import {
  isPlainToken,
  isRefreshName,
  REFRESH_NAMES,
  SHORTEST_TOKEN,
  tokensIn,
} from "../core/tokens.js";
import { noop } from "../core/try-or.js";
import { isObject } from "../core/values.js";
import { SCHEMA } from "../core/version.js";
import { readBeginning } from "../requests/answer-body.js";
import { publish, unlink } from "../system/files.js";
import { randomId } from "../system/random.js";
import { sleep } from "../system/timing.js";

/**
 * @import { RequestFacts } from "../core/request-facts.js"
 * @import { NamedText } from "../core/token-texts.js"
 * @import { RefreshToken } from "../core/known-tokens.js"
 * @import { Logins } from "../opencode/logins.js"
 * @import { Places } from "../system/places.js"
 */

/**
 * What a request asks for: tokens for a code, or for the refresh token with the digest `from`.
 * @typedef {object} TokenQuestion
 * @property {"login" | "refresh"} grant
 * @property {string | null} from
 * @property {string} [whose] the login that the refresh token is of
 * @property {boolean} [isStated] it stands in the request's body or address, not in its headers alone
 * @property {number} [before] when it was asked
 */

/** @typedef {TokenQuestion | null | undefined} MaybeTokenQuestion */

const MOST_DESCENTS = 256; // files
const REFUSED = "-refused"; // at the end of a file's name
const QUESTION_BYTES = 16 * 1024;
const FOLDER_ENTRIES = 2 * 1024; // what floods a folder stays where it is
const TOKEN_MS = 1000;
const MOST_TO = 16; // told of one answer
const STREAMED = /event-stream|octet-stream|^(image|audio|video)/i;
const STALLED_MS = 60_000;

/** Tells the watcher by digests which refresh token led to which, and which came from a login. */
export class Descent {
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
    this.#auth = path.resolve(places.auth); // other homes may share the folder
    this.#logins = logins;
  }

  /**
   * Return what a request may ask for as {grant, from}, or a promise of it; null: no token.
   *
   * @param {RequestFacts} seen
   * @returns {MaybeTokenQuestion | Promise<MaybeTokenQuestion>}
   */
  questionIn(seen) {
    const { request, init, method, path, headers } = seen;
    if (!TOKEN_METHODS.includes(method) || isModelPath(path)) return null;
    this.#logins.look();
    // A Request that stands in place of options is read as any other.
    const whole = init instanceof Request ? init : request;
    const body = (init instanceof Request ? null : init?.body) ?? null;
    if (body instanceof FormData) return this.#askedIn(seen, Object.fromEntries(body), "");
    if (body === null && (!whole || method === "GET")) return this.#askedBy(seen, "");
    if (body instanceof Blob && body.size <= TOKEN_BYTES && TOKEN_PATH.test(path))
      return this.#later(seen, body);
    if (body !== null) return this.#askedBy(seen, bodyText(body));
    const [length = 0, type = ""] = ["content-length", "content-type"].map(
      (name) => headerValues(headers, name)[0],
    );
    const isSmall = Number(length) <= TOKEN_BYTES;
    if (!TOKEN_PATH.test(path) || !isSmall || !/json|form-urlencoded|text\/plain/.test(type))
      return this.#askedBy(seen, null);
    return this.#later(seen, /** @type {Request} */ (whole).clone());
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
    const all = { ...Object.fromEntries(seen.query), ...given };
    const mayLogIn = seen.method === "POST" || TOKEN_PATH.test(seen.path);
    // Whatever else it carries: some send what they have stored with every request.
    if (mayLogIn && LOGIN_WORDS.test(`${text} ${Object.keys(all)}`) && isLoginExchange(all))
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
  #asked({ headers, path, query }, texts, body) {
    const named = [...textsInFields(query), ...texts];
    /** @type {(text: NamedText) => boolean} */
    const isIt = ([name, text]) => text.length >= SHORTEST_TOKEN || REFRESH_NAMES.includes(name);
    const stated = this.#refreshIn(named.filter(isIt).map(([, text]) => text));
    if (stated.length > 0) return this.#refreshBy(stated, { isStated: true });
    if (body === null ? !TOKEN_PATH.test(path) : isModelRequest(path, body)) return undefined;
    const carried = this.#refreshIn(textsInHeaders(headers).filter(isPlainToken));
    // Some logins have one token for everything, which each request carries.
    const apart = carried.filter(({ isSent }) => !isSent);
    return apart.length > 0 ? this.#refreshBy(apart, { isStated: false }) : undefined;
  }

  /** @param {string[]} texts */
  #refreshIn = (texts) =>
    /** @type {RefreshToken[]} */ (
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
  async follow(question, send) {
    const response = await send();
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
    // What was known to be another login's was not made of this one.
    /** @type {(text: NamedText) => boolean} */
    const isNew = ([, token]) => !this.#logins.tokens.isOfAnother(sha256(token), whose, { before });
    const tokens = tokensIn(textsIn(answer)).filter(isNew);
    const ok = response.ok && !answer?.error; // GitHub refuses with 200
    const digests = tokens.map(([, token]) => sha256(token));
    // An answer without a refresh token leaves the one in force that was sent.
    const isKept = ok && from !== null && digests.length > 0 && !tokens.some(isRefreshName);
    const to = [...new Set(isKept ? [from, ...digests] : digests)].slice(0, MOST_TO);
    // Who waits for a login asks for its tokens again and again.
    if (!isStated && to.every((digest) => digest === from)) return;
    // A plug-in may keep the new token to itself until the next one has replaced it.
    for (const [name, token] of tokens)
      this.#logins.tokens.add(token, whose, isRefreshName([name]) ? { isRefresh: true } : {});
    const at = new Date().toISOString();
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
    publish(path.join(this.#folder, `${id}.json`), value);
    const entries = await fs.promises.readdir(this.#folder); // not by this thread
    const names =
      entries.length > FOLDER_ENTRIES ? [] : entries.filter((name) => /^[^.].*\.json$/.test(name));
    // A pair that nobody has taken in yet is worth more than any number of refusals.
    const [pairs, refused] = [false, true].map((isIt) =>
      names.filter((name) => name.endsWith(`${REFUSED}.json`) === isIt).sort(),
    );
    for (const name of [...refused, ...pairs].slice(0, -MOST_DESCENTS))
      unlink(path.join(this.#folder, name));
  }
}
