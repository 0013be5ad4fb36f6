import assert from "node:assert/strict";
import { test } from "node:test";

import {
  credentialsBeside,
  credentialsInHeaders,
  credentialsInValues,
  splitScheme,
  withPieces,
} from "../../../../rotator/opencode/bridge/src/core/credentials.js";

test("a scheme is parted from what follows, with its blanks", () => {
  assert.deepEqual(splitScheme("Bearer \tCANARY x"), { scheme: "Bearer \t", rest: "CANARY x" });
  assert.deepEqual(splitScheme("CANARY"), { scheme: "", rest: "CANARY" });
});

test("a credential may be a whole value or what follows its scheme", () => {
  const texts = credentialsInValues(["Bearer CANARY", "", 7, undefined]);

  assert.deepEqual([...texts], ["Bearer CANARY", "CANARY"]);
  assert.deepEqual([...credentialsInHeaders({ "x-api-key": "CANARY" })], ["CANARY"]);
});

test("a header that stands as it was given is told from the same text in another one", () => {
  const headers = { Authorization: "Bearer CANARY-a", "X-Pool": " CANARY-b", "x-copy": "CANARY-c" };
  const given = [
    ["x-pool", "CANARY-b"],
    ["authorization", "Bearer CANARY-other"],
    ["x-other", "CANARY-c"],
  ];

  const beside = [...credentialsBeside(headers, given)];

  assert.deepEqual(beside, ["Bearer CANARY-a", "CANARY-a", "CANARY-c"]);
});

test("what stands before or behind a separator may be a credential as well", () => {
  assert.deepEqual(
    [...withPieces(["corp:CANARY/x"])],
    ["corp:CANARY/x", "CANARY/x", "corp", "x", "corp:CANARY"],
  );
  assert.deepEqual([...withPieces([":", "CANARY"])], [":", "CANARY"]);
  assert.equal(withPieces([":a".repeat(1000)]).size < 50, true);
});
