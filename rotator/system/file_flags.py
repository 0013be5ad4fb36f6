"""Flags of Linux's file systems (chattr) that let nobody change a file, whatever its rights are."""

from __future__ import annotations

import fcntl
import os
import struct
from pathlib import Path

# FS_IOC_GETFLAGS of Linux's fs.h; its size is said to be a long's, and an int is written.
_GET_FLAGS = 2 << 30 | struct.calcsize("l") << 16 | ord("f") << 8 | 1
_FLAGS = {"i": (0x10, "is immutable"), "a": (0x20, "is append-only")}


def why_locked(place: Path) -> str | None:
    """Return what a flag says of a file or a folder that may not be changed, and what helps.

    In an append-only folder files are made that nobody can rename or remove. None, too, where it
    cannot be told.
    """
    flags = _flags(place)
    for name, (bit, says) in _FLAGS.items():
        if flags & bit:
            return f"{place} {says}; as root: chattr -{name} {place}"
    return None


def _flags(place: Path) -> int:
    told = bytearray(struct.calcsize("l"))
    try:
        handle = os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        fcntl.ioctl(handle, _GET_FLAGS, told)
    except OSError:
        # It is on a file system that has none.
        return 0
    finally:
        os.close(handle)
    return int(struct.unpack_from("i", told)[0])
