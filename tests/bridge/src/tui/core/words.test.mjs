import assert from "node:assert/strict";
import { test } from "node:test";

import {
  accountStatus,
  balancingStatus,
  truncate,
  wholePercent,
} from "../../../../../rotator/opencode/bridge/src/tui/core/words.js";

const HOUR = 3_600_000;
const status = (account) => accountStatus({ until: null, ...account }, 0);

test("an account that cannot be used says why", () => {
  assert.deepEqual(status({ state: "rejected" }), ["needs login", "error"]);
  assert.deepEqual(status({ state: "disabled" }), ["disabled", "textMuted"]);
});

test("an account that rests says for how long, in the largest unit", () => {
  const rest = (until) => status({ state: "cooling", until })[0];

  assert.deepEqual(status({ state: "exhausted", until: 50 * HOUR }), ["used up 2d", "warning"]);
  assert.deepEqual(
    [rest(2 * HOUR), rest(90_000), rest(1)],
    ["cooling 2h", "cooling 1m", "cooling <1m"],
  );
  assert.deepEqual(
    [rest(24 * HOUR), rest(HOUR), rest(60_000)].join(),
    "cooling 1d,cooling 1h,cooling 1m",
  );
  assert.deepEqual(status({ state: "cooling", until: 0 }), ["ready", "success"]);
});

test("only what is all used is a hundred per cent, and only what is unused is none", () => {
  assert.deepEqual(
    [-1, 0, 0.001, 0.014, 0.285, 0.29, 0.994, 0.996, 1, 1.4].map(wholePercent),
    [0, 0, 1, 1, 29, 29, 99, 99, 100, 100],
  );
  assert.deepEqual(status({ used: 0.29, window: "5h" }), ["5h 29%", "success"]);
  assert.deepEqual(status({ used: 0.996 }), ["99%", "warning"]);
  assert.deepEqual([status({ used: 0.9 })[1], status({ used: 0.89 })[1]], ["warning", "success"]);
});

test("balancing is on, off, or not known for a reason", () => {
  const words = [null, false, { balancing: true }, { balancing: false }].map(balancingStatus);

  assert.deepEqual(words, ["no watcher", "another version", "on", "off"]);
});

test("a text that is too wide ends in an ellipsis", () => {
  assert.deepEqual([truncate("abc", 3), truncate("abcd", 3)], ["abc", "ab…"]);
});
