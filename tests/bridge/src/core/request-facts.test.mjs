import assert from "node:assert/strict";
import { test } from "node:test";

import {
  bodyText,
  inspectRequest,
} from "../../../../rotator/opencode/bridge/src/core/request-facts.js";

test("a small body is read as text, whatever it is made of", () => {
  const bytes = new TextEncoder().encode("a=1");

  for (const body of ["a=1", new URLSearchParams({ a: "1" }), bytes, bytes.buffer])
    assert.equal(bodyText(body), "a=1");
  assert.equal(bodyText(new Uint8Array(65_536)).length, 65_536);
});

test("a body that is large or has to be read in its own time is none", () => {
  for (const body of [undefined, null, new Blob(["a"]), new Uint8Array(65_537)])
    assert.equal(bodyText(body), null);
});

test("what is given beside a Request goes before what is in it", () => {
  const request = new Request("https://a.example/x?y=1", { method: "PUT", headers: { a: "1" } });

  const alone = inspectRequest(request);
  const beside = inspectRequest(request, { method: "post", headers: { b: "2" } });

  assert.deepEqual([alone.method, alone.path, alone.query.get("y")], ["PUT", "/x", "1"]);
  assert.equal(alone.headers.get("a"), "1");
  assert.deepEqual([beside.method, beside.headers], ["POST", { b: "2" }]);
});

test("a request of an address alone is a GET without headers", () => {
  const { method, headers, request } = inspectRequest(new URL("https://a.example/"));

  assert.deepEqual([method, headers, request], ["GET", undefined, null]);
});

test("a request whose headers can be read only once is left alone", () => {
  assert.equal(inspectRequest("https://a.example/", { headers: [["a", "1"]].values() }), null);
});
