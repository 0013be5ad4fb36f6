// The logins of OpenCode 2, by the ids of their rows.

import { entryOfValue } from "../core/row-values.js";

/** @import { Entry } from "../core/auth-entries.js" */

/** Asks OpenCode for a login: never twice at once for the same, for it may refresh it by that. */
export class Slots {
  /** @type {Map<string, Promise<Entry | null>>} */
  #asked = new Map();

  /**
   * Return what stands in a row, or null.
   *
   * @param {any} ctx
   * @param {string} provider
   * @param {string} slot
   * @returns {Promise<Entry | null>}
   */
  resolve(ctx, provider, slot) {
    const key = `${provider} ${slot}`;
    const before = this.#asked.get(key);
    if (before) return before;
    const asked = this.#ask(ctx, provider, slot).finally(() => this.#asked.delete(key));
    this.#asked.set(key, asked);
    return asked;
  }

  /**
   * @param {any} ctx
   * @param {string} provider
   * @param {string} slot
   */
  async #ask({ integration }, provider, slot) {
    const { data } = await integration.get({ integrationID: provider });
    const one = data.connections.find((/** @type {any} */ { id }) => id === slot);
    if (!one) return null;
    return entryOfValue(await integration.connection.resolve(one), provider);
  }
}
