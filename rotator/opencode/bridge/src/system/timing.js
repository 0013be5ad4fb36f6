// Waits, each with an end.

import { attempt } from "../core/attempt.js";

/** Resolve when `start(done)` calls done; reject, and call what start returned, on an abort. */
export function until(abort, start) {
  return new Promise((resolve, reject) => {
    if (abort?.aborted) return reject(abort.reason);
    const stop = () => (reject(abort.reason), undo());
    abort?.addEventListener("abort", stop, { once: true });
    const undo = start((value) => (abort?.removeEventListener("abort", stop), resolve(value)));
  });
}

export const sleep = (ms, abort) =>
  until(abort, (done) => {
    const timer = setTimeout(done, ms);
    return () => clearTimeout(timer);
  });

/** Reject after `ms`: opencode shall not wait for us. */
export const within = (ms, promise) => {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("too late")), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
};

/** Do it again and again, and keep no process from its end. */
export const every = (ms, action) => setInterval(() => attempt(action), ms).unref?.();
