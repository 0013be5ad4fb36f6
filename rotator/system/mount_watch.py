"""Tells at once when something is mounted or unmounted: a folder below a mount hears no more.

Linux alone tells (proc_pid_mountinfo(5)); elsewhere the regular look finds it.
"""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
_SECONDS = 5.0


class MountWatch:
    """Calls `changed` from a thread of its own at each change, until it is closed."""

    def __init__(self, changed: Callable[[], None], mounts: Path = MOUNTS) -> None:
        self._changed = changed
        self._thread: threading.Thread | None = None
        try:
            self._handle = os.open(mounts, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return
        self._end, self._ended = os.pipe()
        self._thread = threading.Thread(target=self._run, name="mounts", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread and close everything."""
        if self._thread is None:
            return
        os.write(self._ended, b"\n")
        self._thread.join(_SECONDS)
        for handle in (self._handle, self._end, self._ended):
            os.close(handle)
        self._thread = None

    def _run(self) -> None:
        poll = select.poll()
        poll.register(self._handle, select.POLLERR | select.POLLPRI)
        poll.register(self._end, select.POLLIN)
        while self._end not in dict(poll.poll()):
            self._changed()
