// How things stand, in words: the rules of rotator/wording.py.

import { isString } from "../../core/values.js";

/** @import { Account, Glance } from "./glance.js" */

/** @type {[string, number][]} */
const UNITS = [
  ["d", 86_400],
  ["h", 3600],
  ["m", 60],
];

/**
 * A length of time in its largest unit alone, as the status line has it, but for seconds: nothing
 * draws the sidebar anew each second.
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
 * A fraction in whole per cent, the nearest; only what is all used is 100, and only what nothing is
 * used of is 0.
 *
 * @param {number} used
 */
export function wholePercent(used) {
  if (used >= 1) return 100;
  if (used <= 0) return 0;
  return Math.min(Math.max(Math.floor(used * 100 + 0.5 + 1e-9), 1), 99);
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
  const words = `${wholePercent(used)}%`;
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
