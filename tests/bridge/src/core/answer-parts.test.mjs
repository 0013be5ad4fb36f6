import assert from "node:assert/strict";
import { test } from "node:test";

import { interpretPart } from "../../../../rotator/opencode/bridge/src/core/answer-parts.js";

const says = (value) => {
    const said = interpretPart(value);
    const words = Object.entries({
        error: said.isError,
        content: said.hasContent,
        finished: said.isFinished,
        short: said.isShort,
        "ends calls": said.endsCalls,
        calls: said.calls.length > 0,
    });
    return words.flatMap(([name, is]) => (is ? [name] : [])).join(" ");
};
const each = (values, expected) => {
    for (const value of values) assert.equal(says(value), expected, JSON.stringify(value));
};
const choice = (more) => ({ id: "c", object: "chat.completion.chunk", choices: [more] });
const delta = (said, finish_reason = null) => choice({ index: 0, delta: said, finish_reason });

test("a vendor's error is one, in whatever fields", () => {
    each(
        [
            { error: { message: "Rate limit reached", type: null, code: 429 } },
            { error: "quota exceeded" },
            { error: { code: "1302", message: "您的账户已达到速率限制" } },
            { errors: [{ message: "no" }] },
            { type: "error", error: { type: "overloaded_error", message: "Overloaded" } },
            { type: "error", code: "rate_limit_exceeded", message: "Rate limit reached" },
            { object: "error", message: "busy", type: "BadRequestError", code: null },
            { choices: null, base_resp: { status_code: 1008, status_msg: "insufficient balance" } },
            { base_resp: { status_code: "1002" } },
            { error_code: 18, error_msg: "Open api qps request limit reached" },
            { code: "Throttling", message: "系统繁忙", request_id: "r" },
            { code: 50000, msg: "系统错误" },
            { success: false, msg: "no" },
            { Response: { Error: { Code: "LimitExceeded", Message: "no" } } },
            [{ error: { code: 429, status: "RESOURCE_EXHAUSTED" } }],
            { response: { error: { code: 429, message: "no" } }, traceId: "t" },
            { type: "response.failed", response: { error: { code: "server_error" } } },
            choice({ delta: {}, error: { message: "upstream" } }),
            { error: { code: 502, message: "upstream" }, ...delta({ content: "" }, "error") },
            { ...delta({}), base_resp: { status_code: 1039 } },
        ],
        "error",
    );
});

test("what is no error is none, whatever its fields are called", () => {
    each(
        [
            { error: null, usage: {} },
            { error: {}, id: "x" },
            { error: "" },
            { errors: [] },
            { base_resp: { status_code: 0 }, choices: [] },
        ],
        "",
    );
    each(
        [
            { code: 0, message: "ok", data: 1 },
            { code: "200", msg: "success" },
            { code: 20000, message: "Ok" },
            { error: 5 },
            { error: { code: 0, message: "" } },
            { message: "Hello" },
        ],
        "content finished",
    );
    // It belongs to what can be used.
    assert.equal(says({ ...delta({ content: "Hi" }), code: 7, message: "odd" }), "content");
});

test("chat completions: words, a call, an end", () => {
    each(
        [
            delta({ role: "assistant", content: "" }),
            delta({}),
            delta({ content: null }),
            choice(null),
        ],
        "",
    );
    each([{ choices: [], usage: { total_tokens: 1 } }, { usage: { total_tokens: 1 } }, {}], "");
    each(
        [delta({ content: "Hi" }), delta({ reasoning_content: "Hm" }), delta({ refusal: "No." })],
        "content",
    );
    each([choice({ text: "Hi" }), choice({ delta: {}, text: "Hi" })], "content");
    each([delta({ tool_calls: [{ index: 0 }] }), delta({ tool_calls: [null] })], "content calls");
    // The SDKs of opencode know no call of that name.
    each([delta({ function_call: { name: "f" } })], "content");
    each([delta({}, "stop"), delta({}, "content_filter")], "finished");
    each([delta({ role: "assistant" }, "length"), delta({}, "model_length")], "short");
    each([delta({}, "tool_calls"), delta({}, "function_call")], "ends calls");
    each(
        [
            delta({}, "error"),
            delta({}, "network_error"),
            delta({}, "insufficient_system_resource"),
            delta({}, "abort"),
            delta({}, "eos"),
            delta({}, 7),
            delta({}, ""),
        ],
        "",
    );
    assert.equal(
        says(choice({ message: { content: "Hi" }, finish_reason: "stop" })),
        "content finished",
    );
});

test("responses: what comes, and the end", () => {
    const response = { id: "r", output: [], error: null };
    each(
        [
            { type: "response.created", response },
            { type: "response.in_progress", response },
            { type: "codex.rate_limits" },
            { type: "ping" },
        ],
        "",
    );
    each(
        [
            { type: "response.output_text.delta", delta: "Hi" },
            { type: "response.output_item.done", item: { type: "message" } },
        ],
        "content",
    );
    each(
        [{ type: "response.output_item.done", item: { type: "function_call" } }],
        "content finished",
    );
    each(
        [
            { type: "response.completed", response },
            { type: "response.incomplete", response },
        ],
        "finished",
    );
    each(
        [{ type: "response.completed", response: { output: [{ type: "message" }] } }],
        "content finished",
    );
    each([{ type: "response.completed" }], "finished");
});

test("messages: what comes, and the end", () => {
    const start = { type: "content_block_start", content_block: { type: "text", text: "" } };
    each(
        [
            { type: "message_start", message: { content: [] } },
            { type: "message_start" },
            start,
            { type: "message_stop" },
            { type: "message_delta", delta: { stop_reason: "odd" } },
            { type: "content_block_delta" },
            { type: "message_delta", delta: { stop_reason: null } },
            { type: "message_delta" },
        ],
        "",
    );
    each(
        [
            { type: "content_block_delta", delta: { type: "text_delta", text: "Hi" } },
            { type: "message_start", message: { content: [1] } },
        ],
        "content",
    );
    each(
        [{ type: "content_block_start", content_block: { type: "tool_use", id: "t" } }],
        "content calls",
    );
    each(
        [{ type: "content_block_start", content_block: { type: "server_tool_use", id: "t" } }],
        "content",
    );
    each([{ type: "content_block_stop", index: 1 }], "calls");
    each(
        [{ type: "content_block_delta", delta: { type: "input_json_delta", partial_json: "{" } }],
        "content calls",
    );
    each([{ type: "message_delta", delta: { stop_reason: "refusal" } }], "finished");
    each([{ type: "message_delta", delta: { stop_reason: "max_tokens" } }], "short");
    each([{ type: "message_delta", delta: { stop_reason: "tool_use" } }], "ends calls");
});

test("Google's: what comes, and the end, also inside of another object", () => {
    const of = (parts, finishReason) => ({ candidates: [{ content: { parts }, finishReason }] });
    each(
        [
            of([]),
            of([{ text: "" }]),
            of([null]),
            { candidates: [null] },
            { usageMetadata: { promptTokenCount: 1 } },
        ],
        "",
    );
    each([of([{ text: "Hi" }]), { response: of([{ text: "Hi" }]), traceId: "t" }], "content");
    each([of([{ functionCall: { name: "f" } }])], "content finished");
    each([of([], "STOP"), { promptFeedback: { blockReason: "SAFETY" } }], "finished");
    for (const reason of ["MAX_TOKENS", "RECITATION", "MALFORMED_FUNCTION_CALL"])
        assert.equal(says(of([], reason)), "finished", reason);
    // opencode takes the answer for unfinished, and asks again.
    for (const reason of ["OTHER", "FINISH_REASON_UNSPECIFIED", "UNEXPECTED_TOOL_CALL", "", null])
        assert.equal(says(of([{ text: "Hi" }], reason)), "content", reason);
});

test("what nobody knows is good and whole", () => {
    each(
        [
            "words",
            7,
            { text: "Hi" },
            { type: "text-delta", text: "Hi" },
            { Response: { Text: "Hi" } },
            { response: "Hi", more: 1 },
        ],
        "content finished",
    );
    assert.equal(says(null), "");
    assert.equal(says([]), "");
});
