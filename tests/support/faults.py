"""A seam under everything that our code does to the outside, inside the tests' own process.

While `Seam.watching` runs, every call of ours that reads or changes something outside (the
functions of module `os`, flock, each statement of SQLite, waiting) is a step. Before a step
something can be done: die there, let it fail, or act as another program does. The standard
library is what is replaced for that long, and of ours the one call of the system that it lacks.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from rotator.system import files

CHANGING = (
    *("write", "pwrite", "fsync", "fdatasync", "ftruncate", "truncate", "replace", "rename"),
    *("unlink", "remove", "mkdir", "rmdir", "chmod", "fchmod", "utime", "link", "symlink"),
)
READING = ("pread", "scandir", "listdir")
_OPENS_FOR_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_SQL_ENDINGS = ("", "-wal")
_IN_MEMORY = Path(":memory:")
# Waiting, and what a test counts as a step itself: asking a vendor and hearing its answer.
_NOT_OF_THE_DISK = {"sleep", "ask", "answer"}
# What SQLite says where another program's call fails with the number on the left.
_SQL_ERRORS = {
    errno.ENOSPC: (sqlite3.SQLITE_FULL, "database or disk is full"),
    errno.EROFS: (sqlite3.SQLITE_READONLY, "attempt to write a readonly database"),
    errno.EACCES: (sqlite3.SQLITE_CANTOPEN, "unable to open database file"),
    errno.EMFILE: (sqlite3.SQLITE_CANTOPEN, "unable to open database file"),
    errno.EIO: (sqlite3.SQLITE_IOERR, "disk I/O error"),
}


class Crash(BaseException):
    """The process is gone: no code of ours may do anything any more."""


@dataclass(frozen=True)
class Step:
    """Something that is about to be done to the outside.

    `name` is the function's; `path` is what it is about, also where that was opened before, and
    `to` the other name of a rename. `words` is the statement, which holds no values.
    """

    name: str
    path: Path | None = None
    to: Path | None = None
    words: str = ""
    changes: bool = True
    data: bytes = field(default=b"", repr=False)

    def __str__(self) -> str:
        """Return it as a person reads it."""
        names = [path.name for path in (self.path, self.to) if path is not None]
        return " ".join([self.name, *names, self.words[:60]]).strip()


Act = Callable[[Step], None]


def changes(step: Step) -> bool:
    """Tell whether a step may change something outside."""
    return step.changes


def anything(_: Step) -> bool:
    """Count every step, reading and waiting too."""
    return True


def named(name: str) -> Callable[[Step], bool]:
    """Return what counts the calls of one function alone."""
    return lambda step: step.name == name


def at(number: int, act: Act, among: Callable[[Step], bool] = changes) -> Act:
    """Return what does `act` before step `number` (from 1) of those that count."""
    left = number

    def count(step: Step) -> None:
        nonlocal left
        if among(step):
            left -= 1
            if left == 0:
                act(step)

    return count


def failing(number: int, code: int, *, lasting: bool) -> Act:
    """Return what lets the step `number` (from 1) fail with errno `code`, or all from there on.

    What counts are the steps that can fail so.
    """
    left = number

    def count(step: Step) -> None:
        nonlocal left
        if can_fail(step, code):
            left -= 1
            if left == 0 or (lasting and left < 0):
                raise error(step, code)

    return count


def can_fail(step: Step, code: int) -> bool:
    """Tell whether a step needs something of the disk that errno `code` may refuse."""
    if step.name in _NOT_OF_THE_DISK or step.words.startswith("ROLLBACK"):
        return False
    if step.path == _IN_MEMORY:
        # What stands in memory needs no disk.
        return False
    makes_descriptor = step.name in {"open", "scandir", "listdir", "connect"}
    if code == errno.EMFILE:
        return makes_descriptor
    # Reading needs no room, but a right.
    return step.changes or (makes_descriptor and code == errno.EACCES)


def error(step: Step, code: int) -> Exception:
    """Return what a step raises that fails with errno `code`."""
    if not step.words:
        return OSError(code, os.strerror(code), str(step.path) if step.path else None)
    number, text = _SQL_ERRORS[code]
    raised = sqlite3.OperationalError(text)
    raised.sqlite_errorcode = number
    return raised


class _Connection(sqlite3.Connection):
    """A connection whose statements are steps."""

    seam: Seam
    path: Path

    def execute(self, sql: str, /, *values: Any) -> sqlite3.Cursor:
        self._step(sql)
        return super().execute(sql, *values)

    def executemany(self, sql: str, /, *values: Any) -> sqlite3.Cursor:
        self._step(sql, "executemany")
        return super().executemany(sql, *values)

    def executescript(self, sql: str, /) -> sqlite3.Cursor:
        self._step(sql, "executescript")
        return super().executescript(sql)

    def backup(self, target: sqlite3.Connection, **more: Any) -> None:
        self._step("BACKUP", "backup")
        super().backup(target, **more)

    def close(self) -> None:
        # Closing writes: whoever is dead leaves that to `Seam.bury`.
        if not self.seam.dead:
            self.seam.opened.discard(self)
            super().close()

    def _step(self, sql: str, name: str = "execute") -> None:
        words = " ".join(sql.split())
        reads = words.startswith("SELECT") or (words.startswith("PRAGMA") and "=" not in words)
        try:
            self.seam.step(Step(name, self.path, words=words, changes=not reads))
        except sqlite3.Error:
            # A commit that fails has undone the transaction; any other statement only itself.
            if words == "COMMIT" and self.in_transaction:
                super().execute("ROLLBACK")
            raise


class Seam:
    """The world under one process of ours; a context manager for as long as it may be used.

    `monotonic` and `sleep` stand for those of module time while it is watched.
    """

    def __init__(
        self,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.trace: list[Step] = []
        self.dead = False
        self.opened: set[_Connection] = set()
        self._acts: tuple[Act, ...] = ()
        self._on = False
        self._thread = threading.get_ident()
        self._paths: dict[int, Path] = {}
        self._really_sleep = sleep
        self._stand_ins: list[tuple[ModuleType, str, Any]] = [
            *((os, name, self._wrap(name)) for name in (*CHANGING, *READING) if hasattr(os, name)),
            (os, "open", self._wrap_open()),
            (fcntl, "flock", self._wrap_flock()),
            (sqlite3, "connect", self._wrap_connect()),
            (files, "_exchange", self._wrap_exchange()),
            (time, "sleep", self._sleep),
            (time, "monotonic", monotonic),
        ]

    @contextlib.contextmanager
    def watching(self, *acts: Act) -> Iterator[list[Step]]:
        """Count steps and let each of `acts` see each before it is taken; yields the trace."""
        self.trace, self._acts = [], acts
        real = [(module, name, getattr(module, name)) for module, name, _ in self._stand_ins]
        try:
            for module, name, stand_in in self._stand_ins:
                setattr(module, name, stand_in)
            self._on = True
            yield self.trace
        finally:
            self._on = False
            for module, name, function in real:
                setattr(module, name, function)

    def step(self, step: Step) -> None:
        """Count a step; may raise what stands in its way."""
        if not self._on or threading.get_ident() != self._thread:
            return
        if self.dead:
            raise Crash
        self.trace.append(step)
        # What the acts do themselves is another program's.
        self._on = False
        try:
            for act in self._acts:
                act(step)
        finally:
            self._on = True

    def crash(self, _: Step | None = None) -> NoReturn:
        """End the process here."""
        self.dead = True
        raise Crash

    def bury(self, close: Callable[[], None], *, alone: bool = True) -> None:
        """Do what the kernel does when a process has died, and no more.

        `close` lets go of what was open, which writes nothing into a database: what the dead
        one had committed and had no time to tidy up is as it was. SQLite tidies up when the
        last one closes: that is only so if it was `alone`.
        """
        databases = {connection.path for connection in self.opened if alone}
        files = [p.with_name(p.name + e) for p in databases for e in _SQL_ENDINGS]
        kept = {file: file.read_bytes() for file in files if file.exists()}
        close()
        self.dead = False
        for connection in tuple(self.opened):
            connection.close()
        for database in databases:
            for ending in ("-wal", "-shm"):
                database.with_name(database.name + ending).unlink(missing_ok=True)
        for file, content in kept.items():
            file.write_bytes(content)

    # -- what stands in for the standard library -----------------------------------------------

    def _wrap(self, name: str) -> Callable[..., Any]:
        real: Callable[..., Any] = getattr(os, name)
        is_changing = name in CHANGING

        def stand_in(*given: Any, **more: Any) -> Any:
            if not self._on:
                return real(*given, **more)
            path = self._path(given[0]) if given else None
            to = self._path(given[1]) if name in {"replace", "rename", "link"} else None
            path = self._in_folder(path, more.get("dir_fd", more.get("src_dir_fd")))
            to = self._in_folder(to, more.get("dst_dir_fd"))
            data = bytes(given[1]) if name in {"write", "pwrite"} else b""
            try:
                self.step(Step(name, path, to, changes=is_changing, data=data))
            except BaseException:
                if data:
                    # A write that is cut off has written something.
                    real(given[0], data[: len(data) // 2], *given[2:])
                raise
            return real(*given, **more)

        return stand_in

    def _wrap_open(self) -> Callable[..., int]:
        real = os.open

        def stand_in(path: Any, flags: int, *given: Any, **more: Any) -> int:
            where = Path(os.fsdecode(path))
            self.step(Step("open", where, changes=bool(flags & _OPENS_FOR_WRITING)))
            handle = real(path, flags, *given, **more)
            self._paths[handle] = where
            return handle

        return stand_in

    def _wrap_exchange(self) -> Callable[[bytes, bytes], int]:
        """Count it as a `replace`: of what had the name before only ours ever looks."""
        real = files._exchange  # noqa: SLF001  # the system's call, which Python does not have

        def stand_in(one: bytes, other: bytes) -> int:
            self.step(Step("replace", Path(os.fsdecode(one)), Path(os.fsdecode(other))))
            return real(one, other)

        return stand_in

    def _wrap_flock(self) -> Callable[[int, int], None]:
        real = fcntl.flock

        def stand_in(handle: int, kind: int) -> None:
            self.step(Step("flock", self._path(handle)))
            real(handle, kind)

        return stand_in

    def _wrap_connect(self) -> Callable[..., sqlite3.Connection]:
        real = sqlite3.connect

        def stand_in(database: Any, **more: Any) -> sqlite3.Connection:
            self.step(Step("connect", Path(database), words="CONNECT"))
            connection = real(database, factory=_Connection, **more)
            assert isinstance(connection, _Connection)
            connection.seam, connection.path = self, Path(database)
            self.opened.add(connection)
            return connection

        return stand_in

    def _sleep(self, seconds: float) -> None:
        self.step(Step("sleep", changes=False))
        self._really_sleep(seconds)

    def _path(self, given: Any) -> Path | None:
        return self._paths.get(given) if isinstance(given, int) else Path(os.fsdecode(given))

    def _in_folder(self, path: Path | None, folder: int | None) -> Path | None:
        """Return a path that is given by a name in an open folder."""
        above = None if folder is None else self._paths.get(folder)
        return path if path is None or above is None else above / path
