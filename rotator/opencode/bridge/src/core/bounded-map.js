// A map that forgets what it was told first, so that a process of weeks does not grow.

/**
 * Put `key` last into a map and forget the oldest keys above `most`.
 *
 * @template V
 * @param {Map<any, V>} map
 * @param {unknown} key
 * @param {V} value
 * @param {number} most
 */
export function remember(map, key, value, most) {
  map.delete(key);
  map.set(key, value);
  while (map.size > most) map.delete(map.keys().next().value);
}
