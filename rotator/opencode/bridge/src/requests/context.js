// Whose request. opencode's hook and the request that follows are in one asynchronous context.
// What the hook leaves there is a mark, and nothing of it travels with the request.

import { AsyncLocalStorage } from "node:async_hooks";

// opencode's hook and the request that follows are in one asynchronous context. What the hook
// leaves there is a mark, and nothing of it travels with the request.

export const context = new AsyncLocalStorage(); // holds the mark

export const inside = new AsyncLocalStorage(); // holds what our outermost fetch is sending

/** Let `action` go down to the network; what it asks on its way is part of it until it is over. */
export async function cross(call, action) {
  const crossing = { call, isOver: false };
  try {
    return await inside.run(crossing, action);
  } finally {
    crossing.isOver = true;
  }
}
