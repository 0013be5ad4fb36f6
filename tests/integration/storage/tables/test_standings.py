"""What was seen in OpenCode 2's database: sealed, kept by a rebuilt store, or found out anew."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rotator.errors import StoreDamaged
from rotator.live.homes import capture_home
from rotator.model import AccountState, EventKind, HomeName
from rotator.opencode.database.home import DatabaseHome
from rotator.services import accounts as ledger
from rotator.storage.images import opened_empty
from rotator.storage.migrations import STORE, migrate
from rotator.storage.row_sealing import seal_tables, seal_what_is_written, unlike_tables
from rotator.storage.soundness import require_intact
from rotator.system.locks import swap_lock
from rotator.system.paths import Paths, find_paths
from tests.support.home import places
from tests.support.live import Live, open_live
from tests.support.opencode2_table import Table, key

A, B = "acme/a", "acme/b"


@dataclass
class Seen:
    """Somebody's table with two keys, which a watcher has seen."""

    home: Path
    table: Table

    @property
    def paths(self) -> Paths:
        return find_paths(places(self.home))


@pytest.fixture
def seen(home: Path) -> Iterator[Seen]:
    with open_live(home) as live:
        table = Table(live.paths.opencode_database)
        table.make()
        look(live)
        for name in ("a", "b"):
            table.log_in("acme", key(name), name)
            look(live)
        ledger.disable(live.context, live.account(A))
        live.context.back_up_if_due()
    yield Seen(home, table)
    table.close()


def look(live: Live) -> None:
    with swap_lock(live.paths.swap_lock):
        capture_home(live.context, DatabaseHome(live.paths, servers=lambda _: []), watched=True)


def change(paths: Paths, statement: str) -> None:
    """Change the store as a fault of the disk would."""
    with contextlib.closing(sqlite3.connect(paths.store, isolation_level=None)) as connection:
        connection.execute(statement)


def labels(live: Live) -> list[tuple[str, bool]]:
    return [(standing.label, standing.active) for standing in live.state.standings]


def test_a_row_that_has_changed_shows_and_is_seen_anew_without_a_login(seen: Seen) -> None:
    with open_live(seen.home) as live:
        change(seen.paths, "UPDATE standing SET digest = 'x' WHERE label = 'a'")
        with pytest.raises(StoreDamaged, match="a row of standing is not as it was written"):
            check(seen.paths)

        assert labels(live) == [("b", True)]
        assert "what is noted as standing cannot be read" in live.state.broken
        assert not live.context.store.has_seen(HomeName.DATABASE)
        look(live)

        assert labels(live) == [("a", False), ("b", True)]
        # Nobody has logged in.
        assert live.state_of(A) is AccountState.DISABLED
        assert live.state.broken == ()
    check(seen.paths)


def check(paths: Paths) -> None:
    with contextlib.closing(sqlite3.connect(paths.store, isolation_level=None)) as connection:
        require_intact(connection, paths.store)


def test_rows_of_another_time_show(seen: Seen) -> None:
    change(seen.paths, "DELETE FROM standing WHERE label = 'a'")

    with pytest.raises(StoreDamaged, match="the table standing is of another time"):
        check(seen.paths)


def test_a_rebuilt_store_knows_what_was_seen(seen: Seen) -> None:
    break_table(seen.paths, "tenure")

    with open_live(seen.home) as live:
        live.context.mend()
        before = len(live.events())
        assert labels(live) == [("a", False), ("b", True)]
        look(live)
        assert len(live.events()) == before
        seen.table.log_out("cred_0002")
        look(live)

        assert live.state_of(B) is AccountState.DISABLED
        assert live.kinds()[-1] is EventKind.LOGGED_OUT


@pytest.mark.parametrize("damage", ["row", "gone"])
def test_what_a_rebuilt_store_does_not_know_is_seen_as_for_the_first_time(
    seen: Seen, damage: str
) -> None:
    """A copy of the accounts has nothing of it: all that stands there is known by its secrets."""
    if damage == "gone":
        for ending in ("", "-wal", "-shm"):
            seen.paths.store.with_name(seen.paths.store.name + ending).unlink(missing_ok=True)
    else:
        change(seen.paths, "DELETE FROM standing WHERE label = 'a'")
        break_table(seen.paths, "tenure")

    with open_live(seen.home) as live:
        live.context.mend()
        assert labels(live) == []
        look(live)

        assert live.names() == [A, B]
        assert labels(live) == [("a", False), ("b", True)]
        assert live.state_of(A) is AccountState.DISABLED
        assert EventKind.LOGGED_OUT not in live.kinds()


def break_table(paths: Paths, table: str) -> None:
    """Let what stands in a table be nothing that was ever written."""
    with contextlib.closing(sqlite3.connect(paths.store)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        question = "SELECT rootpage FROM sqlite_schema WHERE name = ?"
        (root,) = connection.execute(question, (table,)).fetchone()
    with paths.store.open("r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(bytes(4096))


def test_a_store_of_the_schema_before_is_sound_without_that_table(tmp_path: Path) -> None:
    with opened_empty(STORE[:7]) as connection:
        seal_what_is_written(connection)
        seal_tables(connection)
        assert unlike_tables(connection) == frozenset()
        assert require_intact(connection, tmp_path) == 7
        migrate(connection, STORE)
        assert require_intact(connection, tmp_path) == len(STORE)
