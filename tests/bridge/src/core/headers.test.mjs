import assert from "node:assert/strict";
import { test } from "node:test";

import {
  editHeaders,
  headerPairs,
  headerValues,
  isReadable,
  REMOVED,
  without,
} from "../../../../rotator/opencode/bridge/src/core/headers.js";

const PAIRS = [
  ["A", "1"],
  ["b", "2"],
];
const FORMS = [new Headers(PAIRS), PAIRS, new Map(PAIRS), Object.fromEntries(PAIRS)];

/** Change nothing but the values of `a` and `b`. */
const change = (name, value) => ({ a: "new", b: REMOVED })[name] ?? value;

test("every form that fetch takes is edited in a copy of the same form", () => {
  const [headers, pairs, map, object] = FORMS.map((form) => editHeaders(form, change));

  assert.deepEqual([...headers], [["a", "new"]]);
  assert.deepEqual(pairs, [["A", "new"]]);
  assert.deepEqual(map, [["A", "new"]]);
  assert.deepEqual(object, { A: "new" });
  assert.deepEqual(headerPairs(FORMS[0]), [
    ["a", "1"],
    ["b", "2"],
  ]);
});

test("a value is found whatever the case of its name", () => {
  for (const form of FORMS) assert.deepEqual(headerValues(form, "a"), ["1"]);
  for (const form of FORMS) assert.deepEqual(headerValues(form, "c"), []);
});

test("headers that are missing are none", () => {
  assert.deepEqual(headerPairs(undefined), []);
  assert.deepEqual(editHeaders(undefined, change), {});
});

test("one header is taken out", () => {
  assert.deepEqual(without({ A: "1", b: "2" }, "a"), { b: "2" });
});

test("what can be read only once is not readable", () => {
  assert.equal(isReadable(PAIRS.values()), false);
  for (const form of [...FORMS, undefined]) assert.equal(isReadable(form), true);
});

test("a header that stays as it is keeps its place in Headers", () => {
  const kept = editHeaders(new Headers(PAIRS), (_, value) => value);

  assert.deepEqual(
    [...kept],
    [
      ["a", "1"],
      ["b", "2"],
    ],
  );
});
