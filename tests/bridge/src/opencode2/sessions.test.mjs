import assert from "node:assert/strict";
import { test } from "node:test";

import { Sessions } from "../../../../rotator/opencode/bridge/src/opencode2/sessions.js";

test("a session is the same one each time, and knows nothing at first", () => {
  const sessions = new Sessions();
  const first = sessions.session("a");

  assert.equal(sessions.session("a"), first);
  assert.notEqual(sessions.session("b"), first);
  assert.deepEqual([first.left.size, first.again.size, first.last, first.next], [0, 0, null, null]);
});

test("a turn that was stopped is stopped, and the next one is not", () => {
  const sessions = new Sessions();
  const { stop } = sessions.session("a");

  sessions.stop("a");
  sessions.stop("unknown");

  assert.equal(stop.signal.aborted, true);
  assert.equal(sessions.session("a").stop.signal.aborted, false);
});

test("only the newest sessions are kept", () => {
  const sessions = new Sessions();
  const first = sessions.session("first");
  for (let number = 0; number < 5000; number++) sessions.session(`s${number}`);

  assert.notEqual(sessions.session("first"), first);
});
