"""Copies of the store and the history in memory, for whoever may read them and write nothing.

They lie on a read-only file system, or belong to somebody else: SQLite would have to make files
beside them. What stands in a -wal is in the copy. Nothing here makes or changes a file.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import NoReturn

from rotator.errors import StoreDamaged, StoreError
from rotator.storage.backups import Backups
from rotator.storage.database import (
    Connection,
    Memory,
    is_remembered,
    not_remembered,
    read_only,
    require_begun,
    require_known_schema,
    table_names,
)
from rotator.storage.database_errors import store_errors
from rotator.storage.history import History
from rotator.storage.history_file import DAMAGED
from rotator.storage.images import back_up, in_memory, opened_image
from rotator.storage.migrations import HISTORY, STORE, Migration, migrate, version_of
from rotator.storage.repair_sources import content_of
from rotator.storage.soundness import require_intact_copy
from rotator.storage.store import Store
from rotator.storage.write_ahead_log import beside, image_with_wal
from rotator.system.file_owners import require_own_way

_TRIES = 3


class StoreCopy(Store):
    """The accounts as they were when this was opened; it refuses every change, saying `why`."""

    def __init__(self, path: Path, why: str) -> None:
        """Copy the store at `path`; raises StoreError, StoreDamaged, NewerSchema."""
        self._why = why
        super().__init__(path)

    def _connect(self) -> tuple[Connection, tuple[int, int] | None]:
        if self._path.parent.is_dir():
            self._require_in_place()
        return copy_of(self._path, STORE, is_remembered), None

    def transaction(self) -> NoReturn:
        """Refuse a change; raises StoreError."""
        raise StoreError(f"nothing can be written: {self._why}")

    def is_replaced(self) -> bool:
        """Stay with what was copied."""
        return False

    def hand_over_notice(self, _: Callable[[str], None]) -> str | None:
        """Leave what is to be told to whoever can note that it was."""
        return None


class HistoryCopy(History):
    """What happened and was used, copied anew whenever somebody else has written."""

    _seen: tuple[tuple[int, int] | None, ...] | None = None

    def _follow(self) -> None:
        there = _times(self._path)
        if there != self._seen:
            self._seen = there
            self._use(copy_of(self._path, HISTORY), None)

    def _put_away(self, kind: str) -> bool:
        self._do_without("it is damaged" if kind == DAMAGED else "it is something else")
        return False

    def _do_without(self, why: str) -> None:
        self._tell(f"what happened cannot be read: {why}")
        empty = in_memory()
        migrate(empty, HISTORY)
        self._use(empty, None)


def newest_backup(backups: Backups, why: str) -> tuple[StoreCopy, datetime] | None:
    """Return what the newest sound backup holds, and of when it is; None without one."""
    for backup in backups.newest_first():
        with contextlib.suppress(OSError, StoreError):
            with opened_image(content_of(backup), backup.path) as connection:
                require_intact_copy(connection, backup.path)
            return StoreCopy(backup.path, why), backup.made_at
    return None


def copy_of(path: Path, steps: list[Migration], remembered: Memory = not_remembered) -> Connection:
    """Return a database in memory with what `path` holds, in the schema of `steps`.

    It is empty where there is no file; one that is empty is damaged where another one is
    `remembered`. Raises StoreError, StoreDamaged, NewerSchema.
    """
    connection = in_memory()
    try:
        with store_errors(path):
            require_own_way(path)
            _fill(connection, path)
            _require_schema(connection, path, steps)
            require_begun(connection, path, remembered)
            migrate(connection, steps)
    except BaseException:
        connection.close()
        raise
    return connection


def _require_schema(connection: Connection, path: Path, steps: list[Migration]) -> None:
    require_known_schema(connection, path, steps)
    if version_of(connection) == 0 and table_names(connection):
        message = f"the store {path} is damaged: it does not say which schema it has"
        raise StoreDamaged(message)


def _fill(connection: Connection, path: Path) -> None:
    """Copy a database with what stands in its -wal, also while somebody writes it."""
    if not path.exists():
        return
    if not path.is_file():
        message = f"the store {path} is damaged: it is no file"
        raise StoreDamaged(message)
    for _ in range(_TRIES):
        before = _times(path)
        try:
            _copy(connection, path, is_open=before[1] is not None)
        except StoreDamaged:
            # Unless somebody was writing it.
            if _times(path) == before:
                raise
        else:
            # Without a -wal nobody has it open, unless somebody has begun to just now.
            if before[1] is not None or _times(path) == before:
                return


def _copy(connection: Connection, path: Path, *, is_open: bool) -> None:
    shared = beside(path, "-shm")
    # SQLite wants to make one that is not there, and would wait for a pipe in its place.
    if is_open and not shared.is_file():
        connection.deserialize(image_with_wal(path))
        return
    try:
        with store_errors(path), contextlib.closing(read_only(path, shared=is_open)) as source:
            back_up(source, connection)
    except StoreDamaged:
        raise
    except StoreError:
        if not is_open:
            raise
        # There is no room for what SQLite has to note beside it.
        connection.deserialize(image_with_wal(path))


def _times(path: Path) -> tuple[tuple[int, int] | None, ...]:
    """Return size and time of a database and of its -wal, None for one that is no file."""
    times = []
    for file in (path, beside(path, "-wal")):
        facts = file.stat() if file.is_file() else None
        times.append((facts.st_size, facts.st_mtime_ns) if facts else None)
    return tuple(times)
