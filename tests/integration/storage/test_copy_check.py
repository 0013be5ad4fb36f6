"""A store's place holds what is in order by itself: nothing yet, another store, another time."""

from __future__ import annotations

import contextlib
import re
import shutil
import sqlite3
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rotator.errors import StoreDamaged
from rotator.services import accounts as ledger
from rotator.storage.backups import Backups
from rotator.storage.copy_check import newest_sound_copy, require_copied
from rotator.storage.images import opened_empty
from rotator.storage.migrations import STORE
from rotator.storage.store_copy import StoreCopy, newest_backup
from rotator.system.paths import Paths, find_paths
from tests.integration.storage.test_repair import (
    ADA,
    LIVE,
    PAGE,
    SAVED,
    aside,
    furnish,
    names_of,
    newest_copy,
    opened,
    renew,
    told,
)
from tests.support.home import places
from tests.support.household import Household
from tests.support.interrupted import memory_folder
from tests.support.live import Live, api, oauth, open_live
from tests.support.rotator_process import events, rotator, watcher
from tests.support.waiting import wait_until

pytestmark = pytest.mark.no_cover


@pytest.fixture
def paths(home: Path) -> Paths:
    """Make a store with four accounts, two of them live, and a copy of it; nobody has it open."""
    furnish(home)
    return find_paths(places(home))


def wal_of(store: Path) -> Path:
    return store.with_name(f"{store.name}-wal")


def make_empty(path: Path) -> None:
    """Make a database without a table, as every store is at first."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("VACUUM")


def replace_by_empty(store: Path) -> None:
    store.unlink()
    make_empty(store)


def forget_first_page(store: Path) -> None:
    """Let the first page be as it was at the store's birth; all rows stand in the file still."""
    with memory_folder() as folder:
        make_empty(folder / "empty")
        page = (folder / "empty").read_bytes()[:PAGE]
    with store.open("r+b") as file:
        file.write(page)


def empty_tables(store: Path, *tables: str) -> None:
    """Let tables and their indexes hold nothing, as at the store's birth."""
    question = "SELECT rootpage, type FROM sqlite_schema WHERE tbl_name = ?"
    with contextlib.closing(sqlite3.connect(store)) as connection:
        roots = [row for table in tables for row in connection.execute(question, (table,))]
    with store.open("r+b") as file:
        for page, kind in roots:
            file.seek((page - 1) * PAGE)
            leaf = 13 if kind == "table" else 10
            file.write(struct.pack(">BHHHB", leaf, 0, 0, PAGE, 0) + bytes(PAGE - 8))


@contextlib.contextmanager
def others_store() -> Iterator[Path]:
    """Make somebody else's store, of which all stands in its -wal."""
    with memory_folder() as folder, open_live(folder) as live:
        live.sees({"acme": api("y")})
        live.sees({"acme": api("z")})
        yield live.paths.store


# -- nothing yet -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "damage",
    [
        replace_by_empty,
        forget_first_page,
        lambda store: empty_tables(store, "account", "digest"),
        lambda store: empty_tables(store, "account"),
    ],
    ids=["an empty database", "the first page", "accounts and digests", "accounts"],
)
def test_a_store_that_looks_as_at_its_birth_is_damaged_where_copies_know_better(
    paths: Paths, damage: Callable[[Path], None]
) -> None:
    damage(paths.store)

    with opened(paths) as live:
        assert {name: live.saved(name) for name in live.names()} == SAVED
        assert told(live).startswith("the store was damaged and set aside as ")

    assert len(aside(paths)) == 1
    with opened(paths) as live:
        assert {*live.names()} == {*SAVED}
        assert told(live)


def test_a_store_without_its_wal_names_what_the_history_remembers(paths: Paths) -> None:
    shutil.rmtree(paths.backups)
    replace_by_empty(paths.store)

    with opened(paths) as live:
        assert "begun anew; lost: whatever it held (acme/acme-1, acme/acme-2, " in told(live)


@pytest.mark.parametrize("remove", [False, True], ids=["never one", "all removed"])
def test_an_empty_store_that_lost_nothing_stays_empty_without_a_word(
    home: Path, *, remove: bool
) -> None:
    paths = find_paths(places(home))
    paths.data.mkdir(parents=True)
    make_empty(paths.store)

    with open_live(home) as live:
        if remove:
            live.sees({"acme": api("a")})
            live.context.back_up_if_due()
            live.sees({})
            ledger.remove(live.context, live.account("acme/acme-1"))
            assert not live.context.back_up_if_due()
    for _ in range(2):
        with open_live(home) as live:
            assert live.names() == []
            assert "problem" not in {event.kind.value for event in live.events()}
    assert not aside(paths)


def test_an_empty_database_that_is_put_there_under_a_watcher_is_no_beginning(
    home: Path, paths: Paths
) -> None:
    house = Household(home)
    with watcher(house):
        make_empty(paths.data / "empty")
        (paths.data / "empty").rename(paths.store)
        house.write_auth(LIVE | {"acme": api("c")})
        wait_until(lambda: len(aside(paths)) == 1, 30, "the rebuilding")
        wait_until(lambda: "acme-3" in names_of(house), 30, "the login")

    (problem,) = [event["why"] for event in events(house) if event["kind"] == "problem"]
    assert problem.startswith("the store was damaged and set aside")
    assert {"acme-1", "acme-2", "ada-acme.example", "bob-acme.example"} < names_of(house)


def test_a_copy_that_is_an_empty_database_hides_no_older_one(paths: Paths) -> None:
    make_empty(newest_copy(paths))
    replace_by_empty(paths.store)

    with opened(paths) as live:
        assert {*live.names()} == {*SAVED}


def test_whoever_may_only_read_shows_no_empty_store_for_the_accounts(paths: Paths) -> None:
    replace_by_empty(paths.store)

    with pytest.raises(StoreDamaged, match="it is empty, and it was not"):
        StoreCopy(paths.store, "read-only")


def test_a_backup_with_a_row_that_is_not_as_it_was_written_is_not_shown(paths: Paths) -> None:
    newest = Backups(paths).newest_first()[0].path
    older = newest.with_name(newest.name.replace("2026-11-22T12", "2026-11-20T12"))
    shutil.copy(newest, older)
    newest.write_bytes(newest.read_bytes().replace(b"KEY-CANARY-a", b"KEY-CANARY-x"))

    shown = newest_backup(Backups(paths), "it is so")

    assert shown is not None
    store, made_at = shown
    with store:
        held = [a.credential.secret.reveal() for a in store.state().of("acme")]
    assert (made_at.day, held) == (20, ["KEY-CANARY-a", "KEY-CANARY-b"])


def test_a_doctor_calls_no_remainder_sound(home: Path, paths: Paths) -> None:
    empty_tables(paths.store, "account", "digest")

    said = rotator(Household(home), "doctor").stdout

    assert "is sound" not in said
    replace_by_empty(paths.store)
    assert "it is empty, and it was not" in rotator(Household(home), "doctor").stdout


# -- another store ---------------------------------------------------------------------------------


def test_the_log_of_another_store_changes_no_login(paths: Paths) -> None:
    with others_store() as other:
        shutil.copy(wal_of(other), wal_of(paths.store))

    with opened(paths) as live:
        assert {name: live.saved(name) for name in live.names()} == SAVED
        assert "lost: perhaps what was saved last" in told(live)
    (damaged,) = aside(paths)
    assert wal_of(damaged).exists()


def test_another_store_in_the_place_of_one_is_set_aside_and_not_mixed_in(paths: Paths) -> None:
    with others_store() as other, contextlib.closing(sqlite3.connect(other)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        paths.store.write_bytes(other.read_bytes())

    with opened(paths) as live:
        assert {name: live.saved(name) for name in live.names()} == SAVED
        assert told(live).startswith("the store was another one's and set aside as ")


@pytest.mark.parametrize("version", [1, 99])
@pytest.mark.parametrize("table", ["recipe", "event"])
def test_another_programs_database_in_the_place_of_the_store_locks_nobody_out(
    paths: Paths, table: str, version: int
) -> None:
    paths.store.unlink()
    with contextlib.closing(sqlite3.connect(paths.store, isolation_level=None)) as connection:
        connection.execute(f"CREATE TABLE {table} (name TEXT)")
        connection.execute(f"PRAGMA user_version = {version}")

    with opened(paths) as live:
        assert {name: live.saved(name) for name in live.names()} == SAVED
        assert told(live).startswith("the store was damaged and set aside as ")


def test_a_backup_that_somebody_puts_in_the_place_of_the_store_is_told_once(paths: Paths) -> None:
    backup = Backups(paths).newest_first()[0]
    wal_of(paths.store).unlink(missing_ok=True)
    shutil.copy(backup.path, paths.store)

    with opened(paths) as live:
        assert {name: live.saved(name) for name in live.names()} == SAVED
        assert told(live) == (
            "the backup of 2026-11-22 12:00:00 UTC was put in the place of the store; lost:"
            " whatever else was saved, and what no backup holds (unclaimed content, refreshes"
            " under way)"
        )
    with opened(paths) as live:
        told(live)  # once


# -- another time ----------------------------------------------------------------------------------


@contextlib.contextmanager
def two_times(home: Path) -> Iterator[tuple[Live, Path]]:
    """Make a store whose -wal has all; yield a folder with it as it was, before its newest copy."""
    with open_live(home) as live, memory_folder() as folder:
        live.sees({"named": oauth("ada"), "acme": api("a")})
        live.context.back_up_if_due()
        store = live.context.paths.store
        for file in (store, wal_of(store)):
            shutil.copy(file, folder)
        renew(live, ADA, oauth("ada", 2))
        live.sees({"named": oauth("ada", 2), "acme": api("b")})
        live.context.back_up_if_due()
        yield live, folder


def test_an_older_log_takes_no_newer_login_back(home: Path) -> None:
    with two_times(home) as (live, folder):
        paths = live.context.paths
        files = paths.data.with_name("files")
        shutil.copytree(paths.data, files)
        shutil.copy(folder / wal_of(paths.store).name, files)
    shutil.rmtree(paths.data)
    files.rename(paths.data)
    wal_of(paths.store).with_name("rotator.sqlite-shm").unlink()

    with opened(paths) as again:
        assert again.saved(ADA) == oauth("ada", 2)
        assert {"acme/acme-1", "acme/acme-2"} <= {*again.names()}
        assert "perhaps what was saved last" in told(again)


@pytest.mark.parametrize("table", ["account", "aside", "live", "setting", "tenure"])
def test_a_page_of_an_earlier_time_is_damage_that_is_said(home: Path, table: str) -> None:
    with open_live(home) as live:
        live.sees({"named": oauth("ada"), "acme": api("a")})
        live.context.back_up_if_due()
        paths = live.context.paths
        before = image(paths.store)
        with live.context.store.transaction():
            change_all(live)
        live.sees({"named": oauth("ada"), "acme": api("b")})
    root = root_of(paths.store, table)
    with paths.store.open("r+b") as file:
        file.seek((root - 1) * PAGE)
        file.write(before[(root - 1) * PAGE : root * PAGE])

    with opened(paths) as again:
        lost = told(again).partition("; lost: ")[2]
        # Its index names what it had, or nobody can.
        named = {"account": "acme/acme-1", "setting": "whether balancing is on"}
        assert named.get(table, "perhaps what was saved last") in lost


def change_all(live: Live) -> None:
    store, now = live.context.store, live.clock()
    store.rename_account(live.account("acme/acme-1"), "work")
    store.keep_unclaimed(b'{"type":"CANARY', "half-written", now, "acme")
    store.set_balancing(on=False)


def test_a_whole_store_of_an_earlier_time_takes_back_nothing_that_a_copy_has(home: Path) -> None:
    with two_times(home) as (live, folder):
        paths = live.context.paths
        with live.context.store.transaction():
            change_all(live)
        live.context.back_up_if_due()
        shutil.copytree(folder, paths.data.with_name("files"))
    for ending in ("", "-wal"):
        name = f"{paths.store.name}{ending}"
        shutil.copy(paths.data.with_name("files") / name, paths.data)

    with opened(paths) as again:
        assert again.saved(ADA) == oauth("ada", 2)
        assert {"acme/work", "acme/acme-2"} <= {*again.names()}
        assert not again.state.balancing
        assert "perhaps what was saved last" in told(again)


def image(store: Path) -> bytes:
    with contextlib.closing(sqlite3.connect(store)) as connection:
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
    return store.read_bytes()


def root_of(store: Path, table: str) -> int:
    with contextlib.closing(sqlite3.connect(store)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        row = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,))
        root: int = row.fetchone()[0]
    return root


def test_what_is_left_of_a_store_takes_the_place_of_no_copy(paths: Paths) -> None:
    copies = Backups(paths).newest_first()
    with opened(paths) as live:
        # Under a process that looked at the whole store when it opened it.
        with contextlib.closing(sqlite3.connect(paths.store)) as connection, connection:
            connection.execute("DELETE FROM digest WHERE provider = 'acme'")
            connection.execute("UPDATE account SET alias = 'x' WHERE alias = 'acme-2'")

        with pytest.raises(StoreDamaged, match="lacks what the newest copy"):
            live.context.back_up_if_due()

    assert Backups(paths).newest_first() == copies


def test_what_lacks_something_that_was_copied_is_named_with_what_it_lacks(paths: Paths) -> None:
    copy = newest_sound_copy(Backups(paths))
    said = rf"{re.escape(str(paths.store))} is damaged: it lacks what the newest copy"

    with opened_empty(STORE) as connection, pytest.raises(StoreDamaged, match=said):
        require_copied(connection, paths.store, copy)
