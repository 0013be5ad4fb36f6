// What may go wrong without anybody having to know.

/**
 * Return what `action` returns, or `otherwise` where it throws.
 *
 * @template T, O
 * @overload
 * @param {() => T} action
 * @param {O} otherwise
 * @returns {T | O}
 */
/**
 * @template T
 * @overload
 * @param {() => T} action
 * @returns {T | undefined}
 */
/**
 * @param {() => unknown} action
 * @param {unknown} [otherwise]
 */
export function tryOr(action, otherwise) {
  try {
    return action();
  } catch {
    return otherwise;
  }
}

export const noop = () => {};
