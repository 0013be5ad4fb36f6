import assert from "node:assert/strict";
import { test } from "node:test";

import {
  isOffered,
  isRoute,
  modelName,
  modelOfRoute,
  parseModel,
} from "../../../../rotator/opencode/bridge/src/core/models.js";

test("a route of the watcher's is a model of opencode's", () => {
  const route = { provider: "acme", model: "m1", ready: true };

  assert.equal(modelName(modelOfRoute(route)), "acme/m1");
});

test("of what opencode tells only a whole model is one", () => {
  assert.deepEqual(parseModel({ providerID: "a", modelID: "m", more: 1 }), {
    providerID: "a",
    modelID: "m",
  });
  for (const value of [
    undefined,
    { providerID: "a" },
    { modelID: "m" },
    { providerID: "a", modelID: 1 },
  ])
    assert.equal(parseModel(value), null);
});

test("a route names a provider and a model", () => {
  assert.equal(isRoute({ provider: "a", model: "m" }), true);
  for (const value of [undefined, null, {}, { provider: "a" }, { model: "m" }])
    assert.equal(isRoute(value), false);
});

test("a model is offered where its provider has it", () => {
  const providers = [
    { id: "acme", models: { m1: {} } },
    { id: "odd", models: null },
  ];
  const has = (providerID, modelID) => isOffered({ providers }, { providerID, modelID });

  assert.deepEqual(
    [has("acme", "m1"), has("acme", "m2"), has("odd", "m1"), has("none", "m1")],
    [true, false, false, false],
  );
});
