"""Which other plug-ins may send a request with a key of their own, by their text (B2).

One that replaces fetch and only looks, or sends elsewhere, is none of them (B3).
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from rotator.opencode.key_substitutes import find_substitutes, may_substitute
from rotator.opencode.plugin_files import Loaded
from tests.support.plugin_texts import CALLS, CONFIGURES, HOOK, LOADER, NOTIFIER

REPLACES = "globalThis.fetch = mine;"
WRITES = 'headers.set("authorization", key);'
LONGEST_SECONDS = 5.0  # what is slow takes minutes
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
        "return { ok: false, status: 429, headers };",
        # What the headers are the text does not show.
        "send(i, { ...o, headers: JSON.parse(text) });",
        "const headers = rewrite(o.headers); send(i, { ...o, headers });",
        "send(i, { ...o, headers: Object.fromEntries(pairs) });",
        "send(i, { ...o, headers: stock });",
        "o.headers = next();",
        'o["headers"] = next();',
        "o.headers ??= next();",
        "const h = new Headers(o.headers); h.set(name, value); send(i, { ...o, headers: h });",
        "const h = { ...o.headers }; h[name] = value; send(i, { ...o, headers: h });",
        "headers.append(name, value);",
        "send(i, { ...o, headers: { ...o.headers, [name]: value } });",
        "Object.assign(o.headers, more());",
        "init = prepare(i, init) ?? init; send(i, init);",
        "send(i, prepare(init));",
        "globalThis.fetch = (i, o) => send(i, pool(o));",
        "globalThis.fetch = async function (i: string, o: any) { o = await pool(o); }",
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
        # What it gives is shown.
        REPLACES + "const headers = new Headers(o?.headers); send(i, { ...o, headers });",
        REPLACES + "const h = new Headers(o.headers ?? {}); send(i, { ...o, headers: h });",
        REPLACES + 'send(i, { ...o, headers: { ...o.headers, "x-trace": id, accept: all } });',
        REPLACES + "const headers: HeadersInit = { ...(o.headers ?? {}), 'x-trace': id };",
        REPLACES + "for (let n = 0; n < 3; n++) { const answer = await send(i, o); }",
        REPLACES + "if (answer.headers === seen) stop(); map.set(key, value);",
        REPLACES + "const options = parse(args); const init = { ...o, proxy };",
        REPLACES + "send(i, { ...o, signals: [timeout, ...(init?.signal ? [init.signal] : [])] });",
        REPLACES + "send(i, { keepalive: true, ...(init ?? {}) });",
        REPLACES + "send(i, structuredClone(init));",
        REPLACES
        + "const headers = { ...Object.fromEntries(new Headers(o?.headers)), 'x-team': 'a' };",
        REPLACES
        + "const headers = new Headers(o?.headers ?? (i instanceof Request ? i.headers : {}));",
        REPLACES + "const headers = { ...(o?.headers as Record<string, string>), 'x-team': 'a' };",
        # What it writes down is sent nowhere.
        REPLACES + "log('request', JSON.stringify(init)); append(file, String(init?.body));",
        REPLACES + "console.log(input, describe(init)); client.log({ extra: { status: 429 } });",
        REPLACES + "const cfg = { status: 429, most: 3 };",
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


HOOKS = "globalThis.before ??= []; globalThis.fetch = (i, o) => send(i, globalThis.before[0](o));"
USES = 'globalThis.before.push((o) => { headers.set("authorization", key); });'


def several(folder: Path, *texts: str) -> list[Loaded]:
    """Write plug-ins of one file each."""
    for number, text in enumerate(texts):
        (folder / f"other{number}.js").write_text(text)
    paths = [folder / f"other{number}.js" for number in range(len(texts))]
    return [Loaded(path.name, (path,)) for path in paths]


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param((HOOKS, USES), id="by a word on the global object"),
        pytest.param((USES, HOOKS), id="the other way round"),
        pytest.param(
            (REPLACES + 'global["before"] = [];', "", WRITES + "globalThis . before.push(mine);"),
            id="however that is written, with another one between",
        ),
        pytest.param(
            (REPLACES + 'g[Symbol.for("before")] = [];', WRITES + 'g[Symbol.for("before")];'),
            id="by a symbol",
        ),
        pytest.param(
            (REPLACES + 'process.emit("sends", o);', WRITES + 'process.on("sends", mine);'),
            id="by an event",
        ),
        pytest.param(
            (REPLACES + 'import "./shared.js";', WRITES + 'import "./shared.js";'),
            id="by a file",
        ),
        pytest.param(
            (REPLACES + "globalThis.one;", "self.one; self.two;", WRITES + "window.two;"),
            id="by a third one",
        ),
    ],
)
def test_two_that_meet_may_together(tmp_path: Path, texts: tuple[str, ...]) -> None:
    (tmp_path / "shared.js").write_text("export const before = [];")

    found = find_substitutes(several(tmp_path, *texts))

    assert len(found) == 2
    assert not any(may_substitute(one) for one in several(tmp_path, *texts))


@pytest.mark.parametrize(
    "texts",
    [
        (REPLACES, WRITES),
        (REPLACES + "globalThis.process; globalThis.one;", WRITES + "globalThis.process;"),
        (REPLACES + "globalThis.one;", WRITES + "globalThis.two;"),
        # They meet, and nobody has a request in hand, or has anything to give.
        (WRITES + "globalThis.one;", ANSWERS + "globalThis.one;"),
        (REPLACES + "globalThis.one;", "globalThis.one;"),
    ],
)
def test_two_that_do_not_meet_may_not(tmp_path: Path, texts: tuple[str, ...]) -> None:
    assert find_substitutes(several(tmp_path, *texts)) == ()


ONLY = (
    "globalThis.fetch = (i, o) => { GUARD headers.set('authorization', key); return kept(i, o) };"
)


@pytest.mark.parametrize(
    "guard",
    [
        'if (!String(i).includes("api.acme.example")) return kept(i, o);',
        'if (!i.url.startsWith("https://api.acme.example/v1")) { return kept(i, o); }',
        'if (new URL(i).hostname !== "api.acme.example") return kept(i, o);',
        "if (url.host != 'api.acme.example') return kept.send(i, o);",
    ],
)
def test_who_leaves_other_hosts_alone_may_for_that_one(tmp_path: Path, guard: str) -> None:
    code = [loaded(tmp_path, ONLY.replace("GUARD", guard))]

    assert find_substitutes(code, "api.acme.example")
    assert find_substitutes(code, None), "where it went is not known"
    assert not find_substitutes(code, "api.zeta.example")


@pytest.mark.parametrize(
    "guard",
    [
        'if (String(i).includes("api.acme.example")) return kept(i, o);',
        'if (!String(i).includes("api.acme.example")) return pooled(i);',
        'if (!String(i).includes("api.acme.example") && isOff) return kept(i, o);',
        'if (!String(i).includes("/v1/chat")) return kept(i, o);',
        'if (!String(i).includes("api.acme.example")) return kept(i, o); globalThis.fetch = more;',
    ],
)
def test_what_does_not_say_that_it_leaves_others_alone_may_for_all(
    tmp_path: Path, guard: str
) -> None:
    assert find_substitutes([loaded(tmp_path, ONLY.replace("GUARD", guard))], "api.zeta.example")


@pytest.mark.parametrize(
    "text",
    [
        REPLACES + "headers: { " + "a: b, " * 20_000,
        REPLACES + "headers: { " + "a: b " * 20_000,
        REPLACES + "headers = " * 20_000,
        REPLACES + "if (!a" * 20_000,
        REPLACES + "headers: a" + "?.b" * 20_000,
        REPLACES + "const a = new Headers(" * 20_000,
    ],
)
def test_a_long_text_is_read_soon(tmp_path: Path, text: str) -> None:
    started = time.process_time()
    may_substitute(loaded(tmp_path, text))

    assert time.process_time() - started < LONGEST_SECONDS
