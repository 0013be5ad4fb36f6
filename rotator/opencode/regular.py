"""Reads from regular files alone: a pipe or a device in a file's place is not waited for."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def head(path: Path, most: int) -> bytes | None:
    """Return the first bytes of a regular file, or None if there is none that can be read."""
    found = _read(path, most, from_end=False)
    return None if found is None else found[0]


def tail(path: Path, most: int) -> tuple[bytes, bool]:
    """Return the last bytes of a regular file, and whether they are all of it."""
    return _read(path, most, from_end=True) or (b"", True)


def _read(path: Path, most: int, *, from_end: bool) -> tuple[bytes, bool] | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            facts = os.fstat(file.fileno())
            if not stat.S_ISREG(facts.st_mode):
                return None
            if from_end:
                file.seek(max(facts.st_size - most, 0))
            return file.read(most), facts.st_size <= most
    except (OSError, ValueError):
        return None
