import assert from "node:assert/strict";
import { test } from "node:test";

import { missingParts } from "../../../../../rotator/opencode/bridge/src/tui/core/requirements.js";
import { adapted } from "../../../../../rotator/opencode/bridge/src/tui/core/second-api.js";

const call = () => {};
const SOLID = { createElement: call, insert: call, insertNode: call, setProp: call };
const REACTIVE = { createSignal: call };

function context() {
  const seen = { slots: [], layers: [], toasts: [] };
  const ctx = {
    app: { version: "2.0.15" },
    renderer: { suspend: call, resume: call, requestRender: call },
    theme: { text: { base: "white", muted: "grey", feedback: { success: { base: "green" } } } },
    keymap: { layer: (make) => seen.layers.push(make()) },
    ui: {
      slot: (slot) => seen.slots.push(slot),
      toast: { show: (toast) => seen.toasts.push(toast) },
    },
  };
  return { ctx, seen };
}

test("a TUI of OpenCode 2 that has everything lacks nothing", () => {
  assert.deepEqual(missingParts(adapted(context().ctx).api, SOLID, REACTIVE), []);
});

test("each part that is missing is missing under its name in opencode 1", () => {
  const { ctx } = context();

  const bare = missingParts(adapted({ renderer: ctx.renderer }).api, SOLID, REACTIVE);
  const noSlot = missingParts(adapted({ ...ctx, ui: { toast: ctx.ui.toast } }).api, SOLID, REACTIVE);

  assert.deepEqual(bare, ["keymap.registerLayer", "slots.register", "ui.toast", "theme.current"]);
  assert.deepEqual(noSlot, ["keymap.registerLayer", "slots.register"]);
});

test("a command has its key, its slash and its place in the palette", () => {
  const { ctx, seen } = context();
  const command = {
    ...{ name: "ours", title: "Ours", desc: "what it does", category: "Rotator" },
    ...{ slashName: "rotator", slashAliases: ["balancer"], run: call },
  };

  adapted(ctx).api.keymap.registerLayer({
    commands: [command],
    bindings: [{ key: "ctrl+b", cmd: "ours" }],
  });
  adapted(ctx).api.keymap.registerLayer({ commands: [command], bindings: [] });

  const drawn = seen.slots.map(({ append, render }) => [append, render()]);
  const [{ mode, commands }, unbound] = seen.layers;
  const { bind, palette, slash, run, id } = commands[0];
  assert.deepEqual(drawn, [["app", null], ["app", null]]);
  assert.deepEqual([mode, id, bind, palette, run], ["global", "ours", "ctrl+b", true, call]);
  assert.deepEqual(slash, { name: "rotator", aliases: ["balancer"] });
  assert.equal(unbound.commands[0].bind, undefined);
});

test("the sidebar is drawn in its slot, and a toast is shown", () => {
  const { ctx, seen } = context();
  const { api } = adapted(ctx);

  api.slots.register({ slots: { sidebar_content: call } });
  api.ui.toast({ message: "hello" });

  assert.deepEqual(seen.slots, [{ append: "sidebar.content", render: call }]);
  assert.deepEqual(seen.toasts, [{ message: "hello" }]);
});

test("colours are those of now, and a theme without one has the text's", () => {
  const { ctx } = context();
  const { current } = adapted(ctx).api.theme;
  ctx.theme.text.muted = "silver";

  assert.deepEqual(
    [current.text, current.textMuted, current.success, current.warning, current.error],
    ["white", "silver", "green", "white", "white"],
  );
});

test("what was begun is ended once", () => {
  const { api, close } = adapted(context().ctx);
  const ended = [];
  api.lifecycle.onDispose(() => ended.push(1));

  close();
  close();

  assert.deepEqual(ended, [1]);
});
