"""What a file is marked with beside its content: by a program that syncs, tags or backs it up."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

# The system itself gives these to a new file; the access list is looked at by itself.
_OF_THE_SYSTEM = ("system.", "security.selinux", "security.ima", "security.evm")


def take_attributes(like: Path, file: Path) -> None:
    """Mark `file` as `like` is marked; raises OSError (EPERM) where a mark would be lost."""
    if not hasattr(os, "listxattr"):
        return
    names = list[str]()
    with contextlib.suppress(OSError):
        names = [name for name in os.listxattr(like) if not name.startswith(_OF_THE_SYSTEM)]
    for name in names:
        try:
            os.setxattr(file, name, os.getxattr(like, name))
        except OSError as exc:
            if exc.errno == errno.ENODATA:
                continue  # taken away meanwhile
            raise OSError(errno.EPERM, os.strerror(errno.EPERM), str(file)) from exc


def keeps_attributes(like: Path, file: Path) -> bool:
    """Mark `file` as `like` is marked; False where a mark would be lost."""
    try:
        take_attributes(like, file)
    except OSError:
        return False
    return True
