"""The file of the history: it may be lost, and is never in the way.

A damaged one is put away under a name that says so and begun anew. While the disk refuses it, what
happens is kept in memory alone, and the disk is asked again from time to time.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from rotator.clock import system_clock, to_iso
from rotator.errors import NewerSchema, RotatorError, StoreDamaged
from rotator.storage.database import Connection, clear_places, open_database
from rotator.storage.database_errors import store_errors
from rotator.storage.images import in_memory
from rotator.storage.migrations import HISTORY, migrate
from rotator.system.locks import folder_lock

log = logging.getLogger(__name__)

ASK_AGAIN_SECONDS = 60.0
# Whoever has the folder alone rebuilds the store, and nobody waits for a history.
_PATIENCE_SECONDS = 0.3
# Nor do they wait for one that somebody else keeps locked.
_BUSY_MS = 1000
_DAMAGED = ".damaged-"

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


class HistoryFile:
    """The open file, or what stands for it."""

    def __init__(self, path: Path) -> None:
        """Open or create the file at `path`; raises NewerSchema."""
        self._path = path
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

    def take_notice(self) -> str | None:
        """Return what nobody has told yet of what was wrong with the file."""
        told, self._notice = self._notice, None
        return told

    def changed_hands(self) -> None:
        """Hear that another file, or none, is used from now on."""

    def attempt(self, action: Callable[[], T]) -> T:
        """Do it in the file, in a new one if it is damaged, else in memory; raises NewerSchema."""
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
                return action()
            except NewerSchema:
                raise
            except (StoreDamaged, IsADirectoryError):
                if not self._put_away():
                    break
            except (RotatorError, OSError) as exc:
                self._do_without(_why(exc))
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
        connection = open_database(self._path, HISTORY, durable=False)
        with store_errors(self._path):
            connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        self._use(connection, _identity_of(self._path))
        self._again_at = None

    def _use(self, connection: Connection, file: tuple[int, int] | None) -> None:
        before, self._connection, self._file = self._connection, connection, file
        self.changed_hands()
        with contextlib.suppress(RotatorError), store_errors(self._path):
            before.close()

    def _put_away(self) -> bool:
        """Give what is damaged a name that says so; False if the disk does not let us."""
        before = self._file or _identity_of(self._path)
        try:
            with folder_lock(self._path.parent, alone=True, patience_seconds=_PATIENCE_SECONDS):
                # Somebody may have done it just before.
                if _identity_of(self._path) == before:
                    aside = _moved_aside(self._path)
                    self._tell(f"the history was damaged and put away as {aside}; begun anew")
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
                self._connection.backup(kept)
                migrate(kept, HISTORY)
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


def _moved_aside(path: Path) -> str:
    stamp = to_iso(system_clock()).replace(":", "")
    aside = f"{path.name}{_DAMAGED}{stamp}"
    for old in path.parent.glob(f"{path.name}{_DAMAGED}*"):
        # One is enough to look into.
        if not old.is_dir():
            old.unlink(missing_ok=True)
    for ending in ("-wal", "-shm", ""):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + ending).rename(path.with_name(aside + ending))
    return aside


def _why(error: RotatorError | OSError) -> str:
    return error.message if isinstance(error, RotatorError) else str(error.strerror)


def _identity_of(path: Path) -> tuple[int, int] | None:
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_dev, facts.st_ino
