"""Which provider gets a key from elsewhere, by opencode's files and plug-ins (B1, B2, B10).

What opencode 1.18.33 takes was measured with the real one; see tests/e2e/test_whose_request.py.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sqlite3
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rotator.doctor.own_keys import look_for_own_keys
from rotator.doctor.setup import DoctorContext
from rotator.opencode import config_files
from rotator.opencode.bridge.install import bridge_source
from rotator.opencode.bridge.presence import Present
from rotator.opencode.config_files import read_configs
from rotator.opencode.configured_keys import CREDENTIAL_NAMES
from rotator.opencode.plugin_files import loaded_by
from rotator.opencode.run_lines import runs_in
from rotator.services.key_givers import WITHOUT_OWN_PLUGINS
from rotator.services.own_keys import Origin, OwnKey, find_own_keys, own_key_sentences, unreached
from rotator.services.restarts import restart_note, takes_effect, when_used
from rotator.services.unseen_requests import senders
from rotator.services.without_bridge import unbridged
from tests.support.live import (
    Entry,
    Live,
    api,
    oauth_until,
    open_live,
    opencode_running,
    wellknown,
)
from tests.support.log_lines import run_line
from tests.support.plugin_texts import HOOK, NOTIFIER, POOL

# It stands in files of many names, so it is none of the secrets that no file may hold.
KEY = "KEY-OF-ELSEWHERE"
SITE = "https://acme.example"
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


def reads(live: Live, run: str, file: Path) -> None:
    """Let the log tell that this run reads a piece of configuration."""
    with (live.paths.opencode_logs / "opencode.log").open("a") as log:
        log.write(run_line(run, datetime.now(UTC), f"loading path={file}"))


def giver(live: Live, run: str | None = None, provider: str = "acme") -> str | None:
    """Return what gives the provider a key of its own, or None."""
    found = find_own_keys(live.context, [], [provider], Origin(run))
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
        {"headers": {"cf-aig-authorization": f"Bearer {KEY}"}},
        {"headers": {"Ocp-Apim-Subscription-Key": KEY}},
        {"headers": {"X-Auth-Token": 7}},
        {"headers": {"Cookie": f"session={KEY}"}},
        {"aiGatewayHeaders": {"client-secret": KEY}},
        {"authToken": KEY},
        {"authorToken": KEY},
        {"authorization": KEY},
        {"tokenizerKey": KEY},
        {"tokens": KEY},
        {"accessToken": "{env:NOBODY_HAS_IT}"},
        {"googleAuthOptions": {"credentials": [{"private_key": KEY}]}},
        {"baseURL": f"https://gate.example/v1?key={KEY}"},
        {"baseURL": f"https://me:{KEY}@gate.example/v1"},
        {"baseURL": f"https://{KEY}@gate.example/v1"},
        {"baseURL": "https://[gate/v1"},
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
        {"headers": {"": None, "X-Auth-Token": None}},
        {"baseURL": "https://gate.example/v1?api-version=2", "setCacheKey": True},
        {"promptCacheKey": "mine", "maxTokens": 7, "thinking": {"budgetTokens": 7}},
        {"baseURL": "https://gate.example/v1?key=KEY-CANARY-b"},
        {"authToken": "KEY-CANARY-b"},
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


@pytest.mark.parametrize("padding", ["\n", "  ", "\r\n", "\u00a0"])
@pytest.mark.parametrize("where", ["auth.json", "opencode.json"])
def test_b10_what_is_around_a_key_makes_it_no_other_one(
    live: Live, padding: str, where: str
) -> None:
    padded, key = f"KEY-CANARY-c{padding}", "KEY-CANARY-c"
    is_configured = where == "opencode.json"
    live.sees({"acme": {"type": "api", "key": key if is_configured else padded}})
    options = {"apiKey": padded if is_configured else key}
    file = write(live.paths.opencode_config / "opencode.json", options)
    says = f"{file} gives acme the key of acme-3: an opencode begins with that one"

    setup = DoctorContext(live.paths, live.clock.now, os.environ)

    assert giver(live) is None
    assert said_of(live, with_the_bridge(live), "acme/acme-3") == NEXT
    assert said_of(live, with_the_bridge(live)) == f"{NEXT}; {says}"
    assert [one.says for one in look_for_own_keys(setup)] == []


def test_a_parked_login_s_key_is_not_the_one_that_is_live(live: Live) -> None:
    write(live.paths.opencode_config / "opencode.json", {"apiKey": "KEY-CANARY-a"})

    assert giver(live) is not None


def test_b1_a_model_s_own_headers_count(live: Live) -> None:
    path = live.paths.opencode_config / "opencode.jsonc"
    path.parent.mkdir(parents=True)
    for own in ({"headers": {"Authorization": KEY}}, {"options": {"apiKey": KEY}}):
        models = {"m1": own, "m2": 7}
        path.write_text(f"// c\n{json.dumps({'provider': {'acme': {'models': models}}})}")

        assert giver(live) == str(path)


@pytest.mark.parametrize(
    "name",
    ["tokenizer", "max_tokens", "maxOutputTokens", "author", "authority", "keyboard", "keywords"],
)
def test_b1_an_option_whose_name_only_begins_as_a_key_s_is_none(live: Live, name: str) -> None:
    path = live.paths.opencode_config / "opencode.json"
    path.parent.mkdir(parents=True)
    for models in ({"m1": {name: "x"}}, {"m1": {"options": {name: "x"}}}):
        path.write_text(json.dumps({"provider": {"acme": {"models": models}}}))

        assert giver(live) is None


def test_b1_an_id_that_ends_in_a_slash_is_that_provider(live: Live) -> None:
    file = write(live.paths.opencode_config / "opencode.json", GIVEN, "acme//")

    assert giver(live) == str(file)


def test_the_bridge_has_the_same_words_for_what_carries_a_credential() -> None:
    named = re.search(r"^var CREDENTIAL_NAMES = /(.+)/i;$", bridge_source().decode(), re.MULTILINE)

    assert named is not None
    assert named[1] == CREDENTIAL_NAMES.pattern


@pytest.mark.parametrize("name", ["opencode.json", "opencode.jsonc"])
def test_b1_the_administrator_s_configuration_counts(
    live: Live, home: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    file = write(home / "managed" / name, GIVEN, plugin=["./pool.js"])
    monkeypatch.setenv("OPENCODE_TEST_MANAGED_CONFIG_DIR", str(file.parent))
    of_linux = {str(path) for path in config_files._files({"HOME": str(home)}, [])}  # noqa: SLF001

    assert giver(live) == str(file)
    assert giver(live, provider="zeta") == f"the plug-in {file.parent / 'pool.js'} (by its text)"
    if sys.platform.startswith("linux"):
        assert f"/etc/opencode/{name}" in of_linux


def test_b1_another_s_sdk_may_have_a_key_of_its_own(live: Live) -> None:
    npm = {"options": {}, "npm": "file:///mine/sdk.js"}
    models = {"m1": {"provider": {"npm": "pool-sdk"}}, "m2": {"provider": {"npm": "@ai-sdk/groq"}}}
    told = {"acme": npm, "zeta": {"models": models}, "plain": {"npm": "@ai-sdk/openai"}}
    live.paths.opencode_config.mkdir(parents=True)
    (live.paths.opencode_config / "opencode.json").write_text(json.dumps({"provider": told}))

    of = [giver(live, provider=name) for name in told]
    assert of == ["the SDK file:///mine/sdk.js", "the SDK pool-sdk", None]


@pytest.mark.parametrize("entry", [wellknown("w"), {"type": "wellknown"}])
def test_b1_what_a_well_known_login_brings_is_not_read_here(live: Live, entry: Entry) -> None:
    says = f"the configuration that {SITE} brings (it is not read here)"
    live.sees({"acme": api("b"), SITE: entry})
    with_it = giver(live), giver(live, provider="zeta")
    assert giver(live, provider=SITE) is None
    live.sees({"acme": api("b")})
    live.write(b"{")

    assert with_it == (says, says)
    assert giver(live) is None


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("(1, 'me', 'org')", "the configuration of an organisation of opencode's Console"),
        ("(1, 'me', NULL)", None),
        ("(1, NULL, 'org')", None),
    ],
)
def test_b1_an_organisation_s_configuration_is_not_read_here(
    live: Live, monkeypatch: pytest.MonkeyPatch, row: str, says: str | None
) -> None:
    database = live.file.with_name("opencode.db")
    database.touch()
    without = giver(live)
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE other (id)")
        without_table = giver(live)
        connection.execute("CREATE TABLE account_state (id, active_account_id, active_org_id)")
        connection.execute(f"INSERT INTO account_state VALUES {row}")  # noqa: S608
        open_elsewhere = giver(live)
    closed = giver(live)
    files = {path.name for path in live.file.parent.glob("opencode.db*")}
    database.rename(database.with_name("mine.db"))
    moved = giver(live)
    monkeypatch.setenv("OPENCODE_DB", "mine.db")
    named = giver(live)
    database.with_name("mine.db").write_bytes(b"x" * 100)

    expected = None if says is None else f"{says} (it is not read here)"
    assert (without, without_table, moved, giver(live)) == (None, None, None, None)
    assert [open_elsewhere, closed, named] == [expected] * 3
    assert files == {"opencode.db"}


def test_b1_a_torn_auth_json_does_not_hide_a_well_known_login(live: Live) -> None:
    live.sees({"acme": api("b"), SITE: wellknown("w")})
    live.write(b"{")

    assert giver(live) == f"the configuration that {SITE} brings (it is not read here)"


def test_b1_an_opencode_keeps_what_a_well_known_login_brought_when_it_began(
    live: Live, tmp_path: Path
) -> None:
    with_site = {"acme": api("b"), SITE: wellknown("w")}
    for hours, entries in ((3, with_site), (2, {"acme": api("b")})):
        live.clock.now = datetime.now(UTC) - timedelta(hours=hours)
        live.sees(entries)
    with opencode_running(live.paths, tmp_path):
        began_after = giver(live)
    live.clock.now = datetime.now(UTC) - timedelta(hours=1)
    live.sees(with_site)
    with opencode_running(live.paths, tmp_path):
        live.clock.now = datetime.now(UTC) + timedelta(seconds=1)
        live.sees({"acme": api("b")})
        began_before = giver(live)

    assert began_before == f"the configuration that {SITE} brings (it is not read here)"
    assert began_after is None


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
    (key,) = find_own_keys(live.context, [], ["acme"])
    # It may be the very key, and the bridge stands aside.
    assert "a key of its own" not in key.says
    assert "the bridge" not in key.says


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            'export default { auth: { provider: "acme", loader: fetch } };',
            "tells such requests apart",
        ),
        ("globalThis.fetch = (i, o) => kept(i, pool(o));", "does not, nobody is blamed"),
        (
            "globalThis.fetch = (i, o) => { o.headers.authorization = key(); return kept(i, o); };",
            "does not, nobody is blamed",
        ),
    ],
)
def test_doctor_says_where_the_bridge_may_not_tell_requests_apart(
    live: Live, text: str, says: str
) -> None:
    folder = live.paths.opencode_config / "plugin"
    folder.mkdir(parents=True)
    (folder / "pool.js").write_text(text)

    setup = DoctorContext(live.paths, live.clock.now, os.environ)
    (result,) = look_for_own_keys(setup)

    assert says in (result.to_do or "")


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


TOKENS = oauth_until("o", 1, datetime.now(UTC) + timedelta(hours=1))


@pytest.mark.parametrize(
    ("provider", "name"),
    [
        ("anthropic", "ANTHROPIC_API_KEY"),
        ("anthropic", "ANTHROPIC_AUTH_TOKEN"),
        ("groq", "GROQ_API_KEY"),
        ("zai-coding-plan", "ZHIPU_API_KEY"),
        ("togetherai", "TOGETHER_API_KEY"),
        ("github-models", "GITHUB_MODELS_TOKEN"),
        ("listed", "OF_THE_LIST"),
        ("cached", "OF_THE_CACHE"),
        ("snowflake-cortex", "SNOWFLAKE_CORTEX_TOKEN"),
        ("google-vertex", "GOOGLE_CLOUD_PROJECT"),
        ("amazon-bedrock", "AWS_BEARER_TOKEN_BEDROCK"),
        ("amazon-bedrock", "AWS_ACCESS_KEY_ID"),
    ],
)
def test_b1_a_vendor_s_own_variable_goes_before_a_login_that_nothing_loads(
    live: Live, home: Path, monkeypatch: pytest.MonkeyPatch, provider: str, name: str
) -> None:
    cache = home / ".cache" / "opencode"
    cache.mkdir(parents=True)
    lists = {home / "models.json": "listed", cache / "models-7.json": "cached"}
    for path, listed in lists.items():
        told = {"env": [f"OF_THE_{'LIST' if listed == 'listed' else 'CACHE'}", "MY_HOST", 7]}
        path.write_text(json.dumps({listed: told, "odd": 7, "none": {"env": "x"}}))
    (cache / "models.json").write_text("[")
    monkeypatch.setenv("OPENCODE_MODELS_PATH", str(home / "models.json"))
    live.sees({provider: TOKENS})
    unset = giver(live, provider=provider)
    for irrelevant in ("MY_HOST", "SNOWFLAKE_ACCOUNT", "OTHER_API_KEY"):
        monkeypatch.setenv(irrelevant, KEY)
    monkeypatch.setenv(name, KEY)

    assert unset is None
    assert giver(live, provider=provider) == f"the variable {name}"
    monkeypatch.setenv(name, "")
    assert giver(live, provider=provider) is None
    monkeypatch.setenv(name, TOKENS["access"])
    assert giver(live, provider=provider) is None


@pytest.mark.parametrize(
    ("provider", "name"),
    [
        ("cloudflare-ai-gateway", "CF_AIG_TOKEN"),
        ("sap-ai-core", "AICORE_SERVICE_KEY"),
        ("snowflake-cortex", "SNOWFLAKE_CORTEX_PAT"),
    ],
)
def test_b1_some_vendors_variables_go_before_a_key_as_well(
    live: Live, monkeypatch: pytest.MonkeyPatch, provider: str, name: str
) -> None:
    live.sees({provider: api("b"), "groq": api("g")})
    monkeypatch.setenv(name, KEY)
    monkeypatch.setenv("GROQ_API_KEY", KEY)

    assert giver(live, provider=provider) == f"the variable {name}"
    assert giver(live, provider="groq") is None
    says = f"the variable {name} gives {provider} a key of its own, which no swap changes"
    assert said_of(live, [], f"{provider}/{live.active(provider)}") == says


@pytest.mark.parametrize("name", ["AWS_BEARER_TOKEN_BEDROCK", "AWS_ACCESS_KEY_ID", "AWS_PROFILE"])
def test_b1_a_key_of_bedrock_goes_before_every_variable(
    live: Live, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    live.sees({"amazon-bedrock": api("b")})
    monkeypatch.setenv(name, KEY)

    assert giver(live, provider="amazon-bedrock") is None
    assert "key of its own" not in said_of(live, [], "amazon-bedrock/amazon-bedrock-1")


def test_b1_an_opencode_that_began_without_a_key_of_bedrock_goes_on_with_its_variable(
    live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", KEY)
    live.clock.now = datetime.now(UTC) + timedelta(minutes=1)
    with opencode_running(live.paths, tmp_path):
        live.sees({"amazon-bedrock": api("b")})

        gives = giver(live, provider="amazon-bedrock")

    assert gives == "the variable AWS_BEARER_TOKEN_BEDROCK"


def test_b1_an_opencode_that_began_without_a_login_goes_on_with_its_variable(
    live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROQ_API_KEY", KEY)
    live.clock.now = datetime.now(UTC) + timedelta(minutes=1)
    with opencode_running(live.paths, tmp_path) as pid:
        live.sees({"groq": api("g")})
        (found,) = find_own_keys(live.context, [], ["groq"])
        note = restart_note(live.context, [], live.account("groq/groq-1"))
    live.clock.now = datetime.now(UTC) - timedelta(minutes=1)
    live.sees({"groq": api("g"), "zai": api("z")})
    monkeypatch.setenv("ZAI_API_KEY", KEY)
    with opencode_running(live.paths, tmp_path):
        began_later = giver(live, provider="zai")

    assert found.says.startswith("groq: the variable GROQ_API_KEY may give a key of its own")
    # A restart does change that.
    assert note is not None
    assert f"(pid {pid})" in note.why
    assert began_later is None


def test_b1_b2_nobody_is_told_to_restart_where_that_may_change_nothing(
    live: Live, tmp_path: Path
) -> None:
    plugin = live.paths.opencode_config / "plugin" / "p.js"
    plugin.parent.mkdir(parents=True)
    put = live.account("acme/acme-1")
    with opencode_running(live.paths, tmp_path):
        before = restart_note(live.context, [], put), when_used(live.context, [], put)
        plugin.write_text(HOOK)
        after = restart_note(live.context, [], put), when_used(live.context, [], put)

    assert before[0] is not None
    assert before[1] == "restart opencode to use it"
    assert after[0] is None
    assert after[1] == (
        "restart opencode to use it, unless"
        f" the plug-in {plugin} (by its text) gives acme a key of its own"
    )


def test_what_may_be_true_of_many_providers_is_one_sentence(live: Live) -> None:
    live.sees({"acme": api("b"), "zeta": api("z"), SITE: wellknown("w")})
    file = write(live.paths.opencode_config / "opencode.json", GIVEN, "last")
    live.sees({**live.entries(), "last": api("l")})

    said = own_key_sentences(live.context, [], ["acme", "last", "zeta"])

    assert said["acme"] == said["zeta"]
    assert said["acme"].startswith(f"acme, zeta: the configuration that {SITE} brings (it is not")
    assert said["last"].startswith(f"last: {file} gives a key of its own")


def test_b1_a_file_that_has_changed_since_it_was_read_may_have_given_anything(
    live: Live, project: Path
) -> None:
    """Whoever takes a key out does not take it out of an opencode that runs."""
    file = write(live.paths.opencode_config / "opencode.json", {})
    run = logged(live, project)
    reads(live, run, file)
    as_read = giver(live, run)
    later = time.time() + 60
    os.utime(file, (later, later))

    assert as_read is None
    assert giver(live, run) == f"{file} (it has changed since that opencode read it)"
    assert giver(live) is None
    with (live.paths.opencode_logs / "opencode.log").open("a") as log:
        at = datetime.now(UTC) + timedelta(seconds=61)
        log.write(run_line(run, at, f'loading path="{file}"'))
    assert giver(live, run) is None


def test_b1_a_file_that_is_named_and_has_changed_since_may_have_held_another_key(
    live: Live, project: Path
) -> None:
    """It holds the login's own key now."""
    key = project / "key-canary.txt"
    key.write_text(api("b")["key"])
    file = write(project / "opencode.json", {"apiKey": "{file:./key-canary.txt}"})
    run = logged(live, project)
    reads(live, run, file)
    as_read = giver(live, run)
    later = time.time() + 60
    os.utime(key, (later, later))

    assert as_read is None
    assert giver(live, run) == f"{key} (it has changed since that opencode read it)"
    assert giver(live, run, "other") is None


def test_b1_a_project_s_file_that_is_gone_since_it_was_read_may_have_given_anything(
    live: Live, project: Path
) -> None:
    """Of the user's own files opencode's log names those that are not there as well."""
    file = write(project / "opencode.json", {})
    run = logged(live, project)
    reads(live, run, file)
    reads(live, run, live.paths.opencode_config / "config.json")
    as_read = giver(live, run)
    file.unlink()

    assert as_read is None
    assert giver(live, run) == f"{file} (it is gone since that opencode read it)"


def test_b1_the_folder_of_the_session_counts_whatever_the_log_tells(
    live: Live, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(project / "opencode.json", GIVEN)
    database = live.file.with_name("opencode.db")
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE session (id, directory)")
        connection.execute(
            "INSERT INTO session VALUES ('ses_1', ?), ('ses_2', '')", (str(project),)
        )

    def gives(session: str | None) -> list[str]:
        origin = Origin(session=session)
        return [key.giver for key in find_own_keys(live.context, [], ["acme"], origin)]

    told = [gives(session) for session in ("ses_1", "ses_2", "ses_3", None)]
    database.rename(database.with_name("mine.db"))
    moved = gives("ses_1")
    monkeypatch.setenv("OPENCODE_DB", "mine.db")

    assert told == [[str(project / "opencode.json")], [], [], []]
    assert (moved, gives("ses_1")) == ([], told[0])


def test_b2_a_plug_in_that_has_changed_since_its_opencode_began_may_have_been_any(
    live: Live, tmp_path: Path
) -> None:
    folder = live.paths.opencode_config / "plugin"
    folder.mkdir(parents=True)
    (folder / "p.js").write_text(NOTIFIER)
    (folder / "rotator.js").write_text("// opencode-rotator bridge 0.0.1\n")
    with opencode_running(live.paths, tmp_path):
        as_read = giver(live)
        later = time.time() + 60
        os.utime(folder / "rotator.js", (later, later))
        with_ours = giver(live)
        os.utime(folder / "p.js", (later, later))
        told = giver(live)
        note = restart_note(live.context, [], live.account("acme/acme-1"))

    assert (as_read, with_ours) == (None, None)
    assert told == f"the plug-in {folder / 'p.js'} (its text has changed since)"
    assert note is not None


def test_b2_a_plug_in_that_its_opencode_has_installed_has_not_changed(
    live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its files come with the time at which they were packed, in a folder that is new."""
    folder = live.paths.opencode_config / "plugin"
    folder.mkdir(parents=True)
    (folder / "p.js").write_text(NOTIFIER)
    later = datetime.now(UTC) + timedelta(minutes=1)
    monkeypatch.setattr("rotator.services.key_givers.changed_at", lambda _: later)
    with opencode_running(live.paths, tmp_path):
        assert giver(live) is None


def test_no_key_is_in_what_is_found(live: Live) -> None:
    write(live.paths.opencode_config / "opencode.json", {"apiKey": "KEY-CANARY-o"})

    found = find_own_keys(live.context, [], ["acme"])

    assert "CANARY" not in f"{found}{[one.says for one in found]}"


def test_b1_what_cannot_be_read_may_give_anything(live: Live) -> None:
    folder = live.paths.opencode_config
    folder.mkdir(parents=True)
    (folder / "opencode.json").write_text('{"provider": {"acme": {"options": {"apiKey": "x"}}')
    (folder / "opencode.jsonc").mkdir()

    found = list(read_configs({"HOME": str(live.paths.data.parent.parent.parent)}, []))

    assert [one.value for one in found if one.where.endswith(("json", "jsonc"))] == [None, None]
    assert giver(live) == f"{folder / 'opencode.json'} (it cannot be read)"
    assert giver(live, provider="zeta") == giver(live)


def test_it_is_said_where_the_log_is_the_only_evidence(live: Live, tmp_path: Path) -> None:
    file = write(live.paths.opencode_config / "opencode.json", GIVEN)
    says = OwnKey("acme", str(file)).says
    without = own_key_sentences(live.context, [], ["acme", "zeta"])
    bridge = live.paths.opencode_config / "plugin" / "rotator.js"
    bridge.parent.mkdir()
    bridge.write_text("// opencode-rotator bridge 9.9.9\n")
    with_bridge = own_key_sentences(live.context, [], ["acme"])
    with opencode_running(live.paths, tmp_path):
        beside_an_older = own_key_sentences(live.context, [], ["acme"])

    assert without == {"acme": says}
    assert with_bridge == {}
    assert beside_an_older == {"acme": says}


# -- what a swap does not reach -------------------------------------------------------------------


def said_of(live: Live, present: Sequence[Present], name: str = "acme/acme-1") -> str:
    """Return when a swap to that account is used."""
    return when_used(live.context, present, live.account(name))


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
        name: unreached(live.context, [], live.account(f"{name}/{name}-1"))
        for name in ("zeta", "xai")
    }

    assert of["xai"] is None
    assert of["zeta"] is not None
    assert of["zeta"].giver == "the variable SOME_KEY"


# -- other plug-ins -------------------------------------------------------------------------------


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
    named = spec if isinstance(spec, str) and "pool" in spec else file.name
    assert found.endswith(f"{named} (by its text)") or str(file.parent) in found
    file.write_text(NOTIFIER)
    assert giver(live, run) is None


@pytest.mark.parametrize("spec", ["pool", "github:me/pool", "./pool.js", "file:///none/pool.js"])
def test_b2_a_plug_in_that_is_not_found_counts(live: Live, spec: str) -> None:
    live.paths.opencode_config.mkdir(parents=True)
    text = json.dumps({"plugin": [spec, "opencode-copilot-auth@1.0.0"]})
    (live.paths.opencode_config / "opencode.json").write_text(text)

    assert (giver(live) or "").endswith("(by its text)")
    assert giver(live, provider="zeta") == giver(live)


def test_no_folder_has_no_plug_ins(tmp_path: Path) -> None:
    assert loaded_by([], [tmp_path / "none"], tmp_path) == []


# -- what the log tells of runs -------------------------------------------------------------------


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


@pytest.mark.parametrize("level", ["INFO", "WARN"])
def test_a_run_that_does_not_begin_with_its_beginning_is_not_known_to_be_idle(
    live: Live, level: str
) -> None:
    """It says less in its log, or the log was cut."""
    logs = live.paths.opencode_logs
    logs.mkdir(parents=True)
    at = datetime(2026, 11, 29, 12, tzinfo=UTC)
    line = run_line("a1", at, "something").replace("INFO", level)
    (logs / "opencode.log").write_text(line)

    assert runs_in(logs).is_idle(at) is None


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
    line = run_line("a1", at, "loading path=/x/opencode.json")
    (logs / "opencode.log").write_text("x" * (4 << 20) + "\n" + line)

    assert runs_in(logs).is_idle(at - timedelta(seconds=1)) is None
    assert runs_in(logs).is_idle(at) is True
    assert unbridged(live.paths, [], []) == []


def test_c12_a_variable_s_key_goes_out_until_the_restart_where_there_was_no_login(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROQ_API_KEY", KEY)
    live.clock.pass_time(minutes=1)
    bridge = with_the_bridge(live)
    live.clock.pass_time(minutes=1)
    live.sees({"groq": api("g")})
    live.sees({"groq": api("h")})

    assert takes_effect(live.context, bridge, live.account("groq/groq-1")) == "after-restart"
    assert said_of(live, bridge, "groq/groq-1") == (
        f"restart opencode serve (pid {os.getpid()}) to use it: it may have begun before groq"
        " had a login"
    )


@pytest.mark.parametrize("provider", ["anthropic", "google"])
def test_c7_a_login_that_nothing_loads_is_not_said_to_be_used(
    live: Live, tmp_path: Path, provider: str
) -> None:
    late = datetime.now(UTC) + timedelta(hours=1)
    live.sees({provider: oauth_until("o", 1, late)})
    live.sees({provider: oauth_until("p", 1, late)})
    put = live.account(f"{provider}/{provider}-1")
    says = f"opencode sends no such login to {provider} without a plug-in for that"
    bridge = with_the_bridge(live)
    plugin = live.paths.opencode_config / "plugin" / "p.js"
    plugin.parent.mkdir(parents=True)

    with opencode_running(live.paths, tmp_path):
        without = takes_effect(live.context, [], put), when_used(live.context, [], put)
        note = restart_note(live.context, [], put)
    nothing = takes_effect(live.context, [], put), when_used(live.context, [], put)
    bridged = takes_effect(live.context, bridge, put), when_used(live.context, bridge, put)
    plugin.write_text(NOTIFIER)
    beside = when_used(live.context, bridge, put)
    plugin.write_text(HOOK)
    loaded = takes_effect(live.context, bridge, put), when_used(live.context, bridge, put)

    assert without == bridged == ("after-restart", says)
    assert (note, nothing, beside) == (None, ("now", says), says)
    assert loaded == ("next-request", NEXT)


@pytest.mark.parametrize(
    ("flag", "is_off"),
    [
        ("1", True),
        ("true", True),
        ("YES", True),
        ("odd", True),
        ("", False),
        ("0", False),
        ("false", False),
        ("off", False),
        ("No", False),
    ],
)
@pytest.mark.parametrize("provider", ["openai", "xai", "github-copilot"])
def test_b1_opencode_s_own_plug_ins_may_be_turned_off_and_load_no_login_then(
    live: Live, monkeypatch: pytest.MonkeyPatch, flag: str, provider: str, *, is_off: bool
) -> None:
    live.sees({provider: TOKENS})
    put = live.account(f"{provider}/{provider}-1")
    monkeypatch.setenv("OPENCODE_DISABLE_DEFAULT_PLUGINS", flag)
    names = {provider: {"env": ["SOME_KEY"]}}
    live.paths.opencode_config.mkdir(parents=True)
    (live.paths.opencode_config / "opencode.json").write_text(json.dumps({"provider": names}))
    said = when_used(live.context, [], put)
    monkeypatch.setenv("SOME_KEY", KEY)

    unsent = f"opencode sends no such login to {provider} while {WITHOUT_OWN_PLUGINS} is set"
    assert (said == unsent) is is_off
    assert giver(live, provider=provider) == ("the variable SOME_KEY" if is_off else None)
    assert (unreached(live.context, [], put) is not None) is is_off


@pytest.mark.parametrize(
    ("provider", "is_sent"),
    [
        ("groq", False),
        ("mistral", False),
        ("anthropic", False),
        ("zeta", False),
        ("gitlab", True),
        ("poe", True),
        ("azure", True),
        ("github-copilot", True),
    ],
)
def test_c7_a_login_is_sent_where_opencode_or_a_plug_in_loads_it(
    live: Live, provider: str, *, is_sent: bool
) -> None:
    live.sees({provider: TOKENS})
    put = live.account(f"{provider}/{provider}-1")
    says = f"opencode sends no such login to {provider} without a plug-in for that"
    alone = when_used(live.context, [], put)
    folder = live.paths.opencode_config / "plugin"
    folder.mkdir(parents=True)
    (folder / "pool.js").write_text(HOOK)

    assert (alone == says) is not is_sent
    assert when_used(live.context, [], put) != says


# -- requests that pass the bridge by --------------------------------------------------------------


def past_the_bridge(live: Live) -> str:
    """Return who is said to send acme's requests past a bridge."""
    (presence,) = with_the_bridge(live)
    return senders(replace(presence, unseen=("acme",), is_here=False), "acme")


@pytest.mark.parametrize("sdk", ["file:///opt/sdk.mjs", "@somebody/sdk"])
def test_b3_a_provider_s_own_sdk_is_named_and_no_innocent_plug_in(live: Live, sdk: str) -> None:
    """A plug-in that never speaks of fetch can send nothing past anybody."""
    folder = live.paths.opencode_config
    plugin = folder / "plugin" / "p.js"
    plugin.parent.mkdir(parents=True)
    plugin.write_text('export const O = async () => ({ config: (c) => { c.username = "x" } });')
    assert past_the_bridge(live) == f"the plug-in {plugin} sends them"

    told = {"provider": {"acme": {"npm": sdk}, "other": {"npm": "@other/sdk"}}}
    (folder / "opencode.json").write_text(json.dumps(told))
    assert past_the_bridge(live) == f"the SDK {sdk} sends them"

    plugin.write_text("const kept = Bun.fetch; export const O = async () => ({});")
    assert past_the_bridge(live) == f"the SDK {sdk} or the plug-in {plugin} sends them"
