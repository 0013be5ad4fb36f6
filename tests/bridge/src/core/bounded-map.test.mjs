import assert from "node:assert/strict";
import { test } from "node:test";

import { remember } from "../../../../rotator/opencode/bridge/src/core/bounded-map.js";

test("the oldest is forgotten, and what is told again is the newest", () => {
  const map = new Map();

  for (const key of ["a", "b", "a", "c"]) remember(map, key, key.toUpperCase(), 2);

  assert.deepEqual(
    [...map],
    [
      ["a", "A"],
      ["c", "C"],
    ],
  );
});
