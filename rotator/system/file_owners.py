"""Whom files and folders belong to: what root makes for a person becomes that person's.

Only root can give something away; for everybody else whatever is made is their own already, and
nothing here does anything.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

_ROOT = 0
_OTHERS = 0o007
_NARROW, _WIDEST = 0o600, 0o660


def open_private(path: Path | str, flags: int) -> int:
    """Open the file at `path`; one that has to be made is 0600 and its folder's owner's.

    A pipe there is not waited for. Raises OSError as os.open does.
    """
    flags |= os.O_NONBLOCK
    if flags & os.O_CREAT and not flags & os.O_EXCL:
        with contextlib.suppress(FileNotFoundError):
            return os.open(path, flags & ~os.O_CREAT)
        with contextlib.suppress(FileExistsError):
            return open_private(path, flags | os.O_EXCL)
        # Somebody else made it just now, or it is a link to nothing.
        return os.open(path, flags, _NARROW)
    handle = os.open(path, flags, _NARROW)
    if flags & os.O_CREAT:
        give_to_owner_of_folder(handle, Path(path).parent)
    return handle


def make_private_folder(folder: Path) -> None:
    """Make a folder that is 0700 and belongs to the owner of the one that it lies in.

    Raises OSError, FileExistsError included.
    """
    folder.mkdir(mode=0o700)
    if os.geteuid() != _ROOT:
        return
    # By a handle: what stands there by now may be a link to somebody else's file.
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        give_to_owner_of_folder(handle, folder.parent)
    finally:
        os.close(handle)


def give_to_owner_of_folder(handle: int, folder: Path) -> None:
    """Let what root has just made belong to the owner of `folder`, where the disk can do that."""
    if os.geteuid() != _ROOT:
        return
    with contextlib.suppress(OSError):
        found = folder.stat()
        if found.st_uid != _ROOT:
            os.fchown(handle, found.st_uid, found.st_gid)


def take_after(handle: int, facts: os.stat_result) -> None:
    """Let an open file have the owner and the group of `facts`; raises OSError if it cannot."""
    own = os.fstat(handle)
    if (own.st_uid, own.st_gid) != (facts.st_uid, facts.st_gid):
        os.fchown(handle, facts.st_uid, facts.st_gid)


def can_take_after(facts: os.stat_result) -> bool:
    """Tell whether a new file of ours can have the owner and the group of `facts`."""
    user = os.geteuid()
    if user == _ROOT:
        return True
    return facts.st_uid == user and facts.st_gid in {os.getegid(), *os.getgroups()}


def whose(path: Path) -> os.stat_result | None:
    """Return what a new file has to take after that root is about to put at `path`, if anything."""
    if os.geteuid() != _ROOT:
        return None
    with contextlib.suppress(OSError):
        return path.stat()
    return None


def is_foreign(facts: os.stat_result, folder: Path) -> bool:
    """Tell whether something belongs to somebody whom it should not.

    That is anybody but us; to root, who may be at work for a person, anybody but the owner of
    the folder that it lies in.
    """
    user = os.geteuid()
    if user != _ROOT:
        return facts.st_uid != user
    with contextlib.suppress(OSError):
        return facts.st_uid != folder.stat().st_uid
    return facts.st_uid != _ROOT


def kept_mode(mode: int) -> int:
    """Return the mode of a file with credentials that had `mode`.

    What its group may do is the owner's wish and stays, unless everybody may: that is what a
    program leaves that thought of nobody.
    """
    return _NARROW if mode & _OTHERS else (mode & _WIDEST) | _NARROW
