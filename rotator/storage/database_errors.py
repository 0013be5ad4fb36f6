"""What SQLite and the disk raise, as errors of ours that name the file."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from rotator.errors import StoreBusy, StoreDamaged, StoreError
from rotator.system.disk_errors import way_out_of
from rotator.system.locks import writer_error
from rotator.system.room import no_room
from rotator.system.writable import unwritable_database, unwritable_place

_MISSING = ("no such table", "no such column", "table ", "duplicate column", "unsupported file")
_TO_DO = "check the disk, the folder's rights and free space"


@contextlib.contextmanager
def store_errors(path: Path, *, opening: bool = False) -> Iterator[None]:
    """Turn what SQLite and the disk raise into a StoreError that names the file."""
    try:
        yield
    except sqlite3.Error as exc:
        message = f"the store {path} cannot be used: {exc}"
        if is_busy(exc):
            raise writer_error(StoreBusy, message, path) from exc
        if tells_of_damage(exc, path if opening else None):
            raise StoreDamaged(message, hint=_TO_DO) from exc
        raise _store_error(path, str(exc), may_be_full=_may_be_full(exc)) from exc
    except UnicodeDecodeError as exc:
        # What SQLite says of it repeats a name that is no text any more.
        message = f"the store {path} is damaged: a name in it is no text"
        raise StoreDamaged(message) from exc
    except OSError as exc:
        raise _store_error(path, str(exc.strerror), way_out_of(exc, _TO_DO)) from exc


def _store_error(
    path: Path, why: str, to_do: str = _TO_DO, *, may_be_full: bool = False
) -> StoreError:
    obstacle = unwritable_place(path.parent) or unwritable_database(path)
    if obstacle is None and may_be_full:
        # SQLite says of a full disk that it does not work.
        obstacle = no_room(path.parent)
    if obstacle is None:
        return StoreError(f"the store {path} cannot be used: {why}", hint=to_do)
    return StoreError(f"the store {path} cannot be used: {obstacle.why}", hint=obstacle.to_do)


def _may_be_full(error: sqlite3.Error) -> bool:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}


def is_busy(error: sqlite3.Error) -> bool:
    """Tell whether somebody else writes, or reads."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


def is_locked(error: BaseException) -> bool:
    """Tell whether an error of ours says that somebody else keeps a database locked."""
    return isinstance(error.__cause__, sqlite3.Error) and is_busy(error.__cause__)


def tells_of_damage(error: sqlite3.Error, path: Path | None) -> bool:
    """Tell whether what SQLite raises comes from the file itself; `path` is of one just opened."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_READONLY and path is not None:
        # A header that says so, of a file that everybody may write.
        return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    # Our statements are right: what they do not find was there.
    is_missing = code == sqlite3.SQLITE_ERROR and str(error).startswith(_MISSING)
    return is_missing or code in {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}
