"""Opens our SQLite files: private from birth, of the right schema, with errors of ours."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from rotator.errors import NewerSchema, StoreError
from rotator.migrations import Migration, migrate, roll_back, version_of
from rotator.paths import FILE_MODE, private_folder

BUSY_SECONDS = 5.0
OLDEST_SQLITE = (3, 37, 0)  # the first with STRICT tables
_RETRY_SECONDS = 0.005


def open_database(path: Path, steps: list[Migration], *, durable: bool) -> sqlite3.Connection:
    """Open (or create, 0600 in a 0700 folder) the database at `path` and migrate it.

    `durable` makes every commit survive a power cut. Raises StoreError, or NewerSchema with
    the file untouched.
    """
    require_sqlite(sqlite3.sqlite_version_info)
    with store_errors(path):
        private_folder(path.parent)
        _make_private(path)
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            _patiently(lambda: _prepare(connection, path, steps, durable=durable))
        except BaseException:
            connection.close()
            raise
    return connection


def require_sqlite(version: tuple[int, ...]) -> None:
    """Raise StoreError for a SQLite that has no STRICT tables."""
    if version < OLDEST_SQLITE:
        needed, found = (".".join(map(str, numbers)) for numbers in (OLDEST_SQLITE, version))
        message = f"the store needs SQLite {needed}, this Python has {found}"
        raise StoreError(message, hint="use a Python that is built with a newer SQLite")


def _make_private(path: Path) -> None:
    # SQLite gives its -wal and -shm the mode of the database itself. A database that is there
    # must not be opened here: closing it would drop the locks of this process's other
    # connections (sqlite.org/howtocorrupt.html, 2.2).
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE))
    except FileExistsError:
        if path.stat().st_mode & 0o777 != FILE_MODE:
            path.chmod(FILE_MODE)


def _patiently(action: Callable[[], None]) -> None:
    """Do it again while the database is locked: to set WAL mode SQLite itself does not wait."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            return action()
        except sqlite3.OperationalError as exc:
            busy = exc.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > deadline:
                raise
        time.sleep(_RETRY_SECONDS)


def _prepare(
    connection: sqlite3.Connection, path: Path, steps: list[Migration], *, durable: bool
) -> None:
    if version_of(connection) > len(steps):
        message = f"{path} was written by a newer rotator"
        raise NewerSchema(message, hint="update this one; the store was left untouched")
    for pragma in (
        "journal_mode = WAL",
        "secure_delete = ON",
        "foreign_keys = ON",
        f"synchronous = {'FULL' if durable else 'NORMAL'}",
    ):
        connection.execute(f"PRAGMA {pragma}")
    migrate(connection, steps)


@contextlib.contextmanager
def store_errors(path: Path) -> Iterator[None]:
    """Turn what SQLite and the disk raise into a StoreError that names the file."""
    try:
        yield
    except sqlite3.Error as exc:
        message = f"the store {path} cannot be used: {exc}"
        raise StoreError(
            message, hint="check the disk, the folder's rights and free space"
        ) from exc
    except OSError as exc:
        message = f"the store {path} cannot be used: {exc.strerror}"
        raise StoreError(
            message, hint="check the disk, the folder's rights and free space"
        ) from exc


def is_damaged(error: StoreError) -> bool:
    """Tell whether the file is no database, or no whole one, so that trying again is in vain."""
    cause = error.__cause__
    return isinstance(cause, sqlite3.DatabaseError) and (
        getattr(cause, "sqlite_errorcode", 0) & 0xFF
    ) in {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection, path: Path) -> Iterator[sqlite3.Connection]:
    """Run a block as one write transaction; inside another one it simply joins it."""
    with store_errors(path):
        if connection.in_transaction:
            yield connection
            return
        connection.execute("BEGIN IMMEDIATE")
        with roll_back(connection):
            yield connection
            connection.execute("COMMIT")


@contextlib.contextmanager
def reading(connection: sqlite3.Connection, path: Path) -> Iterator[sqlite3.Connection]:
    """Let everything that a block reads be of one moment; a transaction is one already."""
    with store_errors(path):
        if connection.in_transaction:
            yield connection
            return
        connection.execute("BEGIN")
        with roll_back(connection):
            yield connection
            connection.execute("COMMIT")
