import assert from "node:assert/strict";
import { test } from "node:test";

import {
  asksModel,
  isLoginExchange,
} from "../../../../rotator/opencode/bridge/src/core/token-requests.js";

test("who names a model or what is said to one asks it", () => {
  for (const fields of [{ model: "m" }, { messages: [] }, { prompt: "Write a login" }, { prompt: [] }])
    assert.equal(asksModel(fields), true, JSON.stringify(fields));
});

test("what a person shall be asked at a login is no prompt for a model", () => {
  for (const prompt of ["consent", "none", "login consent", "select_account", "create"])
    assert.equal(asksModel({ prompt, code: "CANARY" }), false, prompt);
  for (const prompt of ["consent please", "logins", "login none", 7])
    assert.equal(asksModel({ prompt }), true, String(prompt));
  assert.equal(asksModel({ messages: "none" }), true);
});

test("a code with what goes with it is exchanged for tokens, at any of two depths", () => {
  assert.equal(isLoginExchange({ code: "CANARY", code_verifier: "v" }), true);
  assert.equal(isLoginExchange({ params: { authCode: "CANARY", redirectUri: "u" } }), true);
  assert.equal(isLoginExchange({ none: null, code: "CANARY", state: "s" }), true);
  assert.equal(isLoginExchange({ code: "CANARY" }), false);
  assert.equal(isLoginExchange({ code: 7, state: "s" }), false);
});

test("a device's code and a grant that says so are logins, too", () => {
  assert.equal(isLoginExchange({ deviceCode: "CANARY" }), true);
  assert.equal(isLoginExchange({ grant_type: "authorization_code" }), true);
  assert.equal(isLoginExchange({ grant_type: "client_credentials" }), false);
});

test("a refresh is no login, whatever else it names", () => {
  assert.equal(isLoginExchange({ grant_type: "refresh_token", device_code: "CANARY" }), false);
});
