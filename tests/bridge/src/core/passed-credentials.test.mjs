import assert from "node:assert/strict";
import { test } from "node:test";

import {
  answeredFor,
  carriesStill,
} from "../../../../rotator/opencode/bridge/src/core/passed-credentials.js";

const SECRET = "CANARY-a";
const OWN = { Authorization: `Bearer ${SECRET}`, "x-one": "1" };
const POOL = "Bearer CANARY-pool";

const tell = (passed, { sent = OWN, query = "", sentQuery = "" } = {}) =>
  carriesStill(
    SECRET,
    { headers: sent, query: new URLSearchParams(sentQuery) },
    { headers: passed, query: new URLSearchParams(query) },
  );

test("a request that is passed on with what it had is ours, in whatever form", () => {
  assert.equal(tell(OWN), true);
  assert.equal(tell(new Headers(OWN)), true);
  assert.equal(tell([["AUTHORIZATION", SECRET]]), true);
  assert.equal(tell({ ...OWN, "x-traced": "CANARY-trace", cookie: "CANARY-jar" }), true);
});

test("another credential in the place of ours is another's, wherever ours is kept", () => {
  assert.equal(tell({ authorization: POOL }), false);
  assert.equal(tell({ authorization: POOL, "x-original-authorization": OWN.Authorization }), false);
  assert.equal(tell({ authorization: POOL, "x-api-key": SECRET }), false);
  assert.equal(tell({ cookie: "pool=CANARY-pool" }), false);
  assert.equal(tell({ "x-original-authorization": OWN.Authorization }), false);
});

test("a login that has more before it is still there, and goes with it", () => {
  const sent = { authorization: `Bearer corp:${SECRET}` };
  assert.equal(tell(sent, { sent }), true);
  assert.equal(tell({ authorization: "Bearer corp:CANARY-pool" }, { sent }), false);
});

test("a login may move to where another protocol has it", () => {
  for (const name of ["authorization", "api-key", "x-api-key", "x-goog-api-key"])
    assert.equal(tell({ [name]: SECRET, authorization: "" }), name !== "authorization");
  assert.equal(tell({ "x-token": SECRET }), false);
  assert.equal(tell({ "x-token": SECRET }, { sent: { "X-Token": SECRET } }), true);
  assert.equal(tell({ "x-token": "CANARY-pool" }, { sent: { "X-Token": SECRET } }), false);
});

test("another credential beside ours is another's, unless it was there", () => {
  const both = { ...OWN, "api-key": "CANARY-given" };

  assert.equal(tell(both), false);
  assert.equal(tell(both, { sent: both }), true);
  assert.equal(tell(both, { sent: { ...OWN, "api-key": "CANARY-other" } }), false);
  assert.equal(tell(both, { sent: { ...OWN, "x-api-key": "CANARY-given" } }), false);
});

test("so is one in the address", () => {
  for (const name of ["key", "KEY", "api-key", "api_key", "apikey", "access_token", "accesstoken"])
    assert.equal(tell(OWN, { query: `alt=sse&${name}=CANARY-pool` }), false, name);
  assert.equal(tell(OWN, { query: "beta=true&keys=1&monkey=2" }), true);
  assert.equal(tell(OWN, { query: `key=${SECRET}` }), true);
  assert.equal(tell(OWN, { query: "key=CANARY-b", sentQuery: "key=CANARY-a1&key=CANARY-b" }), true);
  assert.equal(tell(OWN, { query: "key=CANARY-b", sentQuery: "api_key=CANARY-b" }), false);
});

test("where an answer came from tells of another key, or of another place", () => {
  const sent = new URL("https://acme.example/v1/chat/completions?api-version=2");
  const from = (url, redirected = false) => answeredFor(SECRET, sent, { url, redirected });

  assert.equal(from(sent.href), null);
  assert.equal(from(`${sent.href}&trace=1`), null);
  assert.equal(from(`${sent.href}&key=${SECRET}`), null);
  assert.equal(from(`${sent.href}&key=CANARY-pool`), "unknown");
  assert.equal(from(`${sent.href}&access_token=CANARY-pool`), "unknown");
  assert.equal(from("https://acme.example/gateway/ask"), "elsewhere");
  // A proxy of the same paths, what the vendor itself led on to, and an answer that was made.
  assert.equal(from("http://127.0.0.1:8080/v1/chat/completions"), null);
  assert.equal(from("https://acme.example/gateway/ask", true), null);
  assert.equal(from(""), null);
});
