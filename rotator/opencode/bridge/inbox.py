"""Which of the files in the inbox is worked off next: whoever waits for a word comes first.

A bridge waits a quarter of a second for a first word and then takes its signal back. So young
failures come first, and what nobody waits for comes last, however much of it there is. No look
reads more than some files; none of them is removed here but what nobody understands.
"""

from __future__ import annotations

import contextlib
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from rotator.opencode.bridge.exchange import Exchange

# A look reads so many files that it has not read yet, the newest and the oldest.
MOST_READ = 50
MOST_BYTES = 1 << 20
# Whoever has waited for a first word for longer has gone on without it.
WAITS_SECONDS = 0.25
# Of a flood hints come late, so what waits meanwhile is looked for without one.
LOOK_EVERY_SECONDS = 0.05


class Inbox:
    """What is known to lie in the inbox; for one thread."""

    def __init__(self, exchange: Exchange, clock: Callable[[], float] = time.time) -> None:
        """Know of nothing yet; `clock` is that of the files' times."""
        self._exchange = exchange
        self._clock = clock
        self._unread: OrderedDict[Path, None] = OrderedDict()
        # Since when they lie there.
        self._failures: dict[Path, float] = {}
        self._others: dict[Path, float] = {}
        # What could not be removed is not looked at again before the next regular look.
        self._worked_off: set[Path] = set()
        self._looked_at = 0.0

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits that is known of."""
        return not (self._unread or self._failures or self._others)

    def hint(self, path: Path) -> None:
        """Know of a file that may lie there."""
        self._worked_off.discard(path)
        if path not in self._failures and path not in self._others:
            self._unread.pop(path, None)
            self._unread[path] = None

    def look(self) -> None:
        """Know of all that lies there."""
        self._worked_off.clear()
        self._look_for_more()

    def next(self) -> Path | None:
        """Return the file to work off now, and forget it; None if nothing is left to do."""
        if self.is_empty:
            return None
        if time.monotonic() - self._looked_at >= LOOK_EVERY_SECONDS:
            self._look_for_more()
        self._read()
        path = self._next_failure() or _oldest(self._others)
        if path is not None:
            self._worked_off.add(path)
        return path

    def _look_for_more(self) -> None:
        known = {*self._unread, *self._failures, *self._others, *self._worked_off}
        for path in self._exchange.waiting(known):
            self.hint(path)
        self._looked_at = time.monotonic()

    def _read(self) -> None:
        read = size = 0
        while self._unread and read < MOST_READ and size < MOST_BYTES:
            # From both ends: neither a flood before nor one behind it keeps a failure unread.
            path, _ = self._unread.popitem(last=read % 2 == 0)
            read += 1
            with contextlib.suppress(OSError):
                facts = path.stat()
                size += facts.st_size
                is_failure = self._exchange.is_failure(path)
                (self._failures if is_failure else self._others)[path] = facts.st_mtime

    def _next_failure(self) -> Path | None:
        limit = self._clock() - WAITS_SECONDS
        young = {path: since for path, since in self._failures.items() if since >= limit}
        path = _oldest(young)
        if path is not None:
            del self._failures[path]
            return path
        return _oldest(self._failures)


def _oldest(waiting: dict[Path, float]) -> Path | None:
    path = min(waiting, key=waiting.__getitem__, default=None)
    if path is not None:
        del waiting[path]
    return path
