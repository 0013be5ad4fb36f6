import assert from "node:assert/strict";
import { test } from "node:test";

import { ToolCalls } from "../../../../rotator/opencode/bridge/src/core/tool-calls.js";

const calls = (...pieces) => {
    const all = new ToolCalls();
    all.take(pieces.map(([id, text, isWhole = false, isEnd]) => ({ id, text, isWhole, isEnd })));
    return [all.areThere, all.isOneWhole, all.areBroken];
};

test("a call is whole once its arguments close, wherever its pieces end", () => {
    assert.deepEqual(calls(), [false, false, false]);
    assert.deepEqual(calls(["0", " "]), [true, false, false]);
    assert.deepEqual(calls(["0", '{"a": [1, {'], ["0", "}]}"]), [true, true, false]);
    assert.deepEqual(calls(["0", '{"a": "\\\\"'], ["0", "}"]), [true, true, false]);
    assert.deepEqual(calls(["0", '{"a": "\\'], ["0", '"}']), [true, false, true]);
    assert.deepEqual(calls(["0", "[]"]), [true, true, false]);
});

test("of several one that is whole is enough, and the end of something else is none", () => {
    assert.deepEqual(calls(["0", "{"], ["1", "{}"]), [true, true, false]);
    assert.deepEqual(calls(["0", "{"], ["1", "", true]), [true, true, false]);
    assert.deepEqual(calls(["1", "", false, true]), [false, false, false]);
    assert.deepEqual(calls(["1", ""], ["1", "", false, true]), [true, true, false]);
    assert.deepEqual(calls(["1", "{"], ["1", "", false, true]), [true, false, true]);
});

test("what never ends is looked at so far and no further", () => {
    const many = Array.from({ length: 1000 }, (_, n) => [String(n), "{"]);
    assert.deepEqual(calls(...many, ["999", "}"]), [true, false, true]);
    assert.deepEqual(calls(...many, ["0", "}"]), [true, true, false]);
});
