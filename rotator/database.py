"""Opens our SQLite files: private from birth, of the right schema, with errors of ours."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from rotator.errors import NewerSchema, StoreError
from rotator.migrations import Migration, migrate, version_of
from rotator.paths import FILE_MODE, private_folder

BUSY_SECONDS = 5.0
OLDEST_SQLITE = (3, 37, 0)  # the first with STRICT tables


def open_database(path: Path, steps: list[Migration], *, durable: bool) -> sqlite3.Connection:
    """Open (or create, 0600 in a 0700 folder) the database at `path` and migrate it.

    `durable` makes every commit survive a power cut. Raises StoreError, or NewerSchema with
    the file untouched.
    """
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        needed = ".".join(map(str, OLDEST_SQLITE[:2]))
        message = f"the store needs SQLite {needed}, this Python has {sqlite3.sqlite_version}"
        raise StoreError(message, hint="use a Python that is built with a newer SQLite")
    with store_errors(path):
        private_folder(path.parent)
        # SQLite gives its -wal and -shm the mode of the database itself.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE))
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            _prepare(connection, path, steps, durable=durable)
        except BaseException:
            connection.close()
            raise
    return connection


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


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection, path: Path) -> Iterator[sqlite3.Connection]:
    """Run a block as one write transaction; inside another one it simply joins it."""
    if connection.in_transaction:
        yield connection
        return
    with store_errors(path):
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
