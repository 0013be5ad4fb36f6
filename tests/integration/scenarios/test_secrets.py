"""A whole session with logins of all three types; then every secret is looked for everywhere."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest

from rotator.clock import to_iso
from rotator.secret import digest_of
from rotator.system.files import publish
from tests.support.builders import a_jwt
from tests.support.canary import sweep
from tests.support.children import Lines, child, end
from tests.support.connected import Connected
from tests.support.household import Household
from tests.support.provider_answers import Answer, refusal
from tests.support.provider_request import Request
from tests.support.rotator_process import accounts, events, rotator
from tests.support.vendor import Vendor
from tests.support.waiting import wait_until

pytestmark = pytest.mark.no_cover

PROGRAM = (sys.executable, "-m", "rotator")
SITE = "https://w.example"
KEYS = {name: f"KEY-CANARY-{name}-{'0123456789abcdef' * 2}" for name in "abc"}
LOGINS = {
    name: {
        "type": "oauth",
        "refresh": f"REF-CANARY-{name}",
        "access": a_jwt({"sub": f"user-{name}", "email": f"{name}@acme.example"}),
        "expires": 4_102_444_800_000,
        "accountId": name,
    }
    for name in "xy"
}
TOKEN = "TOK-CANARY-w"
# Logins that are parked and have run out: the vendor renews the first and fails at the second.
PARKED: dict[str, dict[str, Any]] = {
    name: {"type": "oauth", "access": f"ACC-CANARY-{name}", "refresh": f"REF-CANARY-{name}"}
    | {"expires": 1_000, "accountId": name}
    for name in ("renewed", "doubtful")
}
RENEWED = {"access_token": "ACC-CANARY-renewed-2", "refresh_token": "REF-CANARY-renewed-2"}
SECRETS = [
    *KEYS.values(),
    TOKEN,
    *RENEWED.values(),
    *(str(login[name]) for login in PARKED.values() for name in ("refresh", "access")),
    *(str(login[name]) for login in LOGINS.values() for name in ("refresh", "access")),
]
# Where credentials belong; in no other column is there one.
CREDENTIAL_COLUMNS = {
    ("account", "entry"),
    ("account", "previous_entry"),
    ("live", "content"),
    ("aside", "content"),
    ("refresh", "answer"),
}
BEGUN = 'timestamp={at} level=INFO run=fffa7f6d message="creating instance" directory=/project\n'
LOGGED = (
    'timestamp={at} level=ERROR run=fffa7f6d message="stream error" providerID=openai'
    " modelID=m1 session.id=ses_9 small=false agent=build mode=primary"
    ' error.error="AI_APICallError: Rate limit reached for {secret}"\n'
)
SECONDS = 10.0


def secrets_in(content: bytes) -> list[int]:
    """Return the numbers of the secrets that `content` holds: they are not shown themselves."""
    return [n for n, secret in enumerate(SECRETS) if secret.encode() in content]


@pytest.fixture
def vendor(tmp_path: Path) -> Iterator[Vendor]:
    with Vendor(tmp_path) as vendor:
        yield vendor


@pytest.fixture
def no_umask() -> Iterator[None]:
    """Let the processes of the test take no right away from what they make."""
    before = os.umask(0)
    yield
    os.umask(before)


class Session:
    """What a person does while a watcher runs, and everything that was said meanwhile."""

    def __init__(self, house: Household, vendor: Vendor) -> None:
        self.house = house
        self.vendor = vendor
        self.said: list[str] = []
        self.inbox = house.state_dir / "bridge" / "inbox"
        self.outbox = house.state_dir / "bridge" / "outbox"

    def says(self, *words: str, given: str | None = None) -> int:
        """Run a command; keep what it says, and return its exit code."""
        ended = rotator(self.house, *words, given=given)
        self.said += [ended.stdout, ended.stderr]
        return ended.code

    def logs_in(self, **entries: Any) -> None:
        """Write entries as opencode does, and wait until the watcher has saved them."""
        count = len(accounts(self.house))
        self.house.write_auth(self.house.read_auth() | entries)
        wait_until(lambda: len(accounts(self.house)) > count, SECONDS, "the login")

    def signals(self, number: int, credential: str, **more: Any) -> dict[str, Any]:
        """Report a failure as no bridge of ours would, and return the verdict."""
        found: dict[str, Any] = json.loads(self.reports(number, credential, **more).read_bytes())
        return found

    def reports(self, number: int, credential: str, **more: Any) -> Path:
        """Report a failure with everything in it, unredacted; return where the verdict is."""
        everything = " ".join(SECRETS)
        value = {
            "schema": 1,
            "id": f"s-{number}",
            "request": f"r {everything}",
            "attempt": 1,
            "at": to_iso(datetime.now(UTC)),
            "provider": "acme",
            "model": everything,
            "session": everything,
            "credential": digest_of(credential),
            "tried": [digest_of(credential)],
            "status": 429,
            "headers": {"retry-after": "3600", "x-echo": everything, everything: "1"},
            "body": json.dumps({"error": {"message": everything, "type": SECRETS[0]}}),
            "error": everything,
        }
        publish(self.inbox / f"s-{number}.json", json.dumps(value | more).encode())
        verdict = self.outbox / f"s-{number}.json"
        wait_until(verdict.exists, SECONDS, "a verdict")
        return verdict

    def asks_vendors(self) -> None:
        """Let parked logins be put in, and a vendor that repeats in every answer what it got."""
        everything = " ".join(SECRETS)
        for name, login in PARKED.items():
            given = json.dumps(login)
            assert self.says("accounts", "add", "openai", "--alias", name, given=given) == 0

        def tokens(request: Request) -> Answer:
            body = request.body if isinstance(request.body, dict) else {}
            if body.get("refresh_token") == PARKED["renewed"]["refresh"]:
                return Answer(body=RENEWED | {"echo": everything, "expires_in": 3600})
            return refusal(503, {"error": everything}, {"x-echo": everything})

        self.vendor.answer("auth.openai.com", "/oauth/token", tokens)
        echo = refusal(400, {"error": {"message": everything}}, {"x-echo": everything})
        self.vendor.answer("chatgpt.com", "/backend-api/wham/usage", echo)
        assert self.says("rotate", "openai", "doubtful") == 4
        assert self.says("rotate", "openai", "renewed") == 0
        assert self.house.read_auth()["openai"]["access"] == RENEWED["access_token"]

    def meets_trouble(self) -> None:
        """Let the watcher meet what it cannot expect, and an auth.json that is not right."""
        told = self.house.state_dir / "bridge" / "state.json"
        told.unlink()
        (told / "in the way").mkdir(parents=True)
        (self.outbox / "s-90.json" / "in the way").mkdir(parents=True)
        verdict = self.reports(90, "KEY-CANARY-unknown")
        log = self.house.state_dir / "rotator.log"
        for trouble in ("nothing can be told to opencode", "a verdict could not be given"):
            wait_until(lambda told=trouble: told in log.read_text(), SECONDS, trouble)  # type: ignore[misc]  # a default
        for folder in (told, verdict):
            (folder / "in the way").rmdir()
            folder.rmdir()
        whole = self.house.read_auth()
        self.house.write_auth(whole | {"odd": {"type": "api", "key": [KEYS["a"]]}})
        wait_until(
            lambda: any(event["provider"] == "odd" for event in events(self.house)),
            SECONDS,
            "the event of an entry that is none",
        )
        self.house.auth_file.write_text(json.dumps(whole)[:-9])
        assert self.says("rotate", "acme") == 6
        assert self.says("rotate", "acme", "--json") == 6
        self.house.write_auth(whole)


def limited(house: Household, provider: str) -> bool:
    """Tell whether an account of the provider was limited."""
    found = [event for event in events(house) if event["kind"] == "limited"]
    return any(event["provider"] == provider for event in found)


def talked_through(session: Session) -> None:
    """Do everything that a person and a watcher do with credentials."""
    house = session.house
    session.logs_in(acme={"type": "api", "key": KEYS["a"]})
    session.logs_in(acme={"type": "api", "key": KEYS["b"]})
    for login in LOGINS.values():
        session.logs_in(openai=login)
    assert session.says("accounts", "add", "acme", "--alias", "third", given=KEYS["c"]) == 0

    verdict = session.signals(1, KEYS["b"])
    assert verdict["verdict"] == "retry"
    assert session.signals(2, LOGINS["y"]["access"], provider="openai", status=401)  # type: ignore[arg-type]
    assert session.signals(3, "KEY-CANARY-unknown")["verdict"] == "pass"
    house.log_file.parent.mkdir(exist_ok=True)
    with house.log_file.open("a") as file:
        file.write(BEGUN.format(at=to_iso(datetime.now(UTC))))
        for secret in SECRETS:
            file.write(LOGGED.format(at=to_iso(datetime.now(UTC)), secret=secret))
    wait_until(lambda: limited(house, "openai"), SECONDS, "what the log says")
    # What such a login brings may give keys of its own: from here on the log blames nobody.
    session.logs_in(**{SITE: {"type": "wellknown", "key": "TOKEN", "token": TOKEN}})

    session.meets_trouble()
    session.asks_vendors()
    for words in (
        ("rotate", "acme"),
        ("rotate", "openai", "--dry-run"),
        ("signal", "acme", "--status", "429", "--retry-after", "60"),
        ("accounts",),
        ("accounts", "--json"),
        ("usage",),
        ("usage", "--refresh", "--json"),
        ("status",),
        ("status", "--json"),
        ("events",),
        ("events", "--json"),
        ("bridge", "status"),
    ):
        assert session.says(*words) in {0, 4}, words


def seen_from_outside(pid: int) -> bytes:
    """Return what everybody may see of a process and of whatever it started."""
    pids = [pid, *(one.pid for one in psutil.Process(pid).children(recursive=True))]
    return b"".join(
        Path(f"/proc/{one}/{name}").read_bytes() for one in pids for name in ("cmdline", "environ")
    )


def misplaced(store: Path) -> list[tuple[str, str]]:
    """Return the columns that hold a secret and are none of credentials."""
    found = set()
    with contextlib.closing(sqlite3.connect(store)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        for (table,) in tables.fetchall():
            rows = connection.execute(f"SELECT * FROM {table}")  # noqa: S608  # its own names
            names = [column[0] for column in rows.description]
            for row in rows:
                texts = (v if isinstance(v, bytes) else str(v).encode() for v in row)
                found |= {
                    (table, name)
                    for name, text in zip(names, texts, strict=True)
                    if b"CANARY" in text or secrets_in(text)
                }
    assert ("account", "entry") in found, "the search finds what is there"
    return sorted(found - CREDENTIAL_COLUMNS)


def too_open(*folders: Path) -> list[str]:
    """Return what somebody else may read, write or enter below some folders of ours."""
    paths = [path for folder in folders for path in (folder, *folder.rglob("*"))]
    return [str(path) for path in paths if stat.S_IMODE(path.lstat().st_mode) & 0o077]


@pytest.mark.usefixtures("no_umask")
def test_no_secret_leaves_the_places_where_secrets_belong(home: Path, vendor: Vendor) -> None:
    house = Connected(home, way=vendor.environment)
    session = Session(house, vendor)
    house.auth_file.parent.mkdir(parents=True)
    data = house.auth_file.parent.with_name("opencode-rotator")

    with child([*PROGRAM, "watch"], env=house.env(), cwd=home) as process:
        lines = Lines(process)
        lines.wait_for("watching ", 30)
        talked_through(session)

        assert secrets_in(seen_from_outside(process.pid)) == []
        assert misplaced(data / "rotator.sqlite") == []
        assert too_open(house.state_dir, data) == []
        assert stat.S_IMODE(house.auth_file.stat().st_mode) == 0o600
        # While it runs: nothing has been tidied up yet.
        assert sweep(home) == []
        assert end(process) == 0
        lines.join()

    session.said += lines.seen
    assert secrets_in("\n".join(session.said).encode()) == []
    assert "CANARY" not in "\n".join(session.said)
    assert {path.name for path in house.state_dir.iterdir()} >= {"rotator.log", "changed"}
    for path in [*house.state_dir.rglob("*"), *data.glob("history*")]:
        assert path.is_dir() or secrets_in(path.read_bytes()) == [], path
    assert sweep(home) == []


def test_a_key_that_is_typed_in_is_seen_by_no_other_process(home: Path) -> None:
    house = Household(home)

    with subprocess.Popen(
        [*PROGRAM, "accounts", "add", "acme"],
        env=house.env(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        assert process.stdin is not None
        process.stdin.write(KEYS["a"].encode())
        process.stdin.flush()
        store = house.auth_file.parents[1] / "opencode-rotator" / "rotator.sqlite"
        wait_until(
            lambda: store.exists() or b"add" in seen_from_outside(process.pid), SECONDS, "its start"
        )
        seen = seen_from_outside(process.pid)
        said, _ = process.communicate()

    assert process.returncode == 0
    assert b"add" in seen
    assert secrets_in(seen) == []
    assert secrets_in(said) == []
