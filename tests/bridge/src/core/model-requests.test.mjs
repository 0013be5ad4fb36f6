import assert from "node:assert/strict";
import { test } from "node:test";

import {
  isModelAnswer,
  isModelPath,
  isModelRequest,
} from "../../../../rotator/opencode/bridge/src/core/model-requests.js";

test("a path of a protocol for models asks a model, whatever it sends", () => {
  for (const path of ["/v1/chat/completions", "/responses", "/m:generateContent", "/m/invoke"])
    assert.equal(isModelPath(path) && isModelRequest(path, ""), true, path);
  assert.equal(isModelPath("/v1/models"), false);
});

test("on any other path the body says it", () => {
  assert.equal(isModelRequest("/ask", '{"prompt": "hi"}'), true);
  assert.equal(isModelRequest("/ask", '{"name": "hi", "messages": []}'), true);
  assert.equal(isModelRequest("/ask", '{"name": "hi"}'), false);
  assert.equal(isModelRequest("/ask", "[]"), false);
  assert.equal(isModelRequest("/ask", "no JSON"), false);
  assert.equal(isModelRequest("/ask", null), true);
});

test("whoever counts tokens asks no model", () => {
  assert.equal(isModelRequest("/v1/messages/count_tokens", '{"messages": []}'), false);
});

test("an answer is a model's by its path or because it is streamed", () => {
  const is = (path, type) => {
    const headers = new Headers(type ? { "content-type": type } : {});
    return isModelAnswer({ url: new URL(path, "https://a.example") }, { headers });
  };

  assert.equal(is("/v1/messages"), true);
  assert.equal(is("/ask", "text/event-stream; charset=utf-8"), true);
  assert.equal(is("/ask", "application/json"), false);
  assert.equal(is("/ask"), false);
});
