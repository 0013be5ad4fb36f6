"""Who holds the watcher's lock, as the holder wrote it into the lock's file."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path

from rotator.system.liveness import NAMESPACE, SILENT_SECONDS, is_known_here, pid_namespace
from rotator.system.lock_holder import is_stopped
from rotator.text import sanitize

MOST_BYTES = 1024


@dataclass(frozen=True, slots=True)
class WatchHolder:
    """A watcher; `is_here` says that its pid names a process that we see."""

    pid: int
    is_here: bool = True
    host: str = ""
    # For how long one whose pid says nothing here has given no sign of life, if that is long.
    silent_seconds: float = 0.0

    def __str__(self) -> str:
        """Return how a sentence names it, in brackets."""
        if self.is_here:
            return f"pid {self.pid}" if self.pid else "its pid is not known"
        return (
            f"in another container or on another computer: host {self.host}, pid {self.pid} there"
        )

    @property
    def is_stopped(self) -> bool:
        """Whether it was halted, as by Ctrl-Z, and does nothing before it is let go on.

        One in a container that is paused can be told by its silence alone.
        """
        if self.silent_seconds:
            return True
        return self.is_here and self.pid != 0 and is_stopped(self.pid)

    @property
    def how_stopped(self) -> str:
        """What is known of one that is stopped, after its name."""
        if self.silent_seconds:
            return f"silent for {self.silent_seconds:.0f} s and may be stopped"
        return "stopped"

    @property
    def way_on(self) -> str:
        """How a person lets a stopped one go on, or ends it."""
        if self.silent_seconds:
            return f"let its container go on, or {self.way_to_end}"
        return f"kill -CONT {self.pid} lets it go on, kill -KILL {self.pid} ends it"

    @property
    def way_to_end(self) -> str:
        """How a person ends it; never by a pid that is another process's here."""
        if self.is_here:
            return f"kill {self.pid}" if self.pid else "find the process that runs rotator watch"
        return f"end it on {self.host}"


def silence_seconds(beat: Path) -> float:
    """Return for how long a watcher has not touched its file; 0 if that is not long, or unknown."""
    try:
        age_seconds = time.time() - beat.stat().st_mtime
    except OSError:
        return 0.0
    return age_seconds if age_seconds > SILENT_SECONDS else 0.0


def own_entry() -> bytes:
    """Return what this process writes into the file."""
    lines = [str(os.getpid()), pid_namespace() or "", platform.node()]
    return "".join(f"{line}\n" for line in lines).encode()


def parse_entry(content: bytes) -> WatchHolder | None:
    """Return who wrote it; older versions wrote a pid alone."""
    pid, *more = content.decode("utf-8", "replace").split("\n")
    if not pid.isdecimal():
        return None
    where, host = [*more, "", ""][:2]
    told = {} if len(more) <= 1 else {NAMESPACE: where}
    return WatchHolder(int(pid), is_known_here(told), sanitize(host, 64) or "unknown")
