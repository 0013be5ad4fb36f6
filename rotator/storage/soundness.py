"""Whether a store is as it was written: its header, its tables, its pages, its rows."""

from __future__ import annotations

from pathlib import Path

from rotator.core.logins.row_seals import SEAL, is_sealed, seals_of
from rotator.errors import StoreDamaged
from rotator.storage.database import Connection, require_known_schema, table_names
from rotator.storage.images import opened_empty, require_sound
from rotator.storage.migrations import STORE, version_of
from rotator.storage.row_sealing import TABLE_SEALS, sealed_tables, unlike_tables
from rotator.storage.transactions import reading

_SCHEMA = (
    "SELECT type, name, tbl_name, sql FROM main.sqlite_schema WHERE name NOT LIKE 'sqlite_stat%'"
    " ORDER BY type, name"
)

# The file format's versions for writing and for reading, by sqlite.org/fileformat2.html (1.3.3):
# with and without a write-ahead log. SQLite only reads what has a newer one for writing.
_VERSIONS = slice(18, 20)
_KNOWN_VERSIONS = (b"\1\1", b"\2\2")


def require_intact(connection: Connection, path: Path) -> int:
    """Return the schema of a store; raises StoreDamaged, or NewerSchema.

    Slower than to read it: every page and every row is looked at.
    """
    # Somebody may write just then: all is of one moment.
    with reading(connection, path):
        require_known_schema(connection, path, STORE)
        schema = version_of(connection)
        if schema == 0 and table_names(connection):
            raise _damaged(path, "it does not say which schema it has")
        require_sound(connection, path)
        if schema and connection.serialize()[_VERSIONS] not in _KNOWN_VERSIONS:
            raise _damaged(path, "its header has versions of the file format that there are not")
        if schema and _tables(connection) != _expected(schema):
            raise _damaged(path, "its tables are not those of its schema")
        for table in sorted(sealed_tables(connection)):
            _require_sealed(connection, path, table)
        require_of_one_time(connection, path)
    return schema


def require_of_one_time(connection: Connection, path: Path) -> None:
    """Raise StoreDamaged where a table is not as the others were left with it."""
    if TABLE_SEALS in table_names(connection):
        for table in sorted(unlike_tables(connection)):
            raise _damaged(path, f"the table {table} is of another time than the others")


def require_intact_copy(connection: Connection, path: Path) -> None:
    """Raise StoreDamaged, or NewerSchema, for what is no whole store that somebody has begun."""
    if require_intact(connection, path) == 0:
        raise _damaged(path, "it is empty")


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
