import assert from "node:assert/strict";
import { test } from "node:test";

import { sha256 } from "../../../../rotator/opencode/bridge/src/core/digests.js";
import { redact } from "../../../../rotator/opencode/bridge/src/core/redaction.js";

const SECRET = 'CANARY/"secret"';
const FINGERPRINT = sha256(SECRET).slice(0, 8);

test("a secret is told by its fingerprint in every form in which it may stand", () => {
  const quoted = JSON.stringify(SECRET).slice(1, -1);
  const forms = [SECRET, quoted, quoted.replaceAll("/", "\\/"), encodeURIComponent(SECRET)];

  for (const form of forms) assert.equal(redact(`a ${form} b`, [SECRET]), `a ${FINGERPRINT} b`);
});

test("a secret that was cut off at the end is told by its fingerprint, too", () => {
  for (let length = 8; length < SECRET.length; length += 1)
    assert.equal(redact(`a ${SECRET.slice(0, length)}`, [SECRET]), `a ${FINGERPRINT}`);
  assert.equal(redact(`a ${SECRET.slice(0, 7)}`, [SECRET]), `a ${SECRET.slice(0, 7)}`);
});

test("a secret inside a longer one does not spoil it", () => {
  const longer = `${SECRET}-longer`;

  assert.equal(redact(longer, [SECRET, longer]), sha256(longer).slice(0, 8));
});

test("a word of three letters is no secret", () => {
  assert.equal(redact("x of CAN", ["CAN", ""]), "x of CAN");
  assert.equal(redact("x of CANA", ["CANA"]), `x of ${sha256("CANA").slice(0, 8)}`);
});
