import assert from "node:assert/strict";
import { test } from "node:test";

import { destinationOf } from "../../../../rotator/opencode/bridge/src/core/login-places.js";

const placeOf = (metadata) => destinationOf("mock", { type: "api", key: "a", metadata });
const NOWHERE = placeOf({});

test("an address is a place whatever it is called", () => {
  for (const name of ["apiUrl", "base_url", "x", "_"])
    for (const place of ["https://a.example/v1", "http://a", "a.example", "10.0.0.1:80", "localhost"])
      assert.notEqual(placeOf({ [name]: place }), NOWHERE, `${name}: ${place}`);
});

test("what is for people, or no address, is none", () => {
  for (const name of ["avatarUrl", "docs_url", "ISSUER", "tokenIssuer", "helpURL"])
    assert.equal(placeOf({ [name]: "https://a.example" }), NOWHERE, name);
  for (const name of ["userName", "login", "displayName", "model"])
    assert.equal(placeOf({ [name]: "ada.lovelace" }), NOWHERE, name);
  for (const text of ["", "words", "see https://a.example", "a@b.example", "1.2.3", "a:b", "[\"a.example\"]"])
    assert.equal(placeOf({ x: text }), NOWHERE, text);
});

test("an address in two spellings is one place, and paths differ by capitals", () => {
  assert.equal(placeOf({ x: "https://A.example/v1/" }), placeOf({ x: "https://a.example/v1" }));
  assert.notEqual(placeOf({ x: "https://a.example/V1" }), placeOf({ x: "https://a.example/v1" }));
  const site = (enterpriseUrl) => destinationOf("mock", { type: "oauth", enterpriseUrl });
  assert.equal(site("https://Corp.ghe.com/"), site("corp.ghe.com"));
});
