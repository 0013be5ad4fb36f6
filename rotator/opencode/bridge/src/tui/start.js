// The plugin in a TUI that has all it needs.

import { sidebar } from "./core/sidebar.js";
import { Dashboard } from "./dashboard.js";
import { GlanceFile } from "./glance-file.js";
import { register } from "./registration.js";
import { Toasts } from "./toasts.js";

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
  const glanceFile = new GlanceFile(places.glance);
  const toasts = new Toasts(dashboard);
  /** @type {NodeJS.Timeout | null} */
  let timer = null;

  function stop() {
    clearInterval(timer ?? undefined);
    toasts.close();
    timer = null;
  }

  /** @param {string} why */
  function switchOff(why) {
    if (timer === null) return;
    stop();
    note.write(false, why);
  }

  async function look() {
    const latest = await glanceFile.look();
    const isLater = Math.floor(Date.now() / 60_000) !== Math.floor(now() / 60_000);
    if (latest !== undefined || isLater) setNow(Date.now());
    if (latest === undefined) return;
    setGlance(latest);
    toasts.hear(latest ? latest.events : []);
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
