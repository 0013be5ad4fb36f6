// The beginning of an answer, read beside opencode.

import { noop } from "../core/try-or.js";

export const BODY_BYTES = 16 * 1024;
const BODY_MS = 1000;

/**
 * Decode at most BODY_BYTES, without half a character at the end.
 *
 * @param {Uint8Array} bytes
 */
export const decodeBeginning = (bytes) =>
  new TextDecoder().decode(bytes.subarray(0, BODY_BYTES), { stream: true });

/**
 * Read the beginning of an answer from a copy, until it is enough; opencode can still read the
 * whole of it.
 *
 * @param {Response} response
 * @param {number} [most]
 * @param {number} [ms]
 * @param {(text: string) => boolean} [isEnough]
 * @returns {Promise<Buffer>}
 */
export async function readBeginning(response, most = BODY_BYTES, ms = BODY_MS, isEnough) {
  const reader = response.clone().body?.getReader();
  /** @type {Uint8Array[]} */
  const parts = [];
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  /** @type {Promise<{ done: true, value?: undefined }>} */
  const late = new Promise((resolve) => (timer = setTimeout(resolve, ms, { done: true })));
  timer?.unref?.(); // opencode may end meanwhile
  try {
    for (let size = 0; reader && size < most; size += parts.at(-1)?.length ?? 0) {
      const { done, value } = await Promise.race([reader.read(), late]);
      if (done) break;
      parts.push(value);
      if (isEnough?.(decodeBeginning(Buffer.concat(parts)))) break;
    }
  } catch {
    // It broke off: what came has to do.
  } finally {
    clearTimeout(timer);
    // Not awaited: of two copies, the cancelling ends only when both are cancelled.
    reader?.cancel().catch(noop);
  }
  return Buffer.concat(parts).subarray(0, most);
}

/**
 * Return a refusal that somebody's fetch made in the likeness of a Response as one, so that it can
 * be read beside opencode; anything else as it is.
 *
 * @param {any} answer
 */
export async function asResponse(answer) {
  // Bun reads a body otherwise once somebody has asked for it.
  if (answer instanceof Response) return answer;
  const { status, statusText, headers, body } = answer ?? {};
  if (!(status >= 400 && status < 600)) return answer;
  const content = body instanceof ReadableStream ? body : await answer.text();
  return new Response(content, { status, statusText, headers });
}
