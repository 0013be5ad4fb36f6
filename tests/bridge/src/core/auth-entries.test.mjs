import assert from "node:assert/strict";
import { test } from "node:test";

import {
  parseEntry,
  providerId,
} from "../../../../rotator/opencode/bridge/src/core/auth-entries.js";

const OAUTH = { type: "oauth", access: "CANARY-access", refresh: "CANARY-refresh", expires: 1 };

test("a provider's id has no slash at its end", () => {
  assert.equal(providerId("https://acme.example//"), "https://acme.example");
  assert.equal(providerId("openai"), "openai");
});

test("each type of login has its secret in a field of its own", () => {
  const key = parseEntry({ type: "api", key: "CANARY-key" });
  const token = parseEntry({ type: "wellknown", key: "NAME", token: "CANARY-token" });

  assert.equal(key.secret, "CANARY-key");
  assert.equal(token.secret, "CANARY-token");
  assert.equal(parseEntry(OAUTH).secret, "CANARY-access");
});

test("a secret with blanks around it has two digests and arrives without them", () => {
  const entry = parseEntry({ type: "api", key: " CANARY-key\n" });

  assert.equal(entry.secret, "CANARY-key");
  assert.equal(entry.digests.length, 2);
  assert.deepEqual(entry.secrets, [" CANARY-key\n", "CANARY-key", ""]);
});

test("what opencode would not take either is no entry", () => {
  const broken = [
    null,
    "text",
    { type: "unheard of" },
    { type: "api", key: 1 },
    { type: "api", key: "CANARY", metadata: [] },
    { type: "api", key: "CANARY", metadata: { region: 1 } },
    { ...OAUTH, refresh: undefined },
    { ...OAUTH, expires: -1 },
    { ...OAUTH, expires: 0.5 },
    { ...OAUTH, accountId: 7 },
    { type: "wellknown", token: "CANARY" },
  ];

  for (const entry of broken) assert.equal(parseEntry(entry), null, JSON.stringify(entry));
});

test("an entry that a plug-in has cleared is none, and what it packs behind no token is no token", () => {
  assert.equal(parseEntry({ ...OAUTH, access: " ", refresh: "|project" }), null);
  assert.equal(parseEntry({ ...OAUTH, refresh: " |project" }).refresh, "");
});

test("only logins with one destination have one, whatever else tells them apart", () => {
  const at = (metadata) => parseEntry({ type: "api", key: "CANARY", metadata }).destination;

  assert.equal(at({ region: "eu", name: "work" }), at({ name: "home", region: "eu" }));
  assert.notEqual(at({ region: "eu" }), at({ region: "us" }));
  // opencode adds it at an entry's first use.
  assert.equal(at({ instanceUrl: "https://gitlab.com/" }), at(undefined));
  assert.notEqual(at({ instanceUrl: "https://gitlab.example" }), at(undefined));
  assert.notEqual(
    at({}),
    parseEntry({ ...OAUTH, enterpriseUrl: "https://acme.example" }).destination,
  );
});

test("what is packed behind a refresh token is a secret, too, and so is the token alone", () => {
  const { secrets } = parseEntry({ ...OAUTH, refresh: "CANARY-refresh|project" });

  assert.deepEqual(secrets, ["CANARY-access", "CANARY-refresh|project", "CANARY-refresh"]);
});

test("a login whose tokens ran out long ago is whole", () => {
  assert.equal(parseEntry({ ...OAUTH, expires: 0 }).type, "oauth");
});
