import assert from "node:assert/strict";
import { test } from "node:test";

import {
  credentialsInHeaders,
  credentialsInValues,
  splitScheme,
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
