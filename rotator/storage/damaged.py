"""What can still be read of a damaged database, and whether that is all there was."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rotator.storage.database import read_only, text_of
from rotator.storage.database_errors import store_errors
from rotator.storage.migrations import SEALED_SINCE, STORE, marked_version_of, version_of

# Rows behind a damaged page are looked for one by one, in so many places.
_MOST_LOOKUPS = 10_000
_MOST_GUESSES = 1000

# An error of SQLite's that repeats a damaged name cannot even be read.
SQL_ERRORS = (sqlite3.Error, UnicodeDecodeError)

Found = dict[int, dict[str, Any]]


@dataclass(frozen=True)
class Rows:
    """The rows of a table that could be read, by column; `whole`: there are no others.

    `traces` are what indexes say of rows that could not be read; `listed`: of all of them.
    """

    rows: tuple[dict[str, Any], ...] = field(default=(), repr=False)
    whole: bool = False
    traces: tuple[dict[str, Any], ...] = field(default=(), repr=False)
    listed: bool = False


@contextlib.contextmanager
def opened_damaged(path: Path, *, shared: bool = True) -> Iterator[sqlite3.Connection]:
    """Open a database of which little may be left, for reading; it stays as it is.

    Not `shared`, nobody may write it meanwhile: what is read may be nonsense if somebody does.
    """
    with store_errors(path), contextlib.closing(read_only(path, shared=shared)) as connection:
        # Text that is none is told apart by its rows, not by an error.
        connection.text_factory = text_of
        yield connection


@contextlib.contextmanager
def opened_damaged_image(content: bytes) -> Iterator[sqlite3.Connection]:
    """Open the bytes of a database of which little may be left, for reading."""
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.text_factory = text_of
        if not content:
            # SQLite takes no bytes for no memory.
            yield connection
            return
        # SQLite then reads a file that was cut, too, and the tables beside a broken one.
        connection.execute("PRAGMA writable_schema = ON")
        connection.deserialize(content)
        yield connection


def likely_schema_of(connection: sqlite3.Connection) -> int:
    """Return which schema of ours a damaged store most likely has."""
    told: list[int | None] = []
    for ask in (version_of, marked_version_of):
        with contextlib.suppress(*SQL_ERRORS):
            told.append(ask(connection))
    schema = max((n for n in told if n is not None and 0 < n <= len(STORE)), default=len(STORE))
    with contextlib.suppress(*SQL_ERRORS):
        columns = {row[1] for row in connection.execute("PRAGMA table_info(account)")}
        if columns and "seal" not in columns:
            return min(schema, SEALED_SINCE - 1)
    return schema


def insert_rows(
    connection: sqlite3.Connection, table: str, rows: Iterable[Mapping[str, Any]]
) -> None:
    """Insert rows into a table of ours, as far as it takes them, in the columns that it has."""
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    for row in rows:
        names = [name for name in columns if name in row]
        marks = ", ".join("?" * len(names))
        statement = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})"  # noqa: S608  # ours
        with contextlib.suppress(sqlite3.Error, UnicodeEncodeError):
            connection.execute(statement, [row[name] for name in names])


def readable_rows(connection: sqlite3.Connection, table: str) -> Rows:
    """Return the rows of a table from its beginning and its end to where it is damaged.

    Between these they are looked for one by one. Whole is a table that says so of itself, and
    one whose rows are those of an index of its.
    """
    try:
        connection.execute(f"SELECT rowid FROM {table} LIMIT 0")  # noqa: S608  # our names
    except SQL_ERRORS:
        # Nobody knows where it begins.
        return Rows()
    records, ended = _read(connection, table, "ORDER BY rowid")
    if not ended:
        records = _around(connection, table, records)
    traces: Found = {}
    agrees = listed = False
    for index in _indexes(connection, table):
        seen, is_read = _read(connection, table, "", index)
        listed |= is_read and records.keys() <= seen.keys()
        agrees |= is_read and seen == {
            number: {name: row[name] for name in index.columns if name in row}
            for number, row in records.items()
        }
        for number, row in seen.items():
            if number not in records:
                traces[number] = traces.get(number, {}) | row
    whole = ended and not traces and (agrees or _is_sound(connection, table))
    rows = tuple(records[number] for number in sorted(records))
    return Rows(rows, whole, tuple(traces.values()), whole or listed)


def _around(connection: sqlite3.Connection, table: str, first: Found) -> Found:
    last, _ = _read(connection, table, "ORDER BY rowid DESC")
    records = last | first
    begin = max(first, default=0) + 1
    end = min(last) if last else begin + _MOST_GUESSES
    for number in range(begin, min(end, begin + _MOST_LOOKUPS)):
        records |= _read(connection, table, f"WHERE rowid = {number}")[0]
    return records


@dataclass(frozen=True)
class _Index:
    name: str
    columns: tuple[str, ...]


def _indexes(connection: sqlite3.Connection, table: str) -> Iterator[_Index]:
    with contextlib.suppress(*SQL_ERRORS):
        for row in connection.execute(f"PRAGMA index_list({table})").fetchall():
            told = connection.execute(f"PRAGMA index_info({row[1]})").fetchall()
            yield _Index(row[1], tuple(name for _, _, name in told))


def _is_sound(connection: sqlite3.Connection, table: str) -> bool:
    with contextlib.suppress(*SQL_ERRORS):
        row: tuple[str] | None = connection.execute(f"PRAGMA integrity_check({table})").fetchone()
        return row == ("ok",)
    return False


def _read(
    connection: sqlite3.Connection, table: str, which: str, index: _Index | None = None
) -> tuple[Found, bool]:
    """Return rows by their number, and whether reading them came to its end.

    With `index` they are read from it alone.
    """
    records: Found = {}
    what = ", ".join(index.columns) if index else "*"
    where = f"{table} INDEXED BY {index.name}" if index else table
    try:
        cursor = connection.execute(f"SELECT rowid, {what} FROM {where} {which}")  # noqa: S608  # our names
        names = [column[0] for column in cursor.description[1:]]
        for number, *values in cursor:
            records[number] = dict(zip(names, values, strict=True))
    except SQL_ERRORS:
        return records, False
    return records, True
