"""Which provider gets a key from elsewhere, by opencode's files and plug-ins (B1, B2, B10).

What opencode 1.18.33 takes was measured with the real one; see tests/e2e/test_whose_request.py.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rotator.opencode.config_files import read_configs
from rotator.opencode.exchange import Present
from rotator.opencode.other_plugins import may_send_own, plugin_files
from rotator.opencode.run_lines import runs_in
from rotator.own_keys import OwnKey, find_own_keys, own_key_sentences, unreached
from rotator.restarts import when_used
from rotator.unbridged import unbridged
from tests.support.live import Live, api, oauth_until, open_live, opencode_running

# It stands in files of many names, so it is none of the secrets that no file may hold.
KEY = "KEY-OF-ELSEWHERE"
GIVEN = {"apiKey": KEY}
NEXT = "running opencodes use it from the next request on"


@pytest.fixture
def live(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Live]:
    """Somebody with two keys of acme; whoever looks has that environment."""
    monkeypatch.setenv("HOME", str(home))
    with open_live(home) as live:
        live.sees({"acme": api("a")})
        live.sees({"acme": api("b")})
        yield live


@pytest.fixture
def project(home: Path) -> Path:
    """Return a project in a repository, with a folder inside."""
    inside = home / "work" / "inside"
    inside.mkdir(parents=True)
    (home / "work" / ".git").mkdir()
    return inside


def write(path: Path, options: object, provider: str = "acme", **more: object) -> Path:
    """Write a configuration that gives the provider these options."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"provider": {provider: {"options": options}}, **more}))
    return path


def logged(live: Live, folder: Path, run: str = "a1b2") -> str:
    """Let the log tell that this run works in `folder`; return the run."""
    live.paths.opencode_logs.mkdir(parents=True, exist_ok=True)
    at = datetime.now(UTC).isoformat()
    line = f'timestamp={at} level=INFO run={run} message="creating instance" directory={folder}\n'
    with (live.paths.opencode_logs / "opencode.log").open("a") as file:
        file.write(line)
    return run


def giver(live: Live, run: str | None = None, provider: str = "acme") -> str | None:
    """Return what gives the provider a key of its own, or None."""
    found = find_own_keys(live.books, [], [provider], run=run)
    return found[0].giver if found else None


@pytest.mark.parametrize(
    "options",
    [
        GIVEN,
        {"apiKey": ""},
        {"apiKey": "{env:NOBODY_HAS_IT}"},
        {"apiKey": "{file:./missing}"},
        {"apiKey": 7},
        {"headers": {"Authorization": f"Bearer {KEY}"}},
        {"headers": {"X-Api-Key": KEY}},
    ],
)
def test_b1_what_the_user_s_configuration_gives_is_seen(live: Live, options: object) -> None:
    file = write(live.paths.opencode_config / "opencode.json", options)

    assert giver(live) == str(file)
    assert giver(live, provider="zeta") is None


@pytest.mark.parametrize(
    "options",
    [
        {"baseURL": "http://x"},
        {"apiKey": None},
        {"headers": {"X-Title": KEY}},
        {"apiKey": "KEY-CANARY-b"},
        {"apiKey": " KEY-CANARY-b\n"},
        {"apiKey": "{env:MY_KEY}"},
        {"headers": {"authorization": "bearer KEY-CANARY-b"}},
        [],
        None,
    ],
)
def test_b10_the_login_s_own_key_is_that_login_s_and_other_options_are_none(
    live: Live, options: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", "KEY-CANARY-b")
    write(live.paths.opencode_config / "opencode.json", options)

    assert giver(live) is None


def test_a_parked_login_s_key_is_not_the_one_that_is_live(live: Live) -> None:
    write(live.paths.opencode_config / "opencode.json", {"apiKey": "KEY-CANARY-a"})

    assert giver(live) is not None


def test_b1_a_model_s_own_headers_count(live: Live) -> None:
    path = live.paths.opencode_config / "opencode.jsonc"
    path.parent.mkdir(parents=True)
    models = {"m1": {"headers": {"Authorization": KEY}}, "m2": 7}
    path.write_text(f"// c\n{json.dumps({'provider': {'acme': {'models': models}}})}")

    assert giver(live) == str(path)


@pytest.mark.parametrize(
    ("name", "is_read"),
    [
        ("work/inside/opencode.json", True),
        ("work/opencode.jsonc", True),
        ("work/.opencode/opencode.json", True),
        ("work/config.json", False),
        ("opencode.json", False),
        (".opencode/opencode.json", True),
        (".config/opencode/config.json", True),
    ],
)
def test_b1_a_project_s_files_count_up_to_the_top_of_its_repository(
    live: Live, home: Path, project: Path, name: str, *, is_read: bool
) -> None:
    file = write(home / name, GIVEN)
    run = logged(live, project)

    assert giver(live, run) == (str(file) if is_read else None)


def test_b1_what_the_environment_names_counts(
    live: Live, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = write(home / "named.json", GIVEN, "zeta")
    folder = home / "moved"
    write(folder / "opencode.json", GIVEN, "moved")
    monkeypatch.setenv("OPENCODE_CONFIG", str(named))
    monkeypatch.setenv("OPENCODE_CONFIG_DIR", str(folder))
    monkeypatch.setenv("OPENCODE_CONFIG_CONTENT", named.read_text().replace("zeta", "inline"))

    assert giver(live, provider="zeta") == str(named)
    assert giver(live, provider="moved") == str(folder / "opencode.json")
    assert giver(live, provider="inline") == "OPENCODE_CONFIG_CONTENT"


def test_b1_logins_from_the_environment_are_nobody_s_here(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENCODE_AUTH_CONTENT", json.dumps({"acme": api("z")}))

    assert giver(live) == "OPENCODE_AUTH_CONTENT"


def test_b1_a_variable_goes_before_a_login_that_nothing_loads_and_after_a_key(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = oauth_until("o", 1, datetime.now(UTC) + timedelta(hours=1))
    live.sees({"acme": api("b"), "zeta": login, "xai": login | {"refresh": "REF-CANARY-x"}})
    for name in ("acme", "zeta", "xai"):
        folder = live.paths.opencode_config / f"{name}.json"
        folder.parent.mkdir(parents=True, exist_ok=True)
    names = {name: {"env": ["SOME_KEY", 7]} for name in ("acme", "zeta", "xai")}
    (live.paths.opencode_config / "opencode.json").write_text(json.dumps({"provider": names}))
    monkeypatch.setenv("SOME_KEY", KEY)

    assert giver(live, provider="zeta") == "the variable SOME_KEY"
    assert giver(live, provider="acme") is None
    assert giver(live, provider="xai") is None


def test_no_key_is_in_what_is_found(live: Live) -> None:
    write(live.paths.opencode_config / "opencode.json", {"apiKey": "KEY-CANARY-o"})

    found = find_own_keys(live.books, [], ["acme"])

    assert "CANARY" not in f"{found}{[one.says for one in found]}"


def test_what_cannot_be_read_is_told_apart_from_what_gives_nothing(live: Live) -> None:
    folder = live.paths.opencode_config
    folder.mkdir(parents=True)
    (folder / "opencode.json").write_text('{"provider": {"acme": {"options": {"apiKey": "x"}}')
    (folder / "opencode.jsonc").mkdir()

    found = list(read_configs({"HOME": str(live.paths.data.parent.parent.parent)}, []))

    assert [one.value for one in found if one.where.endswith(("json", "jsonc"))] == [None, None]
    assert giver(live) is None


def test_it_is_said_where_the_log_is_the_only_evidence(live: Live, tmp_path: Path) -> None:
    file = write(live.paths.opencode_config / "opencode.json", GIVEN)
    says = OwnKey("acme", str(file)).says
    without = own_key_sentences(live.books, [], ["acme", "zeta"])
    bridge = live.paths.opencode_config / "plugin" / "rotator.js"
    bridge.parent.mkdir()
    bridge.write_text("// opencode-rotator bridge 9.9.9\n")
    with_bridge = own_key_sentences(live.books, [], ["acme"])
    with opencode_running(live.paths, tmp_path):
        beside_an_older = own_key_sentences(live.books, [], ["acme"])

    assert without == {"acme": says}
    assert with_bridge == {}
    assert beside_an_older == {"acme": says}


# -- what a swap does not reach -------------------------------------------------------------------


def said_of(live: Live, present: Sequence[Present], name: str = "acme/acme-1") -> str:
    """Return when a swap to that account is used."""
    return when_used(live.books, present, live.account(name))


def with_the_bridge(live: Live, *folders: Path) -> list[Present]:
    """Return a bridge in a process with this one's environment, in these folders."""
    at = live.clock.now
    places = tuple(str(one) for one in folders)
    return [Present(os.getpid(), "1", "serve", str(live.file), at, "1.18.33", places)]


def test_b1_a_swap_does_not_say_that_it_changes_a_configured_key(
    live: Live, home: Path, project: Path, tmp_path: Path
) -> None:
    file = write(home / "work" / "opencode.json", GIVEN)
    says = f"{file} gives acme a key of its own, which no swap changes"

    assert said_of(live, with_the_bridge(live, project)) == says
    assert (
        said_of(live, with_the_bridge(live)) == "running opencodes use it from the next request on"
    )
    with opencode_running(live.paths, tmp_path):
        assert said_of(live, []) == "restart opencode to use it"
    assert said_of(live, []) == "no running opencode uses auth.json; the next one does"


@pytest.mark.parametrize("options", [GIVEN, {"apiKey": ""}, {"headers": {"X-Api-Key": KEY}}])
def test_b1_nor_where_nothing_runs_or_something_runs_without_the_bridge(
    live: Live, tmp_path: Path, options: object
) -> None:
    file = write(live.paths.opencode_config / "opencode.json", options)
    says = f"{file} gives acme a key of its own, which no swap changes"

    assert said_of(live, []) == says
    with opencode_running(live.paths, tmp_path):
        assert said_of(live, []) == says


def test_b10_a_configured_key_of_an_account_is_that_account_s(live: Live, tmp_path: Path) -> None:
    """The bridge replaces it where auth.json has held it; what begins later does not know that."""
    file = write(live.paths.opencode_config / "opencode.json", {"apiKey": "KEY-CANARY-b"})
    says = f"{file} gives acme the key of acme-2: an opencode begins with that one"

    assert said_of(live, with_the_bridge(live)) == f"{NEXT}; {says}"
    assert said_of(live, []) == says
    with opencode_running(live.paths, tmp_path):
        assert said_of(live, []) == says
    assert said_of(live, with_the_bridge(live), "acme/acme-2") == NEXT


def test_b1_a_login_that_opencode_loads_goes_before_a_configured_key(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = oauth_until("o", 1, datetime.now(UTC) + timedelta(hours=1))
    live.sees({"zeta": login, "xai": login | {"refresh": "REF-CANARY-x"}})
    named = {name: {"options": GIVEN, "env": ["SOME_KEY"]} for name in ("xai", "other")}
    folder = live.paths.opencode_config
    folder.mkdir(parents=True)
    told = {"provider": named | {"zeta": {"env": ["SOME_KEY"]}}}
    (folder / "opencode.json").write_text(json.dumps(told))
    monkeypatch.setenv("SOME_KEY", KEY)

    of = {
        name: unreached(live.books, [], live.account(f"{name}/{name}-1"))
        for name in ("zeta", "xai")
    }

    assert of["xai"] is None
    assert of["zeta"] is not None
    assert of["zeta"].giver == "the variable SOME_KEY"


# -- other plug-ins -------------------------------------------------------------------------------

LOADER = """export const Login = async () => ({ auth: { provider: "acme", methods: [],
  async loader(getAuth) { return { apiKey: "", async fetch(input, init) {
    const { access } = await getAuth(); init.headers.authorization = `Bearer ${access}`;
    return fetch(input, init); } }; } } });"""
POOL = LOADER.replace("await getAuth()", 'JSON.parse(fs.readFileSync("pool.json"))[0]')


@pytest.mark.parametrize(
    ("text", "sends"),
    [
        (LOADER, False),
        (f'import fs from "node:fs";\n{POOL}', True),
        (LOADER.replace("getAuth", "fromElsewhere"), True),
        (f"const keys = [process.env.ACME_KEYS];\n{LOADER}", True),
        ("globalThis.fetch = (i, o) => f(i, { headers: { authorization: k } })", True),
        ('Object.defineProperty(globalThis, "fetch", { value: f }); // x-api-key', True),
        ('globalThis["fetch"] = withApiKey', True),
        ("globalThis.fetch = traced", False),
        ("if (globalThis.fetch == before) authorization()", False),
        ('console.log("acme")', False),
        ('export const provider = "zeta", apiKey = 1', False),
        ("// opencode-rotator bridge 1.0.0\nglobalThis.fetch = x // authorization acme", False),
        ("", False),
    ],
)
def test_b2_a_plug_in_with_keys_of_its_own_is_told_by_its_text(
    tmp_path: Path, text: str, *, sends: bool
) -> None:
    file = tmp_path / "other.js"
    file.write_text(text)

    assert may_send_own(file, "acme") is sends
    assert not may_send_own(tmp_path / "missing.js", "acme")


@pytest.mark.parametrize(
    ("name", "spec"),
    [
        (".config/opencode/plugin/p.ts", None),
        (".config/opencode/plugins/p.js", None),
        ("work/.opencode/plugin/p.js", None),
        ("p.js", "file://{home}/p.js"),
        (".config/opencode/mine/p.js", "./mine/p.js"),
        (".config/opencode/mine/p.js", ["./mine", {"an": "option"}]),
        (".cache/opencode/node_modules/pool/index.mjs", "pool"),
        (".cache/opencode/packages/@me/pool@1.2/node_modules/@me/pool/dist/p.js", "@me/pool@1.2"),
        (".cache/opencode/packages/pool@latest/node_modules/pool/p.js", "pool"),
    ],
)
def test_b2_every_way_to_name_a_plug_in_is_followed(
    live: Live, home: Path, project: Path, name: str, spec: object
) -> None:
    file = home / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(POOL)
    if spec is not None:
        text = json.dumps({"plugin": [spec, 7]}).replace("{home}", str(home))
        live.paths.opencode_config.mkdir(parents=True, exist_ok=True)
        (live.paths.opencode_config / "opencode.json").write_text(text)
    run = logged(live, project)

    found = giver(live, run)

    assert found is not None
    assert found.endswith(f"{file.name} (by its text)")


def test_a_spec_that_names_nothing_is_passed_over(tmp_path: Path) -> None:
    assert list(plugin_files([], [tmp_path / "none"], tmp_path)) == []


# -- what the log tells of runs -------------------------------------------------------------------


def run_line(run: str, at: datetime, message: str) -> str:
    return f"timestamp={at.isoformat()} level=INFO run={run} message={message}\n"


def test_a_run_is_idle_until_it_uses_a_folder(live: Live, tmp_path: Path) -> None:
    logs = live.paths.opencode_logs
    logs.mkdir(parents=True)
    at, second = datetime(2026, 11, 29, 12, tzinfo=UTC), timedelta(seconds=1)
    lines = [
        run_line("a1", at, "loading path=/x/opencode.json"),
        run_line("b2", at + 60 * second, "loading path=/x/opencode.json"),
        run_line("b2", at + 61 * second, f'"creating instance" directory="{tmp_path}/a b"'),
        run_line("b2", at + 62 * second, r'"creating instance" directory="\x"'),
        "timestamp=yesterday level=INFO run=c3 message=init\n",
        "no line of a log\n",
    ]
    (logs / "opencode.log").write_text("".join(lines))

    runs = runs_in(logs)

    assert runs.is_idle(at - second) is True
    assert runs.is_idle(at + 59 * second) is False
    assert runs.is_idle(at + 120 * second) is None
    assert runs.folders("b2") == [tmp_path / "a b", Path(r'"\x"')]
    assert runs.folders("c3") == runs.folders(None) == []


def test_two_runs_that_began_together_and_differ_tell_nothing(live: Live) -> None:
    logs = live.paths.opencode_logs
    logs.mkdir(parents=True)
    at = datetime(2026, 11, 29, 12)  # noqa: DTZ001  # a log without a zone is in UTC
    lines = [run_line("a1", at, "init"), run_line("b2", at, '"creating instance" directory=/x')]
    (logs / "opencode.log").write_text("".join(lines))

    assert runs_in(logs).is_idle(at.replace(tzinfo=UTC)) is None


def test_a_log_that_begins_later_than_a_process_tells_nothing_of_it(live: Live) -> None:
    logs = live.paths.opencode_logs
    logs.mkdir(parents=True)
    at = datetime(2026, 11, 29, 12, tzinfo=UTC)
    line = run_line("a1", at, "init")
    (logs / "opencode.log").write_text("x" * (4 << 20) + "\n" + line)

    assert runs_in(logs).is_idle(at - timedelta(seconds=1)) is None
    assert runs_in(logs).is_idle(at) is True
    assert unbridged(live.paths, [], []) == []
