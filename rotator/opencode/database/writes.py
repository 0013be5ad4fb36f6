"""Writes OpenCode 2's table of logins: each change is one short transaction, whole or not at all.

Whoever is killed in between leaves nothing behind. A row that is changed has to hold what was
read of it, so that what OpenCode wrote meanwhile stays. Which row is active is said here only
where no server runs: one would go on with what it made of the row before.
"""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from rotator.errors import LiveFileError, LiveFileUnreadable, SwapConflict
from rotator.opencode.database.table import COLUMNS, OURS, Connection, schema_obstacle, text_of
from rotator.opencode.home import Absent
from rotator.secret import Secret

_BUSY_SECONDS = 2.0
_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_OTHERS = "integration_id = (SELECT integration_id FROM credential WHERE id = ?) AND id != ?"


def new_slot() -> str:
    """Return an id for a row that we put in."""
    return f"{OURS}{secrets.token_hex(10)}"


def put(path: Path, provider: str, label: str, value: Secret) -> str:
    """Add a row that is not active and return its id; raises LiveFileError."""
    slot = new_slot()
    with _transaction(path) as connection:
        _require_known_columns(connection, path)
        # Where no row says that it is active, the newest one is: ours says nothing, which counts
        # less than a no, and is older than all.
        (first,) = connection.execute(
            "SELECT min(time_created) FROM credential WHERE integration_id = ?", (provider,)
        ).fetchone()
        now = _now()
        created = now if first is None else min(int(first) - 1, now)
        connection.execute(
            "INSERT INTO credential (id, integration_id, label, value, active, time_created,"
            " time_updated) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (slot, provider, label, value.reveal(), None, created, now),
        )
    return slot


def update(path: Path, slot: str, old: Secret, new: Secret) -> bool:
    """Change a row's value; False if it is not `old` any more. Raises LiveFileError."""
    with _transaction(path) as connection:
        done = connection.execute(
            "UPDATE credential SET value = ?, time_updated = ? WHERE id = ? AND value = ?",
            (new.reveal(), _now(), slot, old.reveal()),
        )
    return done.rowcount == 1


def activate(path: Path, slot: str) -> bool:
    """Make a row the active one of its integration; False if it is gone. Raises LiveFileError."""
    with _transaction(path) as connection:
        done = connection.execute(
            "UPDATE credential SET active = 1, time_updated = ? WHERE id = ?", (_now(), slot)
        )
        connection.execute(
            f"UPDATE credential SET active = 0, time_updated = ? WHERE {_OTHERS}",  # noqa: S608  # our words
            (_now(), slot, slot),
        )
    return done.rowcount == 1


def remove(path: Path, slot: str, old: Secret) -> bool:
    """Take a row out; False if it does not hold `old` any more. Raises LiveFileError."""
    with _transaction(path) as connection:
        done = connection.execute(
            "DELETE FROM credential WHERE id = ? AND value = ?", (slot, old.reveal())
        )
    return done.rowcount == 1


@contextlib.contextmanager
def _transaction(path: Path) -> Iterator[Connection]:
    try:
        with contextlib.closing(_connected(path)) as connection:
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute("BEGIN IMMEDIATE")
            try:
                _require_known(connection, path)
                yield connection
            except BaseException:
                # After some errors, a full disk among them, SQLite has done it by itself.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")
    except sqlite3.Error as exc:
        raise _failure(path, exc) from exc


def _connected(path: Path) -> Connection:
    # One that is not there is not made.
    address = f"{path.absolute().as_uri()}?mode=rw"
    connection = sqlite3.connect(address, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)
    connection.text_factory = text_of
    return connection


def _require_known(connection: Connection, path: Path) -> None:
    obstacle = schema_obstacle(connection, path)
    if obstacle is not None:
        why = "it has no logins" if isinstance(obstacle, Absent) else obstacle.why
        message = f"{path} cannot be changed: {why}"
        raise LiveFileUnreadable(message, hint="nothing was written")


def _require_known_columns(connection: Connection, path: Path) -> None:
    """Raise LiveFileUnreadable where a new row would need something that is not known here."""
    for row in connection.execute("PRAGMA table_info(credential)"):
        _, name, _, is_required, default, _ = row
        if is_required and default is None and str(name) not in COLUMNS:
            message = f"{path} cannot be changed: its table of logins asks for {name}"
            raise LiveFileUnreadable(message, hint="log in with OpenCode itself")


def _failure(path: Path, error: sqlite3.Error) -> LiveFileError:
    if getattr(error, "sqlite_errorcode", 0) & 0xFF in _LOCKED:
        message = f"{path} is locked by another program"
        return SwapConflict(message, hint="try again in a moment; nothing was written")
    message = f"{path} cannot be written: {error}"
    return LiveFileError(message, hint="check the disk, free space and the rights of its folder")


def _now() -> int:
    return time.time_ns() // 1_000_000
