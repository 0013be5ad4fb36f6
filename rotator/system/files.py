"""Files that appear whole or not at all, and never wider than 0600."""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import secrets
import sys
import time
from pathlib import Path

from rotator.system.file_owners import open_private, take_after

# Clocks of other computers, which date the files there, differ by less.
FILES_AHEAD_SECONDS = 600.0
TEMPORARY_MARK = ".rotator-tmp"
# From Linux's fcntl.h and fs.h: names count from the working folder, and change places.
_HERE, _RENAME_EXCHANGE = -100, 2
# What the kernel and file systems say that do not know it.
_NO_EXCHANGE = {errno.EINVAL, errno.ENOSYS}


def temporary_beside(target: Path) -> Path:
    """Return a fresh hidden name in the folder of `target`, recognised by `sweep`."""
    return target.with_name(f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}{TEMPORARY_MARK}")


def write_new(
    path: Path, content: bytes, *, durable: bool, like: os.stat_result | None = None
) -> None:
    """Create `path` (which must not exist) with `content`, 0600 from birth.

    With `durable` the content is on the disk when this returns. It belongs to the owner of its
    folder, or to whom `like` belongs to. On any failure the file is taken away again and the
    OSError goes on.
    """
    handle = open_private(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC)
    try:
        try:
            if like is not None:
                take_after(handle, like)
            view = memoryview(content)
            while view:
                view = view[os.write(handle, view) :]
            if durable:
                os.fsync(handle)
        finally:
            os.close(handle)
    except BaseException:
        with contextlib.suppress(OSError):
            path.unlink()
        raise


def exchange_names(path: Path, other: Path) -> bool:
    """Let two files have each other's names in one step; False where the system cannot do that.

    So whatever has a name at that moment is still there, under the other one. Raises OSError.
    """
    number = _exchange(os.fsencode(path), os.fsencode(other))
    if number in _NO_EXCHANGE:
        return False
    if number:
        raise OSError(number, os.strerror(number), str(path), None, str(other))
    return True


def _exchange(path: bytes, other: bytes) -> int:
    """Return 0, or the number of the error: Linux has a call for it, which Python does not."""
    import ctypes  # noqa: PLC0415  # most commands swap nothing

    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if call is None:
        return errno.ENOSYS
    sys.audit("os.rename", path, other, -1, -1)
    return ctypes.get_errno() if call(_HERE, path, _HERE, other, _RENAME_EXCHANGE) else 0


def publish(path: Path, content: bytes, *, durable: bool = False) -> None:
    """Put `content` at `path` in one step: a reader sees the old file or the new one, whole."""
    temporary = temporary_beside(path)
    write_new(temporary, content, durable=durable)
    try:
        temporary.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    if durable:
        sync_folder(path.parent)


def is_left_from_before(changed_at_seconds: float, after_seconds: float) -> bool:
    """Tell whether a file that was changed then has been left by somebody.

    Files have the time of the system, whatever clock is asked otherwise: it says nothing where it
    is ahead by so much that the clock must have been set back since.
    """
    age_seconds = time.time() - changed_at_seconds
    return age_seconds > after_seconds or -age_seconds > max(after_seconds, FILES_AHEAD_SECONDS)


def touch(path: Path) -> None:
    """Make whoever watches the file at `path` look, and create it where there is none.

    Something is written: of new times alone watchers do not hear. A link there goes: what it
    leads to is none of ours.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        handle = open_private(path, flags)
    except OSError as exc:
        if exc.errno != errno.ELOOP:
            raise
        path.unlink()
        handle = open_private(path, flags)
    try:
        os.pwrite(handle, b"\n", 0)
    finally:
        os.close(handle)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable, where the file system can do that."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def leftovers(folder: Path, *, name: str | None = None) -> list[Path]:
    """Return the temporary files beside the file `name`, or any file, in `folder`."""
    which = "" if name is None else f"{glob.escape(name)}."
    return list(folder.glob(f".{which}*{TEMPORARY_MARK}"))


def remove_leftovers(folder: Path, *, name: str | None = None) -> list[Path]:
    """Remove what crashes left beside the file `name`, or any file, in `folder`; return what.

    Call it only under the lock that every writer of these files holds: then none is in use.
    """
    swept = []
    for file in leftovers(folder, name=name):
        with contextlib.suppress(OSError):
            file.unlink()
            swept.append(file)
    return swept
