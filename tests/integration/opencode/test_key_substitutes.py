"""Which other plug-ins may send a request with a key of their own, by their text (B2).

One that replaces fetch and only looks, or sends elsewhere, is none of them (B3).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from rotator.opencode.key_substitutes import may_substitute
from rotator.opencode.plugin_files import Loaded
from tests.support.plugin_texts import CALLS, CONFIGURES, HOOK, LOADER, NOTIFIER

REPLACES = "globalThis.fetch = mine;"
WRITES = 'headers.set("authorization", key);'
ANSWERS = "new Response(text, { status: 429 });"


def loaded(folder: Path, *texts: str, name: str = "other.js") -> Loaded:
    """Write a plug-in of one file, or of one that imports the others."""
    rest = [f"part{number}.js" for number in range(1, len(texts))]
    for part, text in zip(rest, texts[1:], strict=True):
        (folder / part).write_text(text)
    above = "".join(f'import "./{part}";\n' for part in rest)
    (folder / name).write_text(above + texts[0])
    return Loaded(name, (folder / name,))


@pytest.mark.parametrize(
    "replaces",
    [
        REPLACES,
        "fetch = mine;",
        "const g = globalThis; g.fetch = mine;",
        'globalThis["fetch"] = mine;',
        "globalThis[name] = mine;",
        "globalThis.fetch ??= mine;",
        'Object.defineProperty(globalThis, "fetch", { value: mine });',
        "Object.defineProperties(globalThis, { fetch: { value: mine } });",
        "Object.assign(globalThis, { fetch: mine });",
        'Reflect.set(globalThis, "fetch", mine);',
        'vi.spyOn(globalThis, "fetch");',
        "globalThis.f\\u0065tch = mine;",
        "globalThis.f\\x65tch = mine;",
        "eval(text);",
        'new Function("return this")();',
    ],
)
def test_whoever_replaces_fetch_and_writes_a_credential_may(tmp_path: Path, replaces: str) -> None:
    assert may_substitute(loaded(tmp_path, replaces + WRITES))
    assert may_substitute(loaded(tmp_path, replaces + ANSWERS))
    assert may_substitute(loaded(tmp_path, replaces, WRITES)), "in another file"


@pytest.mark.parametrize(
    "gives",
    [
        WRITES,
        'headers.append("Authorization", key);',
        "headers.authorization = key;",
        "init.headers.Authorization ||= key;",
        'init.headers["x-api-key"] = key;',
        "init.headers = { 'x-goog-api-key': key };",
        "init.headers = { Authorization: key };",
        'pairs.push(["api-key", key]);',
        'const NAME = "authorization"; headers.set(NAME, key);',
        'headers.set("cookie", jar);',
        "headers.set(name, `Bearer ${key}`);",
        'headers.set(name, "Bearer " + key);',
        'url.searchParams.set("key", key);',
        'send(url + "&key=" + key, init);',
        "send(`${url}?access_token=${token}`, init);",
        "new globalThis.Response(text);",
        ANSWERS,
        "Response.json({});",
        "Response.error();",
        "new Response(cached);",
    ],
)
def test_so_may_whoever_writes_one_in_any_way_or_answers_itself(tmp_path: Path, gives: str) -> None:
    assert may_substitute(loaded(tmp_path, REPLACES + gives))


@pytest.mark.parametrize(
    "text",
    [
        "",
        REPLACES,
        # Without a fetch of its own it has nothing in hand.
        WRITES,
        ANSWERS,
        LOADER,
        HOOK,
        CALLS,
        CONFIGURES,
        NOTIFIER,
        "const fetch = globalThis.fetch; " + WRITES,
        "const { fetch } = globalThis; " + WRITES,
        "if (globalThis.fetch === mine) stop(); " + WRITES,
        # It looks.
        REPLACES + 'log(headers.get("authorization"), headers.has("x-api-key"));',
        REPLACES + 'copy.delete("authorization"); log(copy);',
        REPLACES + "delete copy.authorization; delete copy['x-api-key'];",
        REPLACES + 'if (name === "authorization" || "cookie" == name) skip();',
        REPLACES + 'switch (name) { case "authorization": skip(); }',
        REPLACES + 'if (["authorization", "x-api-key"].includes(name)) skip();',
        REPLACES + 'if (new Set(["authorization", "cookie"]).has(name)) skip();',
        REPLACES + 'headers.set("x-trace", id); log(headers.authorization);',
        REPLACES + "// it leaves headers.authorization = key to others\n",
        REPLACES + '/* new Response("") */',
        # It sends elsewhere, or hands the answer on.
        REPLACES + 'return below("http://127.0.0.1:8080/" + input, init);',
        REPLACES + "return new Response(await answer.text(), answer);",
        REPLACES + "return new Response(body, { status: answer.status, headers: answer.headers });",
        "// opencode-rotator bridge 1.0.0\n" + REPLACES + WRITES,
    ],
)
def test_whoever_only_looks_or_has_nothing_in_hand_may_not(tmp_path: Path, text: str) -> None:
    assert not may_substitute(loaded(tmp_path, text))


def test_what_cannot_be_read_or_followed_may(tmp_path: Path) -> None:
    assert may_substitute(Loaded("gone", ()))
    assert may_substitute(Loaded("gone", (tmp_path / "gone.js",)))
    assert may_substitute(loaded(tmp_path, REPLACES, name="other.wasm"))
    assert may_substitute(loaded(tmp_path, 'import x from "./gone.js";'))
    assert may_substitute(loaded(tmp_path, "await import(name);"))
    assert may_substitute(loaded(tmp_path, "x" * (9 * 1024 * 1024)))


def test_of_more_files_than_are_read_nobody_knows(tmp_path: Path) -> None:
    assert not may_substitute(loaded(tmp_path, *[""] * 300))
    assert may_substitute(loaded(tmp_path, *[""] * 301))


def test_what_imports_itself_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "part1.js").write_text('import "./other.js";')
    (tmp_path / "other.js").write_text('import "./part1.js";')

    assert not may_substitute(Loaded("other", (tmp_path / "other.js",)))
