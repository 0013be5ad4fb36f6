"""Reading and writing in one piece, and what is erased for good."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from rotator.storage.database_errors import is_busy, store_errors
from rotator.storage.migrations import roll_back
from rotator.system.locks import tell_wait_for_writer, wait_for_turn

BUSY_SECONDS = 5.0
_LEFT_TO_SQLITE_MS = 1000
# Whoever reads reads for milliseconds; one that stands still is not waited for.
_READERS_SECONDS = 0.25


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection, path: Path) -> Iterator[sqlite3.Connection]:
    """Run a block as one write transaction."""
    with store_errors(path):
        _begin_to_write(connection, path)
        with roll_back(connection):
            yield connection
            connection.execute("COMMIT")


def _begin_to_write(connection: sqlite3.Connection, path: Path) -> None:
    """Begin a write transaction; after a second say whom it waits for. Raises Interrupted.

    SQLite's own wait hears of no signal, so it is left alone where it is short.
    """
    (patience_ms,) = connection.execute("PRAGMA busy_timeout").fetchone()
    if patience_ms <= _LEFT_TO_SQLITE_MS:
        connection.execute("BEGIN IMMEDIATE")
        return
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        patience_seconds = patience_ms / 1000
        if not wait_for_turn(
            lambda: _has_begun(connection), patience_seconds, lambda: tell_wait_for_writer(path)
        ):
            connection.execute("BEGIN IMMEDIATE")
    finally:
        with roll_back(connection):
            connection.execute(f"PRAGMA busy_timeout = {patience_ms}")


def _has_begun(connection: sqlite3.Connection) -> bool:
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as exc:
        if not is_busy(exc):
            raise
        return False
    return True


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


def erase_deleted(connection: sqlite3.Connection, path: Path) -> bool:
    """Let no byte of what was deleted remain in the database or its -wal.

    Deleting overwrites a row, but not the copies of it that were left behind when rows moved
    from page to page; so the file is written anew. False while somebody reads or writes: then
    the -wal still holds it.
    """
    with store_errors(path):
        try:
            connection.execute(f"PRAGMA busy_timeout = {int(_READERS_SECONDS * 1000)}")
            connection.execute("VACUUM")
            return _checkpoint(connection, "TRUNCATE")
        except sqlite3.OperationalError as exc:
            if exc.sqlite_errorcode & 0xFF not in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
                raise
            return False
        finally:
            connection.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")


def write_back(connection: sqlite3.Connection, path: Path) -> None:
    """Bring what stands in the -wal into the database itself, as far as nobody is in the way."""
    with store_errors(path):
        _checkpoint(connection, "PASSIVE")


def _checkpoint(connection: sqlite3.Connection, kind: str) -> bool:
    is_busy, _, _ = connection.execute(f"PRAGMA wal_checkpoint({kind})").fetchone()
    return not is_busy
