"""Ends what a demo has started, and removes its folder, once the demo itself is gone.

The demo does both by itself, and ends this one then, unless it is killed. This is a program of its
own: it waits at a pipe whose other end the demo alone has, and which the system closes however that
one ends. It is run by its path and needs nothing but Python.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

_ENDING_SECONDS = 3.0
_LOOK_SECONDS = 0.01


def keep(told: str, folder: Path) -> None:
    """Do what is left to do; `told` are the groups of processes that were started, a word each."""
    groups = [int(word) for word in told.split()]
    for number in (signal.SIGTERM, signal.SIGKILL):
        left = [group for group in groups if _signal(group, number)]
        deadline = time.monotonic() + _ENDING_SECONDS
        while any(_signal(group, 0) for group in left) and time.monotonic() < deadline:
            time.sleep(_LOOK_SECONDS)
    deadline = time.monotonic() + _ENDING_SECONDS
    while folder.exists() and time.monotonic() < deadline:
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(_LOOK_SECONDS)


def _signal(group: int, number: int) -> bool:
    """Send a signal to a group of processes; tell whether anybody is in it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
        return True
    return False


def main(words: Sequence[str]) -> None:
    """Wait for the end of the pipe, and see to what is left."""
    keep(sys.stdin.read(), Path(words[0]))


if __name__ == "__main__":
    main(sys.argv[1:])
