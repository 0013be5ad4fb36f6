"""Which other plug-ins may send a credential of their own, by their text (B2)."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from rotator.opencode.config_files import read_configs
from rotator.opencode.other_plugins import may_send_own
from rotator.opencode.plugin_files import Loaded, loaded_by
from tests.support.plugin_texts import (
    CALLS,
    CONFIGURES,
    CONSTANT,
    FOR_ALL,
    HOOK,
    LOADER,
    NOTIFIER,
    POOL,
)


@pytest.mark.parametrize(
    ("text", "for_acme", "for_zeta"),
    [
        # Nothing in it touches a request.
        ("", False, False),
        ('console.log("acme")', False, False),
        (NOTIFIER, False, False),
        ("// opencode-rotator bridge 1.0.0\nglobalThis.fetch = x // authorization", False, False),
        # Its login is of providers that it names.
        (LOADER, True, False),
        (CONSTANT, True, False),
        (f'import fs from "node:fs";\n{POOL}', True, False),
        (LOADER.replace("provider:", '"provider":'), True, False),
        # Whatever sees every request, or the configuration.
        (HOOK, True, True),
        (HOOK.replace('"chat.headers"', "['chat' + '.headers']"), True, True),
        (HOOK.replace("chat.headers", "chat.params"), True, True),
        (CONFIGURES, True, True),
        (f"{LOADER}\n{HOOK}", True, True),
        (f"{LOADER}\n{CONFIGURES}", True, True),
        (FOR_ALL, True, True),
        (f"{LOADER}\n{FOR_ALL}", True, True),
        # Whatever touches fetch, in whichever spelling.
        (CALLS, True, True),
        ("globalThis.fetch = traced", True, True),
        ('process.loadEnvFile("/home/me/.env")', True, True),
        ('import { loadEnvFile } from "node:process"; loadEnvFile()', True, True),
        ('globalThis["fetch"] = withKey', True, True),
        ('Object.defineProperty(globalThis, "fetch", { value: f })', True, True),
        ("Object.defineProperties(globalThis, { fetch: { value: f } })", True, True),
        ("Object.assign(globalThis, { fetch: f })", True, True),
        ('Reflect.set(globalThis, "fetch", f)', True, True),
        ("const g = globalThis; g.fetch = f", True, True),
        ("const g = global; g[name] = f", True, True),
        ("self[atob('ZmV0Y2g=')] = f", True, True),
        ("const before = fetch; fetch = f", True, True),
        ("f\\u0065tch = f", True, True),
        ('import { setGlobalDispatcher } from "undici"', True, True),
        ("Headers.prototype.set = f", True, True),
        ("Request = class extends Request {}", True, True),
        (f"{LOADER}\nfetch = f", True, True),
        (f"{LOADER}\n(() => 0).constructor('return this')()[x] = f", True, True),
        (f"{LOADER}\nclient.auth.set({{ path: {{ id }}, body }})", True, True),
        # The environment.
        ("process.env.ACME_API_KEY = stock()", True, True),
        ("const { env } = process; env[name] = stock()", True, True),
        ("process.env['ACME_API_KEY'] ??= stock()", True, True),
        ("process\n  .env.ACME_API_KEY = stock()", True, True),
        ("delete process.env.ACME_API_KEY", True, True),
        ("process.env.ACME_COUNT++", True, True),
        ("const e = process.env; e.ACME_API_KEY = stock()", True, True),
        ("Object.assign(process.env, stock())", True, True),
        ("load(process.env)", True, True),
        ("const { env: e } = process; e[name] = stock()", True, True),
        ('"shell.env"; const o = process; o["env"].ACME_API_KEY = stock()', True, True),
        ("if (path.includes('.env')) throw Error('Do not read .env files')", False, False),
        ("const home = process.env.HOME ?? process.env['USERPROFILE']", False, False),
        ("if (process.env.CI === 'true' || Bun.env?.DEBUG) log()", False, False),
        ("spawn(it, { env: { ...process.env, A: '1' } }); run({ env: process.env })", False, False),
        (
            '({ "shell.env": async (_, output) => { output.env.A = "1" } }) // env vars',
            False,
            False,
        ),
        # The configuration.
        ("export const P = () => ({ async config(it) { it.x = 1 } })", True, True),
        ("hooks.config = change", True, True),
        ("hooks['config'] = change", True, True),
        ("const config = change; export const P = () => ({ config })", True, True),
        ("await client.config.update({ body })", True, True),
        ("const config = read('.config/notify.json'); log(config.sound)", False, False),
        ("read('notify.config.js', 'config/notify.json')", False, False),
        ("// a config file\nconst here = join(home, '.config', 'notify')", False, False),
        # What cannot be followed.
        ("await import(where)", True, True),
        ("await import(`./${where}.js`)", True, True),
        ('import { pool } from "./missing.js"', True, True),
        ('import { pool } from "missing"', True, True),
        ('import { Plugin } from "@opencode-ai/plugin"; import "node:fs"', False, False),
        ('import type { Pool } from "missing";\nexport const T = 1', False, False),
        ("export type A = B\nfetch = f\nlog('x')", True, True),
        ('export type { A }\nglobalThis.fetch = f\nfrom("x")', True, True),
        ('export * from ".\\x2fpool"', True, True),
    ],
)
def test_b2_a_plug_in_counts_for_everybody_unless_its_text_speaks_for_it(
    tmp_path: Path, text: str, *, for_acme: bool, for_zeta: bool
) -> None:
    file = tmp_path / "other.ts"
    file.write_text(text)
    one = Loaded(str(file), (file,))

    assert may_send_own(one, "acme") is for_acme
    assert may_send_own(one, "zeta") is for_zeta


def test_b2_what_a_plug_in_imports_counts_as_its_own_text(tmp_path: Path) -> None:
    folder = tmp_path / "config"
    package = folder / "node_modules" / "pool"
    for path in (folder / "plugin", folder / "lib" / "deep", package / "dist"):
        path.mkdir(parents=True)
    (folder / "lib" / "deep" / "index.ts").write_text("globalThis.fetch = f")
    (folder / "lib" / "by.ts").write_text('export * from "./deep"')
    # Wherever a package has its code.
    (package / "dist" / "deep").mkdir()
    (package / "dist" / "deep" / "main.js").write_text("globalThis.fetch = f")
    (package / "quiet.config.js").write_text("")
    (folder / "lib" / "quiet.ts").write_text('export const acme = "x"; import "../plugin/q.ts";')
    texts = {
        "a.js": 'export * from "../lib/by.js"',
        "b.js": 'const { pool } = require("../lib/deep/index")',
        "c.js": 'import pool from "pool/sub"',
        "d.js": f'export * from "file://{folder}/lib/by.ts"',
        "q.ts": 'import "../lib/quiet"',
        "../lib/linked.js": 'import "./quiet"',
    }
    for name, text in texts.items():
        (folder / "plugin" / name).write_text(text)
    # It is found beside the real file, and there is none of its name beside the link.
    (folder / "plugin" / "l.js").symlink_to(folder / "lib" / "linked.js")
    (folder / "plugin" / "m.js").symlink_to(folder / "lib" / "quiet.ts")

    counts = {
        Path(one.name).name: may_send_own(one, "acme") for one in loaded_by([], [folder], tmp_path)
    }

    assert counts == {
        "a.js": True,
        "b.js": True,
        "c.js": True,
        "d.js": True,
    } | {
        "l.js": False,
        "m.js": False,
        "q.ts": False,
    }


def test_b2_a_plug_in_whose_text_is_not_read_counts(tmp_path: Path) -> None:
    (tmp_path / "large.js").write_text("// x\n" * 300_000)
    (tmp_path / "folder.js").mkdir()
    (tmp_path / "native.node").write_bytes(b"\x7fELF")
    os.mkfifo(tmp_path / "pipe.js")
    many = tmp_path / "many"
    many.mkdir()
    for number in range(50):
        (many / f"m{number}.js").write_text("")

    names = ("large.js", "folder.js", "native.node", "pipe.js", "missing.js")
    one_each = [Loaded(name, (tmp_path / name,)) for name in names]

    assert all(may_send_own(one, "acme") for one in one_each)
    lines = "// x\n" * 200_000
    for number in range(9):
        (tmp_path / f"part{number}.js").write_text(lines)
    parts = tuple(tmp_path.glob("part*.js"))
    assert may_send_own(Loaded("too much", parts), "acme")
    assert not may_send_own(Loaded("as much as we read", parts[:8]), "acme")
    assert may_send_own(Loaded("nowhere", ()), "acme")
    assert not may_send_own(Loaded("many", tuple(many.iterdir())), "acme")
    spec = json.dumps({"plugin": [str(many)]})
    (config,) = read_configs({"HOME": str(tmp_path), "OPENCODE_CONFIG_CONTENT": spec}, [])
    (too_many,) = loaded_by([config], [], tmp_path)
    assert may_send_own(too_many, "acme")


def test_b2_a_tool_counts_only_where_it_reaches_beyond_itself(tmp_path: Path) -> None:
    tools = tmp_path / "tool"
    tools.mkdir()
    (tools / "weather.ts").write_text('export default { execute: () => fetch("https://w") }')
    (tools / "traced.ts").write_text("globalThis.fetch = traced; export default {}")

    found = loaded_by([], [tmp_path], tmp_path)

    assert {(one.kind, Path(one.name).stem, may_send_own(one, "acme")) for one in found} == {
        ("tool", "weather", False),
        ("tool", "traced", True),
    }
