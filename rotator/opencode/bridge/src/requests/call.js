// One request of ours, however often it is sent.

import { without } from "../core/headers.js";
import { isModelPath, isModelRequest } from "../core/model-requests.js";
import { answeredFor, carriesStill } from "../core/passed-credentials.js";
import { bodyText } from "../core/request-facts.js";
import { noop, tryOr } from "../core/try-or.js";
import { isString } from "../core/values.js";
import { randomId } from "../system/random.js";
import { runSending } from "./context.js";

/**
 * @import { CarriedLogin } from "../core/auth-entries.js"
 * @import { Mark } from "../core/mark.js"
 * @import { RequestFacts } from "../core/request-facts.js"
 */

/**
 * The login that a request carries, and where auth.json has it.
 * @typedef {CarriedLogin & { slot: string }} ClaimedLogin
 */

/**
 * A fetch below ours.
 * @typedef {typeof globalThis.fetch} Layer
 */

/** @param {any} body */
function canRepeat(body) {
  if (isString(body ?? "") || ArrayBuffer.isView(body)) return true;
  return [ArrayBuffer, URLSearchParams, Blob, FormData].some((kind) => body instanceof kind);
}

/** A request of ours, in as many attempts as it takes. */
export class Call {
  id = randomId();
  sends = 0;
  sentAt = ""; // when it was sent last
  attempt = 0; // of sending and asking, since a wait ended
  /** @type {Set<string>} */
  tried = new Set(); // digests
  waited = false;
  /** @type {Set<string>} */
  secrets = new Set();
  /** @type {string | undefined} */
  shown; // the newest note that the person was shown
  isLeftBehind = false; // it has failed, and another login is about to become active
  isForeign = false; // whoever stands between us and the network sent another credential
  isElsewhere = false; // that is known by where its answer came from
  isUnproven = false; // somebody stands there, and what he sent of it we have not seen
  /** @type {Set<unknown>} */
  #answers = new Set(); // to what was seen of it on its way to the network

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
    this.slot = login.slot; // where auth.json has its login
    /** @type {CarriedLogin} */
    this.carried = login; // {secret, digest, seen}: the login that the headers hold
    this.url = new URL(request ? request.url : input);
    this.signal = init.signal === undefined ? this.request?.signal : init.signal;
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
    // What was seen has been answered otherwise: he has asked once more, past us.
    const isAnothers = response.url && this.#answers.size > 0 && !this.#answers.has(response);
    if (isAnothers) this.isUnproven = true;
  }

  /** Note that it is sent, by us or by opencode. */
  note() {
    if (this.waited) this.attempt = 0; // what was refused before says nothing any more
    this.waited = false;
    this.sends += 1;
    this.isUnproven = !this.isLast;
    this.#answers.clear();
    this.sentAt = new Date().toISOString();
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
  observe({ method, path, query, headers, init }, isLast) {
    const text = bodyText(init?.body);
    const isIt =
      isModelPath(path) ||
      path === this.url.pathname ||
      (text !== null && isModelRequest(path, text));
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
}
