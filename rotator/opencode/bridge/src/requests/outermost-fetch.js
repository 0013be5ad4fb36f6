// The global fetch: ours stays before all others.

import { AsyncLocalStorage } from "node:async_hooks";

import { tryOr } from "../core/try-or.js";
import { isObject } from "../core/values.js";

/**
 * @typedef {(...given: any[]) => any} Fetch
 * @callback Send
 * @param {Fetch} layer
 * @param {unknown} receiver
 * @param {any} given the arguments
 * @param {Place} place
 * @returns {unknown}
 */

/**
 * Where one of ours stands: whether it is the outermost, and whether only the runtime's own fetch
 * is below it.
 * @typedef {{ isFirst: boolean, isLast: boolean }} Place
 */

/**
 * Somebody's fetch, and how it stands below ours. Whoever puts his own back whenever he does not
 * find it asks the one that he found, which is ours over his: then it has a second one of ours,
 * and the one that was found leads to what was there before his.
 *
 * @typedef {object} Layer
 * @property {Fetch} theirs
 * @property {unknown} before what was the global fetch before
 * @property {Fetch[]} ours those of ours over it, two at most
 * @property {Fetch | null} found the one of them that it may ask
 * @property {WeakSet<object>} given what it has got to send
 * @property {boolean} isLast it is the runtime's own
 */

// The text of Bun's, which a bound one has as well, and of Node's; a proxy has neither.
const OWN_TEXT =
  /^(async )?function fetch\([^)]*\) \{(\s*\[native code\]\s*\}$|[^]*\bundici\b)/;

/**
 * Tell whether a fetch is the runtime's own.
 *
 * @param {Fetch} fetch
 */
const isNative = (fetch) =>
  fetch.name === "fetch" && OWN_TEXT.test(Function.prototype.toString.call(fetch));

const MOST_LAYERS = 1000; // fetches put before ours; who puts more there is left alone

/** Keeps our fetch the outermost: what others put into its place becomes the layer below it. */
export class OutermostFetch {
  /** @type {Send} */
  #send; // (layer, receiver, arguments) -> what fetch returns
  /** @type {WeakMap<Fetch, Layer>} */
  #layers = new WeakMap(); // a fetch of ours -> what is below it
  /** @type {WeakMap<Fetch, Layer>} */
  #known = new WeakMap(); // somebody's fetch -> the same
  /** @type {AsyncLocalStorage<Set<Layer>>} */
  #inside = new AsyncLocalStorage(); // those that are just sending something
  /** @type {any} */
  #current;
  #made = 0;
  /** @type {() => any} */
  #get;
  /** @type {(value: any) => void} */
  #set;

  /** @param {Send} send */
  constructor(send) {
    this.#send = send;
    this.#get = () => this.#current;
    this.#set = (value) => this.#put(value);
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
    this.#current = isPlain ? value : this.#over(value);
  }

  /**
   * @param {Fetch} theirs
   * @returns {Fetch}
   */
  #over(theirs) {
    const known = this.#known.get(theirs);
    // Where others put one in front of ours again and again, it is theirs.
    if (!known && this.#made >= MOST_LAYERS) return theirs;
    const layer = known ?? this.#newLayer(theirs);
    if (known && this.#layers.get(this.#current) === known) known.found = this.#current;
    return layer.ours.find((one) => one !== layer.found) ?? this.#wrapped(layer);
  }

  /** @param {Fetch} theirs */
  #newLayer(theirs) {
    this.#made += 1;
    /** @type {Layer} */
    const layer = {
      theirs,
      before: this.#current,
      ours: [],
      found: null,
      given: new WeakSet(),
      isLast: tryOr(() => isNative(theirs), false),
    };
    this.#known.set(theirs, layer);
    return layer;
  }

  /**
   * @param {Layer} layer
   * @returns {Fetch}
   */
  #wrapped(layer) {
    // What they write on theirs at any time stands on ours, too: some know their own fetch by that.
    /** @type {Fetch} */
    const wrapped = new Proxy(layer.theirs, {
      apply: (_, receiver, given) => {
        const { before } = layer;
        if (typeof before === "function" && this.#isAskedBy(layer, wrapped, given))
          return Reflect.apply(before, receiver, given);
        const below = layer.found ? this.#noted(layer) : layer.theirs;
        const place = { isFirst: wrapped === this.#current, isLast: layer.isLast };
        return this.#send(below, receiver, given, place);
      },
    });
    layer.ours.push(wrapped);
    this.#layers.set(wrapped, layer);
    return wrapped;
  }

  /**
   * Return a layer's fetch, of which is noted what it has got and what it asks meanwhile.
   *
   * @param {Layer} layer
   * @returns {Fetch}
   */
  #noted(layer) {
    const inside = this.#inside;
    /** @type {(this: unknown) => unknown} */
    return function () {
      for (const one of arguments) if (isObject(one)) layer.given.add(one);
      const within = new Set([...(inside.getStore() ?? []), layer]);
      return inside.run(within, () => Reflect.apply(layer.theirs, this, arguments));
    };
  }

  /**
   * Tell whether a layer itself asks one of ours over it, for what it was given. One that sends
   * from a queue of its own is known by that; one that was defined in our place stands before us.
   *
   * @param {Layer} layer
   * @param {Fetch} ours
   * @param {unknown[]} given
   */
  #isAskedBy(layer, ours, given) {
    if (Object.getOwnPropertyDescriptor(globalThis, "fetch")?.value === layer.theirs) return true;
    if (layer.found !== ours) return false;
    if (this.#inside.getStore()?.has(layer)) return true;
    return given.some((one) => isObject(one) && layer.given.has(one));
  }
}
