"""Seals the rows of a database.

Triggers of our own connection seal what is written, and a row that was not sealed right before it
is changed is not sealed right afterwards.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Sequence

from rotator.core.logins.row_seals import (
    SEALED_TABLES,
    covered,
    seal_of,
    seal_of_table,
    seals_of,
)

_FUNCTION = "rotator_seal"
# Seals of tables stand there, and beside them how many changes there were.
TABLE_SEALS, CHANGES = "table_seal", "changes"
# A setting that every copy of a store has, and no other store.
STORE_ID = "store"


def sealed_tables(connection: sqlite3.Connection) -> list[str]:
    """Return which of the tables whose rows have seals are there: an older schema lacks some."""
    there = {name for (name,) in connection.execute("SELECT name FROM main.sqlite_schema")}
    return [table for table in SEALED_TABLES if table in there]


def seal_rows(connection: sqlite3.Connection, table: str, where: str = "TRUE") -> None:
    """Seal the rows of a table as they are."""
    for seal in seals_of(table):
        names = covered(table, seal, _columns(connection, table))
        rows = connection.execute(f"SELECT rowid, {_listed(names)} FROM {table} WHERE {where}")  # noqa: S608  # our names
        for number, *values in rows.fetchall():
            connection.execute(
                f"UPDATE {table} SET {seal} = ? WHERE rowid = ?",  # noqa: S608  # our names
                (seal_of(names, values), number),
            )


def seal_what_is_written(connection: sqlite3.Connection) -> None:
    """Let this connection seal whatever it writes from now on; nothing of it is in the file."""

    def sealed(names: str, *values: object) -> str:
        return seal_of(names.split(), values)

    connection.create_function(_FUNCTION, -1, sealed, deterministic=True)
    connection.executescript("".join(_triggers(connection)))


def unlike_tables(connection: sqlite3.Connection) -> frozenset[str]:
    """Return the tables that do not hold the rows that they were left with.

    A page of another time is in order by itself; of a table without a seal nobody can tell. One
    that cannot be read is none of those that can be sealed.
    """
    noted = dict(connection.execute(f"SELECT name, seal FROM {TABLE_SEALS}").fetchall())  # noqa: S608  # ours
    tables = sealed_tables(connection)
    return frozenset(t for t in tables if not _is_as_left(connection, t, noted.get(t)))


def _is_as_left(connection: sqlite3.Connection, table: str, noted: str | None) -> bool:
    try:
        return _seal_of_table(connection, table) == noted or noted is None
    except sqlite3.DatabaseError:
        return False


def seal_tables(connection: sqlite3.Connection, but: Iterable[str] = ()) -> None:
    """Seal the tables as they are, before a change is committed; give the store its id.

    `but` are those that were not as they had been left before the change.
    """
    connection.execute(
        "INSERT OR IGNORE INTO setting (name, value) VALUES (?, ?)",
        (STORE_ID, secrets.token_hex(8)),
    )
    upsert = (
        f"INSERT INTO {TABLE_SEALS} (name, seal) VALUES (?, ?)"  # noqa: S608  # our name
        " ON CONFLICT DO UPDATE SET seal = excluded.seal WHERE seal != excluded.seal"
    )
    for table in set(sealed_tables(connection)).difference(but):
        connection.execute(upsert, (table, _seal_of_table(connection, table)))
    connection.execute(
        f"INSERT INTO {TABLE_SEALS} (name, seal) VALUES (?, '1')"  # noqa: S608  # our name
        " ON CONFLICT DO UPDATE SET seal = CAST(seal AS INTEGER) + 1",
        (CHANGES,),
    )


def _seal_of_table(connection: sqlite3.Connection, table: str) -> str:
    return seal_of_table(connection.execute(f"SELECT {_listed(seals_of(table))} FROM {table}"))  # noqa: S608  # ours


def _triggers(connection: sqlite3.Connection) -> Iterator[str]:
    for table in sealed_tables(connection):
        columns = _columns(connection, table)
        for seal in seals_of(table):
            if seal not in columns:
                continue
            names = covered(table, seal, columns)
            renew = (
                f"BEGIN UPDATE {table} SET {seal} = {_sealed('NEW', names)}"  # noqa: S608  # ours
                " WHERE rowid = NEW.rowid; END;\n"
            )
            yield (
                f"CREATE TEMP TRIGGER IF NOT EXISTS born_{table}_{seal} AFTER INSERT ON"
                f" main.{table} {renew}"
            )
            yield (
                f"CREATE TEMP TRIGGER IF NOT EXISTS changed_{table}_{seal} AFTER UPDATE OF"
                f" {_listed(names)} ON main.{table}"
                f" WHEN OLD.{seal} = {_sealed('OLD', names)} {renew}"
            )


def _sealed(row: str, names: Sequence[str]) -> str:
    values = ", ".join(f'{row}."{name}"' for name in names)
    return f"{_FUNCTION}('{' '.join(names)}', {values})"


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in connection.execute(f"PRAGMA main.table_info({table})")]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
