// The global fetch: ours stays before all others.

import { tryOr } from "../core/try-or.js";

/**
 * @typedef {(...given: any[]) => any} Fetch
 * @callback Send
 * @param {Fetch} layer
 * @param {unknown} receiver
 * @param {any} given the arguments
 * @returns {unknown}
 */

const MOST_LAYERS = 1000; // fetches put before ours; who puts more there is left alone

/** Keeps our fetch the outermost: what others put into its place becomes the layer below it. */
export class OutermostFetch {
  /** @type {Send} */
  #send; // (layer, receiver, arguments) -> what fetch returns
  /** @type {WeakMap<Fetch, Fetch>} */
  #layers = new WeakMap(); // a fetch of ours -> the one below it
  /** @type {WeakMap<Fetch, Fetch>} */
  #ours = new WeakMap(); // and back
  /** @type {any} */
  #current;
  #made = 0;
  /** @type {() => any} */
  #get;
  /** @type {(value: any) => void} */
  #set;

  /** @param {Send} send */
  constructor(send) {
    const keeper = this;
    this.#send = send;
    this.#get = () => keeper.#current;
    this.#set = (value) => keeper.#put(value);
  }

  /** Stand in front of whatever fetch there is; false: somebody does not let us. */
  hold = () =>
    tryOr(() => {
      const { get, enumerable = true } = Object.getOwnPropertyDescriptor(globalThis, "fetch") ?? {};
      if (get !== this.#get) {
        this.#put(globalThis.fetch);
        const access = { get: this.#get, set: this.#set, enumerable, configurable: true };
        Object.defineProperty(globalThis, "fetch", access);
      }
      return this.#layers.has(this.#current);
    }, false);

  /** @param {any} value */
  #put(value) {
    // Who takes his own fetch away puts back what he found, which may be ours.
    const isPlain = typeof value !== "function" || this.#layers.has(value);
    this.#current = isPlain ? value : (this.#ours.get(value) ?? this.#over(value));
  }

  /**
   * @param {Fetch} layer
   * @returns {Fetch}
   */
  #over(layer) {
    // Where others put one in front of ours again and again, it is theirs.
    if (this.#made >= MOST_LAYERS) return layer;
    this.#made += 1;
    const send = this.#send;
    /** @type {(this: unknown) => unknown} */
    const wrapped = function () {
      return send(layer, this, arguments);
    };
    tryOr(() => {
      const { prototype, ...own } = Object.getOwnPropertyDescriptors(layer);
      Object.defineProperties(wrapped, own);
    });
    this.#layers.set(wrapped, layer);
    this.#ours.set(layer, wrapped);
    return wrapped;
  }
}
