import assert from "node:assert/strict";
import { test } from "node:test";

import {
  asideFor,
  isSecondProgram,
  processKind,
  usesWebSocket,
} from "../../../../rotator/opencode/bridge/src/core/environment.js";

const kind = (...words) => processKind(["bun", "opencode", ...words]);

test("the kind of an opencode is told by its command", () => {
  assert.equal(kind(), "tui");
  assert.equal(kind("/project", "--port", "1"), "tui");
  assert.equal(kind("run", "serve"), "run");
  assert.equal(kind("--print-logs", "serve"), "serve");
  assert.equal(kind("web"), "serve");
  assert.equal(kind("acp"), "serve");
  assert.equal(kind("github", "run"), "run");
  assert.equal(kind("github", "install"), "tui");
  assert.equal(kind("constructor"), "tui");
});

test("the program's own name is no command", () => {
  assert.equal(processKind(["run", "serve"]), "tui");
});

test("the value of an option is no command", () => {
  assert.equal(kind("--model", "run"), "tui");
  assert.equal(kind("--model", "acme/m", "run"), "run");
  assert.equal(kind("--model=acme/m", "run"), "run");
  assert.equal(kind("--model", "--", "run"), "tui");
  assert.equal(kind("--model", "-1", "serve"), "serve");
  assert.equal(kind("--mdns", "--port", "1", "serve"), "serve");
  assert.equal(kind("--port"), "tui");
});

test("an option that has no value leaves the next word alone", () => {
  assert.equal(kind("--pure", "run"), "run");
  assert.equal(kind("--pure", "true", "run"), "run");
  assert.equal(kind("--no-color", "run"), "run");
});

test("what looks like a number, or is a lone dash, is no option", () => {
  assert.equal(kind("-1", "run"), "tui");
  assert.equal(kind("-.5", "run"), "tui");
  assert.equal(kind("-", "run"), "tui");
});

test("logins from the environment are not ours to replace", () => {
  assert.equal(asideFor({ OPENCODE_AUTH_CONTENT: "{}" }), "OPENCODE_AUTH_CONTENT");
  assert.equal(asideFor({ OPENCODE_AUTH_CONTENT: "[]" }), "OPENCODE_AUTH_CONTENT");
  assert.equal(asideFor({ OPENCODE_AUTH_CONTENT: "" }), null);
  for (const text of [" ", "{", "/srv/auth.json"])
    assert.equal(asideFor({ OPENCODE_AUTH_CONTENT: text }), null, text);
  assert.equal(asideFor({}), null);
});

test("WebSockets are told, unless the variable switches them off", () => {
  const variable = "OPENCODE_EXPERIMENTAL_WEBSOCKETS";
  const told = (value) => asideFor({ [variable]: value });

  for (const value of ["", "0", "False", "no", "off", "N"]) assert.equal(told(value), null, value);
  for (const value of ["1", "true", "yes", "anything"]) assert.equal(told(value), variable, value);
});

test("one vendor's requests leave through a WebSocket, where it is on", () => {
  const [released, on] = ["opencode/1.18.33 (linux)", "OPENCODE_EXPERIMENTAL_WEBSOCKETS"];

  assert.equal(usesWebSocket("openai", released, null), false);
  assert.equal(usesWebSocket("openai", released, on), true);
  assert.equal(usesWebSocket("acme", released, on), false);
  assert.equal(usesWebSocket(undefined, undefined, on), false);
});

test("a build from a branch uses the WebSocket by default", () => {
  for (const version of ["local", "0.0.0-beta-202601010000"]) {
    assert.equal(usesWebSocket("openai", `opencode/${version} (linux)`, null), true, version);
    assert.equal(usesWebSocket("acme", `opencode/${version} (linux)`, null), false, version);
  }
});

test("OpenCode 2 is known by the name of its program", () => {
  const others = ["/$bunfs/root/src/index.js", "/usr/bin/opencode", "/tests/driver.mjs"];

  assert.equal(isSecondProgram(["bun", "/$bunfs/root/opencode", "serve"]), true);
  assert.deepEqual(others.map((name) => isSecondProgram(["bun", name])), [false, false, false]);
  assert.equal(isSecondProgram(["node"]), false);
});
