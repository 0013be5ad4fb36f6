import assert from "node:assert/strict";
import { test } from "node:test";

import { FailedRows } from "../../../../rotator/opencode/bridge/src/core/failed-rows.js";

const ASKED = { session: "s", aside: false, credential: "a" };

test("faults in a row are told with their ages, the oldest first", () => {
    const rows = new FailedRows();

    assert.deepEqual(rows.add(ASKED, "empty", 1000), []);
    assert.deepEqual(rows.add(ASKED, "cut", 1400.4), [{ kind: "empty", ms: 400 }]);
    assert.deepEqual(rows.add(ASKED, "empty", 2000), [
        { kind: "empty", ms: 1000 },
        { kind: "cut", ms: 600 },
    ]);
});

test("a good answer ends a row, and so does another login", () => {
    const rows = new FailedRows();
    rows.add(ASKED, "empty", 1);

    rows.end(ASKED);
    assert.deepEqual(rows.add(ASKED, "empty", 2), []);
    assert.deepEqual(rows.add({ ...ASKED, credential: "b" }, "empty", 3), []);
    assert.deepEqual(rows.add(ASKED, "empty", 4), []);
});

test("a title's row is not that of its turn, and each session has its own", () => {
    const rows = new FailedRows();
    rows.add(ASKED, "empty", 1);

    assert.deepEqual(rows.add({ ...ASKED, aside: true }, "empty", 2), []);
    assert.deepEqual(rows.add({ ...ASKED, session: "t" }, "empty", 2), []);
});

test("a row does not grow for ever", () => {
    const rows = new FailedRows();
    for (let number = 0; number < 100; number += 1) rows.add(ASKED, "empty", number);

    assert.equal(rows.add(ASKED, "empty", 100).length, 16);
});

test("where only the same again goes on with a row, another request begins one", () => {
    const rows = new FailedRows();

    assert.deepEqual(rows.add(ASKED, "empty", 1, "a"), []);
    assert.deepEqual(rows.add(ASKED, "empty", 2, "a"), [{ kind: "empty", ms: 1 }]);
    assert.deepEqual(rows.add(ASKED, "empty", 3, "b"), []);
    assert.deepEqual(rows.add(ASKED, "empty", 4), []);
});
