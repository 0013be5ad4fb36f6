import assert from "node:assert/strict";
import { test } from "node:test";

import { sha256 } from "../../../../rotator/opencode/bridge/src/core/digests.js";
import { entryOfValue } from "../../../../rotator/opencode/bridge/src/core/row-values.js";

test("a key in OpenCode 2 is one", () => {
  const entry = entryOfValue({ type: "key", key: "KEY-CANARY-1" }, "acme");

  assert.deepEqual([entry.type, entry.secret], ["api", "KEY-CANARY-1"]);
  assert.deepEqual(entry.digests, [sha256("KEY-CANARY-1")]);
});

test("a login has its account's id where OpenCode 2 has it", () => {
  const value = { type: "oauth", access: "ACC-CANARY", refresh: "REF-CANARY", expires: 5 };

  const bare = entryOfValue(value, "openai");
  const named = entryOfValue({ ...value, metadata: { accountID: "acct-1", more: "x" } }, "openai");

  assert.deepEqual([bare.secret, bare.accountId], ["ACC-CANARY", null]);
  assert.deepEqual([named.secret, named.accountId, named.expires], ["ACC-CANARY", "acct-1", 5]);
});

test("the company's GitHub is another destination", () => {
  const value = { type: "oauth", access: "ACC-CANARY", refresh: "REF-CANARY", expires: 0 };
  const metadata = { enterpriseUrl: "https://git.example" };

  const [bare, company] = [value, { ...value, metadata }].map((v) => entryOfValue(v, "github-copilot"));

  assert.notEqual(bare.destination, company.destination);
});

test("what is no login is none", () => {
  for (const value of [null, undefined, "x", {}, { type: "key" }, { type: "oauth", access: "a" }])
    assert.equal(entryOfValue(value, "acme"), null);
});
