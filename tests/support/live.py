"""A made-up person's auth.json, store and clock: real files in a HOME of the test's own.

The vendors are made up too: `named` tells whose a login is, `rotating` replaces both tokens at
a refresh and names nobody, and any other id is of a provider that nobody knows.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import json
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rotator.clock import Clock
from rotator.context import Context, open_context
from rotator.core.logins.aliases import split_name
from rotator.live.capture import capture_live
from rotator.model import Account, AccountState, Credential, Event, EventKind, Identity, State
from rotator.model.preferences import Preferences
from rotator.opencode.auth.file import Reading
from rotator.plugins.registry import Registry
from rotator.services.rotate import find_account
from rotator.system.locks import swap_lock
from rotator.system.paths import Paths, find_paths
from tests.support.home import places
from tests.support.waiting import wait_until

Entry = dict[str, Any]
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
_WRITES = itertools.count()


def api(name: str, **more: Any) -> Entry:
    """Return the entry of an API key."""
    return {"type": "api", "key": f"KEY-CANARY-{name}", **more}


def wellknown(name: str) -> Entry:
    """Return the entry of a well-known token; its provider's id is a URL."""
    return {"type": "wellknown", "key": "ACME_TOKEN", "token": f"TOK-CANARY-{name}"}


def oauth(name: str, generation: int = 1, *, left: timedelta = timedelta(hours=1)) -> Entry:
    """Return the entry of a login whose access token has `left` to live at `NOON`.

    Each generation has tokens of its own; `named` reads `name` as the e-mail's beginning.
    """
    return oauth_until(name, generation, NOON + left)


def oauth_until(name: str, generation: int, expires_at: datetime) -> Entry:
    """Return the entry of a login whose access token runs out at `expires_at`."""
    return {
        "type": "oauth",
        "refresh": f"REF-CANARY-{name}-{generation}",
        "access": f"ACC-CANARY-{name}-{generation}",
        "expires": int(expires_at.timestamp() * 1000),
    }


class HandClock:
    """A clock that stands still until `pass_time`, and may be told to do something when asked."""

    def __init__(self) -> None:
        self.now = NOON
        self.when_asked: Callable[[], None] = lambda: None

    def __call__(self) -> datetime:
        self.when_asked()
        return self.now

    def pass_time(self, **parts: float) -> None:
        """Move on by a timedelta of these parts."""
        self.now += timedelta(**parts)


class Named:
    """Tells a login's owner by the name in its access token, as a vendor's JWT does."""

    ids = ("named",)
    rotates_tokens = True

    def identify(self, credential: Credential) -> Identity:
        """Return the owner of a login."""
        if credential.type != "oauth":
            return Identity()
        name = credential.secret.reveal().removeprefix("ACC-CANARY-").rpartition("-")[0]
        return Identity(key=f"user/{name}", label=f"{name}@acme.example")


class Rotating:
    """Replaces both tokens at a refresh and tells nobody's name."""

    ids = ("rotating",)
    rotates_tokens = True

    def identify(self, credential: Credential) -> Identity:  # noqa: ARG002  # the contract's shape
        """Return nothing."""
        return Identity()


REGISTRY = Registry({"named": Named(), "rotating": Rotating()})


def write_as_opencode(path: Path, content: bytes) -> None:
    """Write in place, as opencode does: the same inode, truncated first, then 0600."""
    with path.open("wb") as file:
        file.write(content)
    path.chmod(0o600)


@dataclass
class Live:
    """One person's context with the file they are about."""

    context: Context
    clock: HandClock
    made: list[Path] = field(default_factory=list)

    @property
    def paths(self) -> Paths:
        """Where everything lies."""
        return self.context.paths

    @property
    def file(self) -> Path:
        """The live file, auth.json."""
        return self.context.paths.auth_file

    @property
    def state(self) -> State:
        """The store as it is now."""
        return self.context.store.state()

    def write(self, entries: Mapping[str, object] | bytes) -> bytes:
        """Put `entries` into auth.json in opencode's manner; return the bytes."""
        content = entries if isinstance(entries, bytes) else as_opencode(entries)
        self.file.parent.mkdir(parents=True, exist_ok=True)
        write_as_opencode(self.file, content)
        # No two writes have the very same time.
        at = int(self.clock.now.timestamp()) * 10**9 + next(_WRITES)
        os.utime(self.file, ns=(at, at))
        return content

    def look(self, *, watched: bool = True) -> Reading:
        """Take in what auth.json holds, as the watcher does at a change."""
        with swap_lock(self.paths.swap_lock):
            return capture_live(self.context, watched=watched)

    def sees(self, entries: Mapping[str, object] | bytes, *, watched: bool = True) -> Reading:
        """Write and look."""
        self.write(entries)
        return self.look(watched=watched)

    def entries(self) -> dict[str, Any]:
        """Return what auth.json holds now."""
        value: dict[str, Any] = json.loads(self.file.read_bytes())
        return value

    def account(self, name: str) -> Account:
        """Return the account `provider/alias`."""
        return find_account(self.state, *split_name(name))

    def saved(self, name: str) -> Entry:
        """Return the entry that is saved for the account."""
        value: Entry = json.loads(self.account(name).credential.entry.reveal())
        return value

    def active(self, provider: str) -> str | None:
        """Return the alias in the provider's slot."""
        account = self.state.active(provider)
        return account.alias if account else None

    def names(self) -> list[str]:
        """Return every account's name in order."""
        return sorted(account.name for account in self.state.accounts)

    def state_of(self, name: str) -> AccountState:
        """Return the account's state now."""
        return self.account(name).state_at(self.clock.now)

    def events(self) -> list[Event]:
        """Return what happened so far, oldest first."""
        return [numbered.event for numbered in self.context.history.read()]

    def kinds(self) -> list[EventKind]:
        """Return the kinds of what happened so far."""
        return [event.kind for event in self.events()]


def as_opencode(entries: Mapping[str, object]) -> bytes:
    """Return the bytes that opencode writes for these entries."""
    return json.dumps(entries, indent=2).encode()


def break_row(live: Live, alias: str) -> None:
    """Damage the row of an account as a fault of the disk would."""
    with contextlib.closing(sqlite3.connect(live.paths.store, isolation_level=None)) as connection:
        connection.execute("UPDATE account SET entry = '{oops' WHERE alias = ?", (alias,))


def kept_aside(live: Live) -> list[bytes]:
    """Return the contents that the store keeps aside, oldest first."""
    with contextlib.closing(sqlite3.connect(live.paths.store)) as connection:
        rows = connection.execute("SELECT content FROM aside ORDER BY number").fetchall()
    return [row[0] for row in rows]


@contextlib.contextmanager
def open_live(
    home: Path, *, clock: HandClock | None = None, registry: Registry = REGISTRY
) -> Iterator[Live]:
    """Open the context of the person who lives in `home`."""
    at = clock or HandClock()
    asked: Clock = at
    # The settings are nobody's unless a test says otherwise, so that no file of them is read.
    with open_context(
        find_paths(places(home)), clock=asked, registry=registry, preferences=Preferences
    ) as context:
        yield Live(context, at)


@contextlib.contextmanager
def full_disk(most_bytes: int = 0) -> Iterator[None]:
    """Let no file grow beyond `most_bytes`, as if the disk had no more room."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextlib.contextmanager
def opencode_running(paths: Paths, folder: Path, *words: str) -> Iterator[int]:
    """Run a program called opencode that has a file open beside auth.json, as opencode has.

    It sleeps; `folder` is where it may be put. Yields its pid.
    """
    program = folder / "opencode"
    shutil.copy(shutil.which("sleep") or "sleep", program)
    database = paths.auth_file.with_name("opencode.db")
    database.touch()
    with (
        database.open("rb") as file,
        subprocess.Popen([program, *(words or ["100"])], stdin=file) as process,
    ):
        comm = Path(f"/proc/{process.pid}/comm")
        wait_until(lambda: comm.read_text() == "opencode\n", 10, "the program to start")
        try:
            yield process.pid
        finally:
            process.kill()


def run_at_once(program: str, arguments: Sequence[Sequence[str]]) -> list[str]:
    """Run `program` in a process for each of `arguments`; return what each said was wrong.

    The program prints a line when it is ready and then reads one: all begin together.
    """
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )
        for words in arguments
    ]
    for process in processes:
        if process.stdout is not None:
            process.stdout.readline()
    for process in processes:
        if process.stdin is not None:
            process.stdin.write("go\n")
            process.stdin.flush()
    return [process.communicate(timeout=100)[1] for process in processes]


_READ_AND_WRITE_ANYTHING = 0b110  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH


@contextlib.contextmanager
def as_anybody() -> Iterator[None]:
    """Let rights of files hold in this thread even if root runs the tests (capset(2))."""
    if os.geteuid() != 0:
        yield
        return
    if not sys.platform.startswith("linux"):
        pytest.fail("as root this needs Linux")
    before = _capabilities()
    _set_capabilities([before[0] & ~_READ_AND_WRITE_ANYTHING, *before[1:]])
    try:
        yield
    finally:
        _set_capabilities(before)


# Version 3: two blocks of effective, permitted and inheritable.
_HEADER = (ctypes.c_uint32 * 2)(0x20080522, 0)


def _capabilities() -> list[int]:
    data = (ctypes.c_uint32 * 6)()
    if ctypes.CDLL(None).capget(_HEADER, data):
        pytest.fail("capget failed")
    return list(data)


def _set_capabilities(values: list[int]) -> None:
    if ctypes.CDLL(None).capset(_HEADER, (ctypes.c_uint32 * 6)(*values)):
        pytest.fail("capset failed")
