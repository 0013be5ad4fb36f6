"""Locks between processes: flock on a file of ours that is never removed.

Removing a lock file lets two holders lock two files of one name; so the file stays, and the
kernel releases the lock when its holder dies, however it dies.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rotator.errors import AlreadyRunning, RotatorError, StoreBusy, StoreError, SwapConflict
from rotator.system import interrupts
from rotator.system.disk_errors import way_out_of
from rotator.system.file_owners import open_own
from rotator.system.odd_places import instead_of_lock
from rotator.system.paths import private_folder
from rotator.system.watch_holder import (
    MOST_BYTES,
    WatchHolder,
    own_entry,
    parse_entry,
    silence_seconds,
)
from rotator.system.writable import unwritable_place

if TYPE_CHECKING:
    from rotator.system.lock_holder import Holder

log = logging.getLogger(__name__)

_FIRST_WAIT_SECONDS = 0.0005
_LONGEST_WAIT_SECONDS = 0.02
# Locks are held for milliseconds: after this time a person hears whom their command waits for.
_TOLD_AFTER_SECONDS = 1.0
# One whom /proc/locks does not show.
_ELSEWHERE_HOLDER = "a process of another container or computer"
# What to do about a holder that cannot be named.
LOOK_FOR_STOPPED = "look for a stopped rotator process, in other containers too, and end it"
# Whoever only looks goes on without it then.
LOOK_SECONDS = 1.2
# What flock(2) says where there is none: a network's file system without its service, a filter.
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}
_ELSEWHERE = (
    "start the lock service of that file system, or let XDG_DATA_HOME and XDG_STATE_HOME name"
    " folders on one that has locks"
)
# Whoever asks who watches holds the lock for an instant; a watcher that starts just then waits.
_ASKING_SECONDS = 0.2


class WatchLock:
    """The watcher's lock while it is held, and taken anew where its file is removed meanwhile."""

    def __init__(self, path: Path) -> None:
        """Take it; raises AlreadyRunning, naming the holder, if it is taken."""
        self._path = path
        self._handle = self._take()

    def keep(self) -> bool:
        """Tell whether this process is the only watcher still; False: another one has begun.

        A folder that was removed is made again. Raises StoreError where that cannot be done.
        """
        with contextlib.suppress(OSError):
            if os.path.samestat(os.fstat(self._handle), self._path.stat()):
                return True
        try:
            fresh = self._take()
        except AlreadyRunning:
            return False
        self.release()
        self._handle = fresh
        return True

    def release(self) -> None:
        """Let go of it."""
        os.close(self._handle)

    def _take(self) -> int:
        handle = _open(self._path)
        try:
            self._lock(handle)
        except BaseException:
            os.close(handle)
            raise
        return handle

    def _lock(self, handle: int) -> None:
        if not _lock_within(self._path, handle, _ASKING_SECONDS):
            holder = _holder(handle)
            who = f"a watcher runs already ({holder})" if holder else "a watcher runs already"
            raise AlreadyRunning(who, hint="rotator status shows it")
        with _lock_errors(self._path):
            os.ftruncate(handle, 0)
            os.pwrite(handle, own_entry(), 0)


@contextlib.contextmanager
def watch_lock(path: Path) -> Iterator[WatchLock]:
    """Hold the watcher's lock; raise AlreadyRunning, naming the holder, if it is taken."""
    lock = WatchLock(path)
    try:
        yield lock
    finally:
        lock.release()


def watch_holder(path: Path, *, beat: Path | None = None) -> WatchHolder | None:
    """Return who holds the watcher's lock, or None; its pid is 0 where that is not known.

    Of one whose pid says nothing here the time of `beat` says whether it has gone silent.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        # Shared: two that ask at once must not take one another for the watcher.
        is_free = _try_lock(handle, fcntl.LOCK_SH)
        if is_free:
            return None
        holder = _holder(handle) or WatchHolder(0)
        if holder.is_here or beat is None:
            return holder
        return replace(holder, silent_seconds=silence_seconds(beat))
    except OSError:
        return None
    finally:
        os.close(handle)


def watcher_pid(path: Path) -> int | None:
    """Return what the holder of the watcher's lock calls itself where it runs, or None."""
    holder = watch_holder(path)
    return None if holder is None else holder.pid


# Has `swap_locks` in a thread that holds one.
_of_thread = threading.local()


@contextlib.contextmanager
def swap_lock(path: Path, *, patience_seconds: float = 10.0) -> Iterator[None]:
    """Hold the lock under which auth.json and the store's idea of it change together.

    It is held for milliseconds, so whoever waits `patience_seconds` for it has met a stuck
    process: SwapConflict.
    """
    handle = _open(path)
    try:
        if not _lock_within(path, handle, patience_seconds):
            message = f"another rotator has held {path.name} for {patience_seconds:g} s"
            raise _stuck(SwapConflict, message, handle)
        _of_thread.swap_locks = getattr(_of_thread, "swap_locks", 0) + 1
        try:
            yield
        finally:
            _of_thread.swap_locks -= 1
    finally:
        os.close(handle)


def holds_swap_lock() -> bool:
    """Tell whether this thread holds the lock of swaps, so that others may wait for it."""
    return getattr(_of_thread, "swap_locks", 0) > 0


class _Waits:
    """Says whom this process waits for: at each wait, or once for as long as it is the same one."""

    def __init__(self) -> None:
        self.say: Callable[[str], None] = log.warning
        self.each_time = False
        self._said = ""

    def tell(self, path: Path, holder: Holder | None, *, is_elsewhere: bool = False) -> None:
        who = _ELSEWHERE_HOLDER if is_elsewhere else "another process"
        who = who if holder is None else str(holder)
        text = f"{who} holds {path.name}: waiting for it"
        if self.each_time or text != self._said:
            self._said = text
            self.say(text)


def _holder_of(handle: int) -> Holder | None:
    # Hardly anybody ever waits.
    from rotator.system.lock_holder import holder_of  # noqa: PLC0415  # see above

    return holder_of(handle)


_waits = _Waits()


def _tell_wait(path: Path, handle: int) -> None:
    from rotator.system.lock_holder import is_elsewhere  # noqa: PLC0415  # hardly anybody waits

    _waits.tell(path, _holder_of(handle), is_elsewhere=is_elsewhere(handle))


def tell_wait_for_writer(database: Path) -> None:
    """Say that this process waits for another one to end its writing into a database."""
    _waits.tell(database, _writer_of(database))


def writer_error(kind: type[RotatorError], message: str, database: Path) -> RotatorError:
    """Return the error, with whoever writes into a database and does not end."""
    return _named(kind, message, _writer_of(database))


def _writer_of(database: Path) -> Holder | None:
    from rotator.system.lock_holder import writer_of  # noqa: PLC0415  # see above

    return writer_of(database)


@contextlib.contextmanager
def saying_waits(say: Callable[[str], None], *, each_time: bool = False) -> Iterator[None]:
    """Have `say` called with a sentence where the block waits for a lock longer than a second.

    It is said once of one holder, or `each_time`, by whichever thread waits.
    """
    before = _waits.say, _waits.each_time
    _waits.say, _waits.each_time = say, each_time
    try:
        yield
    finally:
        _waits.say, _waits.each_time = before


def _stuck(kind: type[RotatorError], message: str, handle: int) -> RotatorError:
    """Return the error, with whoever holds the lock."""
    return _named(kind, message, _holder_of(handle))


def _named(kind: type[RotatorError], message: str, holder: Holder | None) -> RotatorError:
    if holder is None:
        return kind(message, hint=LOOK_FOR_STOPPED)
    return kind(f"{message}: {str(holder).rstrip(',')}", hint=holder.hint)


class Held:
    """Locks that are held until `release`; the kernel releases them when the process dies."""

    def __init__(self, handles: Sequence[int]) -> None:
        self._handles = list(handles)

    def release(self) -> None:
        """Let go of all of them."""
        while self._handles:
            os.close(self._handles.pop())


def hold_all(paths: Sequence[Path], *, patience_seconds: float) -> Held | None:
    """Take the locks in this order; None, and none of them held, if one stays taken so long.

    Whoever takes several takes them in one order, so that no two wait for each other.
    """
    deadline = time.monotonic() + patience_seconds
    handles: list[int] = []
    try:
        for path in paths:
            handles.append(_open(path))
            if not _lock_within(path, handles[-1], deadline - time.monotonic()):
                Held(handles).release()
                return None
    except BaseException:
        Held(handles).release()
        raise
    return Held(handles)


def is_held(path: Path) -> bool:
    """Tell whether somebody, another part of this process included, holds the lock."""
    held = hold_all([path], patience_seconds=0) if path.exists() else Held([])
    if held is None:
        return True
    held.release()
    return False


def who_holds(path: Path, *, patience_seconds: float = _ASKING_SECONDS) -> str | None:
    """Return who keeps the lock for longer than that, be it a part of this process, or None."""
    if not path.exists():
        return None
    handle = _open(path)
    try:
        if _lock_within(path, handle, patience_seconds):
            return None
        holder = _holder_of(handle)
        return "another process" if holder is None else str(holder)
    finally:
        os.close(handle)


@contextlib.contextmanager
def folder_lock(folder: Path, *, alone: bool, patience_seconds: float = 10.0) -> Iterator[None]:
    """Hold a lock on a folder of ours itself, together with others who do not ask to be `alone`.

    Raises StoreBusy after `patience_seconds`, StoreError if the folder cannot be used.
    """
    private_folder(folder)
    with _lock_errors(folder):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        kind = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
        if not _lock_within(folder, handle, patience_seconds, kind):
            message = f"another rotator has kept the folder {folder} for {patience_seconds:g} s"
            raise _stuck(StoreBusy, message, handle)
        yield
    finally:
        os.close(handle)


def _open(path: Path) -> int:
    private_folder(path.parent)
    with _lock_errors(path):
        return open_own(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW)


@contextlib.contextmanager
def _lock_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        why, to_do = exc.strerror, way_out_of(exc, "check the rights of the file and its folder")
        obstacle = unwritable_place(path.parent) or (
            # What is no file is told of below.
            unwritable_place(path) if path.is_file() else None
        )
        if obstacle is not None:
            to_do = obstacle.to_do
        elif exc.errno in _NO_LOCKS:
            why, to_do = f"its file system gives no locks ({exc.strerror})", _ELSEWHERE
        elif (told := instead_of_lock(path)) is not None and (
            # A folder of ours may be a lock itself.
            exc.errno == errno.EISDIR or not path.is_dir()
        ):
            why, to_do = told
        message = f"the lock {path} cannot be used: {why}"
        raise StoreError(message, hint=to_do) from exc


def _lock_within(
    path: Path, handle: int, patience_seconds: float, kind: int = fcntl.LOCK_EX
) -> bool:
    with _lock_errors(path):
        return wait_for_turn(
            lambda: _try_lock(handle, kind),
            patience_seconds,
            lambda: _tell_wait(path, handle),
        )


def wait_for_turn(
    take: Callable[[], bool], patience_seconds: float, tell: Callable[[], None]
) -> bool:
    """Call `take` until it is True; False once patience ends. After a second `tell` once.

    Whatever somebody else keeps is waited for here, so that a signal ends each such wait.
    """
    began = time.monotonic()
    wait_seconds = _FIRST_WAIT_SECONDS
    is_told = False
    while not take():
        waited_seconds = time.monotonic() - began
        if waited_seconds > patience_seconds or interrupts.gives_up_waiting():
            return False
        if waited_seconds > _TOLD_AFTER_SECONDS and not is_told:
            tell()
            is_told = True
        interrupts.pause(wait_seconds)
        wait_seconds = min(wait_seconds * 2, _LONGEST_WAIT_SECONDS)
    return True


def _try_lock(handle: int, kind: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(handle: int) -> WatchHolder | None:
    return parse_entry(os.pread(handle, MOST_BYTES, 0))
