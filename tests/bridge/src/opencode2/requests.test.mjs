import assert from "node:assert/strict";
import { test } from "node:test";

import { Requests } from "../../../../rotator/opencode/bridge/src/opencode2/requests.js";
import { digestOf, homeOf, ScriptedWatcher } from "../../scripted_watcher.mjs";

const [A, B] = ["KEY-CANARY-A", "KEY-CANARY-B"];
const LOGINS = { active: digestOf(A), known: [digestOf(A), digestOf(B)], ready: true };
const RETRY = { verdict: "retry", slot: "b", credential: digestOf(B) };
const LIMITED = { status: 429, headers: { "retry-after": "3600" } };

/** Two rows of one provider in an OpenCode 2, and a vendor that answers as `vendor` says. */
function scene(test_, { answer, vendor = () => new Response("good"), rows = { a: A, b: B } } = {}) {
  const env = homeOf(test_);
  const watcher = new ScriptedWatcher(test_, env, { acme: LOGINS }, answer);
  const sent = [];
  const before = globalThis.fetch;
  globalThis.fetch = async (_input, { headers }) => {
    sent.push(headers.get("authorization").slice("Bearer ".length));
    return vendor(sent.length);
  };
  test_.after(() => (globalThis.fetch = before));
  const connections = Object.keys(rows).map((id) => ({ id }));
  const ctx = {
    integration: {
      get: async () => ({ data: { connections } }),
      connection: { resolve: async ({ id }) => ({ type: "key", key: rows[id] }) },
    },
    model: { list: async () => ({ data: [] }) },
  };
  return { ctx, watcher, sent, requests: new Requests(watcher.places) };
}

function request(key = A, more = {}) {
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  const body = '{"messages":[]}';
  return {
    request: new Request("https://api.acme.example/v1/messages", { method: "POST", headers, body }),
    model: { providerID: "acme", id: "m1" },
    sessionID: "ses_1",
    agent: "build",
    kind: "primary",
    ...more,
  };
}

/** Let a request have an answer, and return the event that OpenCode goes on with. */
async function answered(requests, ctx, response, event = request()) {
  await requests.before(ctx, event);
  event.response = response;
  await requests.after(ctx, event);
  return event;
}

const limited = () => new Response("{}", LIMITED);
const trouble = () => new Response("{}", { status: 503 });

test("a refused request is sent again with the row that the watcher names", async (t) => {
  const { ctx, watcher, sent, requests } = scene(t, { answer: () => RETRY });

  const { response } = await answered(requests, ctx, limited());

  assert.equal(await response.text(), "good");
  assert.deepEqual(sent, [B]);
  const [{ home, provider, credential, status, aside, session, headers }] = watcher.signals;
  assert.equal(headers["retry-after"], "3600");
  assert.deepEqual(
    { home, provider, credential, status, aside, session },
    {
      home: "opencode.db",
      provider: "acme",
      credential: digestOf(A),
      status: 429,
      aside: false,
      session: "ses_1",
    },
  );
  assert.ok(!JSON.stringify(watcher.signals).includes("CANARY"));
});

test("a second refusal is asked about with all that was tried", async (t) => {
  const answers = [RETRY, { verdict: "pass" }];
  const { ctx, watcher, requests } = scene(t, { answer: () => answers.shift(), vendor: limited });

  const { response } = await answered(requests, ctx, limited());

  assert.equal(response.status, 429);
  assert.deepEqual(
    watcher.signals.map(({ tried }) => tried),
    [[digestOf(A)], [digestOf(A), digestOf(B)]],
  );
});

test("a refusal of a key that is in no row is noted, and passes as it is", async (t) => {
  const { ctx, watcher, sent, requests } = scene(t, { answer: () => RETRY });
  const [event, response] = [request("KEY-CANARY-C"), limited()];

  await answered(requests, ctx, response, event);

  assert.equal(event.response, response);
  assert.deepEqual(sent, []);
  for (let left = 1000; watcher.signals.length === 0 && left > 0; left--)
    await new Promise((go) => setTimeout(go, 5));
  const [{ kind, home, session, provider, model, credential, key }, ...more] = watcher.signals;
  assert.deepEqual(
    [kind, home, session, provider, model, credential, key, more],
    ["failed", "opencode.db", "ses_1", "acme", "m1", null, "unknown", []],
  );
});

for (const [what, event, response] of [
  ["of somebody else's key that a server could not answer", request("KEY-CANARY-C"), trouble()],
  ["of somebody else's key that was answered well", request("KEY-CANARY-C"), new Response("good")],
  ["of a provider without logins", request(A, { model: { providerID: "beta", id: "m" } }), limited()],
  ["without a model", request(A, { model: undefined }), limited()],
  ["that was answered well", request(), new Response("good")],
]) {
  test(`nothing is told of a request ${what}`, async (t) => {
    const { ctx, watcher, sent, requests } = scene(t, { answer: () => RETRY });
    const { request: before } = event;

    await answered(requests, ctx, response, event);

    assert.equal(event.request, before);
    assert.equal(event.response, response);
    assert.deepEqual([watcher.signals, sent], [[], []]);
  });
}

for (const [what, rows] of [
  ["is gone", { a: A }],
  ["has a key that no request can carry", { a: A, b: "KEY\nCANARY" }],
]) {
  test(`a row that ${what} leaves the answer as it is`, async (t) => {
    const { ctx, sent, requests } = scene(t, { answer: () => RETRY, rows });

    const { response } = await answered(requests, ctx, limited());

    assert.equal(response.status, 429);
    assert.deepEqual(sent, []);
  });
}

test("one answer that two directories show is told once", async (t) => {
  const { ctx, watcher, requests } = scene(t, { answer: () => ({ verdict: "pass" }) });
  const event = await answered(requests, ctx, limited());

  await requests.after(ctx, event);

  assert.equal(watcher.signals.length, 1);
});

test("a title is beside the turn", async (t) => {
  const { ctx, watcher, requests } = scene(t, { answer: () => ({ verdict: "pass" }) });

  await answered(requests, ctx, limited(), request(A, { kind: "title" }));

  assert.equal(watcher.signals[0].aside, true);
});

test("while a login rests its requests begin with who took its place", async (t) => {
  const { ctx, watcher, requests } = scene(t, { answer: () => RETRY });
  await answered(requests, ctx, limited());
  const [resting, ready] = [request(), request()];

  watcher.say({ acme: { ...LOGINS, limited: { [digestOf(A)]: "2026-11-30T00:00:00Z" } } });
  await requests.before(ctx, resting);
  watcher.say({ acme: LOGINS });
  await requests.before(ctx, ready);

  const carried = [resting, ready].map((event) => event.request.headers.get("authorization"));
  assert.deepEqual(carried, [`Bearer ${B}`, `Bearer ${A}`]);
  assert.equal(await resting.request.text(), '{"messages":[]}');
});

test("no request is sent for ever", async (t) => {
  const answer = ({ attempt }) =>
    attempt % 2
      ? { ...RETRY, ...(attempt > 1 && { slot: "a", credential: digestOf(A) }) }
      : { verdict: "wait", wait_ms: 0 };
  const { ctx, sent, requests } = scene(t, { answer, vendor: limited });

  const { response } = await answered(requests, ctx, limited());

  assert.equal(response.status, 429);
  assert.ok(sent.length < 50, String(sent.length));
});

const ERROR = { type: "provider.rate-limit", message: "Rate limit reached" };

async function ended(requests, ctx, error = ERROR) {
  const event = { sessionID: "ses_1", model: { providerID: "acme", id: "m1" }, error };
  await requests.onRetry(ctx, event);
  return event.decision;
}

test("after an error inside an answer the next request has another login, once", async (t) => {
  const { ctx, watcher, requests } = scene(t, { answer: () => RETRY });
  await answered(requests, ctx, new Response("good"));

  const decision = await ended(requests, ctx);

  const events = [request(), request()];
  for (const event of events) await requests.before(ctx, event);
  const carried = events.map((event) => event.request.headers.get("authorization"));
  assert.deepEqual(decision, { retry: true, delay: 0 });
  assert.deepEqual(carried, [`Bearer ${B}`, `Bearer ${A}`]);
  const [{ fault, status, body }] = watcher.signals;
  assert.deepEqual([fault, status], ["error", null]);
  assert.deepEqual(JSON.parse(body), {
    error: { type: "rate_limit_error", message: "Rate limit reached" },
  });
});

test("a real reset is waited for in place of OpenCode's own guess", async (t) => {
  const { ctx, requests } = scene(t, { answer: () => ({ verdict: "wait", wait_ms: 1234 }) });
  await answered(requests, ctx, new Response("good"));

  assert.deepEqual(await ended(requests, ctx), { retry: true, delay: 1234 });
});

for (const [what, verdict] of [
  ["nothing", { verdict: "pass" }],
  ["a wait of less than nothing", { verdict: "wait", wait_ms: -1 }],
  ["a row without a name", { verdict: "retry", slot: 7 }],
]) {
  test(`OpenCode decides by itself where the watcher says ${what}`, async (t) => {
    const { ctx, requests } = scene(t, { answer: () => verdict });
    await answered(requests, ctx, new Response("good"));

    assert.equal(await ended(requests, ctx), undefined);
  });
}

test("a turn is tried again once where another login has become active", async (t) => {
  const { ctx, watcher, requests } = scene(t, { answer: () => ({ verdict: "pass" }) });
  watcher.say({ acme: { ...LOGINS, active: digestOf(B) } });
  const decisions = [];
  for (let turn = 0; turn < 2; turn += 1) {
    await answered(requests, ctx, limited());
    decisions.push(await ended(requests, ctx));
  }

  assert.deepEqual(decisions, [{ retry: true, delay: 0 }, undefined]);
});

test("a turn that is left behind is tried again once the other login is active", async (t) => {
  const { ctx, watcher, requests } = scene(t, { answer: () => ({ verdict: "pass", slot: "b" }) });
  await answered(requests, ctx, limited());
  const ending = ended(requests, ctx);
  await new Promise((done) => setTimeout(done, 60));
  watcher.say({ acme: { ...LOGINS, active: digestOf(B) } });

  assert.deepEqual(await ending, { retry: true, delay: 0 });
});

test("a turn is not tried again with a login that it has tried", async (t) => {
  const answers = [RETRY, { verdict: "pass" }];
  const { ctx, watcher, requests } = scene(t, { answer: () => answers.shift(), vendor: limited });
  watcher.say({ acme: { ...LOGINS, active: digestOf(B) } });
  await answered(requests, ctx, limited());

  assert.equal(await ended(requests, ctx), undefined);
});

test("whoever stops a turn ends its wait", async (t) => {
  const answer = () => ({ verdict: "ack", wait_ms: 20_000 });
  const { ctx, watcher, sent, requests } = scene(t, { answer });

  const waiting = answered(requests, ctx, limited());
  while (!watcher.signals.length) await new Promise((done) => setTimeout(done, 1));
  requests.hear("ses_1", "session.step.started");
  requests.hear("ses_1", "session.execution.interrupted");

  await assert.rejects(waiting, /stopped/);
  assert.deepEqual(sent, []);
});

test("a request that needs nothing keeps OpenCode waiting for no promise", async (t) => {
  const { ctx, requests } = scene(t);
  const event = request();
  const before = requests.before(ctx, event);
  event.response = new Response("good");

  assert.deepEqual([before, requests.after(ctx, event)], [undefined, undefined]);
});

test("what the headers of a good answer say of limits is told once it is on its way", async (t) => {
  const { ctx, watcher, requests } = scene(t);
  const headers = { "x-ratelimit-remaining-requests": "7", "x-request-id": "r1" };

  await answered(requests, ctx, new Response("good", { headers }));

  for (let left = 1000; watcher.signals.length === 0 && left > 0; left--)
    await new Promise((go) => setTimeout(go, 5));
  const [{ status, credential, headers: told }, ...more] = watcher.signals;
  assert.deepEqual([status, credential, more], [200, digestOf(A), []]);
  assert.deepEqual(told["x-ratelimit-remaining-requests"], "7");
  assert.ok(!("x-request-id" in told));
});
