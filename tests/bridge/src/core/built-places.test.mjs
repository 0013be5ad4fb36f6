import assert from "node:assert/strict";
import fs from "node:fs";
import test from "node:test";

import { parseEntry } from "../../../../rotator/opencode/bridge/src/core/auth-entries.js";
import { builtFor } from "../../../../rotator/opencode/bridge/src/core/built-places.js";

const FIXTURE = new URL("../../../../fixtures/field/places.json", import.meta.url);
const { cases } = JSON.parse(fs.readFileSync(FIXTURE, "utf8"));
const SECRETS = {
  oauth: { access: "CANARY-access", refresh: "CANARY-refresh", expires: 1 },
  api: { key: "CANARY-key" },
  wellknown: { key: "NAME", token: "CANARY-token" },
};

const destinationOf = (provider, fields) => parseEntry(fields, provider).destination;
const entryOf = (type, fields) => ({ type, ...SECRETS[type], ...fields });
const login = (provider, fields) => destinationOf(provider, entryOf("oauth", fields));
const A = login("github-copilot", {});
const B = login("github-copilot", { enterpriseUrl: "corp.ghe.com" });
const API = new URL("https://api.githubcopilot.com/responses");
const CORP = new URL("https://copilot-api.corp.ghe.com/responses");

test("logins of one place have one destination, and no others do", () => {
  for (const { provider, type, groups } of cases) {
    const all = groups.map((group) =>
      group.map((fields) => destinationOf(provider, entryOf(type, fields))),
    );

    all.forEach((group) => assert.equal(new Set(group).size, 1, `${provider} ${group}`));
    assert.equal(new Set(all.flat()).size, groups.length, `${provider} ${all}`);
  }
});

test("a request was built for the login whose place its address names, whoever's tokens it has", () => {
  for (const { provider, groups, addresses = [] } of cases) {
    const places = groups.map(([first]) => login(provider, first));

    addresses.forEach((address, number) => {
      for (const carried of places)
        assert.equal(
          builtFor(new URL(address), carried, places, places),
          places[number],
          address,
        );
    });
  }
});

test("who names no place has it where opencode began with that one and none is named", () => {
  assert.equal(builtFor(API, B, [A, B], [A]), A);
  assert.equal(builtFor(CORP, A, [A, B], [A]), B);
});

test("nothing is certain where opencode began with somebody who is not named there", () => {
  assert.equal(builtFor(API, A, [A, B], [B]), null);
  assert.equal(builtFor(API, A, [A, B], []), null);
});

test("nothing is certain where two are named", () => {
  const path = login("github-copilot", { enterpriseUrl: "responses" });

  assert.equal(builtFor(CORP, A, [A, B, path], [A]), null);
});

test("a name that is a part of a longer one is not named", () => {
  const part = login("github-copilot", { enterpriseUrl: "orp.ghe.com" });
  const longer = login("github-copilot", { enterpriseUrl: "corp.ghe.co" });

  assert.equal(builtFor(CORP, A, [A, part, longer], [A]), A);
});

test("of a key nothing is told: it is fixed together with its place", () => {
  const key = (fields) => destinationOf("mock", entryOf("api", fields));
  const one = key({ metadata: { region: "v1" } });
  const two = key({ metadata: { region: "chat" } });

  assert.equal(builtFor(new URL("https://eu.example/v1/x"), two, [one, two], [one]), null);
  // Nor is the place of a key that of tokens.
  assert.equal(builtFor(API, B, [key({}), B], [key({})]), null);
});
