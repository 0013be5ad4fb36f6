"""Files that were auth.json until we put another in their place, kept open for a while.

An opencode that opened the file just before our rename writes into it just after, and what it
writes would be gone with the last handle. Here it can be read; what it means is decided elsewhere.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from rotator.opencode.authfile import Reading, Whole, parse_live, read_handle

# opencode empties the file as it opens it and writes at once: this is ample.
KEPT_SECONDS = 10.0
# More at a time are not worth a process's handles; the oldest go.
MOST_KEPT = 16


@dataclass
class Old:
    """A file without a name: what it held as it lost it, and the last whole content seen."""

    handle: int
    held: Reading
    seen: Whole
    until: float

    @property
    def is_being_written(self) -> bool:
        """Whether somebody has begun to write into it and not finished."""
        now = self.read()
        return not isinstance(now, Whole) and now != self.held

    def read(self) -> Reading:
        """Return what it holds now."""
        return parse_live(read_handle(self.handle))


class Replaced:
    """The files that this process has replaced; close it at the end."""

    def __init__(self) -> None:
        self._old: list[Old] = []

    def __bool__(self) -> bool:
        return bool(self._old)

    def keep(self, handle: int, held: Reading) -> None:
        """Take over `handle`, which is open on a file that lost its name, and held `held`."""
        seen = held if isinstance(held, Whole) else Whole(b"{}")
        self._old.append(Old(handle, held, seen, time.monotonic() + KEPT_SECONDS))
        while len(self._old) > MOST_KEPT:
            self._drop(self._old[0])

    def changed(self) -> list[tuple[Old, Whole]]:
        """Return what was written into them since, as far as it is whole, and let old ones go."""
        found = []
        for old in tuple(self._old):
            now = old.read()
            if isinstance(now, Whole) and now.content != old.seen.content:
                found.append((old, now))
            elif time.monotonic() > old.until:
                self._drop(old)
        return found

    def is_being_written(self) -> bool:
        """Tell whether somebody is in the middle of writing into one of them."""
        return any(old.is_being_written for old in self._old)

    def close(self) -> None:
        """Let go of all of them."""
        for old in tuple(self._old):
            self._drop(old)

    def _drop(self, old: Old) -> None:
        self._old.remove(old)
        os.close(old.handle)
