"""What helps against an error of the disk, where it is not the rights."""

from __future__ import annotations

import errno

_WAYS_OUT = {
    errno.ENOSPC: "make room on its disk and try again",
    errno.EDQUOT: "make room within your quota and try again",
    errno.EROFS: "mount its file system so that it can be written",
    errno.EMFILE: "let a program have more files open (ulimit -n) and try again",
    errno.ENFILE: "end what has so many files open and try again",
}


def way_out_of(error: OSError, otherwise: str) -> str:
    """Return what helps against an error of the disk; `otherwise` where it may be the rights."""
    return _WAYS_OUT.get(error.errno or 0, otherwise)
