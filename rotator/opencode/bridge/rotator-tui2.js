// opencode-rotator dashboard plugin 0.1.0 (for OpenCode 2's TUI, put here by `rotator bridge install`)
// Made from src/tui/second.js by `python -m tests.support.build_bridge`: change it there.
//
// The same as the one for opencode 1, whose parts it is given under the names that they have there.

// src/tui/second.js
import fs6 from "node:fs";

// src/core/try-or.js
function tryOr(action, otherwise) {
  try {
    return action();
  } catch {
    return otherwise;
  }
}
var noop = () => {
};

// src/core/values.js
var isString = (value) => typeof value === "string";
var isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

// src/tui/core/requirements.js
var NEEDED = [
  ["keymap", "registerLayer"],
  ["renderer", "suspend"],
  ["renderer", "resume"],
  ["renderer", "requestRender"],
  ["slots", "register"],
  ["ui", "toast"],
  ["lifecycle", "onDispose"]
];
var SOLID = ["createElement", "insert", "insertNode", "setProp"];
function missingParts(api, solid, reactive) {
  const lacks = NEEDED.filter(([part, name]) => typeof api?.[part]?.[name] !== "function");
  const names = lacks.map((names2) => names2.join("."));
  if (!isObject(api?.theme?.current)) names.push("theme.current");
  names.push(...SOLID.filter((name) => typeof solid?.[name] !== "function"));
  if (typeof reactive?.createSignal !== "function") names.push("createSignal");
  return names;
}

// src/tui/note.js
import fs3 from "node:fs";
import path3 from "node:path";

// src/system/files.js
import fs from "node:fs";
import path from "node:path";

// src/system/random.js
import { randomBytes } from "node:crypto";
var randomId = () => randomBytes(8).toString("hex");

// src/system/files.js
var { O_RDONLY, O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK, O_NOFOLLOW } = fs.constants;
var FILE_BYTES = 4 * 1024 * 1024;
var SMALL_FILE_BYTES = 64 * 1024;
var unlink = (file) => tryOr(() => fs.unlinkSync(file));
function withFile(file, flags, use) {
  const opened = fs.openSync(file, flags | O_NONBLOCK, 384);
  try {
    const stat = fs.fstatSync(opened);
    if (!stat.isFile()) throw new Error("not a file");
    return use(opened, stat.size);
  } finally {
    fs.closeSync(opened);
  }
}
function readText(file) {
  if (!fs.statSync(file).isFile()) throw new Error("not a file");
  return withFile(file, O_RDONLY, (opened, size) => {
    if (size > FILE_BYTES) throw new Error("too large");
    const bytes = Buffer.alloc(size);
    let length = 0;
    for (let read = 1; read > 0 && length < size; length += read)
      read = fs.readSync(opened, bytes, length, size - length, length);
    return bytes.toString("utf8", 0, length).replace(/^\uFEFF/, "");
  });
}
async function readTextLater(file) {
  if (!(await fs.promises.stat(file)).isFile()) throw new Error("not a file");
  const opened = await fs.promises.open(file, O_RDONLY | O_NONBLOCK);
  try {
    const bytes = Buffer.alloc(SMALL_FILE_BYTES);
    const { bytesRead } = await opened.read(bytes, 0, SMALL_FILE_BYTES, 0);
    return bytes.toString("utf8", 0, bytesRead);
  } finally {
    await opened.close();
  }
}
function publish(file, value) {
  publishText(file, JSON.stringify(value));
}
function touch(file, make) {
  const now = /* @__PURE__ */ new Date();
  fs.promises.lutimes(file, now, now).catch(({ code }) => code === "ENOENT" && tryOr(make));
}
function publishText(file, text) {
  writeBeside(
    file,
    `.${path.basename(file, ".json")}.tmp`,
    text,
    (temporary) => fs.renameSync(temporary, file)
  );
}
function publishFirst(file, value) {
  const temporary = `.${path.basename(file, ".json")}-${randomId()}.tmp`;
  writeBeside(file, temporary, JSON.stringify(value), (written) => {
    fs.linkSync(written, file);
    unlink(written);
  });
}
function writeBeside(file, name, text, give) {
  const temporary = path.join(path.dirname(file), name);
  fs.mkdirSync(path.dirname(file), { recursive: true, mode: 448 });
  unlink(temporary);
  try {
    fs.writeFileSync(temporary, text, { mode: 384, flag: "wx" });
    give(temporary);
  } catch (error) {
    unlink(temporary);
    throw error;
  }
}

// src/system/liveness.js
import fs2 from "node:fs";
var SILENT_MS = 2e4;
var PID_NAMESPACE = tryOr(() => {
  if (process.platform !== "linux") return process.platform;
  if (fs2.readlinkSync("/proc/self") !== String(process.pid)) return null;
  const boot = fs2.readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
  const time = tryOr(() => fs2.readlinkSync("/proc/self/ns/time"));
  return [boot, fs2.readlinkSync("/proc/self/ns/pid"), time].filter(isString).join(" ");
}, null);
function procStatFields(pid) {
  const line = tryOr(() => fs2.readFileSync(`/proc/${pid}/stat`, "latin1"), "");
  return line.slice(line.lastIndexOf(")") + 2).split(" ");
}
var isFresh = (file, silentMs = SILENT_MS) => tryOr(() => Math.abs(Date.now() - fs2.statSync(file).mtimeMs) <= silentMs, false);

// src/system/own-file.js
import { randomBytes as randomBytes2 } from "node:crypto";
import path2 from "node:path";
var PID = String(process.pid);
var WHO = {
  pid: process.pid,
  started_at: (/* @__PURE__ */ new Date()).toISOString(),
  start_ticks: procStatFields("self")[19] ?? null,
  pid_namespace: PID_NAMESPACE
};
var OwnFile = class {
  /** @type {string} */
  #folder;
  #name = `${PID}-${randomBytes2(4).toString("hex")}`;
  /** @type {object | null} */
  #told = null;
  /** @param {string} folder */
  constructor(folder) {
    this.#folder = folder;
  }
  /**
   * The file of ours with that ending, all of which have one name.
   *
   * @param {string} ending
   */
  file = (ending) => path2.join(this.#folder, `${this.#name}${ending}`);
  /**
   * Say that we are there, and what else there is to say; tell whether it is the first time and
   * what else a dead process has left under our name is to be removed.
   *
   * @param {object} more
   */
  tell(more) {
    const isFirst = this.#told === null;
    const told = this.#told = { ...more, ...WHO };
    if (isFirst && this.#takePid(told)) return true;
    publish(this.file(".json"), told);
    return false;
  }
  /** Show that we are there; another one may have the name by now, if ours was gone meanwhile. */
  async beat() {
    const told = this.#told;
    if (told === null) return;
    if (this.#name === PID) {
      const text = await readTextLater(this.file(".json")).catch(() => "");
      if (!this.#isOurs(text)) {
        this.#name = `${PID}-${randomBytes2(4).toString("hex")}`;
        if (this.#takePid(told)) return;
      }
    }
    touch(this.file(".json"), () => publish(this.file(".json"), told));
  }
  close = () => {
    const file = this.file(".json");
    if (this.#name !== PID || this.#isOurs(tryOr(() => readText(file), ""))) unlink(file);
  };
  /**
   * Take the name that is our pid, if nobody else has it; where we do not know, they have.
   *
   * @param {object} told
   */
  #takePid(told) {
    const file = path2.join(this.#folder, `${PID}.json`);
    const isOurs = this.#isOurs(tryOr(() => readText(file), ""));
    const isTaken = tryOr(() => ((isOurs ? publish : publishFirst)(file, told), true), false);
    if (isTaken) this.#name = PID;
    return isTaken;
  }
  /**
   * Tell whether a file with our pid's name is of this process, or of a dead one that had its pid.
   *
   * @param {string} text
   */
  #isOurs(text) {
    const theirs = tryOr(() => JSON.parse(text), null);
    if (theirs?.pid_namespace !== PID_NAMESPACE) return false;
    return PID_NAMESPACE !== null || theirs.started_at === WHO.started_at;
  }
};

// src/system/timing.js
var repeat = (ms, action) => setInterval(() => tryOr(action), ms).unref?.();

// src/tui/core/version.js
var VERSION = "0.1.0";
var SCHEMA = 1;

// src/tui/note.js
var BEAT_MS = 5e3;
var UNPLACED_MS = 30 * 24 * 3600 * 1e3;
var Note = class {
  /** @type {OwnFile} */
  #file;
  /** @type {NodeJS.Timeout | null} */
  #beating = null;
  /** @type {string} */
  #opencode;
  /**
   * @param {string} folder
   * @param {unknown} opencode
   */
  constructor(folder, opencode) {
    this.#file = new OwnFile(folder);
    this.#opencode = isString(opencode) ? opencode : "";
    tryOr(() => sweep(folder));
  }
  /**
   * Say whether the plugin is on, and if not, why.
   *
   * @param {boolean} on
   */
  write(on, why = "") {
    const told = { schema: SCHEMA, plugin: VERSION, opencode: this.#opencode, on, why };
    tryOr(() => this.#file.tell(told));
    this.#beating ??= repeat(BEAT_MS, () => this.#file.beat().catch(noop));
  }
  remove = () => {
    clearInterval(this.#beating ?? void 0);
    this.#file.close();
  };
};
function sweep(folder) {
  for (const name of fs3.readdirSync(folder)) {
    const [, pid, ending] = /^\.?(\d+)(?:-[0-9a-f]+)?\.(json|tmp)$/.exec(name) ?? [];
    const file = path3.join(folder, name);
    const isLeft = ending === "tmp" ? !isFresh(file) : pid && !isAlive(file, Number(pid));
    if (isLeft) tryOr(() => fs3.rmSync(file, { force: true }));
  }
}
function isAlive(file, pid) {
  const told = tryOr(() => JSON.parse(readText(file)), null);
  const where = told?.pid_namespace;
  if (where === void 0 && isFresh(file, UNPLACED_MS)) return true;
  if (where !== void 0 && (where === null || where !== PID_NAMESPACE)) return isFresh(file);
  const [theirs, ticks] = [told?.start_ticks ?? null, procStatFields(pid)[19] ?? null];
  if (theirs !== null && ticks !== null) return theirs === ticks;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

// src/tui/places.js
import os from "node:os";
import path4 from "node:path";
function findPlaces(env) {
  const states = env.XDG_STATE_HOME || path4.join(os.homedir(), ".local", "state");
  const state = env.ROTATOR_STATE_DIR || path4.join(states, "opencode-rotator");
  return { glance: path4.join(state, "glance.json"), notes: path4.join(state, "bridge", "tui") };
}

// src/tui/program.js
import { spawn } from "node:child_process";
import fs4 from "node:fs";
var KEY = "ctrl+b";
var ASK_MS = 3e3;
function programOf(options) {
  const told = options?.program;
  const whole = Array.isArray(told) && told.length > 0 && told.every(isString);
  return whole && fs4.existsSync(told[0]) ? told : ["rotator"];
}
function run([file, ...first], words, stdio, begun = () => {
}, more = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, [...first, ...words], { stdio, ...more });
    begun(child);
    let printed = "";
    child.stdout?.setEncoding("utf8").on("data", (text) => printed += text);
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, printed }));
  });
}
async function keyOf(options) {
  const otherwise = isString(options?.key) ? options.key : KEY;
  if (!options?.program) return otherwise;
  try {
    const ended = { timeout: ASK_MS, killSignal: "SIGKILL" };
    const told = ["ignore", "pipe", "ignore"];
    const { code, printed } = await run(
      programOf(options),
      ["bridge", "key"],
      told,
      void 0,
      ended
    );
    return code === 0 && printed.trim() ? printed.trim() : otherwise;
  } catch {
    return otherwise;
  }
}

// src/tui/core/words.js
var UNITS = [
  ["d", 86400],
  ["h", 3600],
  ["m", 60]
];
function formatDuration(ms) {
  const seconds = Math.max(Math.floor(ms / 1e3), 0);
  for (const [unit, length] of UNITS)
    if (seconds >= length) return `${Math.floor(seconds / length)}${unit}`;
  return "<1m";
}
function wholePercent(used) {
  if (used >= 1) return 100;
  if (used <= 0) return 0;
  return Math.min(Math.max(Math.floor(used * 100 + 0.5 + 1e-9), 1), 99);
}
function accountStatus({ state, until, used, window }, now) {
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
function balancingStatus(glance) {
  if (glance === null) return "no watcher";
  if (glance === false) return "another version";
  return glance.balancing ? "on" : "off";
}
var truncate = (text, width) => text.length <= width ? text : `${text.slice(0, width - 1)}…`;

// src/tui/core/sidebar.js
var MOST_ACCOUNTS = 8;
var WIDTH = 36;
function sidebar(api, solid, { glance, now, dashboard, key, switchOff }) {
  const { createElement, insert, insertNode, setProp } = solid;
  function element(kind, properties, ...children) {
    const made = createElement(kind);
    for (const [name, value] of Object.entries(properties)) setProp(made, name, value);
    for (const child of children)
      if (isString(child)) insert(made, child);
      else insertNode(made, child);
    return made;
  }
  const text = (words, fg, more = {}) => element("text", { fg, wrapMode: "none", ...more }, words);
  const row = (more, ...children) => element("box", { flexDirection: "row", justifyContent: "space-between", ...more }, ...children);
  function accountRow(provider, account, theme) {
    const [words, colour] = accountStatus(account, now());
    const isActive = account.active === true;
    const name = truncate(`${isActive ? "●" : "○"} ${account.alias}`, WIDTH - words.length - 1);
    const activate = isActive ? {} : { onMouseUp: () => void dashboard.activate(provider.id, account.alias) };
    const left = text(name, isActive ? theme.text : theme.textMuted);
    return row(activate, left, text(words, theme[colour]));
  }
  function providerRows(provider, theme) {
    const shown = provider.accounts.slice(0, MOST_ACCOUNTS);
    const left = provider.accounts.length - shown.length + provider.more;
    const more = left > 0 ? [text(`  and ${left} more`, theme.textMuted)] : [];
    const rows2 = shown.map((account) => accountRow(provider, account, theme));
    return [text(truncate(provider.id, WIDTH), theme.textMuted), ...rows2, ...more];
  }
  function rows() {
    const theme = api.theme.current;
    const latest = glance();
    const word = balancingStatus(latest);
    const colour = word === "on" ? theme.success : theme.warning;
    const title = element("text", { fg: theme.text }, element("b", {}, "Balancing"));
    const button = text("[ dashboard ]", theme.text, { onMouseUp: () => void dashboard.open() });
    return [
      row({}, title, text(word, colour)),
      row({}, button, text(key, theme.textMuted)),
      ...(latest ? latest.providers : []).flatMap((provider) => providerRows(provider, theme))
    ];
  }
  function safeRows() {
    try {
      return rows();
    } catch (error) {
      switchOff(`the sidebar cannot be drawn: ${error?.message ?? error}`);
      return [];
    }
  }
  return () => {
    try {
      const box = createElement("box");
      insert(box, safeRows);
      return box;
    } catch (error) {
      switchOff(`the sidebar cannot be drawn: ${error?.message ?? error}`);
      return null;
    }
  };
}

// src/tui/dashboard.js
var TOAST_MS = 1e4;
var INTERRUPTED = 130;
var Dashboard = class {
  /** @type {any} */
  #api;
  /** @type {string[]} */
  #program;
  #isOpen = false;
  /** @type {ChildProcess | null} */
  #child = null;
  /**
   * @param {any} api
   * @param {unknown} options
   */
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
    let failure = "";
    try {
      renderer.suspend();
      try {
        const words = ["dashboard", "--no-suspend"];
        const { code } = await run(
          this.#program,
          words,
          "inherit",
          (child) => this.#child = child
        );
        if (code && code !== INTERRUPTED) failure = `it ended with ${code}`;
      } finally {
        tryOr(() => renderer.currentRenderBuffer?.clear?.());
        renderer.resume();
        renderer.requestRender();
      }
    } catch (error) {
      failure = String(error?.message ?? error);
    }
    this.#isOpen = false;
    this.#child = null;
    if (failure) this.say("The dashboard could not be opened", failure, "error");
  };
  /** End it with the opencode that it is open in. */
  close = () => tryOr(() => this.#child?.kill());
  /**
   * Put an account into auth.json, as `rotator rotate` does it.
   *
   * @param {string} provider
   * @param {string} alias
   */
  activate = async (provider, alias) => {
    const words = ["rotate", "--json", "--", provider, alias];
    try {
      const { code, printed } = await run(this.#program, words, ["ignore", "pipe", "ignore"]);
      if (code === 0) return this.say("", `${provider}/${alias} is live now`, "success");
      const failure = tryOr(() => JSON.parse(printed).error.message, `it ended with ${code}`);
      this.say(`${provider}/${alias} was not activated`, failure, "error");
    } catch (error) {
      this.say(`${provider}/${alias} was not activated`, String(error?.message ?? error), "error");
    }
  };
  /**
   * @param {string} title
   * @param {string} message
   * @param {string} variant
   */
  say(title, message, variant) {
    const toast = { message, variant, duration: TOAST_MS };
    tryOr(() => this.#api.ui.toast(title ? { title, ...toast } : toast));
  }
};

// src/tui/glance-file.js
import fs5 from "node:fs";

// src/tui/core/glance.js
function parseGlance(text) {
  const { schema, balancing, providers, events } = JSON.parse(text);
  if (schema !== SCHEMA || !Array.isArray(providers) || !Array.isArray(events)) return false;
  const known = ({ id, accounts }) => isString(id) && Array.isArray(accounts);
  return {
    balancing: balancing === true,
    providers: providers.filter((provider) => isObject(provider) && known(provider)).map(readProvider),
    events: events.filter(
      (event) => isObject(event) && isString(event.title) && isString(event.at)
    )
  };
}
function readProvider({ id, accounts, more }) {
  const named = accounts.filter(
    (account) => isObject(account) && isString(account.alias)
  );
  const read = named.map((account) => ({ ...account, until: Date.parse(account.until) || null }));
  return { id, accounts: read, more: Number.isInteger(more) ? more : 0 };
}

// src/tui/glance-file.js
var SILENT_MS2 = 12e4;
var LARGEST_GLANCE = 1024 * 1024;
function readText2(file) {
  const opened = fs5.openSync(file, fs5.constants.O_RDONLY | fs5.constants.O_NONBLOCK);
  try {
    const stat = fs5.fstatSync(opened);
    if (!stat.isFile() || stat.size > LARGEST_GLANCE) throw new Error("not a glance");
    const bytes = Buffer.alloc(stat.size);
    return bytes.toString("utf8", 0, fs5.readSync(opened, bytes, 0, stat.size, 0));
  } finally {
    fs5.closeSync(opened);
  }
}
var GlanceFile = class {
  /** @type {string} */
  #file;
  #facts = "";
  /** @param {string} file */
  constructor(file) {
    this.#file = file;
  }
  /**
   * Return the glance when it is a new one, false where it cannot be understood, null when nobody
   * publishes any more, and undefined as long as nothing has changed.
   *
   * @returns {Promise<Glance | false | null | undefined>}
   */
  async look() {
    const facts = await fs5.promises.stat(this.#file, { bigint: true }).catch(() => null);
    if (facts === null) return this.#take("none", () => null);
    const { ino, mtimeNs, size } = facts;
    const age = Math.abs(Date.now() - Number(mtimeNs / 1000000n));
    if (age > SILENT_MS2) return this.#take("silent", () => null);
    if (size > LARGEST_GLANCE || !facts.isFile()) return this.#take("odd", () => false);
    const read = () => tryOr(() => parseGlance(readText2(this.#file)), false);
    return this.#take(`${ino} ${mtimeNs} ${size}`, read);
  }
  /**
   * @param {string} facts
   * @param {() => Glance | false | null} read
   */
  #take(facts, read) {
    if (facts === this.#facts) return void 0;
    this.#facts = facts;
    return read();
  }
};

// src/tui/registration.js
var COMMAND = "rotator.dashboard";
function register(api, { key, draw, open }) {
  const names = { name: COMMAND, namespace: "palette", slashName: "rotator" };
  const more = { slashAliases: ["balancer"], title: "Open Balancer Dashboard" };
  const description = {
    category: "Rotator",
    desc: "Accounts, what is left of them, and priorities"
  };
  const command = { ...names, ...more, ...description, run: () => void open() };
  const bindings = key === "none" ? [] : [{ key, cmd: COMMAND }];
  api.keymap.registerLayer({ commands: [command], bindings });
  api.slots.register({ order: 150, slots: { sidebar_content: draw } });
}

// src/tui/toasts.js
var READ_MS = 4e3;
var VARIANTS = { failover: "warning", rerouted: "warning", rejected: "error" };
var Toasts = class {
  /** @type {Dashboard} */
  #dashboard;
  #since = Date.now();
  /** @type {Set<string>} */
  #told = /* @__PURE__ */ new Set();
  /** @type {Event[]} */
  #waiting = [];
  /** @type {NodeJS.Timeout | null} */
  #pause = null;
  /** @param {Dashboard} dashboard */
  constructor(dashboard) {
    this.#dashboard = dashboard;
  }
  /** @param {Event[]} events */
  hear(events) {
    const fresh = events.filter(({ at }) => Date.parse(at) >= this.#since);
    for (const event of fresh) {
      const name = `${event.number} ${event.at}`;
      if (this.#told.has(name)) continue;
      this.#told.add(name);
      if (!this.#dashboard.isOpen) this.#waiting.push(event);
    }
    this.#tell();
  }
  /** Show the next one: opencode has room for one toast, and a second one takes its place. */
  #tell() {
    if (this.#pause !== null || this.#waiting.length === 0) return;
    const { kind, title, text } = (
      /** @type {Event} */
      this.#waiting.shift()
    );
    this.#dashboard.say(title, isString(text) ? text : "", VARIANTS[String(kind)] ?? "info");
    this.#pause = setTimeout(() => {
      this.#pause = null;
      this.#tell();
    }, READ_MS);
    this.#pause.unref?.();
  }
  close() {
    clearTimeout(this.#pause ?? void 0);
    this.#waiting = [];
  }
};

// src/tui/start.js
var LOOK_MS = 500;
function start(api, solid, reactive, { options, key, places, note }) {
  const [glance, setGlance] = reactive.createSignal(null);
  const [now, setNow] = reactive.createSignal(Date.now());
  const dashboard = new Dashboard(api, options);
  const glanceFile = new GlanceFile(places.glance);
  const toasts = new Toasts(dashboard);
  let timer = null;
  function stop() {
    clearInterval(timer ?? void 0);
    toasts.close();
    timer = null;
  }
  function switchOff(why) {
    if (timer === null) return;
    stop();
    note.write(false, why);
  }
  async function look() {
    const latest = await glanceFile.look();
    const isLater = Math.floor(Date.now() / 6e4) !== Math.floor(now() / 6e4);
    if (latest !== void 0 || isLater) setNow(Date.now());
    if (latest === void 0) return;
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

// src/tui/begin.js
async function begin(api, options) {
  const places = findPlaces(process.env);
  const note = new Note(
    places.notes,
    tryOr(() => api.app.version)
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

// src/tui/core/second-api.js
var has = (whole, name) => typeof whole?.[name] === "function";
function adapted(ctx) {
  const ends = [];
  const { app, renderer, theme, keymap, ui } = ctx;
  const api = {
    app,
    renderer,
    theme: { current: theme?.text ? colours(theme.text) : null },
    lifecycle: { onDispose: (end) => ends.push(end) },
    ui: { toast: has(ui?.toast, "show") && ((toast) => ui.toast.show(toast)) },
    keymap: { registerLayer: has(keymap, "layer") && has(ui, "slot") && registerLayer },
    slots: { register: has(ui, "slot") && registerSlots }
  };
  function registerLayer({ commands, bindings }) {
    const told = commands.map((command) => ({
      id: command.name,
      title: command.title,
      description: command.desc,
      group: command.category,
      palette: true,
      slash: { name: command.slashName, aliases: command.slashAliases },
      bind: bindings.find(({ cmd }) => cmd === command.name)?.key,
      run: command.run
    }));
    const render = () => {
      keymap.layer(() => ({ mode: "global", priority: 1, commands: told }));
      return null;
    };
    ui.slot({ append: "app", render });
  }
  function registerSlots({ slots }) {
    ui.slot({ append: "sidebar.content", render: slots.sidebar_content });
  }
  return { api, close: () => ends.splice(0).forEach((end) => end()) };
}
function colours(text) {
  const feedback = (kind) => text.feedback?.[kind]?.base ?? text.base;
  return {
    get text() {
      return text.base;
    },
    get textMuted() {
      return text.muted;
    },
    get success() {
      return feedback("success");
    },
    get warning() {
      return feedback("warning");
    },
    get error() {
      return feedback("error");
    }
  };
}

// src/tui/second.js
async function setup(ctx) {
  const { api, close } = adapted(ctx);
  const file = new URL("./options.json", import.meta.url);
  await begin(
    api,
    tryOr(() => JSON.parse(fs6.readFileSync(file, "utf8")))
  );
  return close;
}
var second_default = { id: "opencode-rotator-dashboard", setup };
export {
  second_default as default
};
