// Account-bound history: ciphertexts and item ids in `input` of a Responses request, which other
// accounts cannot read.

import { remember } from "./bounded-map.js";
import { MOST_SESSIONS } from "./bounds.js";
import { sha256 } from "./digests.js";
import { tryOr } from "./try-or.js";
import { isObject, isString } from "./values.js";

/**
 * A request whose body can be read and replaced.
 * @typedef {object} EditableRequest
 * @property {{ session: string }} mark
 * @property {() => Promise<string | null>} text
 * @property {(body: string) => void} setText
 */

const MOST_REFUSED = 4096; // pieces of history remembered for each session

/**
 * @param {string | null} text
 * @returns {any[]}
 */
function responseInput(text) {
  const input = tryOr(() => JSON.parse(String(text)).input, null);
  return Array.isArray(input) ? input : [];
}

/** @param {any} item */
const isReference = (item) => item.type === "item_reference";

/** @param {any} item */
const isReasoningReference = (item) => isReference(item) && String(item.id).startsWith("rs_");

/** @param {any} item */
const isEmptyReasoning = ({ summary, content }) =>
  !(Array.isArray(summary) && summary.some((part) => part?.text)) && !content?.length;

/**
 * @param {any} item
 * @returns {string[]}
 */
function boundPieces(item) {
  if (!isObject(item) || (isReference(item) && !isReasoningReference(item))) return [];
  const pieces = item.type === "reasoning" ? [item.id, item.encrypted_content] : [item.id];
  return pieces.filter((piece) => isString(piece) && piece !== "");
}

/**
 * Return the item without what was refused: itself if nothing was, null if nothing is left.
 *
 * @param {any} item
 * @param {(piece: string) => boolean} isRefused
 * @returns {any}
 */
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
export class History {
  /** @type {Map<string, Map<string, true>>} */
  #sessions = new Map();

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
    const refused = this.#sessions.get(session) ?? new Map();
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
    const isRefused = (/** @type {string} */ piece) => refused?.has(sha256(piece)) === true;
    const cleaned = input.map((item) => withoutRefused(item, isRefused));
    if (cleaned.every((item, index) => item === input[index])) return false;
    const kept = cleaned.filter((item) => item !== null);
    call.setText(JSON.stringify({ ...JSON.parse(String(text)), input: kept }));
    return true;
  }
}
