"""Seals the rows of a database.

Triggers of our own connection seal what is written, and a row that was not sealed right before it
is changed is not sealed right afterwards.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence

from rotator.core.logins.row_seals import SEALED_TABLES, covered, seal_of, seals_of

_FUNCTION = "rotator_seal"


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


def _triggers(connection: sqlite3.Connection) -> Iterator[str]:
    for table in SEALED_TABLES:
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
