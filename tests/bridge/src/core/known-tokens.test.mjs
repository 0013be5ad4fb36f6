import assert from "node:assert/strict";
import { test } from "node:test";

import { sha256 } from "../../../../rotator/opencode/bridge/src/core/digests.js";
import { KnownTokens } from "../../../../rotator/opencode/bridge/src/core/known-tokens.js";

test("a refresh token is known, and one that only goes with requests is not one", () => {
  const tokens = new KnownTokens();

  tokens.addLogin("CANARY-access", "CANARY-refresh");

  assert.equal(tokens.refreshToken("CANARY-refresh").digest, sha256("CANARY-refresh"));
  assert.equal(tokens.refreshToken("CANARY-access"), undefined);
  assert.equal(tokens.refreshToken("CANARY-another"), undefined);
  assert.equal(tokens.refreshToken("CANARY-reFresh"), undefined);
});

test("new tokens are of the login whose refresh token stays", () => {
  const tokens = new KnownTokens();
  tokens.addLogin("CANARY-1", "CANARY-refresh|project");
  const whose = tokens.whoseIs(sha256("CANARY-refresh"));

  tokens.addLogin("CANARY-2", "CANARY-refresh");

  assert.equal(tokens.whoseIs(sha256("CANARY-2")), whose);
  assert.equal(tokens.whoseIs(sha256("CANARY-refresh|project")), whose);
});

test("a login without a refresh token is named by what goes with requests", () => {
  const tokens = new KnownTokens();

  tokens.addLogin("CANARY-key", "");
  tokens.addLogin("", "");

  assert.equal(tokens.whoseIs(sha256("CANARY-key")), sha256("CANARY-key"));
});

test("a token is of another login only if that was known at the time", () => {
  const tokens = new KnownTokens();
  tokens.add("CANARY-1", "a", {});
  const before = tokens.now();
  tokens.add("CANARY-2", "b", {});

  assert.equal(tokens.isOfAnother(sha256("CANARY-1"), "b", { before }), true);
  assert.equal(tokens.isOfAnother(sha256("CANARY-1"), "a", { before }), false);
  assert.equal(tokens.isOfAnother(sha256("CANARY-2"), "a", { before }), false);
  assert.equal(tokens.isOfAnother(sha256("CANARY-3"), "a", { before }), false);
});

test("what is known of a token is added to, and the time of its first sight stays", () => {
  const tokens = new KnownTokens();
  tokens.add("CANARY-token", "a", { isRefresh: true });

  tokens.add("CANARY-token", "a", { isSent: true });

  const { isRefresh, isSent, since } = tokens.refreshToken("CANARY-token");
  assert.deepEqual({ isRefresh, isSent, since }, { isRefresh: true, isSent: true, since: 1 });
});

test("one token for everything is a refresh token that goes with requests", () => {
  const tokens = new KnownTokens();

  tokens.addLogin("CANARY-one", "CANARY-one");

  const { isRefresh, isSent } = tokens.refreshToken("CANARY-one");
  assert.deepEqual([isRefresh, isSent], [true, true]);
});

test("a login is named by its refresh token, without blanks and without what is packed behind", () => {
  const tokens = new KnownTokens();

  tokens.addLogin("CANARY-a", " CANARY-blanks ");
  tokens.addLogin("CANARY-b", "CANARY-packed|project");

  assert.equal(tokens.refreshToken("CANARY-blanks").whose, sha256("CANARY-blanks"));
  assert.equal(tokens.refreshToken("CANARY-packed|project").whose, sha256("CANARY-packed"));
});
