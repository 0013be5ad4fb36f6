import assert from "node:assert/strict";
import { test } from "node:test";

import {
  conversationText,
  parseQuestion,
} from "../../../../rotator/opencode/bridge/src/core/protocols.js";

const ask = (path, asked = {}) => parseQuestion(path, JSON.stringify(asked));
const answer = (path, text) => ask(path).make("id", "m1", text);
const eventsIn = (stream) =>
  stream
    .split("\n")
    .flatMap((line) => (line.startsWith("data: {") ? [JSON.parse(line.slice(6))] : []));

test("a request in a protocol that nobody knows is no question", () => {
  assert.equal(ask("/v1/embeddings"), null);
  assert.equal(parseQuestion("/v1/messages", "no JSON"), null);
  assert.equal(parseQuestion("/v1/messages", null), null);
  assert.equal(parseQuestion("/v1/messages", "[]"), null);
});

test("a chat's answer says its text and stops, or says nothing and goes on", () => {
  const [spoken, silent] = ["hi", null].map((text) => answer("/v1/chat/completions", text));

  assert.deepEqual(spoken.whole.choices, [
    { index: 0, message: { role: "assistant", content: "hi" }, finish_reason: "stop" },
  ]);
  assert.equal(eventsIn(spoken.stream)[0].choices[0].delta.content, "hi");
  assert.match(spoken.stream, /data: \[DONE\]\n\n$/);
  assert.deepEqual(silent.whole.choices[0], {
    index: 0,
    message: { role: "assistant", content: "" },
    finish_reason: "tool_calls",
  });
});

test("a response says its text in one item, or has none", () => {
  const [spoken, silent] = ["hi", null].map((text) => answer("/v1/responses", text));
  const types = (stream) => eventsIn(stream).map(({ type }) => type.replace("response.", ""));

  assert.equal(spoken.whole.output[0].content[0].text, "hi");
  assert.deepEqual(types(spoken.stream), [
    "created",
    "output_item.added",
    "output_text.delta",
    "output_item.done",
    "completed",
  ]);
  assert.deepEqual(
    eventsIn(spoken.stream).map((event) => event.sequence_number),
    [0, 1, 2, 3, 4],
  );
  assert.deepEqual([silent.whole.output, types(silent.stream)], [[], ["created", "completed"]]);
});

test("a message says its text in one block, or has none", () => {
  const [spoken, silent] = ["hi", null].map((text) => answer("/v1/messages", text));

  assert.deepEqual(
    [spoken.whole.content, spoken.whole.stop_reason],
    [[{ type: "text", text: "hi" }], "end_turn"],
  );
  assert.equal(eventsIn(spoken.stream)[2].delta.text, "hi");
  assert.deepEqual([silent.whole.content, silent.whole.stop_reason], [[], "tool_use"]);
  assert.deepEqual(
    eventsIn(silent.stream).map(({ type }) => type),
    ["message_start", "message_delta", "message_stop"],
  );
});

test("a conversation is what was said beside the instructions", () => {
  const messages = [
    { role: "system", content: "be brief" },
    { role: "user", content: "hi" },
    {
      role: "assistant",
      content: [
        { type: "text", text: "a" },
        { type: "text", text: "b" },
      ],
    },
    {
      role: "user",
      content: [{ type: "image", url: "data:image/png;base64,AAAA", alt: "cat" }],
    },
  ];

  const text = conversationText(ask("/v1/messages", { messages }));

  const picture = '{"role":"user","content":[{"type":"image","url":"","alt":"cat"}]}';
  assert.equal(text, `hi\n\na\nb\n\n${picture}`);
});

test("a conversation may be one text, items without a role, or missing", () => {
  const text = (asked) => conversationText(ask("/v1/responses", asked));

  assert.equal(text({ input: "hi" }), "hi");
  assert.equal(text({ input: [null, { type: "call" }] }), 'null\n\n{"type":"call"}');
  assert.equal(text({}), "");
});

test("a part that is no text makes its message one that is not plain", () => {
  const content = [{ type: "text", text: "a" }, { type: "file", name: "b" }, null];

  const text = conversationText(ask("/v1/messages", { messages: [{ role: "user", content }] }));

  assert.equal(text, JSON.stringify({ role: "user", content }));
});

const NOTHING = { input_tokens: 0, output_tokens: 0 };

test("a chat's answer is what its protocol asks for", () => {
  const usage = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 };
  const message = { role: "assistant", content: "hi" };
  const base = { id: "id", created: 0, model: "m1" };
  const choice = { index: 0, finish_reason: "stop" };

  const { whole, stream } = answer("/chat/completions", "hi");

  const choices = [{ ...choice, message }];
  assert.deepEqual(whole, { ...base, object: "chat.completion", usage, choices });
  const chunk = { ...base, object: "chat.completion.chunk", usage };
  assert.deepEqual(eventsIn(stream), [{ ...chunk, choices: [{ ...choice, delta: message }] }]);
});

test("a response is what its protocol asks for", () => {
  const item = { id: "id_text", type: "message", role: "assistant", status: "completed" };
  const content = [{ type: "output_text", text: "hi", annotations: [] }];
  const base = { id: "id", object: "response", created_at: 0, model: "m1", error: null };
  const usage = { ...NOTHING, total_tokens: 0 };
  const place = { item_id: "id_text", output_index: 0, content_index: 0 };

  const { whole, stream } = answer("/responses", "hi");

  const done = {
    status: "completed",
    incomplete_details: null,
    output: [{ ...item, content }],
    usage,
  };
  assert.deepEqual(whole, { ...base, ...done });
  const [created, added, delta, ended, completed] = eventsIn(stream);
  const begun = { status: "in_progress", incomplete_details: null, output: [], usage: null };
  assert.deepEqual(created.response, { ...base, ...begun });
  assert.deepEqual([added.output_index, added.item], [0, { ...item, content: [] }]);
  assert.deepEqual(delta, {
    type: "response.output_text.delta",
    ...place,
    delta: "hi",
    sequence_number: 2,
  });
  assert.deepEqual([ended.output_index, ended.item], [0, { ...item, content }]);
  assert.deepEqual(completed.response, whole);
});

test("a message is what its protocol asks for", () => {
  const base = { id: "id", type: "message", role: "assistant", model: "m1" };
  const stopped = { stop_reason: "end_turn", stop_sequence: null };

  const { whole, stream } = answer("/messages", "hi");

  const content = [{ type: "text", text: "hi" }];
  assert.deepEqual(whole, { ...base, content, ...stopped, usage: NOTHING });
  const begun = { content: [], stop_reason: null, stop_sequence: null, usage: NOTHING };
  assert.deepEqual(eventsIn(stream), [
    { type: "message_start", message: { ...base, ...begun } },
    { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
    { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "hi" } },
    { type: "content_block_stop", index: 0 },
    { type: "message_delta", delta: stopped, usage: { output_tokens: 0 } },
    { type: "message_stop" },
  ]);
});
