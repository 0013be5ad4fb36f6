import assert from "node:assert/strict";
import { test } from "node:test";

import { Slots } from "../../../../rotator/opencode/bridge/src/opencode2/slots.js";

/** What OpenCode is asked, and when it answers. */
function context(connections, resolve) {
  const asked = [];
  const get = async ({ integrationID }) => {
    asked.push(integrationID);
    return { data: { connections } };
  };
  return { asked, ctx: { integration: { get, connection: { resolve } } } };
}

const VALUE = { type: "key", key: "KEY-CANARY-1" };

test("a row is resolved by its id", async () => {
  const { ctx } = context([{ id: "c1" }, { id: "c2" }], async ({ id }) => ({ ...VALUE, key: id }));

  assert.equal((await new Slots().resolve(ctx, "acme", "c2")).secret, "c2");
});

test("a row that is gone is null, and nothing is resolved", async () => {
  const { ctx } = context([{ id: "c1" }], () => assert.fail("resolved"));

  assert.equal(await new Slots().resolve(ctx, "acme", "c2"), null);
});

test("one row is asked for once at a time, and anew afterwards", async () => {
  const { asked, ctx } = context([{ id: "c1" }], async () => VALUE);
  const slots = new Slots();

  const both = await Promise.all([slots.resolve(ctx, "acme", "c1"), slots.resolve(ctx, "acme", "c1")]);
  await slots.resolve(ctx, "acme", "c1");

  assert.equal(both[0], both[1]);
  assert.equal(asked.length, 2);
});

test("two rows do not wait for each other", async () => {
  const { asked, ctx } = context([{ id: "c1" }, { id: "c2" }], async () => VALUE);
  const slots = new Slots();

  await Promise.all([slots.resolve(ctx, "acme", "c1"), slots.resolve(ctx, "acme", "c2")]);

  assert.equal(asked.length, 2);
});

test("one that OpenCode could not resolve is asked for again", async () => {
  let count = 0;
  const { ctx } = context([{ id: "c1" }], async () => {
    if (count++ === 0) throw new Error("refused");
    return VALUE;
  });
  const slots = new Slots();

  await assert.rejects(slots.resolve(ctx, "acme", "c1"), /refused/);
  assert.equal((await slots.resolve(ctx, "acme", "c1")).secret, "KEY-CANARY-1");
});

test("a row that is expected is found in what was listed meanwhile", async () => {
  const { asked, ctx } = context([{ id: "c1" }], async () => VALUE);
  const slots = new Slots();

  slots.expect(ctx, "acme");
  assert.deepEqual(asked, ["acme"]);
  await slots.resolve(ctx, "acme", "c1");
  assert.deepEqual(asked, ["acme"]);

  await slots.resolve(ctx, "acme", "c1");
  assert.deepEqual(asked, ["acme", "acme"]);
});

test("a row that came after the list, and one whose list failed, is asked for", async () => {
  const connections = [{ id: "c1" }];
  const { asked, ctx } = context(connections, async () => VALUE);
  const slots = new Slots();

  const { get } = ctx.integration;
  ctx.integration.get = () => Promise.reject(new Error("not loaded"));
  slots.expect(ctx, "acme");
  ctx.integration.get = get;
  assert.equal((await slots.resolve(ctx, "acme", "c1")).secret, "KEY-CANARY-1");

  ctx.integration.get = async (which) => ({ data: { connections: [...(await get(which)).data.connections] } });
  slots.expect(ctx, "acme");
  await new Promise(setImmediate);
  connections.push({ id: "c2" });
  assert.equal((await slots.resolve(ctx, "acme", "c2")).secret, "KEY-CANARY-1");
  assert.equal(asked.length, 3);
});

test("what was listed a while ago is listed anew", async (t) => {
  const { asked, ctx } = context([{ id: "c1" }], async () => VALUE);
  const slots = new Slots();

  slots.expect(ctx, "acme");
  const now = performance.now();
  t.mock.method(performance, "now", () => now + 1100);
  await slots.resolve(ctx, "acme", "c1");

  assert.equal(asked.length, 2);
});
