import assert from "node:assert/strict";
import { test } from "node:test";

import { bodyOfError } from "../../../../rotator/opencode/bridge/src/core/error-words.js";

for (const [type, told] of [
  ["provider.rate-limit", "rate_limit_error"],
  ["provider.quota", "insufficient_quota"],
  ["provider.auth", undefined],
]) {
  test(`${type} is told as ${told}`, () => {
    const body = JSON.parse(bodyOfError({ type, message: "Slow down" }));

    assert.deepEqual(body.error, { message: "Slow down", ...(told && { type: told }) });
  });
}

test("of no error nothing is told", () => {
  assert.equal(bodyOfError(undefined), '{"error":{}}');
});
