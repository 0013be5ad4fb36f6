import assert from "node:assert/strict";
import { test } from "node:test";

import { oneLine } from "../../../../rotator/opencode/bridge/src/core/one-line.js";

test("a note is one line of bounded length that moves no cursor", () => {
  assert.equal(oneLine("  a\n\u001b[2Jb\t c "), "a [2Jb c");
  assert.equal(oneLine("x".repeat(500)).length, 200);
});
