import assert from "node:assert/strict";
import { test } from "node:test";

import { noop, tryOr } from "../../../../rotator/opencode/bridge/src/core/try-or.js";

test("what goes wrong gives the other value, and what does not gives its own", () => {
  const fail = () => {
    throw new Error("x");
  };

  assert.deepEqual(
    [tryOr(() => 1, 2), tryOr(fail, 2), tryOr(fail), noop()],
    [1, 2, undefined, undefined],
  );
});
