"""Which of the files in the inbox is worked off next: whoever waits for a word comes first.

A bridge waits a quarter of a second for a first word and then takes its signal back. So young
failures come first, and what nobody waits for comes last, however much of it there is. No look
reads or asks about more than some files; none of them is removed here.
"""

from __future__ import annotations

import contextlib
import stat
import time
from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from rotator.opencode.bridge.exchange import Exchange, is_signal

# A look reads so many files that it has not read yet, the newest and the oldest.
MOST_READ = 50
MOST_BYTES = 1 << 20
# While the threads that hear of a flood are busy each look into a file may take some ms.
READ_SECONDS = 0.01
# And it asks since when they lie there of so many whose names are new.
MOST_NEW = 1000
# Whoever has waited for a first word for longer has gone on without it.
WAITS_SECONDS = 0.25
# Of a flood hints come late, so what waits meanwhile is looked for without one; but not all the
# time, where the folder is so full that a look takes long.
LOOK_EVERY_SECONDS = 0.05
_REST_OF_A_LOOK = 2


class Inbox:
    """What is known to lie in the inbox, by its names; for one thread."""

    def __init__(self, exchange: Exchange, clock: Callable[[], float] = time.time) -> None:
        """Know of nothing yet; `clock` is that of the files' times."""
        self._exchange = exchange
        self._clock = clock
        self._unread: OrderedDict[str, None] = OrderedDict()
        # Since when they lie there, the oldest first.
        self._failures: list[tuple[float, str]] = []
        self._others: list[tuple[float, str]] = []
        self._read: set[str] = set()
        # What a look leaves out; what could not be removed has another turn at the regular look.
        self._seen: set[str] = set()
        # Neither are folders and hidden names looked at again, as long as they lie there.
        self._odd: set[str] = set()
        self._has_more = False
        self._look_at = 0.0

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits that is known of."""
        return not (self._unread or self._read or self._has_more)

    def hint(self, path: Path) -> None:
        """Know of a file that may lie there."""
        self._odd.discard(path.name)
        if is_signal(path.name):
            self._know_of(path.name)

    def look(self) -> None:
        """Know of all that lies there."""
        names = self._exchange.names()
        self._odd &= names
        self._seen = {*self._odd, *self._unread, *self._read}
        self._look_for_more(names)

    def next(self) -> Path | None:
        """Return the file to work off now, and forget it; None if nothing is left to do."""
        if self.is_empty:
            return None
        is_out = not (self._unread or self._read)
        if is_out or time.monotonic() >= self._look_at:
            self._look_for_more(self._exchange.names())
        self._read_some()
        entry = self._next_failure() or (self._others.pop(0) if self._others else None)
        if entry is None:
            return None
        name = entry[1]
        self._read.discard(name)
        self._seen.add(name)
        return self._exchange.inbox / name

    def _know_of(self, name: str) -> None:
        self._seen.add(name)
        if name not in self._read:
            self._unread.pop(name, None)
            self._unread[name] = None

    def _look_for_more(self, names: set[str]) -> None:
        began = time.monotonic()
        new = names - self._seen
        hidden = {name for name in new if not is_signal(name)}
        self._odd |= hidden
        self._seen |= hidden
        new -= hidden
        self._has_more = len(new) > MOST_NEW
        came = []
        for name in islice(new, MOST_NEW):
            self._seen.add(name)
            with contextlib.suppress(OSError):
                came.append(((self._exchange.inbox / name).stat().st_mtime_ns, name))
        for _, name in sorted(came):
            self._know_of(name)
        ended = time.monotonic()
        self._look_at = ended + max(LOOK_EVERY_SECONDS, _REST_OF_A_LOOK * (ended - began))

    def _read_some(self) -> None:
        read = size = 0
        until = time.monotonic() + READ_SECONDS
        while self._unread and read < MOST_READ and size < MOST_BYTES:
            if read and time.monotonic() > until:
                return
            # From both ends: neither a flood before nor one behind it keeps a failure unread.
            name, _ = self._unread.popitem(last=read % 2 == 0)
            path = self._exchange.inbox / name
            read += 1
            with contextlib.suppress(OSError):
                facts = path.stat()
                if not stat.S_ISREG(facts.st_mode):
                    self._odd.add(name)
                    continue
                size += facts.st_size
                is_failure = self._exchange.is_failure(path)
                insort(self._failures if is_failure else self._others, (facts.st_mtime, name))
                self._read.add(name)

    def _next_failure(self) -> tuple[float, str] | None:
        if not self._failures:
            return None
        young = bisect_left(self._failures, (self._clock() - WAITS_SECONDS, ""))
        return self._failures.pop(young if young < len(self._failures) else 0)
