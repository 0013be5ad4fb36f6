import assert from "node:assert/strict";
import { test } from "node:test";

import { parseState } from "../../../../rotator/opencode/bridge/src/core/state.js";

const ROUTES = [
  { provider: "a", model: "m" },
  { provider: "b", model: "m" },
];
const STATE = {
  schema: 1,
  auth_file: "/auth.json",
  watcher: { pid: 1 },
  providers: { acme: { active: "d1", known: ["d2"], ready: true } },
  balancing: true,
  routing: [...ROUTES, { provider: "c" }],
  routing_spent: ["a/m"],
};
const HOMES = {
  isOurAuth: (file) => file === "/auth.json",
  isOurDatabase: (file) => file === "/opencode.db",
};
const parse = (changes) => parseState(JSON.stringify({ ...STATE, ...changes }), HOMES);

test("the watcher's state names who is active, and that one is known", () => {
  const { providers, routing, spent, overridesExplicit, watcher } = parse();

  assert.deepEqual(providers.get("acme"), {
    active: "d1",
    known: new Set(["d2", "d1"]),
    ready: true,
    limited: new Map(),
  });
  assert.deepEqual(
    [routing, [...spent], overridesExplicit, watcher],
    [ROUTES, ["a/m"], false, { pid: 1 }],
  );
});

test("it says since when a login is limited", () => {
  const acme = { active: "d1", known: [], ready: false, limited: { d1: "2026-11-22T12:00:00Z" } };

  const { limited } = parse({ providers: { acme } }).providers.get("acme");

  assert.equal(limited.get("d1"), "2026-11-22T12:00:00Z");
});

test("it names the logins that the user has taken back", () => {
  const { withdrawn } = parse({ withdrawn: { acme: ["d5"], odd: "d6" } });

  assert.deepEqual(
    withdrawn,
    new Map([
      ["acme", new Set(["d5"])],
      ["odd", new Set()],
    ]),
  );
  for (const odd of [undefined, null, "d5"]) assert.equal(parse({ withdrawn: odd }).withdrawn.size, 0);
});

test("a state of another schema, for another file or without a watcher is not for us", () => {
  for (const changes of [
    { schema: 2 },
    { auth_file: "/other" },
    { auth_file: 1 },
    { watcher: null },
  ])
    assert.equal(parse(changes), null);
});

test("nothing is chosen where balancing is off, or where there is one provider", () => {
  for (const changes of [
    { balancing: false },
    { balancing: 1 },
    { routing: ROUTES.slice(1) },
    { routing: null },
  ])
    assert.deepEqual(parse(changes).routing, []);
  assert.equal(
    parse({ routing_overrides_explicit: true, routing_spent: null }).overridesExplicit,
    true,
  );
});

test("what is no state cannot be read", () => {
  assert.throws(() => parseState(null, HOMES));
});

test("of OpenCode 2's logins it says the same, where they are in our database", () => {
  const providers = { acme: { active: "d3", known: ["d4"], ready: false, limited: { d3: "t" } } };
  const ours = { file: "/opencode.db", providers };

  assert.deepEqual(parse({ database: ours }).second.get("acme"), {
    active: "d3",
    known: new Set(["d4", "d3"]),
    ready: false,
    limited: new Map([["d3", "t"]]),
  });
  for (const database of [
    undefined,
    { file: "/opencode.db" },
    { file: "/other.db", providers },
    { file: 1, providers },
    { file: "/opencode.db", providers: { acme: null } },
  ]) {
    const { second, providers: first } = parse({ database });
    assert.deepEqual([second.size, first.size], [0, 1]);
  }
});
