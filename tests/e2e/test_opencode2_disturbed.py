"""A database that somebody else has locked, just when we need it. With the real 2.0.15."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterator

import pytest

from tests.e2e.scenes import CAPTURE_SECONDS, A, B, C, install_bridge, of
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode2_process import Server2, database, end_services, serve2
from tests.support.provider_answers import Answer, refusal
from tests.support.provider_request import Request
from tests.support.rotator_process import rotator, watcher
from tests.support.waiting import wait_until

pytestmark = pytest.mark.e2e
HELLO = "Hello from account two."
HOUR = {"retry-after": "3600"}
MODEL = "mock/m1"
# Longer than any of our waits for a lock, shorter than those of OpenCode.
LOCKED_SECONDS = 3.0
SWITCHED_SECONDS = 30.0


@pytest.fixture(autouse=True)
def ended(house: Household) -> Iterator[None]:
    """End whatever a test has left running."""
    yield
    end_services(house)


@pytest.fixture
def served(house: Household, provider: LoopbackProvider) -> Iterator[Server2]:
    """Return a server with the keys B and A, the active one, the bridge, and a watcher."""
    provider.ok(HELLO, key=B)
    install_bridge(house)
    with watcher(house), serve2(house) as server:
        for count, (key, label) in enumerate(((B, "b"), (A, "a")), start=1):
            server.add_key("mock", key, label)
            captured(house, count)
        yield server


def captured(house: Household, count: int) -> None:
    what = f"{count} accounts"
    wait_until(lambda: len(of(house, "mock")) == count, CAPTURE_SECONDS, what)


@contextlib.contextmanager
def locked(house: Household) -> Iterator[sqlite3.Connection]:
    """Let another program be in the middle of a write while the block runs."""
    with contextlib.closing(
        sqlite3.connect(database(house), isolation_level=None, timeout=10)
    ) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield connection
        if connection.in_transaction:
            connection.execute("ROLLBACK")


@contextlib.contextmanager
def locked_for_a_while(house: Household) -> Iterator[None]:
    """Let another program be in the middle of a write for some seconds."""
    begun = threading.Event()

    def hold() -> None:
        with locked(house):
            begun.set()
            time.sleep(LOCKED_SECONDS)

    holding = threading.Thread(target=hold)
    holding.start()
    begun.wait()
    yield
    holding.join()


def rows(house: Household) -> list[tuple[str, int | None]]:
    with contextlib.closing(sqlite3.connect(database(house))) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return connection.execute("SELECT label, active FROM credential ORDER BY label").fetchall()


def test_a_login_is_an_account_while_the_database_is_locked(served: Server2) -> None:
    house = served.house
    served.add_key("mock", C, "c")
    with locked(house):
        captured(house, 3)

    assert rows(house) == [("a", 0), ("b", 0), ("c", 1)]


def test_a_rotation_ends_in_time_and_is_done_or_says_why(served: Server2) -> None:
    house = served.house
    with locked_for_a_while(house):
        said = rotator(house, "rotate", "mock", "b")
    between = rows(house)
    again = rotator(house, "rotate", "mock", "b")

    assert again.code == 0, again.stderr
    assert rows(house) == [("a", 0), ("b", 1)]
    assert served.connections("mock")[0]["label"] == "b"
    done = [("a", 0), ("b", 1)]
    fine = (said.code, between) == (0, done) or (said.code != 0 and said.stderr.count("\n") <= 2)
    assert fine, (said, between)


def test_a_rotation_without_a_server_changes_nothing_and_says_why(house: Household) -> None:
    with serve2(house) as server:
        server.add_key("mock", B, "b")
        server.add_key("mock", A, "a")
    with locked(house):
        said = rotator(house, "rotate", "mock", "b")
    again = rotator(house, "rotate", "mock", "b")

    assert said.code != 0
    assert "is locked by another program" in said.stderr
    assert again.code == 0, again.stderr
    assert rows(house) == [("a", 0), ("b", 1)]


class Locking:
    """Refuses a request, and lets the database be locked from then on, for some seconds."""

    def __init__(self, house: Household) -> None:
        self._house = house
        self._holding = threading.Thread(target=self._hold)
        self._is_held = threading.Event()
        self.ended_ns = 0

    def answer(self, _: Request) -> Answer:
        """Refuse it."""
        self._holding.start()
        self._is_held.wait(LOCKED_SECONDS)
        return refusal(429, headers=HOUR)

    def wait(self) -> None:
        """Wait until it is locked no longer."""
        self._holding.join()

    def _hold(self) -> None:
        with locked(self._house):
            self._is_held.set()
            time.sleep(LOCKED_SECONDS)
            self.ended_ns = time.monotonic_ns()


def test_a_failing_request_waits_for_no_lock(served: Server2, provider: LoopbackProvider) -> None:
    session = served.create_session(MODEL)
    served.prompt(session, "first")
    locking = Locking(served.house)
    provider.answer(locking.answer, key=A, times=1)

    said = served.prompt(session, "hi")
    locking.wait()
    wait_until(
        lambda: served.connections("mock")[0]["label"] == "b", SWITCHED_SECONDS, "the switch"
    )

    assert said == HELLO
    assert provider.keys == [A, A, B]
    assert provider.asked()[-1].read_ns < locking.ended_ns
    assert rows(served.house) == [("a", 0), ("b", 1)]
