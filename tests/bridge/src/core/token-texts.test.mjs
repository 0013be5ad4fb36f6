import assert from "node:assert/strict";
import { test } from "node:test";

import {
  readFields,
  refusalIn,
  textsIn,
  textsInFields,
  textsInHeaders,
} from "../../../../rotator/opencode/bridge/src/core/token-texts.js";

test("fields are those of JSON, or of a form", () => {
  assert.deepEqual(readFields('{"a": 1}'), { a: 1 });
  assert.deepEqual(readFields("a=1&b=2"), { a: "1", b: "2" });
});

test("texts are found at any depth, also in JSON that is a text, each with its name", () => {
  const value = { a: { b: "CANARY-1", list: ["CANARY-2"] }, c: '{"d": "CANARY-3"}', n: 7 };

  const texts = textsIn(value);

  const named = [
    ["c", '{"d": "CANARY-3"}'],
    ["b", "CANARY-1"],
    ["d", "CANARY-3"],
    ["list", "CANARY-2"],
  ];
  assert.deepEqual(texts, named);
});

test("a value that stands in an object of its own has that object's name", () => {
  assert.deepEqual(textsIn({ token: { value: "CANARY" } }), [["token", "CANARY"]]);
});

test("no more than so many parts are looked at", () => {
  assert.equal(textsIn(Array.from({ length: 20_000 }, String)).length, 8 * 1024 - 1);
});

test("what looks like JSON and is none is a text", () => {
  assert.deepEqual(textsIn("{broken"), [["", "{broken"]]);
});

test("of a form the texts are read, and its files are not", () => {
  const form = new FormData();
  form.set("a", "CANARY");
  form.set("file", new Blob(["CANARY-file"]));

  assert.deepEqual(textsInFields(form), [["a", "CANARY"]]);
});

test("of headers every value is a text, without its scheme, and each cookie's value", () => {
  const headers = { authorization: "Bearer CANARY-1", cookie: "a=CANARY-2; b=CANARY=3" };

  assert.deepEqual(textsInHeaders(headers).slice(0, 2), ["Bearer CANARY-1", "CANARY-1"]);
  assert.deepEqual(textsInHeaders(headers).slice(-2), ["CANARY-2", "CANARY=3"]);
});

test("of a refusal its codes and plain words are told", () => {
  const said = {
    type: "error",
    error: { type: "invalid_request_error", message: "Refresh token not found or invalid" },
    detail: { code: "account_deactivated" },
  };

  assert.deepEqual(refusalIn({ ...said, request_id: "req_1", refresh_token: "a" }), said);
  assert.deepEqual(refusalIn({ error: "invalid_grant" }), { error: "invalid_grant" });
});

test("nothing of a refusal is told that may be a secret", () => {
  const texts = ["CANARY-1", "CanarySecret", "a".repeat(21), `token ${"a".repeat(21)}`, "code 42"];

  for (const error of [...texts, "a b ".repeat(51), "", 7, null])
    assert.deepEqual(refusalIn({ error }), {});
});

test("what is no object, or too deep, says nothing", () => {
  for (const answer of [null, undefined, "invalid_grant", 7]) assert.deepEqual(refusalIn(answer), {});
  const deep = { error: { error: { error: { error: "invalid_grant" } } } };
  assert.deepEqual(refusalIn(deep), { error: { error: {} } });
});
