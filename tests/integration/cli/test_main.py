"""Every command as a person and as a script meets it: output, JSON, exit code, nothing secret."""

from __future__ import annotations

import io
import json
import os
import pty
import select
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rotator.cli.main import COMMANDS, run
from rotator.clock import from_iso
from rotator.storage.migrations import set_version
from rotator.storage.row_sealing import seal_tables, seal_what_is_written
from rotator.system.files import temporary_beside
from rotator.system.locks import watch_lock
from rotator.system.paths import Paths, find_paths, private_folder
from tests.support.builders import a_jwt
from tests.support.descents import seen_login
from tests.support.home import places
from tests.support.live import (
    api,
    as_opencode,
    full_disk,
    oauth,
    oauth_until,
    opencode_running,
    wellknown,
    write_as_opencode,
)
from tests.support.waiting import wait_until

SITE = "https://acme.example/opencode"
PROGRAM = (sys.executable, "-m", "rotator")


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Return the one JSON value that was printed, and nothing beside it."""
        assert self.err == ""
        assert self.out.count("\n") == 1
        return json.loads(self.out)


@dataclass
class Person:
    """Somebody at a prompt, in a HOME of their own."""

    paths: Paths
    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch

    def __call__(self, *words: str, given: bytes = b"") -> Ended:
        """Run a command in this process, with `given` on its standard input."""
        self.monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
        code = run(list(words))
        captured = self.capsys.readouterr()
        assert "CANARY" not in captured.out + captured.err
        assert "Traceback" not in captured.out + captured.err
        return Ended(code, captured.out, captured.err)

    def logs_in(self, **entries: object) -> None:
        """Let opencode write these entries beside the ones that are there."""
        self.writes(self.entries() | entries)
        assert self("accounts").code == 0

    def writes(self, entries: dict[str, object] | bytes) -> None:
        """Let opencode write the whole file."""
        self.paths.auth_file.parent.mkdir(parents=True, exist_ok=True)
        content = entries if isinstance(entries, bytes) else as_opencode(entries)
        write_as_opencode(self.paths.auth_file, content)

    def entries(self) -> dict[str, Any]:
        """Return what auth.json holds."""
        file = self.paths.auth_file
        found: dict[str, Any] = json.loads(file.read_bytes()) if file.exists() else {}
        return found

    def accounts(self) -> dict[str, dict[str, Any]]:
        """Return the accounts by name."""
        listed = self("accounts", "--json").json()["accounts"]
        return {f"{one['provider']}/{one['alias']}": one for one in listed}

    def events(self) -> list[dict[str, Any]]:
        """Return what happened so far."""
        return [json.loads(line) for line in self("events", "--json").out.splitlines()]


@pytest.fixture
def person(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Person:
    return Person(find_paths(places(home)), capsys, monkeypatch)


@pytest.fixture
def two(person: Person) -> Person:
    """Two keys of acme were logged in, the second is live."""
    person.logs_in(acme=api("a"))
    person.logs_in(acme=api("b"))
    return person


# -- what is shown as JSON -----------------------------------------------------------------

ACCOUNT = [
    *("id", "provider", "alias", "type", "identity", "fingerprint", "active", "homes"),
    *("state", "until", "reason", "maybe", "unproven", "kept", "plan", "limits", "windows"),
    *("balance", "captured_at", "last_used_at", "perhaps"),
]


def test_accounts_are_listed_as_the_contract_has_it(two: Person) -> None:
    value = two("accounts", "--json").json()

    first, second = value["accounts"]
    assert (list(value), value["schema"]) == (["schema", "accounts", "unclaimed"], 1)
    assert list(first) == list(second) == ACCOUNT
    assert second | {"id": "", "fingerprint": "", "captured_at": "", "last_used_at": ""} == {
        "id": "",
        "provider": "acme",
        "alias": "acme-2",
        "type": "api",
        "identity": None,
        "fingerprint": "",
        "active": True,
        "homes": [{"home": "auth.json", "active": True, "label": None}],
        "state": "ready",
        "until": None,
        "reason": None,
        "maybe": None,
        "unproven": False,
        "kept": 0,
        "plan": None,
        "limits": [],
        "windows": [],
        "balance": None,
        "captured_at": "",
        "last_used_at": "",
        "perhaps": [],
    }


def by_subject(name: str) -> str:
    return a_jwt({"sub": f"auth0|{name}", "jti": "CANARY"})


def a_login(name: str, **fields: object) -> dict[str, Any]:
    return oauth_until(name, 1, datetime.now(UTC) + timedelta(hours=1)) | fields


def unending(start: str, name: str) -> dict[str, Any]:
    token = f"{start}CANARY{name}4f8a2c61b9d07e35"
    return {"type": "oauth", "refresh": token, "access": token, "expires": 0}


SAME_PERSON: dict[str, tuple[str, Callable[[str], dict[str, Any]]]] = {
    "anthropic": ("anthropic", a_login),
    "xai": ("xai", a_login),
    "openai": ("openai", lambda name: a_login(name, accountId="ws")),
    "openai, one subject": (
        "openai",
        lambda name: a_login(name, access=a_jwt({"sub": "auth0|ada", "jti": f"CANARY-{name}"})),
    ),
    "copilot": ("github-copilot", lambda name: unending("gho_", name)),
    "poe": ("poe", lambda name: unending("poe-", name)),
    "google": ("google", a_login),
    "a plug-in's": ("unheard-of", a_login),
}


@pytest.mark.parametrize("bridge", [True, False], ids=["bridge", "no bridge"])
@pytest.mark.parametrize(("provider", "login"), SAME_PERSON.values(), ids=SAME_PERSON)
def test_a5_offline_it_is_said_which_two_logins_may_be_one_person_s(
    person: Person, provider: str, login: Callable[[str], dict[str, Any]], *, bridge: bool
) -> None:
    one, two = login("one"), login("two")
    person.logs_in(**{provider: one})
    if bridge:
        seen_login(person.paths, two)
    person.logs_in(**{provider: two})

    way = f"rotator accounts merge {provider}/{provider}-1 {provider}/{provider}-2 if"
    assert person("accounts").out.count(way) == 1
    assert person("explain", provider).out.count(way) == 1
    first, second = person("accounts", "--json").json()["accounts"]
    assert [first["maybe"], *second["perhaps"]] in (
        [None, f"{provider}/{provider}-1"],
        [f"{provider}/{provider}-2"],
    )


def test_a5_who_has_named_both_knows_that_they_are_two(person: Person) -> None:
    for name in ("one", "two"):
        person.logs_in(poe=unending("poe-", name))
    for number, name in enumerate(("work", "home"), 1):
        assert "it may be the same person's" in person("accounts").out
        person("accounts", "rename", f"poe/poe-{number}", name)

    assert "it may be the same person's" not in person("accounts").out


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param({"accountId": "ws"}, {"accountId": "other"}, id="two workspaces"),
        pytest.param({"email": "ada@acme.io"}, {"email": "bob@acme.io"}, id="two addresses"),
        pytest.param(
            {"enterpriseUrl": "https://a.acme.io"},
            {"enterpriseUrl": "https://b.acme.io"},
            id="places",
        ),
        pytest.param({"access": by_subject("ada")}, {"access": by_subject("bob")}, id="subjects"),
    ],
)
def test_a5_of_two_that_are_two_people_s_nothing_is_said(
    person: Person, one: dict[str, str], other: dict[str, str]
) -> None:
    person.logs_in(acme=a_login("one", **one))
    person.logs_in(acme=a_login("two", **other))

    assert "accounts merge" not in person("accounts").out


def test_an_account_s_id_stays_and_its_times_are_in_utc(two: Person) -> None:
    before = two.accounts()["acme/acme-1"]
    two("accounts", "rename", "acme/acme-1", "work")

    after = two.accounts()["acme/work"]

    assert after["id"] == before["id"]
    assert len(before["fingerprint"]) == 8
    assert abs(from_iso(before["captured_at"]) - datetime.now(UTC)) < timedelta(minutes=5)


def test_an_account_that_rests_says_until_when_and_why(two: Person) -> None:
    two("signal", "acme", "--status", "429", "--retry-after", "1234567")

    account = two.accounts()["acme/acme-2"]

    left = from_iso(account["until"]) - datetime.now(UTC)
    assert (account["state"], account["active"]) in {("exhausted", False), ("cooling", False)}
    assert timedelta(seconds=1234500) < left <= timedelta(seconds=1234567)
    assert "429" in account["reason"]


def test_status_is_as_the_contract_has_it(two: Person) -> None:
    value = two("status", "--json").json()

    assert value == {
        "schema": 1,
        "watcher": {"running": False, "pid": None},
        "balancing": True,
        "auth_file": str(two.paths.auth_file),
        "bridge": {
            "installed": False,
            "path": str(two.paths.opencode_config / "plugin" / "rotator.js"),
            "version": None,
        },
        "opencodes": [],
        "elsewhere": [],
        "providers": [
            {
                "id": "acme",
                "active": "acme-2",
                "accounts": 2,
                "ready": 2,
                "active_in": {"auth.json": "acme-2"},
            }
        ],
        "homes": [
            {
                "home": "auth.json",
                "path": str(two.paths.auth_file),
                "logins": 1,
                "problem": None,
            }
        ],
        "problems": [],
    }


def test_a_rotation_is_as_the_contract_has_it(two: Person) -> None:
    value = two("rotate", "--json").json()

    assert value == {
        "schema": 1,
        "provider": "acme",
        "from": "acme-2",
        "to": "acme-1",
        "applies": "now",
        "why": "acme-1 is ready",
        "homes": ["auth.json"],
    }


def test_events_are_one_object_a_line(two: Person) -> None:
    two("rotate")

    lines = [json.loads(line) for line in two("events", "--json").out.splitlines()]

    assert [line["kind"] for line in lines] == ["captured", "captured", "swapped"]
    assert list(lines[-1]) == [
        *("schema", "at", "kind", "provider", "account", "from", "to", "why", "detail")
    ]
    assert (lines[-1]["from"], lines[-1]["to"], lines[-1]["schema"]) == ("acme-2", "acme-1", 1)


DONE = ("schema", "done", "provider", "alias", "live", "live_in", "note")
SHOWN: dict[str, tuple[str, ...]] = {
    "accounts": ("schema", "accounts", "unclaimed"),
    "accounts list": ("schema", "accounts", "unclaimed"),
    "accounts unclaimed": ("schema", "unclaimed"),
    "accounts rename acme/acme-1 work": DONE,
    "accounts disable acme/acme-1": DONE,
    "accounts enable acme/acme-1": DONE,
    "accounts remove acme/acme-1 --yes": DONE,
    "accounts add zeta": ("schema", "done", "provider", "alias", "live", "live_in", "note"),
    "balance": ("schema", "balancing"),
    "balance off": ("schema", "balancing"),
    "bridge install": ("schema", "bridge", "tui", "said"),
    "bridge install --dry-run": ("schema", "bridge", "tui", "said"),
    "bridge uninstall": ("schema", "bridge", "tui", "said"),
    "bridge status": ("schema", "bridge", "tui", "said"),
    "events -n 1": (
        *("schema", "at", "kind", "provider", "account", "from", "to", "why", "detail"),
    ),
    "rotate --dry-run": (
        *("schema", "provider", "from", "to", "applies", "why", "homes", "dry_run"),
    ),
    "signal acme --status 503": ("schema", "provider", "meaning", "verdict", "live", "why"),
    "status": (
        *("schema", "watcher", "balancing", "auth_file", "bridge", "opencodes", "elsewhere"),
        *("providers", "homes", "problems"),
    ),
}


@pytest.mark.parametrize("command", SHOWN)
def test_json_is_one_value_with_a_schema_and_nothing_else(two: Person, command: str) -> None:
    ended = two(*command.split(), "--json", given=b"KEY-CANARY-z\n")

    assert ended.code == 0
    assert tuple(ended.json()) == SHOWN[command]
    assert ended.json()["schema"] == 1


@pytest.mark.parametrize("command", SHOWN)
def test_a_person_gets_sentences_and_no_json(two: Person, command: str) -> None:
    ended = two(*command.split(), given=b"KEY-CANARY-z\n")

    assert (ended.code, ended.err) == (0, "")
    assert ended.out.strip()
    assert "{" not in ended.out


def test_json_may_stand_before_the_subcommand_too(two: Person) -> None:
    assert list(two("accounts", "--json", "list").json()) == [
        "schema",
        "accounts",
        "unclaimed",
    ]
    assert two("accounts", "--json", "enable", "acme/acme-1").json()["done"] == "enabled"


def test_a_merge_says_what_became_of_the_two(person: Person) -> None:
    person.logs_in(zeta=oauth("z", 1))
    person.logs_in(zeta=oauth("z", 2))

    done = person("accounts", "--json", "merge", "zeta/zeta-1", "zeta/zeta-2").json()

    assert (done["done"], done["alias"]) == ("merged", "zeta-1")
    assert done["note"] == (
        "it goes on with the login of zeta-2; the other one is kept, and rotator accounts split"
        " zeta/zeta-1 makes an account of it again"
    )


# -- exit codes ------------------------------------------------------------------------------


def lose_the_store(person: Person) -> None:
    shutil.rmtree(person.paths.data)
    person.paths.data.write_text("")


def let_a_newer_one_write_the_store(person: Person) -> None:
    with closing(sqlite3.connect(person.paths.store, isolation_level=None)) as connection:
        set_version(connection, 99)


def lose_the_state_folder(person: Person) -> None:
    shutil.rmtree(person.paths.state)
    person.paths.state.write_text("")


def put_a_folder_in_place_of_auth_json(person: Person) -> None:
    person.paths.auth_file.unlink()
    person.paths.auth_file.mkdir()


def change_nothing(_: Person) -> None:
    """Leave everything as it is."""


@dataclass(frozen=True)
class Failure:
    """A command that cannot do it, and what it says."""

    command: str
    code: int
    message: str
    before: Callable[[Person], None] = change_nothing


FAILURES = [
    Failure("nope", 2, "No such command 'nope'."),
    Failure("status --nope", 2, "No such option '--nope'."),
    Failure("accounts rename acme/acme-1", 2, "Missing argument 'ALIAS'."),
    Failure("accounts enable acme", 2, "'acme' names no account"),
    Failure("accounts rename acme/acme-1 !!!", 2, "'!!!' is no alias"),
    Failure("accounts rename acme/acme-1 acme-2", 2, "there is an account acme/acme-2 already"),
    Failure("accounts remove acme/acme-1", 2, "removing acme/acme-1 has to be confirmed"),
    Failure("accounts merge acme/acme-1 acme/acme-1", 2, "they are one account already"),
    Failure("accounts add zeta", 2, "no key for zeta was given"),
    Failure("balance maybe", 2, "Invalid value for"),
    Failure("signal acme --status 999", 2, "Invalid value for '--status'"),
    Failure("signal acme --retry-after inf", 2, "Invalid value for '--retry-after'"),
    Failure("events -n -1", 2, "Invalid value for '-n'"),
    Failure("accounts enable acme/work", 3, "there is no account acme/work"),
    Failure("accounts enable zeta/acme-1", 3, "there is no account zeta/acme-1"),
    Failure("rotate acme work", 3, "there is no account acme/work"),
    Failure("rotate acme/work", 3, "there is no account acme/work"),
    Failure("rotate zeta", 3, "there is no account of zeta"),
    Failure("signal zeta --status 429", 3, "there is no account of zeta"),
    Failure("explain zeta", 3, "there is no account of zeta"),
    Failure(
        "rotate",
        4,
        "no provider has a second account",
        lambda person: void(person("accounts", "remove", "acme/acme-1", "--yes")),
    ),
    Failure(
        "rotate acme acme-1",
        4,
        "acme/acme-1 is disabled: disabled by you",
        lambda person: void(person("accounts", "disable", "acme/acme-1")),
    ),
    Failure(
        "signal acme --status 429",
        4,
        "acme has no live account to blame",
        lambda person: person.writes({}),
    ),
    Failure("rotate", 6, "it is not a regular file", put_a_folder_in_place_of_auth_json),
    Failure("accounts", 7, "is a file", lose_the_store),
    Failure("status", 7, "was written by a newer rotator", let_a_newer_one_write_the_store),
    Failure("balance off", 7, "is a file", lose_the_state_folder),
]


def void(_: object) -> None:
    """Take a value and return nothing."""


@pytest.mark.parametrize("failure", FAILURES, ids=lambda one: f"{one.code} {one.command}")
def test_a_failure_with_json_is_one_error_and_nothing_else(two: Person, failure: Failure) -> None:
    failure.before(two)

    ended = two(*failure.command.split(), "--json")

    value = ended.json()
    assert (list(value), list(value["error"])) == (["schema", "error"], ["exit", "message", "hint"])
    assert (ended.code, value["schema"], value["error"]["exit"]) == (failure.code, 1, failure.code)
    assert failure.message in value["error"]["message"]


@pytest.mark.parametrize("failure", FAILURES, ids=lambda one: f"{one.code} {one.command}")
def test_a_failure_is_one_sentence_and_one_hint_on_standard_error(
    two: Person, failure: Failure
) -> None:
    failure.before(two)

    ended = two(*failure.command.split())

    sentence, hint = ended.err.splitlines()
    assert (ended.code, ended.out) == (failure.code, "")
    assert sentence.startswith("rotator: ")
    assert failure.message in sentence
    assert hint.startswith("  ")


def test_nothing_was_written_where_auth_json_could_not_be_swapped(two: Person) -> None:
    """Case 17: the user is told, and the state is consistent."""
    put_a_folder_in_place_of_auth_json(two)

    two("rotate")

    assert two.accounts()["acme/acme-2"]["active"]
    assert list(two.paths.auth_file.iterdir()) == []


def test_without_a_watcher_a_check_ends_with_5_and_shows_the_status(two: Person) -> None:
    ended = two("status", "--check", "--json")

    assert (ended.code, ended.json()["watcher"]) == (5, {"running": False, "pid": None})


def test_with_a_watcher_a_check_ends_with_0(two: Person) -> None:
    with watch_lock(two.paths.watch_lock):
        ended = two("status", "--check", "--json")

    assert (ended.code, ended.json()["watcher"]) == (0, {"running": True, "pid": os.getpid()})


def test_a_second_watcher_ends_with_5(two: Person) -> None:
    with watch_lock(two.paths.watch_lock):
        ended = subprocess.run(
            [*PROGRAM, "watch"], capture_output=True, text=True, timeout=60, check=False
        )

    assert (ended.returncode, ended.stdout) == (5, "")
    assert ended.stderr.startswith(f"rotator: a watcher runs already (pid {os.getpid()})\n")


def test_a_full_disk_ends_with_7(two: Person) -> None:
    two.writes({"acme": api("c")})

    with full_disk():
        ended = two("accounts", "--json")

    assert ended.json()["error"]["exit"] == ended.code == 7
    assert "acme/acme-3" in two.accounts()


OURS = """
import sys
from rotator.cli.main import run

class Broken:
    def isatty(self):
        raise RuntimeError("KEY-CANARY-A")

sys.stdin = Broken()
sys.exit(run(["accounts", "add", "acme"]))
"""


def test_an_error_of_ours_is_one_sentence_without_a_trace() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", OURS],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == (
        "rotator: an error of ours: RuntimeError\n  please report it with what you did\n"
    )


def test_without_a_command_the_help_is_shown(person: Person) -> None:
    ended = person()

    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("Usage: rotator [OPTIONS] COMMAND")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(person: Person, command: str) -> None:
    ended = person(command, "--help")

    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"Usage: rotator {command}")


# -- accounts ----------------------------------------------------------------------------------


def test_accounts_are_a_table_with_the_live_one_marked(two: Person) -> None:
    lines = two("accounts").out.splitlines()

    assert [line[:13] for line in lines] == ["  acme/acme-1", "* acme/acme-2"]
    assert all("api" in line and "ready" in line for line in lines)


def test_without_any_account_the_way_to_one_is_said(person: Person) -> None:
    ended = person("accounts")

    assert ended.out == "no accounts yet: log in with opencode while rotator watch runs\n"
    assert person("accounts", "--json").json() == {"schema": 1, "accounts": [], "unclaimed": []}


def test_a_command_captures_what_a_login_wrote_just_before(person: Person) -> None:
    person.writes({"acme": api("a")})

    assert list(person.accounts()) == ["acme/acme-1"]


def test_a_command_sweeps_what_a_crash_left_beside_auth_json(two: Person) -> None:
    left = temporary_beside(two.paths.auth_file)
    left.write_bytes(b"CANARY")

    two("accounts")

    assert not left.exists()


def test_a_half_written_auth_json_keeps_nobody_from_looking(two: Person) -> None:
    """Case 6: nothing captured, nothing lost."""
    two.writes(b'{"acme": {"ty')

    assert list(two.accounts()) == ["acme/acme-1", "acme/acme-2"]
    assert two("status", "--json").json()["problems"][0].startswith("auth.json is not whole")


def test_a_bad_entry_is_a_problem_and_the_others_are_captured(person: Person) -> None:
    """Case 7: other providers still work."""
    person.writes({"bad": api("x", metadata={"a": 1}), "acme": api("a")})

    assert list(person.accounts()) == ["acme/acme-1"]
    assert person("status", "--json").json()["problems"] == [
        "the entry of bad in auth.json is left out: metadata is not an object of texts"
    ]


def test_a_broken_row_comes_back_from_the_copy(two: Person) -> None:
    """Case I2."""
    with closing(sqlite3.connect(two.paths.store, isolation_level=None)) as connection:
        connection.execute("UPDATE account SET entry = '{oops' WHERE alias = 'acme-1'")

    assert two("accounts").err.endswith("; lost: nothing\n")
    assert list(two.accounts()) == ["acme/acme-1", "acme/acme-2"]


def test_a_row_that_was_written_so_is_a_problem_and_the_others_are_listed(two: Person) -> None:
    """Case 50: other accounts keep working."""
    with closing(sqlite3.connect(two.paths.store, isolation_level=None)) as connection:
        seal_what_is_written(connection)
        connection.execute("UPDATE account SET entry = '{oops' WHERE alias = 'acme-1'")
        seal_tables(connection)

    assert list(two.accounts()) == ["acme/acme-2"]
    assert two("accounts").err == "! the saved account acme/acme-1 cannot be read\n"
    assert two("status", "--json").json()["problems"] == [
        "the saved account acme/acme-1 cannot be read"
    ]


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        pytest.param(b"KEY-CANARY-a\n", "api", id="a key"),
        pytest.param(as_opencode(api("a", metadata={"x": "y"})), "api", id="an entry"),
        pytest.param(as_opencode(oauth("a")), "oauth", id="a login"),
        pytest.param(as_opencode(wellknown("a")), "wellknown", id="a well-known token"),
        pytest.param("  KEY-CANARY-é \n".encode(), "api", id="blanks around it"),
    ],
)
def test_a_key_or_an_entry_is_taken_from_standard_input(
    person: Person, given: bytes, kind: str
) -> None:
    ended = person("accounts", "add", "acme", "--alias", "work", "--json", given=given)

    assert (ended.code, ended.json()["live"]) == (0, "work")
    assert person.accounts()["acme/work"]["type"] == kind
    assert person.entries()["acme"]["type"] == kind


@pytest.mark.parametrize(
    ("given", "why"),
    [
        pytest.param(b"", "no key for acme was given", id="nothing"),
        pytest.param(b" \n", "no key for acme was given", id="blanks"),
        pytest.param(b"\xff\xfe", "is not UTF-8 text", id="no text"),
        pytest.param(b"KEY-CANARY\n# mine", "has a line break", id="two lines"),
        pytest.param(b"KEY\x00-CANARY", "has a line break", id="a control character"),
        pytest.param(b'{"type":"api"}', "key is not a text", id="no key in it"),
        pytest.param(b'{"type":"api","key":"KEY-CANARY","x":NaN}', "not JSON", id="NaN"),
        pytest.param(b'{"type":"api","key":"KEY-CANARY"} oops', "not JSON", id="more text"),
        pytest.param(b'{"KEY-CANARY', "not JSON", id="half"),
        pytest.param(as_opencode(oauth("a") | {"expires": "CANARY"}), "expires", id="odd expiry"),
    ],
)
def test_what_is_no_key_and_no_entry_is_refused_and_nothing_is_saved(
    person: Person, given: bytes, why: str
) -> None:
    ended = person("accounts", "add", "acme", "--json", given=given)

    assert ended.code == 2
    assert why in ended.json()["error"]["message"]
    assert (person.accounts(), person.entries()) == ({}, {})


def test_a_key_as_an_argument_is_refused_and_not_repeated(person: Person) -> None:
    ended = person("accounts", "add", "acme", "KEY-CANARY-a", "--json", given=b"KEY-CANARY-b")

    assert ended.code == 2
    assert "a key is never an argument" in ended.json()["error"]["message"]
    assert person.accounts() == {}


def test_there_is_no_option_for_a_key(person: Person) -> None:
    ended = person("accounts", "add", "acme", "--key=KEY-CANARY-a", "--json", given=b"KEY-CANARY-b")

    assert (ended.code, person.accounts()) == (2, {})


@pytest.mark.parametrize("provider", ["", "\x1b[2J", "a\nb", "\u202e"])
def test_a_provider_that_no_line_can_show_is_refused(person: Person, provider: str) -> None:
    ended = person("accounts", "add", provider, "--json", given=b"KEY-CANARY-a")

    assert ended.code == 2
    assert ended.json()["error"]["message"].isprintable()


def test_a_closed_standard_input_is_no_key(home: Path) -> None:
    ended = subprocess.run(
        ["sh", "-c", 'exec "$@" <&-', "sh", *PROGRAM, "accounts", "add", "acme"],
        cwd=home,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (ended.returncode, ended.stderr.splitlines()[0]) == (
        2,
        "rotator: no key for acme was given",
    )


def test_a_well_known_account_is_named_by_its_url(person: Person) -> None:
    for name in ("work", "home"):
        person("accounts", "add", f"{SITE}/", "--alias", name, given=as_opencode(wellknown(name)))

    rotated = person("rotate", f"{SITE}/home", "--json").json()
    person("accounts", "rename", f"{SITE}/work", "job")

    assert (rotated["provider"], rotated["to"]) == (SITE, "home")
    assert list(person.accounts()) == [f"{SITE}/home", f"{SITE}/job"]
    assert person.entries() == {SITE: wellknown("home")}


def test_an_account_that_keeps_another_login_says_so_and_leaves_it(person: Person) -> None:
    def login(name: str, minutes: int) -> dict[str, object]:
        ends = datetime.now(UTC) + timedelta(minutes=minutes)
        return oauth_until(name, 1, ends)

    # A vendor of whom it is known that it replaces both tokens, and nothing says whose they are.
    person.logs_in(xai=login("a", -1))
    person.logs_in(xai=login("b", 60))
    (row,) = person.accounts().values()
    assert (row["unproven"], row["kept"]) == (True, 1)
    name = f"xai/{row['alias']}"
    shown = person("accounts").out
    assert "an older login that may be somebody else's" in shown
    assert f"rotator accounts split {name} makes an account of it" in shown

    ended = person("accounts", "remove", name, "--yes")

    ((left, account),) = person.accounts().items()
    assert f"what it kept of another login is {left} now" in ended.out
    assert f"remove {left} --all" in ended.out
    assert (account["state"], account["kept"]) == ("disabled", 0)
    assert f"{name} was removed" in account["reason"] or row["alias"] in account["reason"]
    assert person("accounts", "remove", left, "--all", "--yes").code == 0
    assert person.accounts() == {}


def test_a_login_that_an_account_keeps_is_split_off_and_enabled(person: Person) -> None:
    def login(name: str, minutes: int) -> dict[str, object]:
        return oauth_until(name, 1, datetime.now(UTC) + timedelta(minutes=minutes))

    person.logs_in(xai=login("a", -1))
    person.logs_in(xai=login("b", 60))
    (name,) = person.accounts()
    before = person.entries()

    done = person("accounts", "split", name, "--json").json()

    (new,) = set(person.accounts()) - {name}
    assert (done["done"], done["live"]) == ("split", name.rpartition("/")[2])
    assert f"{new} is what was split off" in done["note"]
    assert person.accounts()[new]["maybe"] == name
    assert person.entries() == before
    again = person("accounts", "split", name)
    assert again.code == 2
    assert f"{name} keeps no login that can be an account of its own" in again.err
    person("accounts", "enable", new)
    assert person.accounts()[new]["state"] == "ready"


def test_disabling_and_removing_the_live_account_say_who_is_live_now(two: Person) -> None:
    """Case 19: the first remaining takes over; an event is recorded."""
    disabled = two("accounts", "disable", "acme/acme-2", "--json").json()
    removed = two("accounts", "remove", "acme/acme-2", "--yes", "--json").json()

    assert (disabled["live"], removed["live"]) == ("acme-1", "acme-1")
    assert [event["kind"] for event in two.events()][-2:] == ["changed", "removed"]


def test_removing_the_last_account_says_that_nobody_is_live(person: Person) -> None:
    person.logs_in(acme=api("a"))

    ended = person("accounts", "remove", "acme/acme-1", "--yes")

    assert ended.out == "acme/acme-1 removed; acme has no live login\n"
    assert person.entries() == {}


def test_renaming_onto_another_account_changes_nothing(two: Person) -> None:
    """Case 18: rename onto existing refused."""
    two("accounts", "rename", "acme/acme-1", "acme-2")

    assert list(two.accounts()) == ["acme/acme-1", "acme/acme-2"]


def test_accounts_that_are_added_at_once_are_all_saved(person: Person, home: Path) -> None:
    names = [f"n{number}" for number in range(5)]
    processes = []
    for name in names:
        process = subprocess.Popen(
            [*PROGRAM, "accounts", "add", "acme", "--json"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=home,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )
        processes.append((process, f"KEY-CANARY-{name}".encode()))

    codes = []
    for process, key in processes:
        process.communicate(key, timeout=60)
        codes.append(process.returncode)

    accounts = person.accounts()
    assert (codes, list(accounts)) == ([0] * 5, [f"acme/acme-{n}" for n in range(1, 6)])
    assert [one["active"] for one in accounts.values()].count(True) == 1


def test_a_terminal_without_the_letters_of_a_name_is_no_error(person: Person) -> None:
    token = a_jwt({"email": "юля@acme.example", "chatgpt_account_id": "acct"})
    person.logs_in(openai=oauth("a") | {"access": token})
    environment = os.environ | {"PYTHONIOENCODING": "latin-1"}

    shown = subprocess.run(
        [*PROGRAM, "accounts"], env=environment, capture_output=True, timeout=60, check=False
    )
    as_json = subprocess.run(
        [*PROGRAM, "accounts", "--json"],
        env=environment,
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert (shown.returncode, as_json.returncode) == (0, 0)
    assert b"???@acme.example" in shown.stdout
    assert json.loads(as_json.stdout)["accounts"][0]["identity"] == "юля@acme.example"


# -- rotate, signal, balance, events -------------------------------------------------------------


def test_a_rotation_says_who_is_live_now_and_why(two: Person) -> None:
    ended = two("rotate", "acme")

    assert ended.out == (
        "acme: acme-1 is now live (acme-1 is ready); no running opencode uses auth.json; the next"
        " one does\n"
    )
    assert two.entries() == {"acme": api("a")}


def test_a_dry_run_swaps_nothing(two: Person) -> None:
    ended = two("rotate", "acme", "--dry-run")

    assert ended.out.startswith("acme: acme-1 would become live")
    assert two.entries() == {"acme": api("b")}


def test_rotating_to_who_is_live_says_so(two: Person) -> None:
    assert two("rotate", "acme/acme-2").out.startswith("acme: acme-2 is already live")


def test_an_empty_slot_is_filled_by_name(two: Person) -> None:
    two.writes({})

    value = two("rotate", "acme", "acme-2", "--json").json()

    assert (value["from"], value["to"]) == (None, "acme-2")
    assert two.entries() == {"acme": api("b")}


def test_a_reported_limit_swaps_at_once_without_a_watcher(two: Person) -> None:
    value = two("signal", "acme", "--status", "429", "--retry-after", "60", "--json").json()

    assert (value["verdict"], value["live"]) == ("retry", "acme-1")
    assert two.entries() == {"acme": api("a")}


def test_a_reported_limit_with_balancing_off_is_only_noted(two: Person) -> None:
    """Case 22: no auth write, account marked."""
    two("balance", "off")

    value = two("signal", "acme", "--status", "429", "--json").json()

    assert (value["verdict"], value["live"]) == ("pass", "acme-2")
    assert two.accounts()["acme/acme-2"]["state"] == "cooling"
    assert two.entries() == {"acme": api("b")}


def test_with_all_used_up_status_says_who_is_first(two: Person) -> None:
    """Case 53: the user is told which account frees up when."""
    two("signal", "acme", "--status", "429", "--retry-after", "7200")
    two("signal", "acme", "--status", "429", "--retry-after", "3600")

    problems = two("status", "--json").json()["problems"]

    assert len(problems) == 1
    assert "acme-1 is first at" in problems[0]


def test_balancing_is_switched_and_remembered(two: Person) -> None:
    """Case 36, but on at first: persists."""
    assert two("balance").out == "balancing is on\n"
    two("balance", "off")
    two("balance", "off")

    assert two("balance").out == "balancing is off\n"
    assert [event["why"] for event in two.events()][-1:] == ["balancing was switched off"]
    assert len(two.events()) == 3


def test_the_last_events_are_shown_newest_last(two: Person) -> None:
    two("rotate")

    lines = two("events", "-n", "1").out.splitlines()

    assert len(lines) == 1
    assert lines[0].endswith("swapped     acme/acme-1 acme-2 -> acme-1: acme-1 is ready")


@contextmanager
def following(*words: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*PROGRAM, "events", "--follow", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def next_event(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    event: dict[str, Any] = json.loads(process.stdout.readline())
    return event


def test_following_goes_on_as_things_happen_and_ends_with_ctrl_c(two: Person) -> None:
    with following("-n", "1", "--json") as process:
        shown = [next_event(process)]
        two("rotate")
        shown.append(next_event(process))
        process.send_signal(signal.SIGINT)
        code = process.wait(30)

        assert process.stderr is not None
        assert process.stderr.read().strip() == ""
    assert ([event["kind"] for event in shown], code) == (["captured", "swapped"], 130)


def test_following_without_the_past_shows_only_what_is_new(two: Person) -> None:
    with following("-n", "0", "--json") as process:
        # Something new has to happen until it has begun to follow.
        wait_until(lambda: shows_after(process, two), 30, "an event to be shown")

        assert next_event(process)["kind"] == "swapped"


def shows_after(process: subprocess.Popen[str], person: Person) -> bool:
    assert process.stdout is not None
    assert person("rotate").code == 0
    return bool(select.select([process.stdout], [], [], 0.1)[0])


@pytest.mark.usefixtures("two")
def test_a_reader_that_goes_away_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as nobody:
        ended = subprocess.run(
            [*PROGRAM, "accounts"],
            stdout=nobody,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )

    assert (ended.returncode, ended.stderr) == (0, "")


# -- status --------------------------------------------------------------------------------------


def test_status_is_a_line_for_everything(two: Person) -> None:
    lines = two("status").out.splitlines()

    assert [line.split()[0] for line in lines] == [
        "watcher",
        "bridge",
        "balancing",
        "auth.json",
        "acme",
    ]
    assert lines[-1].split(maxsplit=1)[1] == "acme-2 ready; 2 of 2 ready"


def test_status_names_the_bridge_once_it_is_installed(person: Person) -> None:
    person("bridge", "install")

    bridge = person("status", "--json").json()["bridge"]

    assert bridge["installed"]
    assert bridge["version"] in person("bridge", "status").out


def say_present(person: Person, pid: object, **changes: object) -> None:
    value = {
        "schema": 1,
        "pid": pid,
        "bridge": "0.1.0",
        "opencode": "1.18.33",
        "auth_file": str(person.paths.auth_file),
        "directories": [],
        "started_at": "2026-11-22T12:00:00Z",
        "kind": "serve",
    }
    folder = private_folder(private_folder(person.paths.bridge) / "present")
    (folder / f"{pid}.json").write_text(json.dumps(value | changes))


def test_status_names_the_opencodes_that_have_the_bridge(two: Person) -> None:
    say_present(two, os.getpid())

    assert two("status", "--json").json()["opencodes"] == [
        {
            "pid": os.getpid(),
            "kind": "serve",
            "bridge": "0.1.0",
            "auth_file": str(two.paths.auth_file),
        }
    ]
    assert two("rotate", "--json").json()["applies"] == "next-request"


def test_a_bridge_of_another_auth_json_is_not_ours(two: Person) -> None:
    say_present(two, os.getpid(), auth_file="/elsewhere/auth.json")

    assert two("status", "--json").json()["opencodes"] == []


@pytest.mark.parametrize("pid", [0, -1, 10**30, "x", "true"])
def test_a_bridge_of_an_impossible_process_is_swept(two: Person, pid: object) -> None:
    say_present(two, pid)

    assert two("status", "--json").json()["opencodes"] == []
    assert list((two.paths.bridge / "present").iterdir()) == []


@pytest.fixture
def opencode_without_bridge(two: Person, tmp_path: Path) -> Iterator[int]:
    with opencode_running(two.paths, tmp_path) as pid:
        yield pid


def test_status_names_the_opencodes_that_need_a_restart(
    two: Person, opencode_without_bridge: int
) -> None:
    pid = opencode_without_bridge

    value = two("status", "--json").json()

    assert value["opencodes"] == [
        {"pid": pid, "kind": "tui", "bridge": None, "auth_file": str(two.paths.auth_file)}
    ]
    assert value["problems"] == [
        f"opencode (pid {pid}) runs without the bridge: it uses a swapped key only after a restart"
    ]


def test_a_swapped_key_says_that_an_opencode_needs_a_restart(
    two: Person, opencode_without_bridge: int
) -> None:
    assert opencode_without_bridge
    assert two("rotate", "--json").json()["applies"] == "after-restart"


@pytest.mark.parametrize(("is_older", "used"), [(True, "after-restart"), (False, "next-request")])
def test_a_swapped_login_is_used_at_the_next_request_by_who_began_with_one(
    two: Person, request: pytest.FixtureRequest, *, is_older: bool, used: str
) -> None:
    if is_older:
        request.getfixturevalue("opencode_without_bridge")
    two.logs_in(xai=oauth("a"))
    two.logs_in(xai=oauth("b", 2))
    # Without a bridge nobody knows that the second was not made from the first.
    assert two("accounts", "enable", "xai/xai-1").code == 0
    if not is_older:
        request.getfixturevalue("opencode_without_bridge")

    assert two("rotate", "xai", "--json").json()["applies"] == used


def test_a_well_known_token_always_needs_a_restart(two: Person) -> None:
    say_present(two, os.getpid())
    two.writes(two.entries() | {SITE: wellknown("v")})
    two("accounts")
    two.writes(two.entries() | {SITE: wellknown("w")})

    assert two("rotate", SITE, "--json").json()["applies"] == "after-restart"


# -- at a terminal -------------------------------------------------------------------------------


def at_a_terminal(*words: str, typed: str, asked: str) -> tuple[int, str]:
    """Run a command at a terminal, type when `asked` is shown, and return code and screen."""
    master, slave = pty.openpty()
    shown = ""
    with subprocess.Popen(
        [*PROGRAM, *words], stdin=slave, stdout=slave, stderr=slave, start_new_session=True
    ) as process:
        os.close(slave)
        try:
            while asked not in shown:
                shown += os.read(master, 1000).decode()
            os.write(master, typed.encode())
            code = process.wait(30)
            shown += os.read(master, 10_000).decode()
        finally:
            process.kill()
            os.close(master)
    return code, shown


def test_a_key_is_asked_for_and_not_shown(person: Person) -> None:
    code, shown = at_a_terminal(
        "accounts", "add", "acme", typed="KEY-CANARY-a\n", asked="Key of acme"
    )

    assert code == 0
    assert "CANARY" not in shown
    assert person.entries() == {"acme": api("a")}


def test_an_adding_that_is_given_up_leaves_nothing_behind(person: Person) -> None:
    """Case 15: add is abandoned."""
    code, _ = at_a_terminal("accounts", "add", "acme", typed="\x04", asked="Key of acme")

    assert (code, person.accounts(), person.entries()) == (130, {}, {})


def test_removing_is_asked_for_and_a_no_changes_nothing(two: Person) -> None:
    code, _ = at_a_terminal("accounts", "remove", "acme/acme-1", typed="n\n", asked="[y/N]")

    assert (code, list(two.accounts())) == (130, ["acme/acme-1", "acme/acme-2"])


def test_removing_is_done_after_a_yes(two: Person) -> None:
    code, _ = at_a_terminal("accounts", "remove", "acme/acme-1", typed="y\n", asked="[y/N]")

    assert (code, list(two.accounts())) == (0, ["acme/acme-2"])


# -- privacy -------------------------------------------------------------------------------------


def test_every_file_is_private_whatever_the_umask(person: Person, home: Path) -> None:
    before = os.umask(0)
    try:
        person("accounts", "add", "acme", given=b"KEY-CANARY-a")
        person("accounts", "add", "acme", given=b"KEY-CANARY-b")
        person("rotate")
        person("signal", "acme", "--status", "429")
        person("bridge", "install")
        person("status")
        person("balance", "off")
    finally:
        os.umask(before)

    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in home.rglob("*")}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert len(modes) > 15


# -- what speaks for and against ------------------------------------------------------------


def test_what_speaks_for_and_against_each_account_is_told(two: Person) -> None:
    lines = two("explain", "acme").out.splitlines()

    assert lines[0].startswith("acme: the live account stays until it is limited")
    assert lines[1:3] == ["  acme-1 is ready", "* acme-2 is ready"]
    assert lines[3] == "if the live one is refused: acme-1 (acme-1 is ready)"


def test_an_explanation_is_there_for_programs_too(two: Person) -> None:
    value = two("explain", "--model", "big-1", "--json").json()

    outlook = {
        "next": "acme-1",
        "next_why": "acme-1 is ready",
        "preferred": None,
        "preferred_why": None,
        "held_by": None,
    }
    assert value == {
        "schema": 1,
        "providers": [
            {
                "id": "acme",
                "model": "big-1",
                "strategy": "sticky",
                "balancing": True,
                "accounts": [
                    {"alias": "acme-1", "active": False, "why": "is ready"},
                    {"alias": "acme-2", "active": True, "why": "is ready"},
                ],
                **outlook,
                "own_key": None,
                "homes": {"auth.json": outlook},
            }
        ],
    }


def test_without_accounts_there_is_nothing_to_explain(person: Person) -> None:
    assert person("explain").out.startswith("no accounts yet")
