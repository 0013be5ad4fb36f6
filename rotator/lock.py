"""Locks between processes: flock on a file of ours that is never removed.

Removing a lock file lets two holders lock two files of one name; so the file stays, and the
kernel releases the lock when its holder dies, however it dies.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from rotator.errors import AlreadyRunning, SwapConflict
from rotator.paths import FILE_MODE, private_folder

_FIRST_WAIT_SECONDS = 0.0005
_LONGEST_WAIT_SECONDS = 0.02


@contextlib.contextmanager
def watch_lock(path: Path) -> Iterator[None]:
    """Hold the watcher's lock; raise AlreadyRunning, naming the holder's pid, if it is taken."""
    handle = _open(path)
    try:
        if not _try_lock(handle):
            pid = _holder(handle)
            who = f"a watcher runs already (pid {pid})" if pid else "a watcher runs already"
            raise AlreadyRunning(who, hint="rotator status shows it")
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)


def watcher_pid(path: Path) -> int | None:
    """Return the pid of the process that holds the watcher's lock, or None."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return None if _try_lock(handle) else (_holder(handle) or 0)
    finally:
        os.close(handle)


@contextlib.contextmanager
def swap_lock(path: Path, *, patience_seconds: float = 10.0) -> Iterator[None]:
    """Hold the lock under which auth.json and the store's idea of it change together.

    It is held for milliseconds, so whoever waits `patience_seconds` for it has met a stuck
    process: SwapConflict.
    """
    handle = _open(path)
    try:
        deadline = time.monotonic() + patience_seconds
        wait_seconds = _FIRST_WAIT_SECONDS
        while not _try_lock(handle):
            if time.monotonic() > deadline:
                message = f"another rotator has held {path.name} for {patience_seconds:g} s"
                raise SwapConflict(message, hint="look for a stopped rotator process and end it")
            time.sleep(wait_seconds)
            wait_seconds = min(wait_seconds * 2, _LONGEST_WAIT_SECONDS)
        yield
    finally:
        os.close(handle)


def _open(path: Path) -> int:
    private_folder(path.parent)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, FILE_MODE)


def _try_lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(handle: int) -> int | None:
    text = os.pread(handle, 32, 0).decode("ascii", "replace").strip()
    return int(text) if text.isdigit() else None
