import assert from "node:assert/strict";
import { test } from "node:test";

import {
  isPlainToken,
  isRefreshName,
  tokensIn,
} from "../../../../rotator/opencode/bridge/src/core/tokens.js";

test("a token is neither short nor very long and has no blanks", () => {
  assert.equal(isPlainToken("CANARY-token"), true);
  assert.equal(isPlainToken("x".repeat(16 * 1024)), true);
  for (const text of ["CANARY", "CANARY token x", `CANARY${"x".repeat(16 * 1024)}`])
    assert.equal(isPlainToken(text), false);
});

test("the usual names come first, and a token with blanks is also one without", () => {
  const texts = [
    ["session_jwt", "CANARY-session"],
    ["access_token", " CANARY "],
    ["refreshToken", ""],
  ];

  const tokens = tokensIn(texts);

  const usual = [
    ["access_token", " CANARY "],
    ["access_token", "CANARY"],
  ];
  assert.deepEqual(tokens, [...usual, ["session_jwt", "CANARY-session"]]);
});

test("what stands beside a token is none", () => {
  for (const name of [
    "token_type",
    "token_url",
    "refresh_expires",
    "tokenized",
    "access_at",
    "refreshIn",
    "name",
  ])
    assert.deepEqual(tokensIn([[name, "CANARY-long-enough"]]), [], name);
});

const REFRESH_NAMES = [
  ...["refresh_token", "refreshToken", "RefreshToken", "refresh-token"],
  ...["refresh", "refreshJwt", "refresh_jwt"],
];

test("a refresh token is known by its name", () => {
  for (const name of REFRESH_NAMES) assert.equal(isRefreshName([name]), true, name);
  assert.equal(isRefreshName(["access_token"]), false);
});

test("what is said about a refresh token is neither it nor any other token", () => {
  for (const name of [
    ...["refresh_after", "refresh_before", "refreshPolicy", "nextRefresh", "next_refresh"],
    ...["refresh_token_id", "refreshTokenId", "refresh_token_expires_at", "refresh_expires_in"],
    ...["refresh_token_expires_in", "refreshTokenExpiresIn", "refresh_token_hash"],
    ...["has_refresh_token", "refresh_tokens"],
  ]) {
    assert.equal(isRefreshName([name]), false, name);
    assert.deepEqual(tokensIn([[name, "CANARY-long-enough"]]), [], name);
  }
});

test("a token of another name may have blanks around it, and its name is not long", () => {
  const blanks = tokensIn([["session", " CANARY-session "]]);

  assert.deepEqual(blanks.at(-1), ["session", "CANARY-session"]);
  assert.equal(tokensIn([[`${"a".repeat(40)}token${"b".repeat(40)}`, "CANARY-session"]]).length, 1);
  assert.deepEqual(tokensIn([[`${"a".repeat(41)}token`, "CANARY-session"]]), []);
  assert.deepEqual(tokensIn([[`token${"b".repeat(41)}`, "CANARY-session"]]), []);
});
