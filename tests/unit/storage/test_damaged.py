"""What is read of a database that may be damaged: its schema, and whether rows are all there."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator

import pytest

from rotator.storage.damaged import likely_schema_of, readable_rows
from rotator.storage.migrations import SEALED_SINCE, STORE, set_version

NEWEST = len(STORE)


@pytest.fixture
def database() -> Iterator[sqlite3.Connection]:
    """Open an empty database in memory."""
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        yield connection


@pytest.mark.parametrize(
    ("versions", "likely"),
    [
        pytest.param((2, 0), 2, id="one of long ago, which has it in one place"),
        pytest.param((SEALED_SINCE, SEALED_SINCE), SEALED_SINCE, id="an older one"),
        pytest.param((NEWEST, NEWEST), NEWEST, id="ours"),
        pytest.param((1, 1), 1, id="the first"),
        pytest.param((0, 0), NEWEST, id="none told"),
        pytest.param((-3, -3), NEWEST, id="none that can be"),
        pytest.param((10**6, 10**6), NEWEST, id="none that there is"),
        pytest.param((10**6, 3), 3, id="one place of two is damaged"),
    ],
)
def test_the_schema_is_what_the_header_says_where_it_can_be(
    database: sqlite3.Connection, versions: tuple[int, int], likely: int
) -> None:
    version, marked = versions
    if marked:
        set_version(database, marked)
    database.execute(f"PRAGMA user_version = {version}")

    assert likely_schema_of(database) == likely


def test_a_store_without_seals_is_one_from_before_there_were_any(
    database: sqlite3.Connection,
) -> None:
    database.execute("CREATE TABLE account (id TEXT PRIMARY KEY)")
    set_version(database, NEWEST)

    assert likely_schema_of(database) == SEALED_SINCE - 1


def test_rows_are_all_that_there_are_where_the_table_and_its_index_agree(
    database: sqlite3.Connection,
) -> None:
    make_table(database)

    read = readable_rows(database, "letter")

    assert (read.rows, read.whole, read.listed) == (({"name": "a"}, {"name": "b"}), True, True)


def test_rows_are_not_taken_for_whole_where_an_index_says_something_else(
    database: sqlite3.Connection,
) -> None:
    make_table(database)

    with changed_behind_the_index(database, "UPDATE letter SET name = 'c' WHERE rowid = 2") as odd:
        read = readable_rows(odd, "letter")

    assert (read.rows, read.whole) == (({"name": "a"}, {"name": "c"}), False)


def test_of_a_table_that_is_not_there_nobody_says_that_it_was_empty(
    database: sqlite3.Connection,
) -> None:
    read = readable_rows(database, "letter")

    assert (read.rows, read.whole, read.listed) == ((), False, False)


def test_a_row_that_only_an_index_knows_is_a_trace(database: sqlite3.Connection) -> None:
    make_table(database)

    with changed_behind_the_index(database, "DELETE FROM letter WHERE rowid = 2") as odd:
        read = readable_rows(odd, "letter")

    assert (read.rows, read.traces) == (({"name": "a"},), ({"name": "b"},))
    assert not read.whole
    assert read.listed


def test_a_table_that_cannot_be_checked_is_not_taken_for_whole(
    database: sqlite3.Connection,
) -> None:
    database.execute("CREATE TABLE letter (name TEXT)")

    def refuse(action: int, name: str | None, *_: str | None) -> int:
        is_check = action == sqlite3.SQLITE_PRAGMA and name == "integrity_check"
        return sqlite3.SQLITE_DENY if is_check else sqlite3.SQLITE_OK

    database.set_authorizer(refuse)

    assert not readable_rows(database, "letter").whole


def make_table(database: sqlite3.Connection) -> None:
    """Make a table of two letters, with an index."""
    database.execute("CREATE TABLE letter (name TEXT)")
    database.execute("CREATE INDEX by_name ON letter (name)")
    database.execute("INSERT INTO letter VALUES ('a'), ('b')")


@contextlib.contextmanager
def changed_behind_the_index(
    database: sqlite3.Connection, change: str
) -> Iterator[sqlite3.Connection]:
    """Change the table while SQLite does not know of its index."""
    index = "SELECT type, name, tbl_name, rootpage, sql FROM sqlite_schema WHERE name = 'by_name'"
    row = database.execute(index).fetchone()
    without = _after(database.serialize(), "DELETE FROM sqlite_schema WHERE name = 'by_name'", ())
    changed = _after(without, change, ())
    content = _after(changed, "INSERT INTO sqlite_schema VALUES (?, ?, ?, ?, ?)", row)
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.deserialize(content)
        yield connection


def _after(content: bytes, statement: str, values: tuple[object, ...]) -> bytes:
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.deserialize(content)
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(statement, values)
        return connection.serialize()
