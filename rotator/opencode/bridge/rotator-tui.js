// opencode-rotator dashboard plugin 0.1.0 (for opencode's TUI, put here by `rotator bridge install`)
//
// It opens `rotator dashboard` full screen inside opencode, shows in the sidebar which account
// works and what is left of it, and tells of what the watcher did. What it shows is in
// glance.json, which the watcher publishes without any secret; what it changes is changed by our
// own program as a child. With a TUI that it does not know it registers nothing, and says why in
// a note that `rotator doctor` reads.

import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";

const VERSION = "0.1.0";
const SCHEMA = 1;
const COMMAND = "rotator.dashboard";
const KEY = "ctrl+b";
const LOOK_MS = 500;
const SILENT_MS = 120_000; // a watcher publishes every thirty seconds
const TOAST_MS = 10_000;
const LARGEST_GLANCE = 1024 * 1024;
const MOST_ACCOUNTS = 8; // of one provider; the dashboard has the others
const WIDTH = 36; // what opencode's sidebar leaves
const VARIANTS = { failover: "warning", rerouted: "warning", rejected: "error" };
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

const isText = (value) => typeof value === "string";
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

function attempt(action, otherwise) {
  try {
    return action();
  } catch {
    return otherwise;
  }
}

// -- Files ---------------------------------------------------------------------------------

function findPlaces(env) {
  const states = env.XDG_STATE_HOME || path.join(os.homedir(), ".local", "state");
  const state = env.ROTATOR_STATE_DIR || path.join(states, "opencode-rotator");
  return { glance: path.join(state, "glance.json"), notes: path.join(state, "bridge", "tui") };
}

/** What is told of this plugin in this opencode, for as long as it runs. */
class Note {
  #file;
  #opencode;

  constructor(folder, opencode) {
    this.#file = path.join(folder, `${process.pid}.json`);
    this.#opencode = isText(opencode) ? opencode : "";
    attempt(() => sweep(folder));
  }

  /** Say whether the plugin is on, and if not, why. */
  write(on, why = "") {
    const { pid } = process;
    const told = { schema: SCHEMA, pid, plugin: VERSION, opencode: this.#opencode, on, why };
    attempt(() => {
      fs.mkdirSync(path.dirname(this.#file), { recursive: true, mode: 0o700 });
      const beside = path.join(path.dirname(this.#file), `.${pid}.tmp`);
      fs.rmSync(beside, { force: true }); // of a process that crashed and had our pid
      fs.writeFileSync(beside, JSON.stringify(told), { mode: 0o600, flag: "wx" });
      fs.renameSync(beside, this.#file);
    });
  }

  remove = () => attempt(() => fs.rmSync(this.#file, { force: true }));
}

/** Remove the notes of opencodes that have ended. */
function sweep(folder) {
  for (const name of fs.readdirSync(folder)) {
    const pid = Number(/^\.?(\d+)\.(json|tmp)$/.exec(name)?.[1] ?? 0);
    if (pid && !isRunning(pid)) fs.rmSync(path.join(folder, name), { force: true });
  }
}

function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

/** What the watcher has published, or null where it is not for us. */
function parseGlance(text) {
  const { schema, balancing, providers, events } = JSON.parse(text);
  if (schema !== SCHEMA || !Array.isArray(providers) || !Array.isArray(events)) return null;
  const known = ({ id, accounts }) => isText(id) && Array.isArray(accounts);
  return {
    balancing: balancing === true,
    providers: providers.filter((one) => isObject(one) && known(one)).map(readProvider),
    events: events.filter((one) => isObject(one) && isText(one.title) && isText(one.at)),
  };
}

function readProvider({ id, accounts }) {
  const named = accounts.filter((one) => isObject(one) && isText(one.alias));
  return { id, accounts: named.map((one) => ({ ...one, until: Date.parse(one.until) || null })) };
}

/** glance.json, looked at by its facts and read only when it is another file. */
class Glances {
  #file;
  #facts = "";
  #changedAt = 0;

  constructor(file) {
    this.#file = file;
  }

  /** Return the glance when it is a new one, null when nobody publishes any more, else undefined. */
  async look() {
    const facts = await fs.promises.stat(this.#file, { bigint: true }).catch(() => null);
    if (facts === null) return this.#take("none", () => null);
    const { ino, mtimeNs, size } = facts;
    this.#changedAt = Number(mtimeNs / 1_000_000n);
    if (Date.now() - this.#changedAt > SILENT_MS) return this.#take("silent", () => null);
    if (size > LARGEST_GLANCE || !facts.isFile()) return this.#take("odd", () => null);
    const read = () => attempt(() => parseGlance(fs.readFileSync(this.#file, "utf8")), null);
    return this.#take(`${ino} ${mtimeNs} ${size}`, read);
  }

  #take(facts, read) {
    if (facts === this.#facts) return undefined;
    this.#facts = facts;
    return read();
  }
}

// -- Words ---------------------------------------------------------------------------------

/** A length of time in its largest unit alone, as the status line has it. */
function short(ms) {
  const seconds = Math.max(Math.floor(ms / 1000), 0);
  for (const [unit, length] of [["d", 86_400], ["h", 3600], ["m", 60]])
    if (seconds >= length) return `${Math.floor(seconds / length)}${unit}`;
  return "<1m";
}

/** Return how an account stands in words, and the name of the colour that goes with them. */
function standing({ state, until, used, window }, now) {
  if (state === "rejected") return ["needs login", "error"];
  if (state === "disabled") return ["disabled", "textMuted"];
  if (until !== null && now < until) {
    const word = state === "exhausted" ? "used up" : "cooling";
    return [`${word} ${short(until - now)}`, "warning"];
  }
  if (typeof used !== "number") return ["ready", "success"];
  const words = `${Math.floor(used * 100 + 1e-9)}%`;
  return [isText(window) ? `${window} ${words}` : words, used >= 0.9 ? "warning" : "success"];
}

const cut = (text, width) => (text.length <= width ? text : `${text.slice(0, width - 1)}…`);

// -- Our program ---------------------------------------------------------------------------

/** Return how to start our program: as the installation said, or by its name. */
function programOf(options) {
  const told = options?.program;
  const whole = Array.isArray(told) && told.length > 0 && told.every(isText);
  return whole && fs.existsSync(told[0]) ? told : ["rotator"];
}

/** Run it to its end; resolve with its exit code and what it printed. */
function run([file, ...first], words, stdio) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, [...first, ...words], { stdio });
    let printed = "";
    child.stdout?.setEncoding("utf8").on("data", (text) => (printed += text));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, printed }));
  });
}

// -- The plugin ----------------------------------------------------------------------------

class Dashboard {
  #api;
  #program;
  #isOpen = false;

  constructor(api, options) {
    this.#api = api;
    this.#program = programOf(options);
  }

  get isOpen() {
    return this.#isOpen;
  }

  /** Give the terminal to our dashboard, and take it back when that has ended. */
  open = async () => {
    if (this.#isOpen) return;
    this.#isOpen = true;
    const { renderer } = this.#api;
    try {
      renderer.suspend();
      try {
        await run(this.#program, ["dashboard", "--no-suspend"], "inherit");
      } finally {
        attempt(() => renderer.currentRenderBuffer?.clear?.());
        renderer.resume();
        renderer.requestRender();
      }
    } catch (error) {
      this.say("The dashboard could not be opened", String(error?.message ?? error), "error");
    } finally {
      this.#isOpen = false;
    }
  };

  /** Put an account into auth.json, as `rotator rotate` does it. */
  activate = async (provider, alias) => {
    const words = ["rotate", "--json", "--", provider, alias];
    try {
      const { code, printed } = await run(this.#program, words, ["ignore", "pipe", "ignore"]);
      if (code === 0) return this.say("", `${provider}/${alias} is live now`, "success");
      const failure = attempt(() => JSON.parse(printed).error.message, `it ended with ${code}`);
      this.say(`${provider}/${alias} was not activated`, failure, "error");
    } catch (error) {
      this.say(`${provider}/${alias} was not activated`, String(error?.message ?? error), "error");
    }
  };

  say(title, message, variant) {
    const toast = { message, variant, duration: TOAST_MS };
    attempt(() => this.#api.ui.toast(title ? { title, ...toast } : toast));
  }
}

/** Tells of what happened since this opencode began, each thing once. */
class Herald {
  #dashboard;
  #since = Date.now();
  #told = new Set();

  constructor(dashboard) {
    this.#dashboard = dashboard;
  }

  hear(events) {
    const fresh = events.filter(({ at }) => Date.parse(at) >= this.#since);
    for (const { number, at, kind, title, text } of fresh) {
      const name = `${number} ${at}`;
      if (this.#told.has(name)) continue;
      this.#told.add(name);
      // Whoever looks at the dashboard sees it there.
      if (this.#dashboard.isOpen) continue;
      this.#dashboard.say(title, isText(text) ? text : "", VARIANTS[kind] ?? "info");
    }
  }
}

/** Returns what draws the sidebar from `glance()`, as of the minute `now()`. */
function sidebar(api, solid, { glance, now, dashboard, key }) {
  const { createElement, insert, insertNode, setProp } = solid;

  function element(kind, properties, ...children) {
    const made = createElement(kind);
    for (const [name, value] of Object.entries(properties)) setProp(made, name, value);
    for (const child of children)
      if (isText(child)) insert(made, child);
      else insertNode(made, child);
    return made;
  }

  const text = (words, fg, more = {}) => element("text", { fg, wrapMode: "none", ...more }, words);
  const row = (more, ...children) =>
    element("box", { flexDirection: "row", justifyContent: "space-between", ...more }, ...children);

  function accountRow(provider, account, theme) {
    const [words, colour] = standing(account, now());
    const isActive = account.active === true;
    const name = cut(`${isActive ? "●" : "○"} ${account.alias}`, WIDTH - words.length - 1);
    const activate = isActive
      ? {}
      : { onMouseUp: () => void dashboard.activate(provider.id, account.alias) };
    const left = text(name, isActive ? theme.text : theme.textMuted);
    return row(activate, left, text(words, theme[colour]));
  }

  function providerRows(provider, theme) {
    const shown = provider.accounts.slice(0, MOST_ACCOUNTS);
    const left = provider.accounts.length - shown.length;
    const more = left > 0 ? [text(`  and ${left} more`, theme.textMuted)] : [];
    const rows = shown.map((account) => accountRow(provider, account, theme));
    return [text(cut(provider.id, WIDTH), theme.textMuted), ...rows, ...more];
  }

  function rows() {
    const theme = api.theme.current;
    const found = glance();
    const [word, colour] = !found
      ? ["no watcher", theme.warning]
      : found.balancing
        ? ["on", theme.success]
        : ["off", theme.warning];
    const title = element("text", { fg: theme.text }, element("b", {}, "Balancing"));
    const button = text("[ dashboard ]", theme.text, { onMouseUp: () => void dashboard.open() });
    return [
      row({}, title, text(word, colour)),
      row({}, button, text(key, theme.textMuted)),
      ...(found?.providers ?? []).flatMap((provider) => providerRows(provider, theme)),
    ];
  }

  return () => {
    const box = createElement("box");
    insert(box, rows);
    return box;
  };
}

/** Return what this opencode lacks of what is needed here. */
function lacking(api, solid, reactive) {
  const lacks = NEEDED.filter(([part, name]) => typeof api?.[part]?.[name] !== "function");
  const names = lacks.map((one) => one.join("."));
  if (!isObject(api?.theme?.current)) names.push("theme.current");
  names.push(...SOLID.filter((name) => typeof solid?.[name] !== "function"));
  if (typeof reactive?.createSignal !== "function") names.push("createSignal");
  return names;
}

function start(api, solid, reactive, { options, places, note }) {
  const [glance, setGlance] = reactive.createSignal(null);
  const [now, setNow] = reactive.createSignal(Date.now());
  const key = isText(options?.key) ? options.key : KEY;
  const dashboard = new Dashboard(api, options);
  const glances = new Glances(places.glance);
  const herald = new Herald(dashboard);
  const draw = sidebar(api, solid, { glance, now, dashboard, key: key === "none" ? "" : key });

  async function look() {
    const found = await glances.look();
    const isLater = Math.floor(Date.now() / 60_000) !== Math.floor(now() / 60_000);
    if (found !== undefined || isLater) setNow(Date.now());
    if (found === undefined) return;
    setGlance(found);
    herald.hear(found?.events ?? []);
  }

  const names = { name: COMMAND, namespace: "palette", slashName: "rotator" };
  const more = { slashAliases: ["balancer"], title: "Open Balancer Dashboard" };
  const said = { category: "Rotator", desc: "Accounts, what is left of them, and priorities" };
  const command = { ...names, ...more, ...said, run: () => void dashboard.open() };
  const bindings = key === "none" ? [] : [{ key, cmd: COMMAND }];
  api.keymap.registerLayer({ commands: [command], bindings });
  api.slots.register({
    order: 150,
    slots: {
      sidebar_content() {
        try {
          return draw();
        } catch (error) {
          note.write(false, `the sidebar cannot be drawn: ${error?.message ?? error}`);
          return null;
        }
      },
    },
  });

  let looking = false;
  const timer = setInterval(() => {
    if (looking) return;
    looking = true;
    look()
      .catch((error) => note.write(false, `glance.json: ${error?.message ?? error}`))
      .finally(() => (looking = false));
  }, LOOK_MS);
  timer.unref?.();
  api.lifecycle.onDispose(() => {
    clearInterval(timer);
    note.remove();
  });
}

async function tui(api, options) {
  const places = findPlaces(process.env);
  const note = new Note(places.notes, attempt(() => api.app.version));
  try {
    const [solid, reactive] = await Promise.all([import("@opentui/solid"), import("solid-js")]);
    const lacks = lacking(api, solid, reactive);
    if (lacks.length > 0) return note.write(false, `opencode's TUI has no ${lacks.join(", ")}`);
    start(api, solid, reactive, { options, places, note });
    note.write(true);
  } catch (error) {
    note.write(false, `${error?.message ?? error}`);
  }
}

export default { id: "opencode-rotator", tui };
