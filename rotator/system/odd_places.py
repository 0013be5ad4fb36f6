"""What stands where a folder or a lock of ours should be, in words, and what to do about it."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

_KINDS = (
    (stat.S_ISREG, "a file"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def instead_of_folder(folder: Path) -> tuple[str, str] | None:
    """Return what stands in the place of a folder, or of one above it, and what to do about it.

    None where that is not what is wrong.
    """
    for place in (*reversed(folder.absolute().parents), folder):
        try:
            if stat.S_ISDIR(place.stat().st_mode):
                continue
        except OSError:
            if not os.path.lexists(place):
                return None
        return _told(place)
    return None


def instead_of_lock(path: Path) -> tuple[str, str] | None:
    """Return what stands in the place of a lock, which no link may be, and what to do about it."""
    try:
        is_lock = stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return None
    return None if is_lock else _told(path)


def _told(place: Path) -> tuple[str, str] | None:
    try:
        kind = place.stat().st_mode
    except FileNotFoundError:
        to = os.path.realpath(place)
        return f"{place} is a link to nothing", f"remove it, or make what it leads to: {to}"
    except OSError as exc:
        return (f"{place} is a link in a circle", "remove it") if exc.errno == errno.ELOOP else None
    words = next((words for is_of_kind, words in _KINDS if is_of_kind(kind)), "something else")
    if place.is_symlink():
        return f"{place} is a link to {words}", "remove it"
    return f"{place} is {words}", "move it away"
