"""Two versions of this program on one store: the older one leaves, and refuses what is newer."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rotator.context import Purpose, open_context
from rotator.errors import NewerSchema, StoreError
from rotator.opencode.auth.entries import parse_entry
from rotator.secret import Secret
from rotator.storage.backups import Backups
from rotator.storage.database import open_database
from rotator.storage.images import opened_image
from rotator.storage.migrations import STORE, set_version, version_of
from rotator.storage.schema_upgrade import forget_request, newer_wanted, without_watcher
from rotator.storage.store import Store
from rotator.system.file_watch import FileWatcher
from rotator.system.locks import watch_lock
from rotator.system.paths import Paths, find_paths
from rotator.system.watched_folders import Watched
from tests.support.children import Lines, child, end
from tests.support.home import places
from tests.support.household import Household
from tests.support.interrupted import make_old, version_of_store
from tests.support.live import NOON, api, oauth, open_live
from tests.support.rotator_process import accounts, rotator
from tests.support.waiting import wait_until
from tests.support.watching import Owner

NEXT = len(STORE) + 1
SECONDS = 30.0
# The program, as a version with one more step has it.
NEWER = """
from rotator.storage import migrations

@migrations.store_step
def another(connection):
    connection.execute("ALTER TABLE account ADD COLUMN shiny TEXT")

from rotator.__main__ import main
main()
"""
PROGRAM = (sys.executable, "-m", "rotator")


@pytest.fixture
def house(home: Path) -> Household:
    """Let two accounts be saved, one of them live."""
    with open_live(home) as live:
        live.sees({"acme": api("a"), "named": oauth("ada")})
        live.sees({"acme": api("b"), "named": oauth("ada")})
    return Household(home)


@pytest.fixture
def paths(house: Household) -> Paths:
    """Tell where everything of the household lies."""
    return find_paths(places(house.home))


def newer(house: Household, *words: str) -> subprocess.Popen[str]:
    """Start a command of the newer version."""
    return subprocess.Popen(
        [sys.executable, "-c", NEWER, *words],
        env=house.env(),
        cwd=house.home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Return the exit code of a command and what it said."""
    with process:
        said, wrong = process.communicate(timeout=60)
    return process.returncode, said, wrong


@contextlib.contextmanager
def older_watcher(house: Household) -> Iterator[tuple[subprocess.Popen[str], Lines]]:
    """Run the watcher of this version."""
    with child([*PROGRAM, "watch"], env=house.env(), cwd=house.home) as process:
        lines = Lines(process)
        lines.wait_for("watching ", SECONDS)
        yield process, lines
        lines.join()


# -- a newer version beside an older watcher -----------------------------------------------------


def test_a_newer_version_asks_the_older_watcher_to_leave_and_changes_the_store_then(
    house: Household, paths: Paths
) -> None:
    before = accounts(house)

    with older_watcher(house) as (process, lines):
        code, said, wrong = finished(newer(house, "accounts", "--json"))

        assert (code, wrong) == (0, "")
        lines.wait_for("a newer rotator asks for the store; this watcher leaves", SECONDS)
        assert process.wait(SECONDS) == 0

    assert version_of_store(paths.store) == NEXT
    assert [str(account["id"]) in said for account in before] == [True] * 3
    assert not paths.wanted_schema.exists()
    assert not (paths.bridge / "state.json").exists()


def test_many_newer_commands_at_once_wait_for_one_older_watcher(
    house: Household, paths: Paths
) -> None:
    with older_watcher(house) as (process, _):
        processes = [newer(house, "accounts", "--json") for _ in range(3)]
        ended = [finished(one) for one in processes]

        assert [(code, wrong) for code, _, wrong in ended] == [(0, "")] * 3
        assert process.wait(SECONDS) == 0

    assert version_of_store(paths.store) == NEXT


def test_a_newer_watcher_changes_the_store_without_asking_anybody(
    house: Household, paths: Paths
) -> None:
    command = [sys.executable, "-c", NEWER, "watch"]

    with child(command, env=house.env(), cwd=house.home) as process:
        lines = Lines(process)
        lines.wait_for("watching ", SECONDS)
        version = version_of_store(paths.store)
        asked = paths.wanted_schema.exists()
        assert end(process) == 0
        lines.join()

    assert (version, asked) == (NEXT, False)


def test_an_older_watcher_that_does_not_leave_is_named_and_the_store_stays_as_it_is(
    paths: Paths,
) -> None:
    make_old(paths.store)

    with (
        watch_lock(paths.watch_lock),
        contextlib.closing(sqlite3.connect(paths.store)) as connection,
        pytest.raises(StoreError) as caught,
        without_watcher(paths, connection, patience_seconds=0.3),
    ):
        pytest.fail("it was not alone")

    pid = os.getpid()
    assert caught.value.message == (
        f"the store has to be brought to schema {len(STORE)}, and the older watcher (pid {pid})"
        " has not left within 0.3 s"
    )
    assert caught.value.hint == f"end it (kill {pid}) and run the command again"
    assert caught.value.exit_code == 7
    assert version_of_store(paths.store) == 1
    assert int(paths.wanted_schema.read_text()) == len(STORE)
    assert paths.wanted_schema.stat().st_mode & 0o777 == 0o600


def test_a_stopped_older_watcher_is_named_at_once_and_what_was_saved_is_shown(
    house: Household, paths: Paths
) -> None:
    house.write_auth({"mock": api("a")})
    rotator(house, "accounts")
    make_old(paths.store)
    held = f"import fcntl, time; f = open({str(paths.watch_lock)!r}, 'a+'); fcntl.flock(f, 2);"
    held += "f.truncate(0); f.write(str(__import__('os').getpid())); f.flush();"
    held += "print('held', flush=True); time.sleep(60)"
    command = [sys.executable, "-c", held]
    with child(command, env=house.env(), cwd=house.home) as watcher:
        Lines(watcher).wait_for("held", 20)
        os.kill(watcher.pid, signal.SIGSTOP)
        began = time.monotonic()
        shown = rotator(house, "accounts")
        changed = rotator(house, "accounts", "disable", "mock/mock-1")
        seconds = time.monotonic() - began
        os.kill(watcher.pid, signal.SIGCONT)

    assert (shown.code, changed.code) == (0, 7)
    assert "mock/mock-1" in shown.stdout
    why, hint, *_ = changed.stderr.splitlines()
    assert f"the older watcher (pid {watcher.pid}" in why
    assert f"kill -CONT {watcher.pid} lets it go on" in hint
    # Each would have waited for ten seconds.
    assert seconds < 10
    assert rotator(house, "accounts").code == 0


def test_whoever_waits_goes_on_once_a_watcher_of_the_same_version_has_changed_the_store(
    house: Household, paths: Paths
) -> None:
    make_old(paths.store)
    told: list[int] = []

    def command() -> None:
        with open_context(paths) as context:
            told.append(len(context.store.state().accounts))

    with watch_lock(paths.watch_lock):
        waiting = threading.Thread(target=command)
        waiting.start()
        wait_until(paths.wanted_schema.exists, SECONDS, "the request")
        with open_context(paths, purpose=Purpose.WATCH):
            waiting.join(SECONDS)

    assert told == [len(accounts(house))]
    assert not paths.wanted_schema.exists()


def test_a_new_store_waits_for_nobody(home: Path) -> None:
    paths = find_paths(places(home))

    with watch_lock(paths.watch_lock), open_context(paths) as context:
        assert context.store.state().accounts == ()

    assert not paths.wanted_schema.exists()


def test_before_a_store_changes_its_schema_the_accounts_are_copied(paths: Paths) -> None:
    make_old(paths.store)

    with open_context(paths) as context:
        saved = {account.id for account in context.store.state().accounts}

    (copy,) = Backups(paths).newest_first()
    with opened_image(copy.path.read_bytes(), copy.path) as connection:
        assert version_of(connection) == 1
        assert {row[0] for row in connection.execute("SELECT id FROM account")} == saved


def test_a_watcher_hears_of_a_change_and_of_a_request_at_once(paths: Paths) -> None:
    owner = Owner()
    make_old(paths.store)

    with FileWatcher([Watched("the store", paths.changed)], owner.notify):
        for act in (announce, be_refused):
            owner.heard()

            act(paths)

            assert owner.hears(("the store", paths.changed)), act.__name__


def announce(paths: Paths) -> None:
    with open_context(paths, purpose=Purpose.WATCH) as context:
        context.notify_changed()


def be_refused(paths: Paths) -> None:
    make_old(paths.store)
    with (
        watch_lock(paths.watch_lock),
        contextlib.closing(sqlite3.connect(paths.store)) as connection,
        pytest.raises(StoreError),
        without_watcher(paths, connection, patience_seconds=0.3),
    ):
        pytest.fail("it was not alone")


# -- a request -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        pytest.param(f"{NEXT}\n", NEXT, id="a newer schema"),
        pytest.param(f"{NEXT + 5}", NEXT + 5, id="one much newer"),
        pytest.param(f"{len(STORE)}\n", None, id="this one"),
        pytest.param("1\n", None, id="an older one"),
        pytest.param("soon", None, id="no number"),
        pytest.param("", None, id="nothing"),
        pytest.param("9" * 5000, None, id="too much"),
    ],
)
def test_a_request_is_for_a_newer_schema(paths: Paths, content: str, wanted: int | None) -> None:
    paths.wanted_schema.write_text(content)

    assert newer_wanted(paths) == wanted


def test_without_a_request_nothing_is_wanted(paths: Paths) -> None:
    assert newer_wanted(paths) is None


def test_a_request_that_somebody_left_behind_is_nobody_s_any_more(paths: Paths) -> None:
    paths.wanted_schema.write_text(f"{NEXT}\n")
    long_ago = time.time() - 60
    os.utime(paths.wanted_schema, (long_ago, long_ago))

    assert newer_wanted(paths) is None


@pytest.mark.parametrize(("wanted", "stays"), [(1, False), (len(STORE), False), (NEXT, True)])
def test_a_request_is_taken_back_once_it_is_fulfilled(
    paths: Paths, wanted: int, *, stays: bool
) -> None:
    make_old(paths.store)
    paths.wanted_schema.write_text(f"{wanted}\n")

    with open_context(paths):
        pass

    assert paths.wanted_schema.exists() is stays
    forget_request(paths)
    assert paths.wanted_schema.exists() is stays


# -- an older version on a newer store -----------------------------------------------------------


def change_schema(store: Path) -> None:
    with contextlib.closing(sqlite3.connect(store, isolation_level=None)) as connection:
        # Both its places at once, as a step does it.
        connection.execute("BEGIN IMMEDIATE")
        set_version(connection, NEXT)
        connection.execute("COMMIT")


def test_a_store_that_was_changed_under_a_running_process_is_read_and_written_no_more(
    paths: Paths,
) -> None:
    with Store(paths.store) as store:
        assert store.state().balancing
        change_schema(paths.store)

        with pytest.raises(NewerSchema):
            store.state()
        with pytest.raises(NewerSchema), store.transaction():
            store.set_balancing(on=False)

    with contextlib.closing(sqlite3.connect(paths.store)) as connection:
        written = connection.execute("SELECT count(*) FROM setting WHERE name = 'balancing'")
        assert written.fetchone()[0] == 0


def test_a_watcher_leaves_a_store_that_was_changed_without_asking_it(
    house: Household, paths: Paths
) -> None:
    with older_watcher(house) as (process, lines):
        change_schema(paths.store)
        paths.changed.touch()

        lines.wait_for("this watcher leaves", SECONDS)
        assert process.wait(SECONDS) == 0


LEAVE_A_WAL = """
import os, sqlite3, sys
from rotator.storage.migrations import set_version
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA journal_mode = WAL")
set_version(connection, int(sys.argv[2]))
os._exit(0)
"""


def bytes_of(store: Path) -> dict[str, bytes]:
    """Return the store and its -wal; the -shm holds nothing that is not in these."""
    names = (store.name, f"{store.name}-wal")
    return {name: store.with_name(name).read_bytes() for name in names}


@pytest.mark.parametrize("words", [("status",), ("accounts", "--json"), ("watch",)], ids=" ".join)
def test_a_store_of_a_newer_version_is_refused_and_not_one_byte_of_it_changes(
    house: Household, paths: Paths, words: tuple[str, ...]
) -> None:
    """Not even what a newer version that was killed had no time to tidy up."""
    subprocess.run([sys.executable, "-c", LEAVE_A_WAL, paths.store, str(NEXT)], check=True)
    before, names = bytes_of(paths.store), {path.name for path in paths.data.iterdir()}
    assert len(before[f"{paths.store.name}-wal"]) > 0

    with pytest.raises(NewerSchema):
        Store(paths.store)
    ended = rotator(house, *words)

    assert ended.code == 7
    assert "was written by a newer rotator" in ended.stdout + ended.stderr
    assert bytes_of(paths.store) == before
    assert {path.name for path in paths.data.iterdir()} == names


def test_whoever_opens_a_newer_database_leaves_what_a_killed_one_could_not_tidy_up(
    paths: Paths,
) -> None:
    subprocess.run([sys.executable, "-c", LEAVE_A_WAL, paths.store, str(NEXT)], check=True)
    before = bytes_of(paths.store)

    with pytest.raises(NewerSchema):
        open_database(paths.store, STORE, durable=True)

    assert bytes_of(paths.store) == before


def test_while_a_newer_version_works_an_older_one_leaves_its_files_alone(
    house: Household, paths: Paths
) -> None:
    with contextlib.closing(sqlite3.connect(paths.store, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        set_version(connection, NEXT)
        before = bytes_of(paths.store)

        assert rotator(house, "status").code == 7

        assert bytes_of(paths.store) == before
        assert version_of(connection) == NEXT


# -- an old store --------------------------------------------------------------------------------

ENTRY = '{"type":"oauth","refresh":"REF-CANARY-old","access":"ACC-CANARY-old","expires":0}'
THEN = "2026-11-01T00:00:00.000Z"
OLD_ROWS: dict[str, tuple[Any, ...]] = {
    "account": (
        *("acc_1", "acme", "work", ENTRY, '{"type":"api","key":"KEY-CANARY-older"}'),
        *("ada@acme.example", "user/ada", "plus", "disabled by you", "401"),
        *("exhausted", THEN, "429", 4, THEN, THEN),
    ),
    "digest": ("acme", "d" * 64, "acc_1", THEN),
    "removed": ("acme", "e" * 64, THEN),
    "slot": ("acme", "acc_1", THEN, THEN, "acc_2", "acc_1", THEN, "f" * 64, 1, 2),
    "tenure": (7, "acme", "acc_1", THEN),
    "live": (1, b"{}", "a" * 64, THEN),
    "aside": (3, THEN, "torn", b'{"CANARY'),
    "setting": ("balancing", "off"),
}


def test_the_oldest_schema_migrates_with_every_row_kept(home: Path) -> None:
    paths = find_paths(places(home))
    with contextlib.closing(open_database(paths.store, STORE[:1], durable=True)) as connection:
        for table, row in OLD_ROWS.items():
            marks = ", ".join("?" * len(row))
            connection.execute(f"INSERT INTO {table} VALUES ({marks})", row)  # noqa: S608  # ours

    with open_context(paths) as context:
        (account,) = context.store.state().accounts
        balancing = context.store.state().balancing

    assert (account.name, account.credential) == (
        "acme/work",
        parse_entry("acme", Secret(ENTRY)),
    )
    assert not balancing
    with contextlib.closing(sqlite3.connect(paths.store)) as connection:
        for table, row in OLD_ROWS.items():
            found = connection.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608  # ours
            # What newer schemas add stands behind it.
            assert [one[: len(row)] for one in found] == [row]


def test_the_oldest_schema_without_rows_migrates_too(home: Path) -> None:
    paths = find_paths(places(home))
    open_database(paths.store, STORE[:1], durable=True).close()

    with open_live(home) as live:
        live.sees({"acme": api("a")})

        assert live.names() == ["acme/acme-1"]
        assert live.account("acme/acme-1").captured_at == NOON
    assert version_of_store(paths.store) == len(STORE)
