// The logins of OpenCode 2, by the ids of their rows.

import { entryOfValue } from "../core/row-values.js";
import { noop } from "../core/try-or.js";

/** @import { Entry } from "../core/auth-entries.js" */

const LISTED_MS = 1000; // a list that is older is asked for anew

/** Asks OpenCode for a login: never twice at once for the same, for it may refresh it by that. */
export class Slots {
  /** @type {Map<string, Promise<Entry | null>>} */
  #asked = new Map();
  /** @type {Map<string, { at: number, list: Promise<any[]> }>} */
  #expected = new Map();

  /**
   * Ask for the rows of a provider, of which one is about to be needed.
   *
   * @param {any} ctx
   * @param {string} provider
   */
  expect(ctx, provider) {
    const list = this.#list(ctx, provider);
    list.catch(noop);
    this.#expected.set(provider, { at: performance.now(), list });
  }

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
  async #ask(ctx, provider, slot) {
    const isIt = (/** @type {any} */ { id }) => id === slot;
    const one =
      (await this.#listed(provider)).find(isIt) ?? (await this.#list(ctx, provider)).find(isIt);
    if (!one) return null;
    return entryOfValue(await ctx.integration.connection.resolve(one), provider);
  }

  /**
   * Return what was listed a moment ago, if that was.
   *
   * @param {string} provider
   */
  async #listed(provider) {
    const expected = this.#expected.get(provider);
    this.#expected.delete(provider);
    if (!expected || performance.now() - expected.at > LISTED_MS) return [];
    return expected.list.catch(() => []);
  }

  /**
   * @param {any} ctx
   * @param {string} provider
   * @returns {Promise<any[]>}
   */
  async #list({ integration }, provider) {
    return (await integration.get({ integrationID: provider })).data.connections;
  }
}
