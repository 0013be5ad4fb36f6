"""Keeps what lies in memory, keys among it, from being written to a disk when a process crashes."""

from __future__ import annotations

import os
import resource

# proc(5): no mapping at all. A limit of zero does not hold where a program gets the dump through
# a pipe (core(5)), as systemd's does.
_FILTER = "/proc/self/coredump_filter"


def forbid_core_dumps() -> None:
    """Let neither this process nor any program that it starts dump its memory."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        handle = os.open(_FILTER, os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        return  # not Linux, or no /proc
    try:
        os.write(handle, b"0")
    finally:
        os.close(handle)
