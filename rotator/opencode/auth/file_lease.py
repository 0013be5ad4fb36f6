"""Holds up whoever opens a file while we look at it and write it: the kernel's leases.

opencode takes no lock, but its open waits until a lease is given up (fcntl(2), Linux). Where
there is none to be had (another system, a file system that has none, a file of somebody else),
or somebody keeps the file open, everything goes on without.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import signal
import sys
import time
from collections.abc import Iterator

# opencode has the file open for less than a millisecond at a time.
_PATIENCE_SECONDS = 0.05
_RETRY_SECONDS = 0.001


@contextlib.contextmanager
def alone(handle: int) -> Iterator[None]:
    """Hold up everybody who opens the file meanwhile, if the system can do that (fcntl(2))."""
    leased = _lease(handle)
    try:
        yield
    finally:
        if leased:
            _set_lease(handle, fcntl.F_UNLCK)


def _lease(handle: int) -> bool:
    """Take a lease; False where there is none, or somebody keeps the file open."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        code = _set_lease(handle, fcntl.F_WRLCK)
        if code == 0:
            return True
        if code != errno.EAGAIN or time.monotonic() > deadline:
            return False
        time.sleep(_RETRY_SECONDS)


def _set_lease(handle: int, kind: int) -> int:
    """Set the lease on an open file; return the number of the error, or 0."""
    if not sys.platform.startswith("linux"):
        return errno.ENOSYS
    try:
        # The signal that comes when somebody waits would end this process; this one is ignored.
        fcntl.fcntl(handle, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(handle, fcntl.F_SETLEASE, kind)
    except OSError as exc:
        return exc.errno or errno.EIO
    return 0
