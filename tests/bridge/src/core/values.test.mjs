import assert from "node:assert/strict";
import { test } from "node:test";

import { isObject, isString } from "../../../../rotator/opencode/bridge/src/core/values.js";

test("a list and null are no objects", () => {
  assert.deepEqual([{}, [], null, "a"].map(isObject), [true, false, false, false]);
  assert.deepEqual(["", 1, null].map(isString), [true, false, false]);
});
