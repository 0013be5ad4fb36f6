import assert from "node:assert/strict";
import { test } from "node:test";

import { hasAnswered } from "../../../../rotator/opencode/bridge/src/core/answers.js";

const sse = (...values) => values.map((value) => `data: ${JSON.stringify(value)}\n\n`).join("");
const chat = (delta) => ({ choices: [{ index: 0, delta }] });

const SAID = {
  "a chunk of a chat": sse(chat({ role: "assistant", content: "" }), chat({ content: "Hi" })),
  "a thought before it": sse(chat({ reasoning_content: "Hm" })),
  "a tool's arguments": sse(chat({ tool_calls: [{ function: { arguments: "{" } }] })),
  "a whole chat": JSON.stringify({ choices: [{ message: { content: "Hi" } }], error: null }),
  "a delta of Anthropic's": sse({ type: "content_block_delta", delta: { text: "Hi" } }),
  "what Anthropic's model thinks": sse({ delta: { type: "thinking_delta", thinking: "Hm" } }),
  "a tool of Anthropic's": sse({ delta: { type: "input_json_delta", partial_json: "{" } }),
  "a delta of OpenAI's": sse(
    { type: "response.created", response: { error: null, instructions: "Be good." } },
    { type: "response.output_text.delta", delta: "Hi" },
  ),
  "a part of Google's": sse({ candidates: [{ content: { parts: [{ text: "Hi" }] } }] }),
  "a line of Ollama's": '{"message":{"role":"assistant","content":"Hi"},"done":false}\n',
  "an error that a model speaks of": sse(chat({ content: '{"error": {"message": "no"}}' })),
  "an error after it": sse(chat({ content: "Hi" }), { error: { message: "no" } }),
  "errors that are none": sse({ errors: [], error: {} }, chat({ content: "Hi" })),
};

const FAILED = {
  "an error as JSON": '{"error":{"message":"Rate limit","content":"x"}}',
  "an error as a text": '{"error": "no"}',
  "several errors": '{"errors":[{"message":"no"}]}',
  "an event of Anthropic's": 'event: error\ndata: {"type":"error","error":{"message":"no"}}\n\n',
  "an event of OpenAI's": sse({ type: "response.failed", response: { error: { code: "x" } } }),
  "a type alone": sse({ type: "error", message: "no" }),
};

const NOTHING = {
  "nothing at all": "",
  "an empty stream": "data: [DONE]\n\n",
  "the role alone": sse(chat({ role: "assistant", content: "" })),
  "a stream's beginning": sse({ type: "response.created", response: { error: null } }),
  "a page": "<html>busy</html>",
  "a code without an error": '{"code":1302,"msg":"limited","success":false}',
  "what is encrypted": sse({ item: { type: "reasoning", encrypted_content: "abc" } }),
};

for (const [told, expected] of [
  [SAID, true],
  [FAILED, false],
  [NOTHING, null],
]) {
  for (const [name, text] of Object.entries(told)) {
    test(`${name}: ${expected}`, () => assert.equal(hasAnswered(text), expected));
  }
}
