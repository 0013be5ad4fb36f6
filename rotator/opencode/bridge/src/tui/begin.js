// The plugin's beginning, in either generation of opencode: it looks before it registers anything.

import { tryOr } from "../core/try-or.js";
import { missingParts } from "./core/requirements.js";
import { Note } from "./note.js";
import { findPlaces } from "./places.js";
import { keyOf } from "./program.js";
import { start } from "./start.js";

/**
 * @param {any} api
 * @param {any} options
 */
export async function begin(api, options) {
  const places = findPlaces(process.env);
  const note = new Note(
    places.notes,
    tryOr(() => api.app.version),
  );
  try {
    const libraries = [import("@opentui/solid"), import("solid-js")];
    const [key, solid, reactive] = await Promise.all([keyOf(options), ...libraries]);
    const lacks = missingParts(api, solid, reactive);
    if (lacks.length > 0) return note.write(false, `opencode's TUI has no ${lacks.join(", ")}`);
    start(api, solid, reactive, { options, key, places, note });
    note.write(true);
  } catch (error) {
    note.write(false, `${error?.message ?? error}`);
  }
}
