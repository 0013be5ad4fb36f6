import assert from "node:assert/strict";
import { test } from "node:test";

import { OtherModels } from "../../../../rotator/opencode/bridge/src/opencode2/other-models.js";
import { Sessions } from "../../../../rotator/opencode/bridge/src/opencode2/sessions.js";

const ACME = { providerID: "acme", id: "a1" };
const ROUTE = { provider: "beta", model: "b1" };

/** A session of `model`, in an OpenCode that has these models. */
function scene({ ready = {}, routing = [], isAlive = true, model = ACME, models } = {}) {
  const switched = [];
  const ctx = {
    model: {
      list: async () => ({ data: models ?? [ACME, { providerID: "beta", id: "b1" }] }),
      default: async () => ({ data: ACME }),
    },
    session: {
      get: async () => ({ model: switched.at(-1) ?? model }),
      switchModel: async (told) => switched.push(told.model),
    },
  };
  const watcher = {
    routing,
    isAlive: () => isAlive,
    second: (provider) => ({ ready: ready[provider] }),
    state: { spent: new Set() },
  };
  const sessions = new Sessions();
  return { ctx, switched, sessions, models: new OtherModels(watcher, sessions), ready };
}

const call = (aside = false) => ({ mark: { aside, session: "s" } });
const event = (model = ACME) => ({ sessionID: "s", model });

test("a turn goes on where the watcher has said, once", async () => {
  const { ctx, switched, models } = scene();

  assert.equal(await models.instead(call(), { to: ROUTE }), null);
  const first = await models.change(ctx, event());
  const again = await models.change(ctx, event());

  assert.deepEqual([first, again], [true, false]);
  assert.deepEqual(switched, [{ providerID: "beta", id: "b1" }]);
});

test("a title is no turn, and what is no route is none", async () => {
  const { models } = scene();

  assert.equal(await models.go(call(true), { to: ROUTE }), false);
  assert.equal(await models.go(call(), { to: { provider: 7 } }), false);
});

test("a provider that the turn has left is not gone back to", async () => {
  const { ctx, models } = scene();
  await models.go(call(), { to: ROUTE });
  await models.change(ctx, event());
  await models.go(call(), { to: { provider: "acme", model: "a1" } });

  assert.equal(await models.change(ctx, event({ providerID: "beta", id: "b1" })), false);
});

test("a model that OpenCode has not is not set", async () => {
  const { ctx, switched, models } = scene({ models: [ACME] });
  await models.go(call(), { to: ROUTE });

  assert.equal(await models.change(ctx, event()), false);
  assert.deepEqual(switched, []);
});

test("a new message goes to the first that can answer where its own cannot", async () => {
  const { ctx, switched, models } = scene({
    ready: { acme: false, beta: true },
    routing: [ROUTE],
  });

  await models.choose(ctx, event());

  assert.deepEqual(switched, [{ providerID: "beta", id: "b1" }]);
});

test("and goes back once its own can answer again", async () => {
  const { ctx, switched, models, ready } = scene({
    ready: { acme: false, beta: true },
    routing: [ROUTE],
  });
  await models.choose(ctx, event());
  ready.acme = true;

  await models.choose(ctx, event());

  assert.deepEqual(switched.at(-1), { providerID: "acme", id: "a1" });
});

test("without a watcher, an order or anybody who can answer nothing is chosen", async () => {
  const ready = { acme: false, beta: false };
  for (const given of [{ isAlive: false, routing: [ROUTE] }, {}, { ready, routing: [ROUTE] }]) {
    const { ctx, switched, models } = scene(given);
    await models.choose(ctx, event());
    assert.deepEqual(switched, []);
  }
});
