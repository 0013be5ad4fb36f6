import assert from "node:assert/strict";
import { test } from "node:test";

import { sidebar } from "../../../../../rotator/opencode/bridge/src/tui/core/sidebar.js";

const SOLID = {
  createElement: (kind) => ({ kind, children: [] }),
  insert: (node, child) => node.children.push(child),
  insertNode: (node, child) => node.children.push(child),
  setProp: (node, name, value) => (node[name] = value),
};
const THEME = { text: "text", textMuted: "muted", success: "success", warning: "warning" };
const words = (node) => (typeof node === "string" ? node : node.children.map(words).join(" "));

/** Draw the sidebar; return its lines, what was asked for and why it was switched off. */
function drawn(glance, { theme = THEME, solid = SOLID } = {}) {
  const done = [];
  const dashboard = {
    open: () => done.push("open"),
    activate: (provider, alias) => done.push(`${provider}/${alias}`),
  };
  const shown = {
    glance: () => glance,
    now: () => 0,
    dashboard,
    key: "ctrl+b",
    switchOff: (why) => done.push(why),
  };
  const box = sidebar({ theme: { current: theme } }, solid, shown)();
  const rows = box?.children.flatMap((rowsOf) => rowsOf()) ?? null;
  return { rows, lines: rows?.map(words), done };
}

test("without a glance the sidebar says so and has its button", () => {
  const { lines, rows, done } = drawn(null);

  rows[1].children[0].onMouseUp();

  assert.deepEqual(lines, ["Balancing no watcher", "[ dashboard ] ctrl+b"]);
  assert.deepEqual([done, rows[0].children[1].fg], [["open"], "warning"]);
});

test("each account has a line, and a click on one that is not active activates it", () => {
  const accounts = [
    { alias: "work", active: true, until: null },
    { alias: "a".repeat(50), until: null },
  ];
  const { lines, rows, done } = drawn({
    balancing: true,
    providers: [{ id: "acme", accounts, more: 0 }],
  });

  rows[4].onMouseUp();

  assert.deepEqual([lines[0], lines.length], ["Balancing on", 5]);
  assert.equal(rows[0].children[1].fg, "success");
  assert.deepEqual(lines.slice(2, 4), ["acme", "● work ready"]);
  assert.equal(lines[4].length, 36);
  assert.deepEqual([rows[3].onMouseUp, done], [undefined, [`acme/${"a".repeat(50)}`]]);
});

test("of many accounts so many are shown as there is room, and the others counted", () => {
  const accounts = Array.from({ length: 10 }, (_, number) => ({
    alias: `a${number}`,
    until: null,
  }));

  const { lines } = drawn({ balancing: false, providers: [{ id: "acme", accounts, more: 3 }] });

  assert.deepEqual([lines.length, lines.at(-1)], [12, "  and 5 more"]);
});

test("a theme that went away switches the sidebar off, and nothing is thrown", () => {
  const { lines, done } = drawn(null, { theme: null });

  assert.deepEqual(lines, []);
  assert.match(done[0], /^the sidebar cannot be drawn: /);
});

test("whatever is thrown while the sidebar is drawn is said", () => {
  const broken = {
    get providers() {
      throw "broken";
    },
  };

  const { done } = drawn(broken);

  assert.deepEqual(done, ["the sidebar cannot be drawn: broken"]);
});

test("a library that fails switches the sidebar off, and nothing is thrown", () => {
  const createElement = () => {
    throw "broken";
  };

  const { rows, done } = drawn(null, { solid: { ...SOLID, createElement } });

  assert.deepEqual([rows, done], [null, ["the sidebar cannot be drawn: broken"]]);
});
