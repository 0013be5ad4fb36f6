// The beginning of an answer, read beside opencode.

import { noop } from "../core/try-or.js";

const BODY_BYTES = 16 * 1024;
const BODY_MS = 1000;

/**
 * Decode at most BODY_BYTES, without half a character at the end.
 *
 * @param {Uint8Array} bytes
 */
export const decodeBeginning = (bytes) =>
  new TextDecoder().decode(bytes.subarray(0, BODY_BYTES), { stream: true });

/**
 * Read the beginning of an answer from a copy; opencode can still read the whole of it.
 *
 * @param {Response} response
 * @returns {Promise<Buffer>}
 */
export async function readBeginning(response, most = BODY_BYTES, ms = BODY_MS) {
  const reader = response.clone().body?.getReader();
  /** @type {Uint8Array[]} */
  const parts = [];
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  /** @type {Promise<{ done: true, value?: undefined }>} */
  const late = new Promise((resolve) => (timer = setTimeout(resolve, ms, { done: true })));
  try {
    for (let size = 0; reader && size < most; size += parts.at(-1)?.length ?? 0) {
      const { done, value } = await Promise.race([reader.read(), late]);
      if (done) break;
      parts.push(value);
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
