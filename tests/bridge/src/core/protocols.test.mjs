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
