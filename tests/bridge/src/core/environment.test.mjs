import assert from "node:assert/strict";
import { test } from "node:test";

import {
  mustStandAside,
  processKind,
} from "../../../../rotator/opencode/bridge/src/core/environment.js";

test("the kind of an opencode is the first command that says it", () => {
  const kind = (...words) => processKind(["bun", "opencode", ...words]);

  assert.equal(kind(), "tui");
  assert.equal(kind("/project", "--port", "1"), "tui");
  assert.equal(kind("run", "serve"), "run");
  assert.equal(kind("--print-logs", "serve"), "serve");
  assert.equal(kind("web"), "serve");
});

test("the program's own name is no command", () => {
  assert.equal(processKind(["run", "serve"]), "tui");
});

test("logins from the environment are not ours to replace", () => {
  assert.equal(mustStandAside({ OPENCODE_AUTH_CONTENT: "{}" }), true);
  assert.equal(mustStandAside({}), false);
});

test("a WebSocket is left alone, unless the variable switches it off", () => {
  const on = (value) => mustStandAside({ OPENCODE_EXPERIMENTAL_WEBSOCKETS: value });

  for (const value of ["", "0", "False", "no", "off", "N"]) assert.equal(on(value), false, value);
  for (const value of ["1", "true", "yes", "anything"]) assert.equal(on(value), true, value);
});
