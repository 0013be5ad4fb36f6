"""Whether a disk has room for what has to be written: for its content, and for one more file."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

from rotator.system.disk_errors import way_out_of
from rotator.system.files import temporary_beside, write_new
from rotator.system.writable import Unwritable

# SQLite's shared memory is the largest of the files without which nothing can be opened.
_NEEDED_BYTES = 64 * 1024
_FULL = {errno.ENOSPC, errno.EDQUOT}


def no_room(folder: Path) -> Unwritable | None:
    """Return that nothing more can be written in a folder, and what helps; None if it can be.

    A small file is written there and taken away: of quotas nothing else tells.
    """
    trial = temporary_beside(folder / "room")
    try:
        write_new(trial, bytes(_NEEDED_BYTES), durable=True)
    except OSError as exc:
        if exc.errno not in _FULL:
            return None
        return Unwritable(_why(exc, folder), way_out_of(exc, ""))
    with contextlib.suppress(OSError):
        trial.unlink()
    return None


def lacks_inodes(folder: Path) -> bool:
    """Tell whether no more file can be made there though there may be room in those that are."""
    try:
        facts = os.statvfs(folder)
    except OSError:
        return False
    # Some file systems have as many as they have room for, and count none.
    return facts.f_files > 0 and facts.f_favail == 0


def _why(error: OSError, folder: Path) -> str:
    if error.errno == errno.EDQUOT:
        return f"your quota is used up where {folder} lies"
    if lacks_inodes(folder):
        return f"the disk of {folder} is full: no more files can be made there (no inodes are left)"
    return f"the disk of {folder} is full"
