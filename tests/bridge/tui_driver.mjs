// Plays opencode's TUI for the dashboard's plugin: loads it with as much of the API as a command
// says, draws the sidebar as lines of text, and clicks. One JSON command a line on standard input,
// one JSON answer a line. The plugin file is the first argument; made-up solid modules lie beside.

import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

// What the plugin waits for passes quickly here; how often it looks stays as it is.
const HASTE = 100;
const patient = globalThis.setTimeout;
globalThis.setTimeout = (done, ms, ...rest) => patient(done, ms / HASTE, ...rest);

const calls = [];
const toasts = [];
const layers = [];
const slots = [];
const disposers = [];

const api = {
  app: { version: "1.99.0" },
  keymap: { registerLayer: (layer) => layers.push(layer) },
  renderer: {
    suspend: () => calls.push("suspend"),
    resume: () => calls.push("resume"),
    requestRender: () => calls.push("render"),
    currentRenderBuffer: { clear: () => calls.push("clear") },
  },
  slots: { register: (slot) => slots.push(slot) },
  ui: { toast: (toast) => toasts.push({ ...toast, at_ms: performance.now() * HASTE }) },
  lifecycle: { onDispose: (dispose) => disposers.push(dispose) },
  theme: { current: Object.fromEntries(["text", "textMuted", "success", "warning", "error"].map((name) => [name, name])) },
};

const unfold = (node) => (typeof node === "function" ? unfold(node()) : Array.isArray(node) ? node.flatMap(unfold) : [node]);
const words = (node) => (typeof node === "string" ? node : unfold(node.children).map(words).join(""));

/** Every line of the sidebar: its words from left to right, and what a click on it does. */
function lines() {
  const box = slots[0].slots.sidebar_content({}, { session_id: "ses_1" });
  if (box === null) return [];
  return unfold(box.children).map((line) => {
    const parts = line.kind === "text" ? [line] : unfold(line.children);
    const clicks = [line, ...parts].map((one) => one.props.onMouseUp).filter(Boolean);
    return { parts: parts.map(words), colours: parts.map((one) => one.props.fg), click: clicks[0] };
  });
}

const command = () => layers[0].commands[0];
const tell = ({ parts, colours, click }) => ({ parts, colours, clickable: Boolean(click) });

const commands = {
  async load({ options, lacks = [], broken = [] }) {
    for (const path of lacks) {
      const [part, name] = path.split(".");
      if (name) delete api[part][name];
      else delete api[part];
    }
    for (const path of broken) {
      const [part, name] = path.split(".");
      api[part][name] = () => {
        throw new Error(`${path} is another one`);
      };
    }
    const module = await import(pathToFileURL(process.argv[2]).href);
    await module.default.tui(api, options);
    return { id_of_plugin: module.default.id, exports: Object.keys(module) };
  },
  async seen() {
    const told = layers.map(({ commands: [{ run, ...more }], bindings }) => ({ ...more, bindings }));
    return { layers: told, slots: slots.length, toasts, calls };
  },
  async lines() {
    return { lines: lines().map(tell) };
  },
  async click({ text }) {
    lines().find(({ parts }) => parts.join(" ").includes(text)).click();
    return {};
  },
  async open({ times = 1 }) {
    for (let n = 0; n < times; n += 1) command().run();
    return {};
  },
  async lose_theme() {
    api.theme.current = undefined;
    return {};
  },
  async dispose() {
    for (const dispose of disposers) dispose();
    return {};
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  commands[asked.do](asked).then(
    (answer) => console.log(JSON.stringify({ id: asked.id, ...answer })),
    (error) => console.log(JSON.stringify({ id: asked.id, driverError: String(error.stack) })),
  );
}
process.exit(0);
