// Whose request. opencode's hook and the request that follows are in one asynchronous context.
// What the hook leaves there is a mark, and nothing of it travels with the request.

import { AsyncLocalStorage } from "node:async_hooks";

import { isObject, isString } from "../core/values.js";

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

/** @type {Map<Sending, { objects: WeakSet<object>, body: unknown }>} */
const underWay = new Map(); // what of ours goes down, and of what it is made

/**
 * @param {any} input
 * @param {RequestInit | undefined} init
 */
const objectsOf = (input, init) =>
  [input, init, init?.headers, init?.body, init?.signal].filter(isObject);

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

/**
 * Return what is under way that a request is part of which somebody sends from a queue of his own:
 * he may have given it new headers, but hardly a new body as well as a new signal.
 *
 * @param {any} input
 * @param {RequestInit | undefined} init
 * @returns {Sending | undefined}
 */
export function findSending(input, init) {
  const newest = [...underWay].reverse();
  const body = init?.body;
  const isText = isString(body) && body !== "";
  const objects = objectsOf(input, init);
  const found =
    newest.find(([, made]) => isText && made.body === body) ??
    newest.find(([, made]) => objects.some((one) => made.objects.has(one)));
  return found?.[0];
}
