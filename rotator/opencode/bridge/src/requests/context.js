// Whose request. opencode's hook and the request that follows are in one asynchronous context.
// What the hook leaves there is a mark, and nothing of it travels with the request.

import { AsyncLocalStorage } from "node:async_hooks";

/**
 * @import { Mark } from "../core/mark.js"
 * @import { Call } from "./call.js"
 */

/**
 * What goes down to the network; `call` is null where it is none of ours.
 * @typedef {{ call: Call | null, isOver: boolean }} Sending
 */

/** @type {AsyncLocalStorage<Mark | undefined>} */
export const markContext = new AsyncLocalStorage(); // holds the mark

/** @type {AsyncLocalStorage<Sending>} */
export const sendingContext = new AsyncLocalStorage(); // holds what our outermost fetch is sending

/**
 * Let `action` go down to the network; what it asks on its way is part of it until it is over.
 *
 * @template T
 * @param {Call | null} call
 * @param {() => Promise<T>} action
 * @returns {Promise<T>}
 */
export async function runSending(call, action) {
  const sending = { call, isOver: false };
  try {
    return await sendingContext.run(sending, action);
  } finally {
    sending.isOver = true;
  }
}
