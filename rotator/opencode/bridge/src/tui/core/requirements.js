// What a TUI has to have.

import { isObject } from "../../core/values.js";

// Everything that is called below, so that a TUI without it is left alone.
const NEEDED = [
  ["keymap", "registerLayer"],
  ["renderer", "suspend"],
  ["renderer", "resume"],
  ["renderer", "requestRender"],
  ["slots", "register"],
  ["ui", "toast"],
  ["lifecycle", "onDispose"],
];

const SOLID = ["createElement", "insert", "insertNode", "setProp"];

/**
 * Return what this opencode lacks of what is needed here.
 *
 * @param {any} api
 * @param {any} solid
 * @param {any} reactive
 * @returns {string[]}
 */
export function missingParts(api, solid, reactive) {
  const lacks = NEEDED.filter(([part, name]) => typeof api?.[part]?.[name] !== "function");
  const names = lacks.map((names) => names.join("."));
  if (!isObject(api?.theme?.current)) names.push("theme.current");
  names.push(...SOLID.filter((name) => typeof solid?.[name] !== "function"));
  if (typeof reactive?.createSignal !== "function") names.push("createSignal");
  return names;
}
