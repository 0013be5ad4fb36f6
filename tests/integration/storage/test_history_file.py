"""A history that is locked, of a newer version, or none at all keeps nobody waiting (I2, I9)."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rotator.errors import StoreError
from rotator.model import Event, EventKind
from rotator.storage.database import open_database, read_only
from rotator.storage.history import History
from rotator.storage.images import back_up, in_memory
from rotator.storage.migrations import STORE, set_version
from rotator.storage.store_copy import HistoryCopy
from rotator.system.lock_holder import is_stopped, pid_among
from rotator.system.locks import holds_swap_lock, swap_lock
from tests.bench.flood import first_word_of
from tests.support.household import Household
from tests.support.live import NOON, api
from tests.support.rotator_process import rotator, watcher
from tests.support.waiting import wait_until

pytestmark = pytest.mark.no_cover

# As a person's sqlite3 with locking_mode, SQLite itself at the last close, or a tool that copies.
EXCLUSIVE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA locking_mode = EXCLUSIVE")
connection.execute("BEGIN IMMEDIATE")
connection.execute("CREATE TABLE IF NOT EXISTS held (number INTEGER)")
print("held", flush=True)
sys.stdin.read()
"""
WRITING = EXCLUSIVE.replace("EXCLUSIVE", "NORMAL")
LOCKS = pytest.mark.parametrize("how", [EXCLUSIVE, WRITING], ids=["all of it", "while writing"])
SECONDS = 20.0
COMMANDS = ["accounts", "status", "rotate mock", "events", "usage", "explain mock"]


@contextlib.contextmanager
def locked(path: Path, how: str) -> Iterator[int]:
    """Have a stopped process keep a database locked; yields its pid."""
    with subprocess.Popen(
        [sys.executable, "-c", how, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        try:
            assert holder.stdout.readline() == b"held\n"
            os.kill(holder.pid, signal.SIGSTOP)
            wait_until(lambda: is_stopped(holder.pid), 10, "the holder to stop")
            yield holder.pid
        finally:
            holder.kill()


def event(why: str) -> Event:
    return Event(NOON, EventKind.CHANGED, why=why)


def kept(history: History) -> list[str]:
    return [one.event.why for one in history.read()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Make a history with an event."""
    path = tmp_path / "data" / "history.sqlite"
    with contextlib.closing(History(path)) as history:
        history.record([event("before")])
    return path


@pytest.fixture
def house(home: Path) -> Household:
    """Make a store with two accounts, and a history."""
    house = Household(home)
    for key in ("KEY-CANARY-A", "KEY-CANARY-B"):
        house.write_auth({"mock": api(key)})
        assert rotator(house, "accounts").code == 0
    return house


def history_of(house: Household) -> Path:
    (path,) = house.home.rglob("history.sqlite")
    return path


@LOCKS
def test_a_locked_history_is_waited_for_a_moment_and_its_holder_named(path: Path, how: str) -> None:
    with locked(path, how) as holder:
        began = time.monotonic()
        with contextlib.closing(History(path, patience_seconds=0.1)) as history:
            for number in range(3):
                history.record([event(str(number))])
            took_seconds = time.monotonic() - began
            assert kept(history)[-3:] == ["0", "1", "2"]
            notice = history.take_notice() or ""

    assert took_seconds < 2
    assert f"database is locked: pid {holder} (" in notice
    assert notice.endswith("which is stopped")


def test_what_happens_while_the_history_is_locked_is_written_down_later(path: Path) -> None:
    def has_written() -> bool:
        history.newest()
        return not history.is_in_memory

    with contextlib.closing(History(path, patience_seconds=0.1)) as history:
        with locked(path, WRITING):
            history.record([event("meanwhile")])
            assert history.is_in_memory
        wait_until(has_written, 20, "the file to be used again")
        history.record([event("after")])

    with contextlib.closing(History(path)) as history:
        assert kept(history) == ["before", "meanwhile", "after"]


def test_nobody_waits_for_a_locked_history_with_the_lock_of_swaps(path: Path) -> None:
    def swaps() -> None:
        with contextlib.closing(History(path, patience_seconds=600)) as history:
            with swap_lock(path.with_name("swap.lock")):
                history.record([event("meanwhile")])
                swapped.set()
            released.wait(SECONDS)

    swapped, released = threading.Event(), threading.Event()
    with locked(path, WRITING):
        thread = threading.Thread(target=swaps)
        thread.start()
        has_swapped = swapped.wait(SECONDS)
    released.set()
    thread.join()

    assert has_swapped
    with contextlib.closing(History(path)) as history:
        assert kept(history) == ["before", "meanwhile"]


def test_without_the_lock_of_swaps_a_locked_history_is_waited_for_again(path: Path) -> None:
    with contextlib.closing(History(path, patience_seconds=600)) as history:
        with swap_lock(path.with_name("swap.lock")):
            history.record([event("while swapping")])
        assert not holds_swap_lock()
        with locked(path, WRITING) as holder:
            killer = threading.Timer(0.5, os.kill, (holder, signal.SIGKILL))
            killer.start()
            history.record([event("after")])
            killer.join()

        assert not history.is_in_memory
        assert kept(history) == ["before", "while swapping", "after"]


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_waits_for_a_locked_history(house: Household, command: str) -> None:
    with locked(history_of(house), EXCLUSIVE) as holder:
        began = time.monotonic()
        ended = rotator(house, *command.split())
        took_seconds = time.monotonic() - began

    assert (ended.code, f"pid {holder} (" in ended.stderr) == (0, True)
    # Its own second or two, on a busy machine, and one of patience: it was over ten.
    assert took_seconds < 8


def test_no_failed_request_waits_for_a_locked_history(house: Household) -> None:
    with locked(history_of(house), EXCLUSIVE):
        began = time.monotonic()
        with watcher(house):
            assert time.monotonic() - began < 9
            # As long as the watcher takes until it asks for the file anew, and longer.
            words_ms = [first_word_of(house, f"s-{number}") for number in range(30)]

    # A bridge waits for 300 ms, on a machine that has nothing else to do: it was ten seconds.
    assert max(words_ms) < 2000


def test_who_copies_a_locked_database_does_not_try_for_ever(path: Path) -> None:
    with (
        locked(path, EXCLUSIVE),
        contextlib.closing(read_only(path)) as source,
        contextlib.closing(in_memory()) as target,
        pytest.raises(sqlite3.OperationalError, match="locked"),
    ):
        back_up(source, target)


def test_a_copy_of_a_newer_history_is_an_empty_one(path: Path) -> None:
    newer(path)

    with contextlib.closing(HistoryCopy(path)) as history:
        assert kept(history) == []
        assert "written by a newer rotator" in (history.take_notice() or "")


def test_the_holder_of_a_store_that_is_locked_as_a_whole_is_named_after_a_second(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "rotator.sqlite"
    open_database(path, STORE, durable=True).close()

    with locked(path, EXCLUSIVE) as holder:
        began = time.monotonic()
        with pytest.raises(StoreError) as caught:
            open_database(path, STORE, durable=True, patience_seconds=1.2)
        took_seconds = time.monotonic() - began

    (said,) = caplog.messages
    assert said.startswith(f"pid {holder} (")
    assert said.endswith("which is stopped, holds rotator.sqlite: waiting for it")
    assert f"database is locked: pid {holder} (" in caught.value.message
    assert took_seconds < 5
    # Nothing is left of it.
    open_database(path, STORE, durable=True).close()


def test_a_lock_for_reading_or_of_other_bytes_keeps_nobody_from_writing(path: Path) -> None:
    facts = path.stat()
    place = f"{os.major(facts.st_dev):02x}:{os.minor(facts.st_dev):02x}:{facts.st_ino}"

    def found(kind: str, first: str, last: str) -> int | None:
        line = f"1: POSIX  ADVISORY  {kind} 7 {place} {first} {last}"
        return pid_among([line], facts, "POSIX", 120)

    assert found("WRITE", "120", "120") == found("WRITE", "0", "EOF") == 7
    assert found("WRITE", "100", "130") == 7
    others = [("READ", "120", "120"), ("WRITE", "121", "EOF"), ("WRITE", "0", "119")]
    assert [found(*other) for other in others] == [None] * 3


def newer(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        set_version(connection, 99)


def a_store(path: Path) -> None:
    path.unlink()
    with contextlib.closing(open_database(path, STORE, durable=True)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def somebody_s(path: Path, version: int = 1) -> None:
    path.unlink()
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE recipe (name TEXT)")
        connection.execute(f"PRAGMA user_version = {version}")


def test_a_history_of_a_newer_schema_is_left_as_it_is_and_not_used(path: Path) -> None:
    newer(path)
    before = path.read_bytes()

    with contextlib.closing(History(path)) as history:
        history.record([event("after")])
        assert kept(history) == ["after"]
        notice = history.take_notice()

    assert notice == (
        f"what happens is not written down for now: {path} was written by a newer rotator, and is"
        " left as it is: update this one"
    )
    assert path.read_bytes() == before
    assert list(path.parent.glob("history.sqlite.*")) == []


@pytest.mark.parametrize(
    "make",
    [a_store, somebody_s, lambda path: somebody_s(path, 99)],
    ids=["a store", "a database of somebody's", "one with a larger number"],
)
def test_what_is_no_history_is_put_away_as_it_is(
    path: Path, make: Callable[[Path], object]
) -> None:
    make(path)
    before = path.read_bytes()

    with contextlib.closing(History(path)) as history:
        history.record([event("after")])
        assert kept(history) == ["after"]
        notice = history.take_notice()

    (aside,) = path.parent.glob("history.sqlite.other-*Z")
    assert notice == f"the history was something else and put away as {aside.name}; begun anew"
    with contextlib.closing(sqlite3.connect(aside)) as connection:
        assert "owner_question" not in str(
            connection.execute("SELECT name FROM sqlite_schema").fetchall()
        )
    assert aside.stat().st_size == len(before)


@pytest.mark.parametrize("cut", [None, 20_000], ids=["a whole store", "a part of one"])
def test_a_removed_key_goes_from_a_store_that_somebody_copied_over_the_history(
    house: Household, cut: int | None
) -> None:
    history = history_of(house)
    store = history.with_name("rotator.sqlite")
    wal = history.with_name("history.sqlite-wal")
    wal.unlink(missing_ok=True)
    history.write_bytes(store.read_bytes()[:cut])
    mine = history.with_name("history.sqlite.other-2026-11-22T120000.000Z")
    mine.touch()
    somebody_s(mine)
    before = mine.read_bytes()
    assert b"KEY-CANARY-A" in history.read_bytes()

    assert "and put away as history.sqlite." in rotator(house, "accounts").stderr
    assert rotator(house, "accounts", "remove", "mock/mock-1", "--yes").code == 0

    files = [path for path in history.parent.rglob("*") if path.is_file()]
    assert [path.name for path in files if b"KEY-CANARY-A" in path.read_bytes()] == []
    assert mine.read_bytes() == before
    assert sorted(path.name for path in history.parent.glob("history.sqlite.*")) == [mine.name]


@pytest.mark.parametrize("version", [0, 1, 99])
def test_another_programs_database_is_not_called_a_damaged_history(
    path: Path, version: int
) -> None:
    somebody_s(path, version)

    with contextlib.closing(History(path)) as history:
        assert "the history was something else and put away" in (history.take_notice() or "")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_newer_history_keeps_no_command_from_its_work(house: Household, command: str) -> None:
    newer(history_of(house))

    ended = rotator(house, *command.split())

    assert (ended.code, "written by a newer rotator" in ended.stderr) == (0, True)


def test_a_newer_history_keeps_no_watcher_from_answering(house: Household) -> None:
    newer(history_of(house))

    with watcher(house):
        assert first_word_of(house, "s-1") > 0
