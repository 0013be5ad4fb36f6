"""Who holds a lock: its process, as Linux lists it in /proc/locks; nobody is known elsewhere."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from rotator.system.liveness import pid_namespace
from rotator.system.logs import without_secrets
from rotator.text import sanitize

_LOCKS = Path("/proc/locks")
_LONGEST_COMMAND = 200
# WAL_WRITE_LOCK in the -shm, and what whoever has all of a database has in the file itself.
_WRITERS_BYTE = 120
_SHARED_BYTE = 0x40000002
_STOPPED = {"T", "t"}


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that holds a lock, as a person finds it again."""

    pid: int
    command: str
    is_stopped: bool

    def __str__(self) -> str:
        """Return it as a sentence names it."""
        name = f"pid {self.pid} ({self.command})" if self.command else f"pid {self.pid}"
        return f"{name}, which is stopped," if self.is_stopped else name

    @property
    def hint(self) -> str:
        """What a person can do about it."""
        if self.is_stopped:
            return f"kill -CONT {self.pid} lets it go on, kill -KILL {self.pid} ends it"
        return f"kill {self.pid} asks it to end"


def holder_of(handle: int) -> Holder | None:
    """Return who holds a lock on the open file; None where that cannot be told.

    A process of another container is not listed; where all are that /proc shows, their pids
    mean other processes to us.
    """
    try:
        return _holder_of(os.fstat(handle), "FLOCK")
    except OSError:
        return None


def is_elsewhere(handle: int) -> bool:
    """Tell whether whoever holds a lock on the open file is seen by nobody here.

    It is in another container or on another computer. Ask while the lock is held.
    """
    try:
        facts = os.fstat(handle)
        lines = _LOCKS.read_text("ascii", "replace").splitlines()
    except OSError:
        return False
    return pid_namespace() is not None and pid_among(lines, facts, "FLOCK") is None


def writer_of(database: Path) -> Holder | None:
    """Return who writes into an SQLite database that is in WAL mode, or None as `holder_of` does.

    SQLite's lock is on a byte of the -shm (sqlite.org/walformat.html, 2.3.1), or on the file
    itself, for whoever has it alone. Neither may be opened here: to close it would drop the locks
    that this process has.
    """
    shared = database.with_name(f"{database.name}-shm")
    for file, byte in ((shared, _WRITERS_BYTE), (database, _SHARED_BYTE)):
        with contextlib.suppress(OSError):
            holder = _holder_of(file.stat(), "POSIX", byte)
            if holder is not None:
                return holder
    return None


def _holder_of(facts: os.stat_result, kind: str, byte: int = 0) -> Holder | None:
    if pid_namespace() is None:
        return None
    lines = _LOCKS.read_text("ascii", "replace").splitlines()
    pid = pid_among(lines, facts, kind, byte)
    is_ours = kind == "POSIX" and pid == os.getpid()
    if pid is None or is_ours or not _may_have(pid, facts):
        return None
    return Holder(pid, _command(pid), is_stopped(pid))


def _may_have(pid: int, facts: os.stat_result) -> bool:
    """Tell whether a process has the file open, or may have, for nobody lets us look.

    On another device another file has the same number, while who holds ours is not listed.
    """
    try:
        opened = list(Path(f"/proc/{pid}/fd").iterdir())
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return any(_is_same(link, facts) for link in opened)


def _is_same(link: Path, facts: os.stat_result) -> bool:
    try:
        return os.path.samestat(link.stat(), facts)
    except OSError:
        return False


def pid_among(
    lines: list[str], facts: os.stat_result, kind: str = "FLOCK", byte: int = 0
) -> int | None:
    """Return the process that holds a lock on the file, as the lines of /proc/locks have it.

    Of POSIX's it is the one that lets nobody else have that `byte`.
    Some file systems have another number there than stat tells: then the file's own counts.
    """
    device = f"{os.major(facts.st_dev):02x}:{os.minor(facts.st_dev):02x}"
    by_place: dict[str, int] = {}
    for line in lines:
        # `7: FLOCK  ADVISORY  WRITE 708 fe:00:13 0 EOF`; with an arrow it is one who waits.
        fields = line.split()
        if len(fields) < 7 or fields[1] != kind or not fields[4].isdigit():  # noqa: PLR2004
            continue
        if kind == "POSIX" and not _keeps(fields, byte):
            continue
        place, _, inode = fields[5].rpartition(":")
        if inode == str(facts.st_ino):
            by_place[place] = int(fields[4])
    return by_place.get(device, next(iter(by_place.values()), None))


def _keeps(fields: list[str], byte: int) -> bool:
    """Tell whether a line is of a lock for writing that has the byte in it."""
    first, last = fields[6], fields[7] if len(fields) > 7 else "EOF"  # noqa: PLR2004
    return (
        fields[3] == "WRITE"
        and first.isdigit()
        and int(first) <= byte
        and (not last.isdigit() or byte <= int(last))
    )


def is_stopped(pid: int) -> bool:
    """Tell whether a process was halted and can do nothing before it is let go on."""
    try:
        line = Path(f"/proc/{pid}/stat").read_text("ascii", "replace")
    except OSError:
        return False
    # The name stands in brackets and may itself hold brackets and blanks.
    return line[line.rfind(")") + 2 :][:1] in _STOPPED


def _command(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return ""
    text = " ".join(word.decode("utf-8", "replace") for word in words if word)
    return sanitize(without_secrets(text), _LONGEST_COMMAND)
