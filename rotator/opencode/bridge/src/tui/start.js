// The plugin in a TUI that has all it needs.

import { sidebar } from "./core/sidebar.js";
import { Dashboard } from "./dashboard.js";
import { Glances } from "./glances.js";
import { register } from "./registration.js";
import { Herald } from "./toasts.js";

/** @import { Note } from "./note.js" */

const LOOK_MS = 500;

/**
 * Begin to look, to draw and to tell.
 * @param {any} api
 * @param {any} solid
 * @param {any} reactive
 * @param {{ options: unknown, key: string, places: { glance: string }, note: Note }} more
 */
export function start(api, solid, reactive, { options, key, places, note }) {
  const [glance, setGlance] = reactive.createSignal(null);
  const [now, setNow] = reactive.createSignal(Date.now());
  const dashboard = new Dashboard(api, options);
  const glances = new Glances(places.glance);
  const herald = new Herald(dashboard);
  /** @type {NodeJS.Timeout | null} */
  let timer = null;

  function stop() {
    clearInterval(timer ?? undefined);
    herald.close();
    timer = null;
  }

  /** @param {string} why */
  function switchOff(why) {
    if (timer === null) return;
    stop();
    note.write(false, why);
  }

  async function look() {
    const found = await glances.look();
    const isLater = Math.floor(Date.now() / 60_000) !== Math.floor(now() / 60_000);
    if (found !== undefined || isLater) setNow(Date.now());
    if (found === undefined) return;
    setGlance(found);
    herald.hear(found ? found.events : []);
  }

  let isLooking = false;
  timer = setInterval(async () => {
    if (isLooking) return;
    isLooking = true;
    await look().catch((error) => switchOff(`it cannot look: ${error?.message ?? error}`));
    isLooking = false;
  }, LOOK_MS);
  timer.unref?.();
  api.lifecycle.onDispose(() => {
    stop();
    dashboard.close();
    note.remove();
  });

  const shown = key === "none" ? "" : key;
  const draw = sidebar(api, solid, { glance, now, dashboard, key: shown, switchOff });
  try {
    register(api, { key, draw, open: dashboard.open });
  } catch (error) {
    stop();
    throw error;
  }
}
