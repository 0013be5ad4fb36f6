import assert from "node:assert/strict";
import { test } from "node:test";

import { sha256 } from "../../../../rotator/opencode/bridge/src/core/digests.js";
import { Marks } from "../../../../rotator/opencode/bridge/src/core/marks.js";

const LOGINS = { slotsOf: (provider) => (provider === "acme" ? ["acme"] : []) };
const SDK = "@ai-sdk/openai";
const AGENT = { "User-Agent": "opencode/1 ai-sdk/provider" };

/** Announce a request of opencode's to `marks`. */
function announce(
  marks,
  { provider = "acme", agent = "build", npm = SDK, session = "ses_1", ...more } = {},
) {
  const input = {
    sessionID: session,
    agent,
    model: { id: "m1", providerID: provider, api: { npm }, headers: more.headers },
    provider: { id: provider, source: more.source, options: more.options },
    message: { id: "msg_1", agent: "build" },
  };
  return marks.announce(input, more.output ?? {});
}

const seen = (headers, body) => ({ headers, init: { body } });

test("a mark says what opencode has announced", () => {
  const { provider, model, session, agent, message, aside } = announce(new Marks(LOGINS), {
    agent: { name: "title" },
  });

  const told = { provider, model, session, agent, message, aside };
  const is = {
    provider: "acme",
    model: "m1",
    session: "ses_1",
    agent: "title",
    message: "msg_1",
    aside: true,
  };
  assert.deepEqual(told, is);
});

test("a hook that is called twice for one request has one mark", () => {
  const marks = new Marks(LOGINS);
  const output = {};

  assert.equal(announce(marks, { output }), announce(marks, { output }));
  assert.notEqual(announce(marks), announce(marks));
  assert.notEqual(announce(marks, { output: "text" }), announce(marks, { output: "text" }));
});

test("what opencode does not name is read from the provider, and is none of ours", () => {
  const mark = new Marks(LOGINS).announce({ sessionID: "ses_1", provider: { id: "other/" } }, {});

  const { provider, isOurs, key, isPlain } = mark;
  assert.deepEqual(
    { provider, isOurs, key, isPlain },
    { provider: "other", isOurs: false, key: "unknown", isPlain: false },
  );
});

test("what opencode.json gives is configured, and what a login's loader sets is not", () => {
  const options = {
    apiKey: "CANARY-key",
    headers: { "X-Token": "CANARY-head", "x-plain": "CANARY-no" },
  };
  const configured = (source) => [...announce(new Marks(LOGINS), { source, options }).configured];

  assert.deepEqual(configured("config"), [sha256("CANARY-key"), sha256("CANARY-head")]);
  assert.deepEqual(configured("custom"), []);
});

test("what a model of opencode.json has in its headers is configured, whatever its provider is", () => {
  const headers = { Authorization: "Bearer CANARY-head", "x-plain": "CANARY-no" };

  const { configured } = announce(new Marks(LOGINS), { headers });

  assert.deepEqual([...configured], ["Bearer CANARY-head", "CANARY-head"].map(sha256));
});

test("what a hook after ours sets is given as well", () => {
  const output = { headers: {} };
  const mark = announce(new Marks(LOGINS), { headers: { "x-a": "1" }, output });
  output.headers = { "x-b": "2" };

  assert.deepEqual(mark.given(), [
    ["x-a", "1"],
    ["x-b", "2"],
  ]);
  assert.deepEqual(announce(new Marks(LOGINS), { output: "text" }).given(), []);
});

test("a request is named where a plain SDK sends it and nothing hides the session", () => {
  const hidden = { "X-Session-Affinity": "a", "x-session-id": "b" };
  const isNamed = (more) => announce(new Marks(LOGINS), more).isNamed;

  assert.equal(isNamed({}), true);
  assert.equal(isNamed({ npm: "@acme/signs-it" }), false);
  assert.equal(isNamed({ options: { fetch: () => {} } }), false);
  assert.equal(isNamed({ headers: hidden }), false);
});

test("a provider whose request came without the session's name is expected without it", () => {
  const marks = new Marks(LOGINS);
  const first = announce(marks);
  first.isPassedBy = true;

  const second = announce(marks);

  assert.deepEqual([first.isNamed, second.isNamed], [true, false]);
});

test("a turn that ends without its request tells the same", () => {
  const marks = new Marks(LOGINS);
  announce(marks).isPassedBy = true;

  marks.end("ses_1");

  assert.equal(announce(marks, { session: "ses_2" }).isNamed, false);
});

test("a request that came in the end is no reason to expect none with the name", () => {
  const marks = new Marks(LOGINS);
  const mark = announce(marks);
  mark.isPassedBy = mark.isHeard = true;

  assert.equal(announce(marks).isNamed, true);
});

test("a turn's end spends its mark, and one of which nothing came is unseen", () => {
  const marks = new Marks(LOGINS);
  const mark = announce(marks);

  assert.equal(marks.unseenIn("ses_1"), "acme");
  mark.isReached = true;
  assert.equal(marks.unseenIn("ses_1"), null);
  marks.end("ses_1");
  marks.end("ses_2");
  assert.deepEqual([mark.isSpent, marks.unseenIn("ses_2")], [true, null]);
});

test("a failure is about the turn, and about what is beside it where there is none", () => {
  const marks = new Marks(LOGINS);
  const title = announce(marks, { agent: "title" });

  assert.equal(marks.of("ses_1"), title);
  const turn = announce(marks);
  assert.equal(marks.of("ses_1"), turn);
  assert.equal(marks.of("ses_2"), undefined);
});

test("a request in its context has that mark, unless it is spent or another's", () => {
  const marks = new Marks(LOGINS);
  const mark = announce(marks);

  assert.equal(marks.find(seen({ "x-session-id": "ses_1" }), mark), mark);
  assert.equal(marks.find(seen({}), mark), null);
  mark.isSpent = true;
  assert.equal(marks.find(seen({ "x-session-id": "ses_1" }), mark), null);
});

test("a request that lost its context is known by the session, if an SDK sent it", () => {
  const marks = new Marks(LOGINS);
  const mark = announce(marks);
  const named = { ...AGENT, "x-session-id": "ses_1" };

  assert.equal(marks.find(seen(named)), null); // its hook was not ours
  mark.isGiven = true;
  assert.equal(marks.find(seen(named)), mark);
  assert.equal(marks.find(seen({ "x-session-id": "ses_1" })), null);
  assert.equal(marks.find(seen({ ...AGENT, "x-session-id": "ses_2" })), null);
});

test("where requests of a provider come in their context, none of it has lost it", () => {
  const marks = new Marks(LOGINS);
  const first = announce(marks);
  marks.find(seen({ "x-session-id": "ses_1" }), first);
  announce(marks).isGiven = true;

  assert.equal(marks.find(seen({ ...AGENT, "x-session-id": "ses_1" })), null);
});

test("a turn is told from the title beside it by its tools", () => {
  const marks = new Marks(LOGINS);
  const [title, turn] = [announce(marks, { agent: "title" }), announce(marks)];
  title.isGiven = turn.isGiven = true;
  const sent = (body) => marks.find(seen({ ...AGENT, "x-session-id": "ses_1" }, body));

  assert.equal(sent(JSON.stringify({ tools: [{}] })), turn);
  assert.equal(sent(JSON.stringify({ tools: [] })), null);
  assert.equal(sent(undefined), null);
});

test("one SDK that is not plain hides the session, and one header that is set does not", () => {
  const marks = new Marks(LOGINS);
  const input = { sessionID: "s", model: { providerID: "acme", api: { npm: SDK } } };

  const mixed = marks.announce({ ...input, provider: { npm: "@acme/signs-it" } }, {});
  const half = announce(marks, { headers: { "x-session-id": "b" } });

  assert.deepEqual([mixed.isPlain, half.isNamed], [false, true]);
});

test("a hook that is given next to nothing makes a mark of nobody's", () => {
  const { isOurs, isNamed } = new Marks(LOGINS).announce({ sessionID: "s" }, {});

  assert.deepEqual([isOurs, isNamed], [false, false]);
});
