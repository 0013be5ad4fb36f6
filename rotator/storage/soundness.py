"""Whether a store is as it was written: its header, its tables, its pages, its rows."""

from __future__ import annotations

from pathlib import Path

from rotator.core.logins.row_seals import SEAL, SEALED_TABLES, is_sealed, seals_of
from rotator.errors import StoreDamaged
from rotator.storage.database import Connection, require_known_schema, table_names
from rotator.storage.database_errors import store_errors
from rotator.storage.images import opened_empty, require_sound
from rotator.storage.migrations import STORE, version_of

_SCHEMA = (
    "SELECT type, name, tbl_name, sql FROM main.sqlite_schema WHERE name NOT LIKE 'sqlite_stat%'"
    " ORDER BY type, name"
)


def require_intact(connection: Connection, path: Path) -> int:
    """Return the schema of a store; raises StoreDamaged, or NewerSchema.

    Slower than to read it: every page and every row is looked at.
    """
    with store_errors(path):
        require_known_schema(connection, path, STORE)
        schema = version_of(connection)
        if schema == 0 and table_names(connection):
            raise _damaged(path, "it does not say which schema it has")
        require_sound(connection, path)
        if schema and _tables(connection) != _expected(schema):
            raise _damaged(path, "its tables are not those of its schema")
        for table in sorted(set(table_names(connection)) & set(SEALED_TABLES)):
            _require_sealed(connection, path, table)
    return schema


def _tables(connection: Connection) -> list[tuple[str, ...]]:
    return [tuple(row) for row in connection.execute(_SCHEMA)]


def _expected(schema: int) -> list[tuple[str, ...]]:
    with opened_empty(STORE[:schema]) as empty:
        return _tables(empty)


def _require_sealed(connection: Connection, path: Path, table: str) -> None:
    cursor = connection.execute(f"SELECT * FROM {table}")  # noqa: S608  # its own names
    names = [column[0] for column in cursor.description]
    if SEAL not in names:
        # Before there were seals nobody can tell.
        return
    for values in cursor:
        row = dict(zip(names, values, strict=True))
        if not all(is_sealed(table, row, seal) for seal in seals_of(table)):
            raise _damaged(path, f"a row of {table} is not as it was written")


def _damaged(path: Path, why: str) -> StoreDamaged:
    return StoreDamaged(f"the store {path} is damaged: {why}")
