import assert from "node:assert/strict";
import { test } from "node:test";

import { History } from "../../../../rotator/opencode/bridge/src/core/bound-history.js";

const THOUGHT = { type: "reasoning", id: "rs_1", encrypted_content: "sealed", summary: [] };

/** Return what is left of a request's input after the one of `refused` was refused. */
async function cleaned(refused, input, session = "ses_1") {
  const history = new History();
  history.refuse("ses_1", JSON.stringify({ input: refused }));
  let text = JSON.stringify({ model: "m", input });
  const request = {
    mark: { session },
    text: async () => text,
    setText: (body) => (text = body),
  };
  const isChanged = await history.clean(request);
  return { isChanged, input: JSON.parse(text).input, model: JSON.parse(text).model };
}

test("a thought that was refused and says nothing goes away", async () => {
  const words = { type: "message", role: "user", content: "hi" };

  const left = await cleaned([THOUGHT], [THOUGHT, words]);

  assert.deepEqual(left, { isChanged: true, input: [words], model: "m" });
});

test("a thought that says something stays without what binds it", async () => {
  const summary = [{ type: "summary_text", text: "so" }];
  const content = [{ type: "reasoning_text", text: "so" }];

  for (const words of [{ summary }, { summary: [], content }]) {
    const left = await cleaned([THOUGHT], [{ ...THOUGHT, ...words }]);

    assert.deepEqual(left.input, [{ type: "reasoning", summary: [], ...words }]);
  }
});

test("of another item its id alone is bound", async () => {
  const call = { type: "function_call", id: "fc_1", name: "ls", encrypted_content: "kept" };

  const left = await cleaned([call], [call]);

  assert.deepEqual(left.input, [{ type: "function_call", name: "ls", encrypted_content: "kept" }]);
});

test("a reference to a thought goes away, and one to anything else stays", async () => {
  const to = (id) => ({ type: "item_reference", id });

  const left = await cleaned([to("rs_1"), to("msg_1")], [to("rs_1"), to("msg_1")]);

  assert.deepEqual(left.input, [to("msg_1")]);
});

test("what was not refused stays as it is", async () => {
  const other = { ...THOUGHT, id: "rs_2", encrypted_content: "another" };

  assert.equal((await cleaned([THOUGHT], [other, "text"])).isChanged, false);
  assert.equal((await cleaned([THOUGHT], [THOUGHT], "ses_2")).isChanged, false);
});

test("a body without a list of items has nothing that is bound", async () => {
  assert.equal((await cleaned("text", "text")).isChanged, false);
  assert.equal((await cleaned([{ type: "reasoning", id: "" }], [])).isChanged, false);
});

test("what was refused twice is remembered of both", async () => {
  const history = new History();
  let text = JSON.stringify({ input: [THOUGHT, { type: "message", id: "msg_1" }] });
  const request = {
    mark: { session: "s" },
    text: async () => text,
    setText: (body) => (text = body),
  };

  history.refuse("s", JSON.stringify({ input: [THOUGHT] }));
  history.refuse("s", JSON.stringify({ input: [{ type: "message", id: "msg_1" }] }));
  await history.clean(request);

  assert.deepEqual(JSON.parse(text).input, [{ type: "message" }]);
});

test("a thought is bound by its ciphertext alone, and nothing else by one", async () => {
  const thought = { ...THOUGHT, id: "rs_9" };
  const call = { type: "function_call", id: "fc_1", encrypted_content: "sealed" };

  const left = await cleaned([THOUGHT], [thought, call]);

  assert.deepEqual(left.input, [call]);
});
