"""Writes a new content into auth.json itself, where another file may not take its place.

What it holds is durable elsewhere before, and the last look and the write are one moment for
everybody who opens the file, where the system has leases.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path

from rotator.opencode.auth.file import LARGEST_BYTES, Torn, Whole, read_handle
from rotator.opencode.auth.file_lease import alone
from rotator.opencode.auth.journal import Journal, fill, remove_journal, write_journal
from rotator.system.file_owners import kept_mode


def write_in_place(
    target: Path,
    expected: Whole | Torn,
    content: bytes,
    journal: Path,
    *,
    keep_mode: bool = False,
) -> bool:
    """Make the file at `target` hold `content`; False if it does not hold `expected` (any more).

    What it holds is durable in `journal` before anything is changed, and stays there until what
    was written is on the disk and was read back. Call it under the lock that every writer of the
    journal holds. Its mode is narrowed to that of credentials, unless with `keep_mode`. Raises
    OSError (the file is then as it was, or `finish_interrupted` makes it so), StoreError.
    """
    try:
        handle = os.open(target, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        if not _holds(handle, expected.content):
            return False
        inode = os.fstat(handle).st_ino
        write_journal(journal, Journal(target, inode, expected.content, content))
        try:
            done = _overwrite(handle, target, expected.content, content, keep_mode=keep_mode)
        except OSError:
            _undo(handle, expected.content, content, journal)
            raise
        remove_journal(journal)
        return done
    finally:
        os.close(handle)


def _overwrite(
    handle: int, target: Path, before: bytes, content: bytes, *, keep_mode: bool
) -> bool:
    with alone(handle):
        if not _holds(handle, before) or not _is_named(handle, target):
            return False
        if len(content) > len(before):
            # Room is made first: if there is none, nothing has been overwritten yet.
            padding = b" " * (len(content) - len(before))
            if os.pwrite(handle, padding, len(before)) != len(padding):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fill(handle, content, max(len(before), len(content)))
        if not keep_mode:
            _narrow(handle)
        # Read back before anybody else may write: what follows is theirs.
        done = _holds(handle, content)
    os.fsync(handle)
    return done


def _undo(handle: int, before: bytes, content: bytes, journal: Path) -> None:
    """Write back what stood there; where that fails too, the journal is left for the next."""
    with contextlib.suppress(OSError), alone(handle):
        now = read_handle(handle, LARGEST_BYTES + 1)
        if Journal(journal, 0, before, content).is_half_written(now):
            if now != before:
                fill(handle, before, len(now))
            os.fsync(handle)
        remove_journal(journal)


def _holds(handle: int, content: bytes) -> bool:
    is_file = stat.S_ISREG(os.fstat(handle).st_mode)
    return is_file and read_handle(handle, LARGEST_BYTES + 1) == content


def _is_named(handle: int, target: Path) -> bool:
    """Tell whether the open file is still the one at `target`."""
    try:
        return os.path.samestat(os.fstat(handle), target.stat())
    except OSError:
        return False


def _narrow(handle: int) -> None:
    """Take away the rights that no file with credentials should give; not ours is left alone."""
    mode = stat.S_IMODE(os.fstat(handle).st_mode)
    if mode != kept_mode(mode):
        with contextlib.suppress(OSError):
            os.fchmod(handle, kept_mode(mode))
