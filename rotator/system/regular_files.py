"""Reads from regular files alone: a pipe or a device in a file's place is not waited for."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO


def head(path: Path, most: int) -> bytes | None:
    """Return the first bytes of a regular file, or None if there is none that can be read."""
    reading = _read(path, most, from_end=False)
    return None if reading is None else reading[0]


def tail(path: Path, most: int) -> tuple[bytes, bool]:
    """Return the last bytes of a regular file, and whether they are all of it."""
    return _read(path, most, from_end=True) or (b"", True)


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file for reading, without a wait; raises OSError, also for anything else."""
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "it is no regular file", str(path))
    return file


def _read(path: Path, most: int, *, from_end: bool) -> tuple[bytes, bool] | None:
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            if from_end:
                file.seek(max(size - most, 0))
            return file.read(most), size <= most
    except (OSError, ValueError):
        return None


def written_at(path: Path) -> datetime | None:
    """Return when a file was written last, as it says; None: that is not known."""
    with contextlib.suppress(OSError, OverflowError, ValueError):
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return None


def changed_at(path: Path) -> datetime | None:
    """Return since when a file is what it is, as far as its times tell; None: that is not known.

    A program may set the one of them to what it was before, as a copy has it; no program the other.
    """
    with contextlib.suppress(OSError, OverflowError, ValueError):
        facts = path.stat()
        return datetime.fromtimestamp(max(facts.st_mtime, facts.st_ctime), UTC)
    return None
