import assert from "node:assert/strict";
import { test } from "node:test";

import { isStall } from "../../../../rotator/opencode/bridge/src/core/timeouts.js";

const named = (name, message = "") => Object.assign(new Error(message), { name });

test("opencode's own time-outs are stalls, by whatever name", () => {
    assert.equal(isStall(named("ProviderHeaderTimeoutError"), false), true);
    assert.equal(isStall(named("ProviderResponseStreamError"), true), true);
    assert.equal(isStall(new Error("SSE read timed out"), true), true);
});

test("the end of the time for a whole request is one where nothing had come", () => {
    const reason = new DOMException("The operation timed out.", "TimeoutError");

    assert.deepEqual([isStall(reason, false), isStall(reason, true)], [true, false]);
});

test("a person who stops, and whatever else ends a request, is none", () => {
    const others = [
        new DOMException("Aborted", "AbortError"),
        named("Error", "socket closed"),
        named("FooError", "timed out"),
        { name: "Error" },
        "stop",
        undefined,
        null,
    ];
    for (const reason of others) assert.equal(isStall(reason, false), false);
});
