// How things stand, in words.

import { isString } from "../../core/values.js";

/** @import { Account, Glance } from "./glance.js" */

/** @type {[string, number][]} */
const UNITS = [
  ["d", 86_400],
  ["h", 3600],
  ["m", 60],
];

/**
 * A length of time in its largest unit alone, as the status line has it.
 *
 * @param {number} ms
 */
function formatDuration(ms) {
  const seconds = Math.max(Math.floor(ms / 1000), 0);
  for (const [unit, length] of UNITS)
    if (seconds >= length) return `${Math.floor(seconds / length)}${unit}`;
  return "<1m";
}

/**
 * Return how an account stands in words, and the name of the colour that goes with them.
 *
 * @param {Pick<Account, "state" | "until" | "used" | "window">} account
 * @param {number} now
 * @returns {[words: string, colour: string]}
 */
export function accountStatus({ state, until, used, window }, now) {
  if (state === "rejected") return ["needs login", "error"];
  if (state === "disabled") return ["disabled", "textMuted"];
  if (until !== null && now < until) {
    const word = state === "exhausted" ? "used up" : "cooling";
    return [`${word} ${formatDuration(until - now)}`, "warning"];
  }
  if (typeof used !== "number") return ["ready", "success"];
  const words = `${Math.floor(used * 100 + 1e-9)}%`;
  return [isString(window) ? `${window} ${words}` : words, used >= 0.9 ? "warning" : "success"];
}

/**
 * Whether failures are answered with another account, or why that is not known.
 *
 * @param {Glance | false | null} glance
 */
export function balancingStatus(glance) {
  if (glance === null) return "no watcher";
  if (glance === false) return "another version";
  return glance.balancing ? "on" : "off";
}

/**
 * @param {string} text
 * @param {number} width
 */
export const truncate = (text, width) =>
  text.length <= width ? text : `${text.slice(0, width - 1)}…`;
