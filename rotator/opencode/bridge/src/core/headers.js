// The headers of a request in any form that fetch takes, read and edited without touching the
// caller's.

/**
 * What fetch takes for headers.
 * @typedef {Headers | Iterable<[string, any]> | Record<string, any> | undefined} HeaderForm
 */

export const REMOVED = Symbol("removed");

/**
 * One that can be read only once is left for fetch.
 *
 * @param {any} headers
 */
export const isReadable = (headers) =>
  !isIterable(headers) || !Object.is(headers[Symbol.iterator](), headers);

/**
 * @param {any} headers
 * @returns {headers is Iterable<[string, any]>}
 */
const isIterable = (headers) => typeof headers?.[Symbol.iterator] === "function";

/**
 * @param {HeaderForm} headers
 * @returns {[string, any][]}
 */
export const headerPairs = (headers) =>
  isIterable(headers) ? [...headers] : Object.entries(headers ?? {});

/**
 * Return a copy in the same form, each value replaced by what `change(name, value)` returns.
 *
 * @param {HeaderForm} headers
 * @param {(name: string, value: any) => any} change
 * @returns {Headers | [string, any][] | Record<string, any>}
 */
export function editHeaders(headers, change) {
  if (headers instanceof Headers) {
    const copy = new Headers(headers);
    for (const [name, value] of headers) {
      const next = change(name, value);
      if (next === REMOVED) copy.delete(name);
      else if (next !== value) copy.set(name, next);
    }
    return copy;
  }
  const pairs = headerPairs(headers)
    .map(([name, value]) => [name, change(String(name).toLowerCase(), value)])
    .filter(([, value]) => value !== REMOVED);
  return isIterable(headers) ? pairs : Object.fromEntries(pairs);
}

/**
 * @param {HeaderForm} headers
 * @param {string} unwanted
 */
export const without = (headers, unwanted) =>
  editHeaders(headers, (name, value) => (name === unwanted ? REMOVED : value));

/**
 * @param {HeaderForm} headers
 * @param {string} wanted
 * @returns {any[]}
 */
export function headerValues(headers, wanted) {
  if (headers instanceof Headers && !headers.has(wanted)) return [];
  const pairs = headerPairs(headers).filter(([name]) => String(name).toLowerCase() === wanted);
  return pairs.map(([, value]) => value);
}
