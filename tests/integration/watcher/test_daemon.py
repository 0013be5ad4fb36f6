"""The watcher from the inside: one thread, real files, signals and log lines by hand."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import pytest
from watchdog.observers.api import BaseObserver

from rotator.clock import to_iso
from rotator.context import Context, open_context
from rotator.model import AccountState, Event, EventKind
from rotator.opencode.auth import writer
from rotator.plugins.registry import Registry, load_registry
from rotator.provider import HttpAnswer
from rotator.secret import Secret, digest_of
from rotator.services.status import read_status
from rotator.storage.history import History
from rotator.system.file_watch import FileWatcher
from rotator.system.files import publish, temporary_beside
from rotator.system.locks import swap_lock, watch_lock
from rotator.system.paths import Paths, find_paths
from rotator.watcher.daemon import Daemon
from tests.support.config_files import write_config
from tests.support.live import as_anybody
from tests.support.naming import NAMING, Namer
from tests.support.waiting import wait_until

A, B = "KEY-CANARY-A", "KEY-CANARY-B"
SECONDS = 10.0
LOGGED = (
    'timestamp={at} level=ERROR run=fffa7f6d message="stream error" providerID={provider}'
    " modelID=m1 session.id={session} small=false agent=build mode=primary"
    ' error.error="AI_APICallError: Rate limit reached"\n'
)


class Running:
    """A watcher in a thread of the test; its own context is opened there."""

    def __init__(
        self,
        paths: Paths,
        watcher: Callable[..., FileWatcher] = FileWatcher,
        registry: Registry | None = None,
    ) -> None:
        self.paths = paths
        self._watcher = watcher
        self._registry = registry
        self._ready = threading.Event()
        self._daemon: Daemon | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._ready.wait(SECONDS)

    def _run(self) -> None:
        with open_context(self.paths, registry=self._registry) as context:
            self._daemon = Daemon(context, watcher=self._watcher)
            self._daemon.run(self._ready.set)

    def stop(self) -> None:
        """End it and wait for its thread."""
        assert self._daemon is not None
        self._daemon.stop()
        self._thread.join(SECONDS)
        assert not self._thread.is_alive()


class World:
    """A running watcher and what a test sees and does from outside."""

    def __init__(self, stack: ExitStack) -> None:
        self.paths = find_paths()
        self.paths.auth_file.parent.mkdir(parents=True)
        self.paths.opencode_logs.mkdir()
        self._log = self.paths.opencode_logs / "opencode.log"
        self._log.touch()
        self.running = Running(self.paths)
        stack.callback(self._stop)
        self.context: Context = stack.enter_context(open_context(self.paths))
        self.history: History = self.context.history

    def _stop(self) -> None:
        # Whichever runs by then: a test may have started another one.
        self.running.stop()

    def write_auth(self, **entries: object) -> None:
        """Write auth.json in place."""
        self.paths.auth_file.write_text(json.dumps(entries))

    def write_bytes(self, content: bytes) -> None:
        """Write anything into auth.json."""
        self.paths.auth_file.write_bytes(content)

    def read_auth(self) -> Any:
        """Return what auth.json holds."""
        return json.loads(self.paths.auth_file.read_bytes())

    def log_in(self, key: str, provider: str = "mock") -> None:
        """Log in with a key and wait until it is the active one."""
        entries = self.read_auth() if self.paths.auth_file.exists() else {}
        self.write_auth(**entries | {provider: {"type": "api", "key": key}})
        self.wait_for_active(provider, key)

    def wait_for_active(self, provider: str, secret: str) -> None:
        """Wait until the account in the provider's slot has that secret."""
        wait_until(lambda: self.active(provider) == digest_of(secret), SECONDS, "the login")

    def active(self, provider: str = "mock") -> str | None:
        """Return the digest of the active account's key."""
        account = self.context.store.state().active(provider)
        return account.credential.digest if account else None

    def groups(self) -> list[str | None]:
        """Return the group of each account."""
        return [account.group for account in self.context.store.state().accounts]

    def events(self, *kinds: EventKind) -> list[Event]:
        """Return the events so far, of some kinds or of all."""
        found = [numbered.event for numbered in self.history.read()]
        return [event for event in found if not kinds or event.kind in kinds]

    def wait_for_event(self, kind: EventKind, count: int = 1) -> Event:
        """Wait for the event number `count` of a kind."""
        wait_until(lambda: len(self.events(kind)) >= count, 2 * SECONDS, f"{kind} number {count}")
        return self.events(kind)[count - 1]

    def signal(self, number: int, key: str, **changes: object) -> Path:
        """Report a failure as the bridge does; return where the verdict will be."""
        value = {
            "schema": 1,
            "id": f"s-{number}",
            "request": "r",
            "attempt": 1,
            "at": to_iso(datetime.now(UTC)),
            "provider": "mock",
            "session": "ses_1",
            "credential": digest_of(key),
            "tried": [digest_of(key)],
            "status": 429,
            "headers": {"retry-after": "3600"},
            "body": "",
        }
        publish(self.paths.bridge / "inbox" / f"s-{number}.json", _json(value | changes))
        return self.paths.bridge / "outbox" / f"s-{number}.json"

    def verdict(self, path: Path) -> Any:
        """Wait for a verdict."""
        wait_until(path.exists, SECONDS, "a verdict")
        return json.loads(path.read_bytes())

    def log(self, provider: str, session: str = "ses_1") -> None:
        """Append a line to opencode's log."""
        line = LOGGED.format(at=to_iso(datetime.now(UTC)), provider=provider, session=session)
        with self._log.open("a") as file:
            file.write(line)

    def told(self) -> Any:
        """Return state.json."""
        return json.loads((self.paths.bridge / "state.json").read_bytes())


def oauth(access: str) -> dict[str, object]:
    """Return an entry of a login that keeps its refresh token."""
    return {
        "type": "oauth",
        "access": access,
        "refresh": "REF-CANARY",
        "expires": 4_000_000_000_000,
    }


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


@pytest.fixture
def world(home: Path) -> Iterator[World]:
    """Return a watcher over an empty HOME."""
    assert home.exists()
    with ExitStack() as stack:
        yield World(stack)


def test_a_watcher_sweeps_what_a_crash_left_beside_auth_json() -> None:
    paths = find_paths()
    paths.auth_file.parent.mkdir(parents=True)
    left = temporary_beside(paths.auth_file)
    left.write_bytes(b"CANARY")

    running = Running(paths)
    wait_until(lambda: not left.exists(), SECONDS, "the leftover to be swept")

    running.stop()


def test_a_signal_gets_its_verdict_after_the_swap(world: World) -> None:
    world.log_in(B)
    world.log_in(A)

    verdict = world.verdict(world.signal(1, A))

    assert (verdict["verdict"], verdict["credential"]) == ("retry", digest_of(B))
    assert world.read_auth()["mock"]["key"] == B
    world.wait_for_event(EventKind.FAILOVER)


def test_the_bridge_is_told_of_logins_and_of_a_swap(world: World) -> None:
    world.log_in(B)
    world.log_in(A)

    wait_until(
        lambda: world.told()["providers"].get("mock", {}).get("active") == digest_of(A),
        SECONDS,
        "state.json to name the login",
    )

    told = world.told()
    assert set(told["providers"]["mock"]["known"]) == {digest_of(A), digest_of(B)}
    assert told["watcher"]["pid"] == os.getpid()
    assert told["auth_file"] == str(world.paths.auth_file)
    assert A not in json.dumps(told)


def test_a_failure_that_bridge_and_log_tell_is_one(world: World) -> None:
    world.log_in(B)
    world.log_in(A)
    world.log_in("KEY-CANARY-O", "other")
    world.verdict(world.signal(1, A))
    passed = world.verdict(world.signal(2, B, attempt=2, tried=[digest_of(A), digest_of(B)]))

    world.log("mock")
    world.log("other", session="ses_2")
    # Lines are read in their order: once the second one shows, the first one was read.
    world.wait_for_event(EventKind.LIMITED, count=3)

    assert passed["verdict"] == "pass"
    limited = [event.provider for event in world.events(EventKind.LIMITED)]
    assert limited == ["mock", "mock", "other"]
    strikes = [a.limit.strikes for a in world.context.store.state().of("mock") if a.limit]
    assert strikes == [1, 1]


def test_a_login_made_while_no_watcher_ran_is_found_at_the_start(world: World) -> None:
    world.log_in(A)
    world.running.stop()
    world.write_auth(mock={"type": "api", "key": B})

    world.running = Running(world.paths)

    assert world.active() == digest_of(B)
    assert len(world.context.store.state().accounts) == 2


def test_a_signal_that_came_while_no_watcher_ran_is_worked_off_at_the_start(world: World) -> None:
    world.log_in(B)
    world.log_in(A)
    world.running.stop()
    path = world.signal(1, A)

    world.running = Running(world.paths)

    assert world.verdict(path)["verdict"] == "retry"


def test_a_stopped_watcher_leaves_no_state_behind_for_the_bridge(world: World) -> None:
    world.running.stop()

    assert not (world.paths.bridge / "state.json").exists()
    world.running = Running(world.paths)


def test_an_account_whose_rest_is_over_is_told_to_be_back(world: World) -> None:
    world.log_in(B)
    world.log_in(A)

    world.verdict(world.signal(1, A, headers={"retry-after": "1"}))

    world.wait_for_event(EventKind.RECOVERED)
    states = {a.state_at(datetime.now(UTC)) for a in world.context.store.state().accounts}
    assert states == {AccountState.READY}


def test_half_a_file_changes_nothing_and_is_written_anew_when_nobody_finishes_it(
    world: World,
) -> None:
    """Case 6."""
    world.log_in(A)
    whole = world.paths.auth_file.read_bytes()

    world.write_bytes(whole[: len(whole) // 2])
    event = world.wait_for_event(EventKind.RESTORED)

    assert world.paths.auth_file.read_bytes() == whole
    assert "half-written" in event.why
    assert world.events(EventKind.LOGGED_OUT) == []


def test_a_file_that_is_gone_empties_the_slots_and_keeps_the_accounts(world: World) -> None:
    world.log_in(A)

    world.paths.auth_file.unlink()
    world.wait_for_event(EventKind.PROBLEM)

    assert world.active() is None
    (account,) = world.context.store.state().accounts
    assert account.disabled is None
    world.log_in(A)
    assert len(world.context.store.state().accounts) == 1


def test_nonsense_in_the_inbox_costs_itself_alone(world: World) -> None:
    world.log_in(B)
    world.log_in(A)
    inbox = world.paths.bridge / "inbox"
    for number, content in enumerate([b"", b"{", b"[]", b'{"schema":2}', b"\xff", b"1" * 300_000]):
        publish(inbox / f"n-{number}.json", content)

    verdict = world.verdict(world.signal(1, A))

    assert verdict["verdict"] == "retry"
    wait_until(lambda: not list(inbox.glob("*.json")), SECONDS, "the inbox to be empty")


def test_a_failure_of_a_credential_that_nobody_knows_is_passed(world: World) -> None:
    world.log_in(A)

    assert world.verdict(world.signal(1, "KEY-CANARY-UNKNOWN"))["verdict"] == "pass"
    assert world.events(EventKind.LIMITED) == []


def test_a_system_without_notifications_left_is_polled_and_status_says_so(world: World) -> None:
    def refused() -> BaseObserver:
        raise OSError(errno.EMFILE, "too many open files")

    world.running.stop()
    with watch_lock(world.paths.watch_lock):
        world.running = Running(world.paths, partial(FileWatcher, observer_factory=refused))

        world.log_in(A)

        assert any(
            problem.startswith("auth.json is polled")
            for problem in read_status(world.context).problems
        )


def test_status_names_the_broken_modules_that_the_watcher_has_found(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "vendors_for_status"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "broken.py").write_text("raise RuntimeError('oops')")
    monkeypatch.syspath_prepend(tmp_path)
    sentence = "the provider module broken was not loaded: oops"

    before = read_status(world.context).problems
    world.running.stop()
    with watch_lock(world.paths.watch_lock):
        world.running = Running(world.paths, registry=load_registry(package.name))
        while_it_runs = read_status(world.context).problems

    assert (sentence in before, sentence in while_it_runs) == (False, True)


def test_what_cannot_be_mended_is_told_once_and_the_watch_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> NoReturn:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    older, newer = oauth("ACC-CANARY-1"), oauth("ACC-CANARY-2")
    for entry in (older, newer):
        world.write_auth(acme=entry)
        world.wait_for_active("acme", str(entry["access"]))
    world.running.stop()
    # An old copy came back while nobody watched, where nothing can be written.
    monkeypatch.setattr(writer, "write_in_place", refuse)
    world.write_auth(acme=older)
    folder = world.paths.auth_file.parent
    folder.chmod(0o500)
    with as_anybody():
        world.running = Running(world.paths)
        for number in range(3):
            world.write_auth(acme=older)
            # Once this has its answer, the hint about the write before it was looked into.
            world.verdict(world.signal(number, "KEY-CANARY-UNKNOWN"))
        told = world.events(EventKind.PROBLEM)
        folder.chmod(0o700)
        monkeypatch.undo()
        world.write_auth(acme=older | {"expires": 1})

    wait_until(lambda: world.read_auth()["acme"] == newer, 2 * SECONDS, "the newest tokens")
    assert len(told) == 1


@pytest.mark.parametrize("name", ["org-acme", "slack", "ghost"])
def test_two_keys_of_one_organisation_are_limited_together(world: World, name: str) -> None:
    limits = {"x-ratelimit-limit-requests": "10", "x-ratelimit-remaining-requests": "9"}
    good = {"provider": "openai", "status": 200} | {
        "headers": limits | {"openai-organization": name}
    }
    world.log_in(B, "openai")
    world.log_in(A, "openai")
    for number, key in enumerate((A, B), start=1):
        world.signal(number, key, **good)
    wait_until(lambda: world.groups() == [name] * 2, SECONDS, "both to be known")

    verdict = world.verdict(world.signal(3, A, provider="openai", model="gpt-5"))

    assert verdict["verdict"] == "pass"
    limited = world.wait_for_event(EventKind.LIMITED)
    assert limited.why.endswith(", and 1 more that are counted together with it")
    now = datetime.now(UTC)
    states = [one.state_at(now) for one in world.context.store.state().accounts]
    assert states == [AccountState.COOLING] * 2


# -- going on elsewhere, and waiting ---------------------------------------------------------

TWO = """
[[priority]]
provider = "mock"
model = "big"
[[priority]]
provider = "other"
model = "large"
"""
TURN = {"model": "big", "opencode": "tui"}


def wants(world: World, text: str, met: Callable[[Any], object]) -> None:
    """Write the settings, and wait until what the bridge is told has come of them."""
    write_config(world.paths.config_file, text)
    wait_until(lambda: met(world.told()), SECONDS, "the settings to be taken up")


def test_the_bridge_is_told_where_new_messages_may_go(world: World) -> None:
    world.log_in(A)
    world.log_in(B, "other")

    wants(world, TWO, lambda told: told["routing"])

    assert world.told()["routing"] == [
        {"provider": "mock", "model": "big"},
        {"provider": "other", "model": "large"},
    ]
    assert world.told()["routing_spent"] == []


def test_a_turn_whose_provider_is_used_up_goes_on_elsewhere(world: World) -> None:
    world.log_in(A)
    world.log_in(B, "other")
    wants(world, TWO, lambda told: told["routing"])

    verdict = world.verdict(world.signal(1, A, **TURN))

    assert (verdict["verdict"], verdict["to"]) == (
        "reroute",
        {"provider": "other", "model": "large"},
    )
    assert world.wait_for_event(EventKind.REROUTED).detail == "to other/large"
    wait_until(lambda: world.told()["routing_spent"] == ["mock/big"], SECONDS, "the news")
    assert world.read_auth()["mock"]["key"] == A


def test_a_turn_is_held_where_nobody_is_left_and_status_says_so(world: World) -> None:
    world.log_in(A)
    settings = "[failover]\nwait_for_reset = true\n"
    wants(world, settings + TWO, lambda told: told["routing"])

    verdict = world.verdict(world.signal(1, A, **TURN, headers={"retry-after": "30"}))

    assert verdict["verdict"] == "wait"
    assert 20_000 < verdict["wait_ms"] < 31_000
    assert "mock/mock-1 is first at" in verdict["note"]
    sentence = "1 turn(s) of mock wait for an account that frees up"
    with watch_lock(world.paths.watch_lock):
        wait_until(lambda: sentence in read_status(world.context).problems, SECONDS, "the status")


def test_after_the_wait_the_turn_goes_on_with_the_account_that_is_free(world: World) -> None:
    world.log_in(A)
    settings = "[failover]\nwait_for_reset = true\n"
    wants(world, settings + TWO, lambda told: told["routing"])
    first = world.verdict(world.signal(1, A, **TURN, headers={"retry-after": "1"}))
    assert first["verdict"] == "wait"
    world.wait_for_event(EventKind.RECOVERED)

    again = world.verdict(world.signal(2, A, **TURN, headers={}, waited=True))

    assert (again["verdict"], again["credential"]) == ("retry", digest_of(A))
    assert len(world.events(EventKind.LIMITED)) == 1


# -- whose a login is ----------------------------------------------------------------------------


def test_whose_a_new_login_is_is_asked_beside_the_watch(world: World) -> None:
    namer = Namer()
    world.running.stop()
    world.running = Running(world.paths, registry=namer.registry())

    world.write_auth(**{NAMING: oauth("ACC-CANARY-ada-1")})

    def named() -> bool:
        return [one.identity for one in world.context.store.state().accounts] == [
            "ada@acme.example"
        ]

    wait_until(named, SECONDS, "the vendor's word")
    assert namer.asked == ["ACC-CANARY-ada-1"]


def test_a_login_that_was_there_before_the_watcher_is_asked_about_too(world: World) -> None:
    namer = Namer()
    world.running.stop()
    world.write_auth(**{NAMING: oauth("ACC-CANARY-ada-1")})
    world.running = Running(world.paths, registry=namer.registry())

    wait_until(lambda: namer.asked == ["ACC-CANARY-ada-1"], SECONDS, "the question")


def test_a_vendor_that_does_not_answer_holds_nothing_up(world: World) -> None:
    namer, asked, end = Namer(), threading.Event(), threading.Event()

    def silent() -> HttpAnswer:
        asked.set()
        assert end.wait(SECONDS)
        return HttpAnswer(503, {}, Secret(""))

    namer.instead["ACC-CANARY-ada-1"] = silent
    world.running.stop()
    world.running = Running(world.paths, registry=namer.registry())
    world.write_auth(**{NAMING: oauth("ACC-CANARY-ada-1")})
    assert asked.wait(SECONDS)

    world.log_in(A)
    world.log_in(B)
    verdict = world.verdict(world.signal(1, B))
    end.set()

    assert verdict["verdict"] == "retry"


def test_a_login_that_another_one_replaced_while_the_lock_was_held_is_saved(world: World) -> None:
    world.log_in(A)
    with swap_lock(world.paths.swap_lock):
        world.write_auth(mock={"type": "api", "key": B})
        time.sleep(0.5)  # as long as it stands there
        world.write_auth(mock={"type": "api", "key": "KEY-CANARY-D"})
        time.sleep(0.2)

    world.wait_for_active("mock", "KEY-CANARY-D")
    keys = [account.credential.digest for account in world.context.store.state().of("mock")]
    assert keys == [digest_of(key) for key in (A, B, "KEY-CANARY-D")]


def test_what_is_captured_is_copied_and_stands_in_the_store_s_own_file_before_the_regular_look(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Daemon, "_pause_seconds", lambda _: 600.0)
    # Whoever waits already does so for the last time.
    world.log_in(A)
    for count, key in enumerate((B, "KEY-CANARY-C"), 2):
        world.log_in(key)
        for place, pattern in ((world.paths.data, "rotator.sqlite"), (world.paths.backups, "acc*")):
            wait_until(
                partial(_holds, count, place, pattern), SECONDS, f"{count} accounts in {place}"
            )


def _holds(count: int, place: Path, pattern: str) -> bool:
    """Tell whether so many accounts stand in the newest file, whatever its log says."""
    files = sorted(place.glob(pattern))
    uri = f"{files[-1].as_uri() if files else 'file::memory:'}?mode=ro&immutable=1"
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        try:
            return bool(connection.execute("SELECT count(*) FROM account").fetchone() == (count,))
        except sqlite3.Error:
            # It is just being written.
            return False
