import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";

import { isSecond, load } from "../../../../rotator/opencode/bridge/src/opencode2/load.js";
import { digestOf, homeOf, ScriptedWatcher } from "../../scripted_watcher.mjs";

const HOOKS = ["http.request", "http.response", "retry", "prompt"];

/** An OpenCode 2 that lacks some hooks, whose events come from `events`. */
function context({ without = [], directory = "/project/a", events = [] } = {}) {
  const hooks = {};
  const hook = async (name, act) => {
    if (without.includes(name)) throw new Error("no such hook");
    hooks[name] = act;
  };
  async function* subscribe({ signal }) {
    yield* events;
    await new Promise((done) => signal.addEventListener("abort", done));
  }
  const integration = { connection: { resolve() {} } };
  return {
    hooks,
    ctx: {
      app: { version: "2.0.15" },
      location: { directory },
      session: { hook },
      event: { subscribe },
      integration,
    },
  };
}

/** One home for all: a process has one bridge, however often it is loaded. */
const ended = [];
const env = homeOf({ after: (act) => ended.push(act) });
Object.assign(process.env, env);
test.after(() => ended.forEach((act) => act()));

function present() {
  const folder = path.join(env.XDG_STATE_HOME, "opencode-rotator", "bridge", "present");
  const file = path.join(folder, `${process.pid}.json`);
  return fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, "utf8")) : null;
}

test("what has no hooks or resolves no logins is no OpenCode 2", () => {
  const { ctx } = context();

  assert.deepEqual(
    [ctx, undefined, {}, { ...ctx, session: {} }, { ...ctx, integration: {} }].map(isSecond),
    [true, false, false, false, false],
  );
});

test("a process says once that it is there, and of all its directories", async () => {
  const [first, second] = [context(), context({ directory: "/project/b" })];
  const leave = [await load(first.ctx), await load(second.ctx)];
  const told = present();
  leave[1]();
  const fewer = present();
  leave[0]();

  assert.deepEqual([told.home, told.opencode], ["opencode.db", "2.0.15"]);
  assert.deepEqual([told.directories, fewer.directories], [["/project/a", "/project/b"], ["/project/a"]]);
  assert.equal(present(), null);
  assert.deepEqual(Object.keys(first.hooks), HOOKS);
});

for (const lacking of HOOKS) {
  test(`a version without the hook ${lacking} has the others`, async () => {
    const { ctx, hooks } = context({ without: [lacking] });
    const leave = await load(ctx);
    leave();

    assert.deepEqual(
      Object.keys(hooks),
      HOOKS.filter((name) => name !== lacking),
    );
  });
}

test("no hook ever fails, whatever it is given", async (t) => {
  new ScriptedWatcher(t, env, { acme: { active: digestOf("A"), known: [], ready: true } });
  const { ctx, hooks } = context();
  const leave = await load(ctx);
  const odd = [undefined, null, 7, {}, { request: 7, model: { providerID: "acme" } }];
  // As it is before a session has anything, and where whoever hands it over does not let us look.
  const closed = new Proxy({}, { get: () => assert.fail("not to be looked at") });

  const outcomes = HOOKS.flatMap((name) => [...odd, closed].map((event) => hooks[name](event)));
  leave();

  assert.deepEqual(
    await Promise.all(outcomes),
    outcomes.map(() => undefined),
  );
});

test("events of any shape are heard, one after the other", async () => {
  const left = [null, 7, {}, { type: "session.execution.interrupted" }, { data: null }];
  const events = {
    *[Symbol.iterator]() {
      while (left.length) yield left.shift();
    },
  };
  const { ctx } = context({ events });
  const leave = await load(ctx);
  await new Promise((done) => setImmediate(done));
  leave();

  assert.deepEqual(left, []);
});

test("an OpenCode that tells of no events has its hooks all the same", async () => {
  const { ctx, hooks } = context();
  const leave = await load({ ...ctx, event: undefined });
  leave();

  assert.deepEqual(Object.keys(hooks), HOOKS);
});
