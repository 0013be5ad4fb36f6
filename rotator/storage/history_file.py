"""The file of the history: it may be lost, and is never in the way.

A damaged one is put away under a name that says so and begun anew, and so is what is no history;
a newer version's is left as it is. While the disk refuses it, or somebody keeps it locked, what
happens is kept in memory alone, and the disk is asked again from time to time.
"""

from __future__ import annotations

import contextlib
import functools
import glob
import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from rotator.clock import system_clock, to_iso
from rotator.core.logins.row_seals import SEALED_TABLES
from rotator.errors import NewerSchema, RotatorError, StoreDamaged, StoreError
from rotator.storage.database import (
    Connection,
    clear_places,
    end_of_link,
    open_database,
    read_only,
    table_names,
)
from rotator.storage.database_errors import is_locked, store_errors, tells_of_damage
from rotator.storage.images import back_up, in_memory
from rotator.storage.migrations import HISTORY, migrate
from rotator.system.locks import folder_lock, holds_swap_lock

log = logging.getLogger(__name__)

ASK_AGAIN_SECONDS = 60.0
# Whoever has the folder alone rebuilds the store, and nobody waits for a history.
_PATIENCE_SECONDS = 0.3
# Nor do they wait for one that somebody else keeps locked: a command a moment, and a watcher, to
# whom a request may be waiting, less.
BUSY_SECONDS, BUSY_WATCHING_SECONDS = 1.0, 0.15
# Whoever holds the lock of swaps keeps others waiting, too; what is not written then is at the end.
BUSY_SWAPPING_SECONDS = 0.05
# Most of those that lock it have soon done with it.
_ASK_AGAIN_LOCKED_SECONDS = 5.0
DAMAGED, _OTHER = ".damaged-", ".other-"
_WHAT = {DAMAGED: "damaged", _OTHER: "something else"}
# Every history has it, and nothing else of ours.
_TABLE = "event"
_WRITES_NOTHING = f"DELETE FROM {_TABLE} WHERE FALSE"  # noqa: S608  # ours

P = ParamSpec("P")
T = TypeVar("T")
AnyFile = TypeVar("AnyFile", bound="HistoryFile")


def never_in_the_way(
    method: Callable[Concatenate[AnyFile, P], T],
) -> Callable[Concatenate[AnyFile, P], T]:
    """Let a method be done once more in another file, or in memory, where the file fails."""

    @functools.wraps(method)
    def tried(history: AnyFile, /, *args: P.args, **more: P.kwargs) -> T:
        return history.attempt(lambda: method(history, *args, **more))

    return tried


class _NoHistory(StoreDamaged):
    """Something else has its name."""


class HistoryFile:
    """The open file, or what stands for it."""

    def __init__(self, path: Path, *, patience_seconds: float = BUSY_SECONDS) -> None:
        """Open or create the file at `path`; whoever keeps it locked is waited for so long."""
        self._path = path
        self._patience_seconds = patience_seconds
        self._notice: str | None = None
        self._file: tuple[int, int] | None = None
        self._again_at: float | None = None
        self._is_inside = False
        self._connection = in_memory()
        try:
            self.attempt(lambda: None)
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def ask_again(self) -> None:
        """Try the file once more, however short a time ago it was refused."""
        self._again_at = None
        self.attempt(lambda: None)

    def take_notice(self) -> str | None:
        """Return what nobody has told yet of what was wrong with the file."""
        told, self._notice = self._notice, None
        return told

    @property
    def is_in_memory(self) -> bool:
        """Whether nothing is written down for now."""
        return self._file is None

    def changed_hands(self) -> None:
        """Hear that another file, or none, is used from now on."""

    def came_back(self) -> None:
        """Hear that the file is used from now on, and no memory."""

    def attempt(self, action: Callable[[], T]) -> T:
        """Do it in the file, in a new one if it is damaged, else in memory."""
        if self._is_inside:
            return action()
        self._is_inside = True
        try:
            return self._attempt(action)
        finally:
            self._is_inside = False

    def _attempt(self, action: Callable[[], T]) -> T:
        for _ in range(2):
            try:
                self._follow()
                self._set_patience()
                return action()
            except NewerSchema as exc:
                self._do_without(f"{exc.message}, and is left as it is: update this one")
                break
            except (StoreDamaged, IsADirectoryError) as exc:
                kind = _OTHER if isinstance(exc, _NoHistory) else DAMAGED
                if not self._put_away(kind):
                    break
            except (RotatorError, OSError) as exc:
                self._do_without(_why(exc))
                if is_locked(exc):
                    self._again_at = time.monotonic() + _ASK_AGAIN_LOCKED_SECONDS
                break
        return action()

    def _follow(self) -> None:
        """Open the file that is at the path by now, unless the disk has just refused it."""
        if self._again_at is not None and time.monotonic() < self._again_at:
            return
        identity = _identity_of(self._path)
        if identity is not None and identity == self._file:
            return
        if self._path.is_dir():
            raise IsADirectoryError(self._path)
        clear_places(self._path)
        try:
            connection = open_database(
                self._path,
                HISTORY,
                durable=False,
                gate=_require_history,
                patience_seconds=self._patience(),
            )
        except (NewerSchema, StoreDamaged):
            # Of some other kind of database the number of the schema says nothing.
            with store_errors(self._path), contextlib.closing(read_only(self._path)) as other:
                _require_table(other)
            raise
        try:
            with store_errors(self._path):
                _require_writable(connection, self._path)
        except BaseException:
            connection.close()
            raise
        self._use(connection, _identity_of(self._path))
        self._again_at = None
        self.came_back()

    def _patience(self) -> float:
        longest = BUSY_SWAPPING_SECONDS if holds_swap_lock() else self._patience_seconds
        return min(longest, self._patience_seconds)

    def _set_patience(self) -> None:
        if self._file is not None:
            with store_errors(self._path):
                self._connection.execute(f"PRAGMA busy_timeout = {int(self._patience() * 1000)}")

    def _use(self, connection: Connection, file: tuple[int, int] | None) -> None:
        before, self._connection, self._file = self._connection, connection, file
        self.changed_hands()
        with contextlib.suppress(RotatorError), store_errors(self._path):
            before.close()

    def _put_away(self, kind: str) -> bool:
        """Give what is there a name that says what it is; False if the disk does not let us."""
        before = self._file or _identity_of(self._path)
        try:
            with folder_lock(self._path.parent, alone=True, patience_seconds=_PATIENCE_SECONDS):
                # Somebody may have done it just before.
                if _identity_of(self._path) == before:
                    aside = _moved_aside(self._path, kind)
                    self._tell(f"the history was {_WHAT[kind]} and put away as {aside}; begun anew")
        except (RotatorError, OSError) as exc:
            self._do_without(_why(exc))
            return False
        self._file = None
        return True

    def _do_without(self, why: str) -> None:
        """Go on in memory, with what can be read of the file."""
        kept = in_memory()
        try:
            with store_errors(self._path):
                back_up(self._connection, kept)
                migrate(kept, HISTORY)
                kept.execute(_WRITES_NOTHING)
        except RotatorError:
            kept.close()
            kept = in_memory()
            migrate(kept, HISTORY)
        self._use(kept, None)
        if self._again_at is None:
            self._tell(f"what happens is not written down for now: {why}")
        self._again_at = time.monotonic() + ASK_AGAIN_SECONDS

    def _tell(self, notice: str) -> None:
        log.warning("%s", notice)
        self._notice = notice


@contextlib.contextmanager
def _require_history(connection: Connection) -> Iterator[None]:
    """Let no step of our schema be done in another kind of database."""
    _require_table(connection)
    yield


def _require_table(connection: Connection) -> None:
    if _TABLE not in table_names(connection):
        message = "it has nothing of a history"
        raise _NoHistory(message)


def _require_writable(connection: Connection, path: Path) -> None:
    """Raise StoreDamaged where a file that we may write says in its header that nobody may.

    SQLite opens it, and tells at the first change.
    """
    (patience_ms,) = connection.execute("PRAGMA busy_timeout").fetchone()
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        connection.execute(_WRITES_NOTHING)
    except sqlite3.Error as exc:
        # What somebody else writes just then can be written.
        if tells_of_damage(exc, path):
            message = f"the history {path} is damaged: {exc}"
            raise StoreDamaged(message) from exc
    finally:
        connection.execute(f"PRAGMA busy_timeout = {patience_ms}")


def _moved_aside(path: Path, kind: str) -> str:
    """Give a history another name and return it; a link stays where a damaged one is behind it."""
    is_behind_link = kind == DAMAGED and path.is_symlink() and path.is_file()
    path, link = (end_of_link(path), path) if is_behind_link else (path, path)
    stamp = to_iso(system_clock()).replace(":", "")
    aside = f"{path.name}{kind}{stamp}"
    for old in path.parent.glob(f"{glob.escape(path.name)}{DAMAGED}*"):
        # One is enough to look into.
        if not old.is_dir():
            old.unlink(missing_ok=True)
    for ending in ("-wal", "-shm", ""):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + ending).rename(path.with_name(aside + ending))
    return aside if path == link else str(path.with_name(aside))


def with_logins_perhaps(path: Path) -> list[Path]:
    """Return what was put away of histories and may hold logins, as a store that was copied there.

    It is in parts; a database of another program is none. Raises OSError.
    """
    files = [
        file
        for place in {path, end_of_link(path)}
        for file in place.parent.iterdir()
        if file.name.startswith((place.name + DAMAGED, place.name + _OTHER))
    ]
    others = {file for file in files if _OTHER in file.name and _is_another_programs(file)}
    return [f for f in files if not any(f.name.startswith(other.name) for other in others)]


def _is_another_programs(path: Path) -> bool:
    try:
        # Nothing is made beside it.
        shared = path.with_name(f"{path.name}-wal").exists()
        with store_errors(path), contextlib.closing(read_only(path, shared=shared)) as other:
            names = table_names(other)
    except StoreError:
        return False
    return bool(names) and set(SEALED_TABLES).isdisjoint(names)


def _why(error: RotatorError | OSError) -> str:
    return error.message if isinstance(error, RotatorError) else str(error.strerror)


def _identity_of(path: Path) -> tuple[int, int] | None:
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_dev, facts.st_ino
