import assert from "node:assert/strict";
import { test } from "node:test";

import { replaceLogin } from "../../../../rotator/opencode/bridge/src/core/login-replacement.js";

const CODEX = new URL("https://chatgpt.example/backend-api/codex/responses");
const OTHER = new URL("https://api.example/v1/responses");
const OLD = { secret: "CANARY-old", seen: { accountId: "acc-1" } };
const KEY = { type: "api", secret: "CANARY-new", accountId: null };
const OAUTH = { type: "oauth", secret: "CANARY-new", accountId: "acc-2" };

test("the new secret stands where the old one stood, behind its scheme", () => {
  const headers = {
    Authorization: "Bearer CANARY-old",
    "X-Api-Key": "CANARY-old",
    more: 1,
    a: "b",
  };

  const changed = replaceLogin(headers, OTHER, OLD, KEY);

  const secrets = { Authorization: "Bearer CANARY-new", "X-Api-Key": "CANARY-new" };
  assert.deepEqual(changed, { ...secrets, more: 1, a: "b" });
});

test("an account's id goes with its login, and one that the user set stays", () => {
  const at = (id) => replaceLogin({ "ChatGPT-Account-Id": id }, OTHER, OLD, OAUTH);

  assert.deepEqual(at("acc-1"), { "ChatGPT-Account-Id": "acc-2" });
  assert.deepEqual(at("mine"), { "ChatGPT-Account-Id": "mine" });
});

test("an account's id goes away where the new login has none, or the old one was never seen", () => {
  const headers = { "chatgpt-account-id": "acc-1" };

  assert.deepEqual(replaceLogin(headers, OTHER, OLD, { ...OAUTH, accountId: null }), {});
  const unseen = replaceLogin(headers, OTHER, { secret: "CANARY-old" }, OAUTH);
  assert.deepEqual(unseen, { "chatgpt-account-id": "acc-2" });
});

test("a key has no account's id to take the place of another", () => {
  const headers = { "chatgpt-account-id": "acc-1" };

  assert.deepEqual(replaceLogin(headers, OTHER, OLD, KEY), headers);
});

test("codex gets the account's id that the old login did not have, in any form of headers", () => {
  const forms = [new Headers(), [], {}];

  const [headers, pairs, object] = forms.map((form) => replaceLogin(form, CODEX, OLD, OAUTH));

  assert.deepEqual([...headers], [["chatgpt-account-id", "acc-2"]]);
  assert.deepEqual(pairs, [["ChatGPT-Account-Id", "acc-2"]]);
  assert.deepEqual(object, { "ChatGPT-Account-Id": "acc-2" });
  assert.deepEqual(replaceLogin({}, CODEX, OLD, { ...OAUTH, accountId: null }), {});
});

test("nothing but codex gets an account's id, and of a key not even that", () => {
  assert.deepEqual(replaceLogin({}, OTHER, OLD, OAUTH), {});
  assert.deepEqual(replaceLogin({}, CODEX, OLD, { ...KEY, accountId: "acc-2" }), {});
});

test("a site's token takes the place of another one wherever that stands in a value", () => {
  const site = { type: "wellknown", secret: "CANARY-$&-new", accountId: null };
  const headers = { authorization: "Bearer corp:CANARY-old", "x-token": "CANARY-old;v=1", a: "b" };

  const changed = replaceLogin(headers, OTHER, OLD, site);

  assert.deepEqual(changed, {
    authorization: "Bearer corp:CANARY-$&-new",
    "x-token": "CANARY-$&-new;v=1",
    a: "b",
  });
  assert.deepEqual(replaceLogin(headers, OTHER, OLD, KEY), headers, "a key stands by itself");
});
