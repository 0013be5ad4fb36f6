import assert from "node:assert/strict";
import { test } from "node:test";

import { sha256 } from "../../../../rotator/opencode/bridge/src/core/digests.js";
import { Mark } from "../../../../rotator/opencode/bridge/src/core/mark.js";

const mark = () => new Mark({ session: "ses_1", configured: new Set([sha256("CANARY-given")]) });
const CARRIED = { slot: "acme", carried: { digest: "d" } };

test("a request of which nothing was seen is unseen", () => {
  const { key, isHeard, isOurs, isPlain, isPassedBy, isSpent } = mark();

  assert.equal(key, "unseen");
  assert.deepEqual([isHeard, isOurs, isPlain, isPassedBy, isSpent], Array(5).fill(false));
});

test("a request with a login of ours is known by its digest", () => {
  const taken = mark();

  taken.take({ isForeign: false, ...CARRIED });

  const { key, credential, slot, isHeard } = taken;
  assert.deepEqual(
    { key, credential, slot, isHeard },
    { key: null, credential: "d", slot: "acme", isHeard: true },
  );
});

test("a request that somebody sent with another credential carries none of ours", () => {
  const taken = mark();
  taken.take({ isForeign: false, ...CARRIED });

  taken.take({ isForeign: true, ...CARRIED });

  assert.deepEqual([taken.key, taken.credential], ["unknown", null]);
});

test("a request that was answered elsewhere, or by nobody, says so and carries none of ours", () => {
  const taken = mark();
  taken.take({ isForeign: true, isElsewhere: true, ...CARRIED });
  assert.deepEqual([taken.key, taken.credential], ["elsewhere", null]);

  taken.take({ isForeign: false, isUnproven: true, ...CARRIED });
  taken.leaveUnanswered();
  assert.deepEqual([taken.key, taken.credential, taken.isUnproven], ["unanswered", null, false]);
});

test("what is not proven of a request is said of the last one", () => {
  const taken = mark();
  assert.equal(taken.isUnproven, false);
  taken.take({ isForeign: false, isUnproven: true, ...CARRIED });
  assert.equal(taken.isUnproven, true);
  taken.take({ isForeign: false, isUnproven: false, ...CARRIED });
  assert.equal(taken.isUnproven, false);
  taken.take({ isForeign: false, isUnproven: true, ...CARRIED });
  taken.leave();
  assert.equal(taken.isUnproven, false);
});

test("a key of opencode.json is told from one that nobody knows", () => {
  const keyOf = (...secrets) => {
    const left = mark();
    left.leave(secrets);
    assert.equal(left.isHeard, true);
    return left.key;
  };

  assert.equal(keyOf("CANARY-given"), "configured");
  assert.equal(keyOf("CANARY-other"), "unknown");
});

test("a signed request is left, whatever it carries", () => {
  const left = mark();
  left.leaveSigned();

  assert.deepEqual([left.isHeard, left.credential, left.key], [true, null, "signed"]);
});

test("where opencode names the session, a request without it is another's", () => {
  const named = mark();
  named.isNamed = true;

  assert.equal(named.fits({ "x-session-id": "ses_1" }), true);
  assert.equal(named.fits({ "x-session-id": "ses_2" }), false);
  assert.equal(mark().fits({}), true);
});
