// What can be seen of a request without touching it.

import { isReadable } from "./headers.js";
import { isString } from "./values.js";

/** @import { HeaderForm } from "./headers.js" */

/**
 * @typedef {object} RequestFacts
 * @property {any} input an address or a Request
 * @property {RequestInit | undefined} init
 * @property {Request | null} request
 * @property {HeaderForm} headers
 * @property {string} method
 * @property {string} path
 * @property {URLSearchParams} query
 */

export const TOKEN_BYTES = 64 * 1024;

/**
 * Return a small body as text, or null where it is none or has to be read in its own time.
 *
 * @param {unknown} body
 * @returns {string | null}
 */
export function bodyText(body) {
  if (isString(body)) return body;
  if (body instanceof URLSearchParams) return body.toString();
  const bytes = body instanceof ArrayBuffer ? new Uint8Array(body) : body;
  const isSmall = ArrayBuffer.isView(bytes) && bytes.byteLength <= TOKEN_BYTES;
  return isSmall ? new TextDecoder().decode(/** @type {Uint8Array} */ (bytes)) : null;
}

/**
 * What can be seen of a request without touching it, or null for what has to be left alone.
 *
 * @param {string | URL | Request} input
 * @param {RequestInit} [init]
 * @returns {RequestFacts | null}
 */
export function inspectRequest(input, init) {
  const request = input instanceof Request ? input : null;
  const headers = init?.headers ?? request?.headers;
  if (headers !== undefined && !isReadable(headers)) return null;
  const method = String(init?.method ?? request?.method ?? "GET").toUpperCase();
  const { pathname: path, searchParams: query } = new URL(request ? request.url : input);
  return { input, init, request, headers, method, path, query };
}
