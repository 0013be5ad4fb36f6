import assert from "node:assert/strict";
import { test } from "node:test";

import { missingParts } from "../../../../../rotator/opencode/bridge/src/tui/core/requirements.js";

const call = () => {};
const API = {
  keymap: { registerLayer: call },
  renderer: { suspend: call, resume: call, requestRender: call },
  slots: { register: call },
  ui: { toast: call },
  lifecycle: { onDispose: call },
  theme: { current: {} },
};
const SOLID = { createElement: call, insert: call, insertNode: call, setProp: call };

test("a TUI that has everything lacks nothing", () => {
  assert.deepEqual(missingParts(API, SOLID, { createSignal: call }), []);
});

test("each part that is missing is named", () => {
  const api = { ...API, ui: {}, theme: undefined };

  const missing = missingParts(api, { ...SOLID, insert: 1 }, undefined);

  assert.deepEqual(missing, ["ui.toast", "theme.current", "insert", "createSignal"]);
});
