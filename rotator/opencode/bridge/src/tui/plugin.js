// opencode-rotator dashboard plugin 0.1.0 (for opencode's TUI, put here by `rotator bridge install`)
//
// It opens `rotator dashboard` full screen inside opencode, shows in the sidebar which account
// works and what is left of it, and tells of what the watcher did. What it shows is in
// glance.json, which the watcher publishes without any secret; what it changes is changed by our
// own program as a child. With a TUI that it does not know it registers nothing, and says why in
// a note that `rotator doctor` reads.

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
async function tui(api, options) {
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

export default { id: "opencode-rotator", tui };
