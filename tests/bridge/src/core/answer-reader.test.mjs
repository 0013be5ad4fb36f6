import assert from "node:assert/strict";
import { test } from "node:test";

import { AnswerReader } from "../../../../rotator/opencode/bridge/src/core/answer-reader.js";

const judge = (text, { end = "ended", isStream = true } = {}) => {
    const reader = new AnswerReader();
    reader.feed(text);
    return reader.end(end, isStream);
};
const kind = (text, how) => judge(text, how)?.kind ?? "good";
const event = (value) => `data: ${JSON.stringify(value)}\n\n`;
const delta = (said, finish_reason = null) => event({ choices: [{ delta: said, finish_reason }] });
const call = (text, more = {}) =>
    delta({ tool_calls: [{ index: 0, function: { arguments: text }, ...more }] });
const block = (type, more) => event({ type: `content_block_${type}`, index: 1, ...more });
const USE = block("start", { content_block: { type: "tool_use", id: "t", name: "f", input: {} } });
const INPUT = block("delta", { delta: { type: "input_json_delta", partial_json: '{"a' } });
const ROLE = delta({ role: "assistant", content: "" });
const TEXT = delta({ content: "Hello" });
const STOP = delta({}, "stop");
const DONE = "data: [DONE]\n\n";
const USAGE = event({ choices: [], usage: { total_tokens: 1 } });
const ERROR = event({ error: { message: "Rate limit reached" } });
const LIMIT = JSON.stringify({ error: { message: "Rate limit reached" } });

test("a stream with nothing in it is empty, whatever surrounds the nothing", () => {
    const streams = [
        "",
        "\n\n",
        DONE,
        ": OPENROUTER PROCESSING\n\n",
        USAGE + DONE,
        ROLE,
        ROLE + USAGE,
        "data:\n\n",
        'event: ping\r\ndata: {"type":"ping"}\r\n\r\n',
    ];
    for (const text of streams) assert.equal(kind(text), "empty", text);
});

test("an answer that says little is good: a call, reasoning, a refusal, an end alone", () => {
    const streams = [
        ROLE + STOP + DONE,
        delta({ reasoning_content: "Hm" }) + STOP,
        call('{"command":"ls"}'),
        delta({ refusal: "No." }) + STOP,
        delta({}, "content_filter"),
        TEXT + delta({}, "stop").trimEnd(), // the last line has no end
        event({ type: "response.completed", response: { output: [] } }),
        event({ unknown: "protocol" }),
        "data: words\n\n",
    ];
    for (const text of streams) assert.equal(kind(text), "good", text);
});

test("a text without its last word is cut, whoever ended it", () => {
    assert.equal(kind(ROLE + TEXT), "cut");
    assert.equal(kind(ROLE + TEXT + DONE), "cut");
    assert.equal(kind(TEXT + delta({}, "network_error") + DONE), "cut");
    assert.equal(kind(ROLE, { end: "broken" }), "cut");
    assert.equal(kind("", { end: "broken" }), "cut");
    assert.equal(kind(ROLE + TEXT + STOP, { end: "broken" }), "good");
});

test("a call that broke off is none, and one that came whole is one", () => {
    const begun = call('{"command": "echo \\"}\\" {', { id: "c" });
    for (const text of ["", DONE, delta({}, "length"), delta({}, "length") + DONE])
        assert.equal(kind(ROLE + begun + text), "cut", text);
    assert.equal(kind(ROLE + begun + call('"}')), "good");
    assert.equal(kind(ROLE + begun + call('[1]"') + call("}")), "good");
    // What the model has written itself is opencode's to tell it of.
    assert.equal(kind(ROLE + begun + delta({}, "tool_calls")), "good");
    assert.equal(kind(ROLE + begun + STOP), "good");
    // One of two is made.
    assert.equal(kind(call("{}") + call('{"b', { index: 1 })), "good");
    assert.equal(kind(call('{"b') + call("}", { index: 1 })), "cut");
    assert.equal(kind(delta({ tool_calls: [{ function: { arguments: { a: 1 } } }] })), "good");
    assert.equal(kind(call("", { id: "c" }) + delta({}, "length")), "good");
    assert.equal(kind(call("", { id: "c" })), "cut");
    assert.equal(kind(USE + INPUT), "cut");
    const rest = block("delta", { delta: { type: "input_json_delta", partial_json: '": 1}' } });
    assert.equal(kind(USE + INPUT + block("stop")), "cut");
    assert.equal(kind(USE + INPUT + rest), "good");
    assert.equal(kind(USE + block("stop")), "good");
    assert.equal(kind(USE + INPUT + block("stop", { index: 0 })), "cut");
    const ended = event({ type: "message_delta", delta: { stop_reason: "max_tokens" } });
    assert.equal(kind(USE + INPUT + block("stop") + ended), "cut");
    assert.equal(kind(USE + INPUT + rest + block("stop") + ended), "good");
    const used = event({ type: "message_delta", delta: { stop_reason: "tool_use" } });
    assert.equal(kind(USE + INPUT + block("stop") + used), "good");
    // What a vendor's own tool is asked is no call of opencode's.
    const own = { content_block: { type: "server_tool_use", id: "t", name: "f", input: {} } };
    assert.equal(kind(block("start", own) + INPUT + rest + block("stop")), "cut");
});

test("an end that opencode takes for none is none: it would ask again", () => {
    assert.equal(kind(ROLE + delta({}, "eos") + DONE), "empty");
    assert.equal(kind(TEXT + delta({}, "eos") + DONE), "cut");
    assert.equal(kind(ROLE + delta({}, "tool_calls") + DONE), "empty");
    assert.equal(kind(TEXT + delta({}, "tool_calls") + DONE), "cut");
    assert.equal(kind(TEXT + delta({}, "function_call") + DONE), "cut");
    const stop = (stop_reason) => event({ type: "message_delta", delta: { stop_reason } });
    assert.equal(kind(stop("tool_use") + event({ type: "message_stop" })), "empty");
    assert.equal(kind(event({ type: "message_stop" })), "empty");
    assert.equal(kind(stop("end_turn")), "good");
});

test("silence is a stall, but not behind the last word", () => {
    assert.equal(kind("", { end: "stalled" }), "stalled");
    assert.equal(kind(TEXT, { end: "stalled" }), "stalled");
    assert.equal(kind(TEXT + STOP, { end: "stalled" }), "good");
});

test("an error in the stream is one, before and behind a text, and is told as it was", () => {
    assert.deepEqual(judge(ERROR + DONE), { kind: "error", body: LIMIT });
    assert.deepEqual(judge(TEXT + ERROR + ERROR), { kind: "error", body: LIMIT });
    assert.equal(kind(TEXT + STOP + ERROR), "error");
});

test("an error in a piece of an answer may be passed by", () => {
    const isHidden = (text) => {
        const reader = new AnswerReader();
        reader.feed(text);
        return [reader.hasError, reader.isHidden];
    };
    const failed = event({
        choices: [{ delta: {}, finish_reason: "error" }],
        error: { code: 502 },
    });

    assert.deepEqual(isHidden(TEXT + failed), [true, true]);
    assert.deepEqual(isHidden(ERROR), [true, false]);
    assert.deepEqual(isHidden(TEXT), [false, false]);
});

test("what has come so far is known: something to use, the last word", () => {
    const known = (text) => {
        const reader = new AnswerReader();
        reader.feed(text);
        return [reader.isUsed, reader.isFinished];
    };

    assert.deepEqual(known(ROLE), [false, false]);
    assert.deepEqual(known(TEXT), [true, false]);
    assert.deepEqual(known(STOP), [false, true]);
});

test("what a model writes about errors is no error", () => {
    const code = 'if (x["error"]: {"message": "no"}) "finish_reason": "stop", "error": {"a": 1}';
    assert.equal(kind(TEXT + delta({ content: code }) + STOP), "good");
    assert.equal(kind(TEXT + delta({ content: code })), "cut");
});

test("a document instead of a stream is one, and is told", () => {
    assert.deepEqual(judge(LIMIT), { kind: "instead", body: LIMIT });
    assert.deepEqual(judge(JSON.stringify(JSON.parse(LIMIT), null, 2)).kind, "instead");
    assert.equal(kind("<!DOCTYPE html><html>502</html>"), "instead");
    assert.equal(kind("系统繁忙，请稍后再试"), "instead");
    assert.equal(kind('"quota exceeded"'), "instead");
    assert.equal(kind('{"message": "limit reached"}'), "instead");
    assert.equal(kind('{"base_resp": {"status_code": 1008}}'), "instead");
    for (const text of ["null", "{}", "[]", '{"choices": []}']) assert.equal(kind(text), "empty");
});

test("a document that is no error is none only where the same is asked again", () => {
    const whole = { choices: [{ message: { content: "Hi" }, finish_reason: "stop" }], error: null };
    const documents = [
        JSON.stringify(whole),
        '{"content": [{"text": "Hi"}], "type": "message"}',
        '{"text": "Hi"}',
        "{ half",
        "a\u0000b",
        "bytes \ufffd",
        '{"data": {}, "message": "ok"}',
        `{"a": "${"x".repeat(20_000)}"}`,
        "x".repeat(20_000) + "\nmore\n",
    ];
    const none = { kind: "empty", body: "", mayBeRead: true };
    documents.push(JSON.stringify({ ...whole, error: { message: "odd" } }));
    for (const text of documents) {
        assert.deepEqual(judge(text), none, text.slice(0, 40));
        assert.equal(kind(text, { isStream: false }), "good", text.slice(0, 40));
    }
    assert.equal(kind(LIMIT, { end: "broken" }), "good");
});

test("where no stream was asked for only what says so is none", () => {
    const how = { isStream: false };
    for (const text of ["", ROLE, TEXT, "words", "null", '{"message": "no"}']) {
        assert.equal(kind(text, how), "good", text);
    }
    assert.equal(kind(LIMIT, how), "instead");
    assert.equal(kind(ERROR, how), "error");
});

test("pieces may end anywhere, and a line may be of any length", () => {
    const reader = new AnswerReader();
    for (const letter of ROLE + TEXT) reader.feed(letter);
    assert.deepEqual([reader.isUsed, reader.hasError], [true, false]);
    for (const letter of ERROR) reader.feed(letter);
    assert.deepEqual([reader.isUsed, reader.hasError], [true, true]);
    const long = event({ type: "response.completed", response: { text: "x".repeat(200_000) } });
    assert.equal(kind(long), "good");
});
