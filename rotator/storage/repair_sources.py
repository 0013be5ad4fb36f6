"""What a store is rebuilt from: what can be read of the damaged one, and its copies."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from pathlib import Path

from rotator.core.logins.credential_secrets import secrets_of
from rotator.core.logins.row_seals import (
    PASSING_COLUMNS,
    PASSING_SEAL,
    SEALED_TABLES,
    is_sealed,
    seal_of_table,
    seals_of,
    without_passing,
)
from rotator.core.logins.store_merge import Key, Row, StoreContents
from rotator.errors import NewerSchema, StoreDamaged, StoreError
from rotator.opencode.auth.entries import BadEntry, parse_entry
from rotator.secret import Secret
from rotator.storage.backups import Backup, Backups
from rotator.storage.damaged import (
    SQL_ERRORS,
    Rows,
    insert_rows,
    likely_schema_of,
    opened_damaged_image,
    readable_rows,
)
from rotator.storage.database import Connection, table_names
from rotator.storage.images import opened_empty, opened_image
from rotator.storage.migrations import SEALED_SINCE, STORE, migrate
from rotator.storage.row_sealing import CHANGES, STORE_ID, TABLE_SEALS
from rotator.storage.rows import account_of
from rotator.storage.soundness import require_intact_copy
from rotator.storage.tables.known_secrets import DIGESTS_KEPT
from rotator.storage.write_ahead_log import (
    LARGEST,
    Wal,
    image_of_file,
    image_with_wal,
    is_empty_wal,
    with_tables_of,
)
from rotator.system.file_owners import require_own_way
from rotator.system.regular_files import open_regular

log = logging.getLogger(__name__)

Tables = dict[str, Rows]
_TEXTS = ("digest", "removed")


@dataclass(frozen=True)
class RepairSource:
    """What could be read of a store: its tables, in which schema, and (a copy) of when.

    `spoilt` are the rows that are not as they were written, by table, `restless` accounts of
    which nobody knows how they stand; before there were seals (`has_seals`) nobody can tell.
    """

    schema: int = 0
    tables: Tables = field(default_factory=dict, repr=False)
    made_at: datetime | None = None
    has_seals: bool = False
    # Whether what was saved last may be missing without a trace.
    lacks_last: bool = False
    spoilt: Mapping[str, tuple[Row, ...]] = field(default_factory=dict, repr=False)
    restless: tuple[Row, ...] = field(default=(), repr=False)
    # Whether it is of another store, of which nothing is taken.
    is_another: bool = False
    # Whether its copy is newer than it.
    is_older: bool = False

    @property
    def store_id(self) -> str | None:
        """The id of the store, which its copies have, too."""
        return self._value("setting", STORE_ID, "value")

    @property
    def changes(self) -> int:
        """How often it was changed, as far as that is known."""
        count = self._value(TABLE_SEALS, CHANGES, "seal")
        return int(count) if count is not None and count.isdecimal() else 0

    @property
    def has_rows(self) -> bool:
        """Tell whether anything could be read."""
        return any(table.rows for table in self.tables.values())

    def _value(self, table: str, name: str, column: str) -> str | None:
        rows = self.tables[table].rows if table in self.tables else ()
        values = [row[column] for row in rows if row["name"] == name]
        return values[0] if values and isinstance(values[0], str) else None

    def is_whole(self, table: str) -> bool:
        """Tell whether every row of a table could be read, as it was written."""
        return table in self.tables and self.tables[table].whole and not self.unread(table)

    def unread(self, table: str) -> tuple[Row, ...]:
        """Return what else is known of a table's rows: those that are spoilt, and traces."""
        traces = self.tables[table].traces if table in self.tables else ()
        return (*self.spoilt.get(table, ()), *traces)


def source_of(connection: Connection, made_at: datetime | None = None) -> RepairSource:
    """Read what can be read of a store, whatever its state."""
    schema = likely_schema_of(connection)
    with opened_empty(STORE[:schema]) as empty:
        names = table_names(empty)
    tables = {name: _in_known_columns(name, readable_rows(connection, name)) for name in names}
    for name in _TEXTS:
        # Their indexes say what is missing of them; what has changed matches nothing.
        texts = [row for row in tables[name].rows if all(isinstance(v, str) for v in row.values())]
        tables[name] = replace(tables[name], rows=tuple(texts))
    if schema < SEALED_SINCE:
        return RepairSource(schema, tables, made_at)
    unlike = _unlike(tables)
    spoilt: dict[str, tuple[Row, ...]] = {}
    restless: tuple[Row, ...] = ()
    for name in [table for table in SEALED_TABLES if table in tables]:
        rows = tables[name].rows
        spoilt[name] = tuple(row for row in rows if not is_sealed(name, row))
        sound = [row for row in rows if is_sealed(name, row)]
        if name == "account":
            restless = tuple(row for row in sound if not is_sealed(name, row, PASSING_SEAL))
            sound = [dict(without_passing(row)) if row in restless else row for row in sound]
        is_whole = tables[name].whole and name not in unlike
        tables[name] = replace(tables[name], rows=tuple(sound), whole=is_whole)
    return RepairSource(
        *(schema, tables, made_at),
        has_seals=True,
        lacks_last=bool(unlike),
        spoilt=spoilt,
        restless=restless,
    )


def _in_known_columns(name: str, table: Rows) -> Rows:
    """Return the rows, or none where the table's own list of its columns is damaged."""
    columns = {frozenset(row) for row in table.rows}
    return table if columns <= _columns_of(name) else Rows()


@cache
def _columns_of(name: str) -> frozenset[frozenset[str]]:
    """Return the columns that a table had in each schema."""
    columns = set()
    for schema in range(1, len(STORE) + 1):
        with opened_empty(STORE[:schema]) as empty:
            told = empty.execute(f"PRAGMA table_info({name})").fetchall()
            columns.add(frozenset(column[1] for column in told))
    return frozenset(columns)


def _unlike(tables: Tables) -> frozenset[str]:
    """Return the tables that hold sound rows alone, and other ones than they were left with.

    A page of them is of another time.
    """
    seals = tables[TABLE_SEALS].rows if TABLE_SEALS in tables else ()
    noted = {row["name"]: row["seal"] for row in seals}
    return frozenset(
        name
        for name in SEALED_TABLES
        if name in noted
        and name in tables
        and tables[name].whole
        and all(is_sealed(name, row, seal) for row in tables[name].rows for seal in seals_of(name))
        and noted[name] != _seal_of(name, tables[name])
    )


def _seal_of(name: str, table: Rows) -> str:
    return seal_of_table([row.get(seal) for seal in seals_of(name)] for row in table.rows)


def left_of(
    connection: Connection | None, store: Path, wal: Wal, copy: RepairSource | None
) -> RepairSource:
    """Read what is left of a store of which this is the newest sound copy.

    A log of another store is none of its, nor is one of an earlier time; SQLite binds a log to no
    file. Of another store's file nothing is taken.
    """
    known = copy.store_id if copy else None
    left = best_source(connection, store, wal)
    if not is_empty_wal(store):
        alone = _of_image(image_of_file(store))
        is_older = alone.changes > left.changes and not alone.lacks_last
        if is_older or is_another(left.store_id, known or alone.store_id):
            # It has taken the place of the store's own.
            left = replace(alone, lacks_last=True)
    if is_another(left.store_id, known):
        return RepairSource(is_another=True)
    return _older(left) if copy and _is_older(left, copy) else left


def _is_older(left: RepairSource, copy: RepairSource) -> bool:
    """Tell whether a store of which all can be read does not know what its copy has."""
    if not left.is_whole("digest") or not left.is_whole("removed"):
        return False
    noted, removed = (left.tables[name].rows for name in _TEXTS)
    digests = {(row["provider"], row["digest"]): row["account"] for row in noted}
    return not knows(digests, {(row["provider"], row["digest"]) for row in removed}, copy)


def _older(left: RepairSource) -> RepairSource:
    """Return a store of an earlier time: of no table is known what was in it last."""
    tables = {
        name: replace(rows, whole=False) if name in SEALED_TABLES else rows
        for name, rows in left.tables.items()
    }
    # Damage of its own is told where it is taken for what is left.
    is_older = not left.unread("account")
    return replace(left, tables=tables, lacks_last=True, is_older=is_older)


def knows(digests: Mapping[Key, str], removed: Collection[Key], copy: RepairSource) -> bool:
    """Tell whether a store with these digests, of these accounts, is no older than its copy.

    Of an account with so many newer tokens the older ones are not noted any more.
    """
    contents = contents_of(copy)
    count = Counter(digests.values())
    return all(
        key in digests or key in removed or count[account] >= DIGESTS_KEPT
        for account, keys in contents.current.items()
        for key in keys & contents.digests.keys()
    )


def is_another(store: str | None, known: str | None) -> bool:
    """Tell two stores apart; of one without an id, as older versions made it, nobody can tell."""
    return None not in {store, known} and store != known


def best_source(connection: Connection | None, store: Path, wal: Wal) -> RepairSource:
    """Read a damaged store as SQLite reads it, or by its pages where these tell more.

    Without a connection, which SQLite gives to no file of a few bytes, by its pages alone.
    """
    image = image_with_wal(store)
    by_pages = _by_pages(image)
    if wal is Wal.WHOLE and connection is not None:
        return max(source_of(connection), by_pages, key=_readable)
    # SQLite leaves out what came last; and so may we.
    lacks_last = by_pages.lacks_last or wal is Wal.CUT or not _is_sound(image, store)
    return replace(by_pages, lacks_last=lacks_last)


def _by_pages(image: bytes) -> RepairSource:
    if _has_other_tables(image):
        # A database of another kind, as a copy that was put back to the wrong place.
        return _of_image(image)
    with opened_empty(STORE) as empty:
        guessed = with_tables_of(image, empty.serialize())
    return max(_of_image(image), _of_image(guessed), key=_readable)


def _has_other_tables(image: bytes) -> bool:
    """Tell whether a file names its tables, and none of them is one of ours."""
    with opened_damaged_image(image) as connection, contextlib.suppress(*SQL_ERRORS):
        names = table_names(connection)
        return bool(names) and set(SEALED_TABLES).isdisjoint(names)
    return False


def _is_sound(image: bytes, store: Path) -> bool:
    try:
        with opened_image(image, store):
            return True
    except StoreDamaged:
        return False


def _of_image(content: bytes) -> RepairSource:
    with opened_damaged_image(content) as connection:
        return source_of(connection)


def _readable(source: RepairSource) -> int:
    return sum(len(rows.rows) + rows.whole for rows in source.tables.values())


def copies_of(backups: Backups) -> list[RepairSource]:
    """Return the newest copy that is sound, and before it in time those that are not.

    The oldest first; a row that is as it was written is good in a damaged copy, too. Raises
    NewerSchema.
    """
    copies: list[RepairSource] = []
    for backup in backups.newest_first():
        try:
            with opened_image(content_of(backup), backup.path) as connection:
                require_intact_copy(connection, backup.path)
                return [source_of(connection, backup.made_at), *reversed(copies)]
        except NewerSchema:
            raise
        except (OSError, StoreError) as exc:
            log.warning("the backup %s is damaged: %s", backup.path.name, exc)
            copies += _of_damaged(backup)
    return list(reversed(copies))


def content_of(backup: Backup) -> bytes:
    """Return the bytes of a copy; raises OSError, also for a pipe, a folder or a huge file."""
    require_own_way(backup.path)
    with open_regular(backup.path) as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(backup.path))
    return content


def _of_damaged(backup: Backup) -> list[RepairSource]:
    try:
        require_own_way(backup.path)
        source = replace(_by_pages(image_with_wal(backup.path)), made_at=backup.made_at)
    except (OSError, StoreDamaged):
        return []
    # Without seals nobody can tell which of its rows are good.
    has_rows = source.has_seals and any(rows.rows for rows in source.tables.values())
    return [source] if has_rows else []


def in_schema(source: RepairSource, schema: int) -> RepairSource:
    """Return a source as a newer schema has it, as far as its rows are rows of ours."""
    if source.schema == schema:
        return source
    with opened_empty(STORE[: source.schema or schema]) as connection:
        for name, table in source.tables.items():
            insert_rows(connection, name, table.rows)
        migrate(connection, STORE[:schema])
        read = {name: readable_rows(connection, name) for name in table_names(connection)}
    tables = {
        name: replace(source.tables[name], rows=rows.rows)
        if name in source.tables
        # A table that did not exist lacks no row; of nothing at all everything may be missing.
        else replace(rows, whole=bool(source.tables), listed=bool(source.tables))
        for name, rows in read.items()
    }
    return replace(source, schema=schema, tables=tables)


def contents_of(source: RepairSource) -> StoreContents:
    """Return what a source says of the accounts."""
    tables = source.tables
    digests = {(row["provider"], row["digest"]): row for row in tables["digest"].rows}
    accounts = {row["id"]: row for row in tables["account"].rows}
    sealed = frozenset(accounts) if source.has_seals else frozenset()
    for row in source.spoilt.get("account", ()):
        if row["id"] not in accounts and _has_known_secrets(row, digests):
            accounts[row["id"]] = dict(without_passing(row))
    current = {account: _current(row) for account, row in accounts.items()}
    return StoreContents(
        accounts=accounts,
        current={account: keys for account, keys in current.items() if keys},
        digests=digests,
        removed={(row["provider"], row["digest"]): row for row in tables["removed"].rows},
        whole=source.is_whole("digest"),
        sealed=sealed,
        spoilt=source.spoilt.get("account", ()),
        traces=tables["account"].traces,
    )


def _has_known_secrets(row: Row, digests: Mapping[Key, Row]) -> bool:
    keys = _current(row)
    try:
        # An older schema lacks the newest of them.
        account_of({**dict.fromkeys(PASSING_COLUMNS), **row})
    except (BadEntry, ValueError, TypeError, AttributeError):
        return False
    return bool(keys) and all(k in digests and digests[k]["account"] == row["id"] for k in keys)


def _current(row: Row) -> frozenset[Key]:
    try:
        credential = parse_entry(row["provider"], Secret(row["entry"]))
        return frozenset((row["provider"], digest) for digest in secrets_of(credential))
    except (BadEntry, TypeError, AttributeError, UnicodeError):
        return frozenset()
