"""Whole databases as the bytes of a file, or in memory."""

from __future__ import annotations

import contextlib
import functools
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

from rotator.errors import StoreDamaged
from rotator.storage.database import SMALLEST, text_of
from rotator.storage.database_errors import store_errors
from rotator.storage.migrations import Migration, migrate
from rotator.text import sanitize


def image_of(connection: sqlite3.Connection, path: Path, clear: Iterable[str]) -> bytes:
    """Return a copy of the database as the bytes of a file, once the statements `clear` are done.

    Nothing that they delete remains anywhere in the bytes. Raises
    StoreDamaged if the copy is not sound.
    """
    with store_errors(path), contextlib.closing(in_memory()) as copy:
        connection.backup(copy)
        for statement in clear:
            copy.execute(statement)
        copy.execute("VACUUM")
        require_sound(copy, path)
        return copy.serialize()


@contextlib.contextmanager
def opened_image(content: bytes, path: Path) -> Iterator[sqlite3.Connection]:
    """Open the bytes that were read from `path` in memory; raises StoreDamaged."""
    if len(content) < SMALLEST:
        message = f"the store {path} is damaged: it is empty"
        raise StoreDamaged(message)
    with store_errors(path), contextlib.closing(in_memory()) as connection:
        connection.deserialize(content)
        require_sound(connection, path)
        yield connection


@contextlib.contextmanager
def opened_empty(steps: list[Migration]) -> Iterator[sqlite3.Connection]:
    """Open a new database in memory, with the schema of `steps`."""
    with contextlib.closing(in_memory()) as connection:
        if steps:
            connection.deserialize(_empty(tuple(steps)))
        yield connection


@functools.cache
def _empty(steps: tuple[Migration, ...]) -> bytes:
    """Return an empty database: to migrate one takes far longer than to copy it."""
    with contextlib.closing(in_memory()) as connection:
        migrate(connection, list(steps))
        return connection.serialize()


def in_memory() -> sqlite3.Connection:
    """Open a database without a file."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.text_factory = text_of
    return connection


def back_up(source: sqlite3.Connection, target: sqlite3.Connection) -> None:
    """Copy a whole database that others may write; it is not waited for one that is locked."""
    # `backup` itself would try for ever.
    source.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    source.backup(target)


def require_sound(connection: sqlite3.Connection, path: Path) -> None:
    """Raise StoreDamaged unless every page of the database is as it should be."""
    with store_errors(path):
        row = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if row != ("ok",):
            message = f"the store {path} is damaged: {sanitize(row[0])}"
            raise StoreDamaged(message)
