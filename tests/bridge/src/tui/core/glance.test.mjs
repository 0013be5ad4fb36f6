import assert from "node:assert/strict";
import { test } from "node:test";

import { parseGlance } from "../../../../../rotator/opencode/bridge/src/tui/core/glance.js";

const parse = (value) =>
  parseGlance(JSON.stringify({ schema: 1, providers: [], events: [], ...value }));

test("what is not whole in a glance is left out", () => {
  const accounts = [
    { alias: "a", until: "1970-01-01T00:00:01Z" },
    { alias: "b", until: "never" },
    {},
    null,
  ];
  const providers = [
    { id: "acme", accounts, more: 2 },
    { id: "odd", accounts: [], more: "x" },
    { id: 1, accounts: [] },
    { id: "none" },
    null,
  ];
  const events = [{ title: "t", at: "x" }, { title: "t" }, null];

  const glance = parse({ balancing: true, providers, events });

  const read = [
    { alias: "a", until: 1000 },
    { alias: "b", until: null },
  ];
  assert.deepEqual(glance.providers, [
    { id: "acme", accounts: read, more: 2 },
    { id: "odd", accounts: [], more: 0 },
  ]);
  assert.deepEqual([glance.events, glance.balancing], [[events[0]], true]);
});

test("a glance of another form is not understood", () => {
  for (const value of [{ schema: 2 }, { providers: {} }, { events: null }])
    assert.equal(parse(value), false);
  assert.equal(parse({ balancing: 1 }).balancing, false);
});
