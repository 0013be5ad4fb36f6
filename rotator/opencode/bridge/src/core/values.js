// What a value from outside is: JSON may hold anything.

/**
 * @param {unknown} value
 * @returns {value is string}
 */
export const isString = (value) => typeof value === "string";

/**
 * @param {unknown} value
 * @returns {value is Record<string, any>}
 */
export const isObject = (value) =>
  typeof value === "object" && value !== null && !Array.isArray(value);
