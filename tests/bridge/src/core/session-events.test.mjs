import assert from "node:assert/strict";
import { test } from "node:test";

import { interpretEvent } from "../../../../rotator/opencode/bridge/src/core/session-events.js";

const of = (type, properties) => {
  const { session, isOver, isFailure, isSent } = interpretEvent({ type, properties });
  const words = Object.entries({ isOver, isFailure, isSent }).filter(([, is]) => is);
  return [session, ...words.map(([name]) => name)];
};

test("a session is over when it is idle, deleted or has failed", () => {
  const sessionID = "s";

  assert.deepEqual(of("session.status", { sessionID, status: { type: "idle" } }), ["s", "isOver"]);
  assert.deepEqual(of("session.idle", { sessionID }), ["s", "isOver"]);
  assert.deepEqual(of("session.deleted", { info: { id: "s" } }), ["s", "isOver"]);
  assert.deepEqual(of("session.error", { sessionID, error: { name: "Aborted" } }), [
    "s",
    "isOver",
    "isFailure",
  ]);
});

test("a vendor was asked where opencode tries again, was refused, or has its answer", () => {
  const sessionID = "s";
  const answer = { sessionID, role: "assistant", finish: "stop" };

  assert.deepEqual(of("session.status", { sessionID, status: { type: "retry" } }), [
    "s",
    "isFailure",
    "isSent",
  ]);
  assert.deepEqual(of("session.error", { sessionID, error: { name: "APIError" } }), [
    "s",
    "isOver",
    "isFailure",
    "isSent",
  ]);
  assert.deepEqual(of("message.updated", { info: answer }), ["s", "isSent"]);
});

test("an answer that is not whole, and what the user said, ask no vendor", () => {
  const answer = { sessionID: "s", role: "assistant", finish: "stop" };

  for (const more of [{ finish: undefined }, { error: {} }, { role: "user" }])
    assert.deepEqual(of("message.updated", { info: { ...answer, ...more } }), ["s"]);
  assert.deepEqual(of("server.connected", undefined), [undefined]);
  assert.deepEqual(of("server.connected", {}), [undefined]);
  assert.deepEqual(of("session.error", { sessionID: "s" }), ["s", "isOver", "isFailure"]);
});
