import assert from "node:assert/strict";
import { test } from "node:test";

import { isSendable, spellings, unpadded } from "../../../../rotator/opencode/bridge/src/core/secret-texts.js";

test("what nobody sees around a secret is none of it, and inside it stays", () => {
  for (const unseen of [" ", "\n", "\u00a0", "\u200b", "\ufeff", "\u2060", "\u00ad", "\u0085", "\0"])
    assert.equal(unpadded(`${unseen}a${unseen}b${unseen}${unseen}`), `a${unseen}b`);
  assert.equal(unpadded("\u200b \ufeff"), "");
});

test("a secret is spelt as it is written, as fetch sends it, and bare", () => {
  assert.deepEqual(spellings("a"), ["a"]);
  assert.deepEqual(spellings("a\u00a0\n"), ["a\u00a0\n", "a\u00a0", "a"]);
});

test("no header can hold what is empty, a control, or beyond latin-1", () => {
  for (const text of ["key", "k y", "k\u00e9y"]) assert.equal(isSendable(text), true);
  for (const text of ["", "k\ny", "k\ty", "k\0y", "k\u0085y", "k\u200by", "k\u2013y", "k\ud800y"])
    assert.equal(isSendable(text), false);
});
