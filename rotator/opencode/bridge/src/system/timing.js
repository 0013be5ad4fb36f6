// Waits, each with an end.

import { tryOr } from "../core/try-or.js";

/**
 * Resolve when `start(done)` calls done; reject, and call what start returned, on an abort.
 *
 * @template T
 * @param {AbortSignal | null | undefined} abort
 * @param {(done: (value: T) => void) => () => unknown} start
 * @returns {Promise<T>}
 */
export function abortable(abort, start) {
  return new Promise((resolve, reject) => {
    if (abort?.aborted) return reject(abort.reason);
    const stop = () => (reject(abort?.reason), undo());
    abort?.addEventListener("abort", stop, { once: true });
    const undo = start((value) => (abort?.removeEventListener("abort", stop), resolve(value)));
  });
}

/**
 * @param {number} ms
 * @param {AbortSignal | null} [abort]
 * @returns {Promise<void>}
 */
export const sleep = (ms, abort) =>
  abortable(abort, (done) => {
    const timer = setTimeout(done, ms);
    return () => clearTimeout(timer);
  });

/**
 * Reject after `ms`: opencode shall not wait for us.
 *
 * @template T
 * @param {number} ms
 * @param {Promise<T>} promise
 * @returns {Promise<T>}
 */
export const withTimeout = (ms, promise) => {
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  /** @type {Promise<never>} */
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("too late")), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
};

/**
 * Do it again and again, and keep no process from its end.
 *
 * @param {number} ms
 * @param {() => unknown} action
 */
export const repeat = (ms, action) => setInterval(() => tryOr(action), ms).unref?.();
