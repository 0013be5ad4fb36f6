"""Processes that keep a lock of ours to themselves, until they are let go."""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from rotator.system.paths import Paths

_WRITE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
for statement in sys.argv[2:]:
    connection.execute(statement)
print("held", flush=True)
sys.stdin.read()
connection.execute("ROLLBACK")
"""


class Holder:
    """A process that has the store's write lock."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.pid = process.pid

    def let_go(self) -> None:
        """End it and wait for that."""
        if self._process.stdin is not None and not self._process.stdin.closed:
            self._process.stdin.close()
        self._process.wait()


@contextlib.contextmanager
def writing_into(store: Path, *, alone: bool = False) -> Iterator[Holder]:
    """Let another process write into a store, and not come to an end before the block does.

    `alone`: nobody else can even read, as beside some SQLite browsers.
    """
    statements = ["PRAGMA locking_mode = EXCLUSIVE", "BEGIN EXCLUSIVE"]
    with subprocess.Popen(
        [sys.executable, "-c", _WRITE, str(store), *(statements if alone else ["BEGIN IMMEDIATE"])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=store.parent,
    ) as process:
        holder = Holder(process)
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield holder
        finally:
            holder.let_go()


@contextlib.contextmanager
def holding(lock: Path) -> Iterator[None]:
    """Keep a lock file of ours locked while the block runs."""
    handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextlib.contextmanager
def holding_folder(folder: Path) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


Held = Callable[[Paths], AbstractContextManager[object]]
HELD: dict[str, Held] = {
    "swap.lock": lambda paths: holding(paths.swap_lock),
    "the store": lambda paths: writing_into(paths.store),
    "the store's folder": lambda paths: holding_folder(paths.data),
}
