"""Flags of Linux's file systems (chattr) that let nobody change a file, whatever its rights are."""

from __future__ import annotations

import fcntl
import os
import struct
from dataclasses import dataclass
from pathlib import Path

# FS_IOC_GETFLAGS of Linux's fs.h; its size is said to be a long's, and an int is written.
_GET_FLAGS = 2 << 30 | struct.calcsize("l") << 16 | ord("f") << 8 | 1
_FLAGS = {"i": (0x10, "is immutable"), "a": (0x20, "is append-only")}


# By device and number of a file that this process may have locks on.
_KEPT_OPEN: dict[tuple[int, int], int] = {}


@dataclass(frozen=True, slots=True)
class Flagged:
    """What a flag says of a place, without a full stop, and what helps."""

    why: str
    to_do: str
    is_append_only: bool


def why_locked(place: Path) -> str | None:
    """Return what a flag says of a file or a folder that may not be changed, and what helps.

    In an append-only folder files are made that nobody can rename or remove. None, too, where it
    cannot be told.
    """
    flagged = flag_of(place)
    return None if flagged is None else f"{flagged.why}; {flagged.to_do}"


def flag_of(place: Path, *, is_database: bool = False) -> Flagged | None:
    """Return the flag that keeps a file or a folder from being changed, or None.

    To look at a file closes it again, and drops the locks that this process has on it: that is
    not done to a database (sqlite.org/howtocorrupt.html, 2.2).
    """
    flags = _flags(place, is_database=is_database)
    for name, (bit, says) in _FLAGS.items():
        if flags & bit:
            to_do = f"as root: chattr -{name} {place}"
            return Flagged(f"{place} {says}", to_do, is_append_only=name == "a")
    return None


def _flags(place: Path, *, is_database: bool) -> int:
    handle = None
    try:
        if is_database:
            return _asked(_kept_open(place))
        handle = os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        return _asked(handle)
    except OSError:
        # Or it is on a file system that has none.
        return 0
    finally:
        if handle is not None:
            os.close(handle)


def _kept_open(file: Path) -> int:
    facts = file.stat()
    key = facts.st_dev, facts.st_ino
    if key not in _KEPT_OPEN:
        for other, handle in list(_KEPT_OPEN.items()):
            # Nobody else can lock what has lost its name.
            if os.fstat(handle).st_nlink == 0:
                os.close(_KEPT_OPEN.pop(other))
        _KEPT_OPEN[key] = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    return _KEPT_OPEN[key]


def _asked(handle: int) -> int:
    told = bytearray(struct.calcsize("l"))
    fcntl.ioctl(handle, _GET_FLAGS, told)
    return int(struct.unpack_from("i", told)[0])
