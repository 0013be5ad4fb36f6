import assert from "node:assert/strict";
import { test } from "node:test";

import { TOLD_HEADERS } from "../../../../rotator/opencode/bridge/src/core/reported-headers.js";

const isTold = (name) => TOLD_HEADERS.some((pattern) => pattern.test(name));

test("limits, the time and who shares limits are told of an answer, and nothing else", () => {
  for (const name of [
    "retry-after",
    "retry-after-ms",
    "x-ratelimit-remaining",
    "x-codex-plan",
    "openai-organization",
  ])
    assert.equal(isTold(name), true, name);
  for (const name of ["set-cookie", "authorization", "x-request-id", "my-retry-after"])
    assert.equal(isTold(name), false, name);
});
