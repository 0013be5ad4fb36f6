"""When auth.json may have held what nobody of ours has seen: before a watcher that runs now began.

Whatever was in a slot then may be what an opencode without the bridge goes on with.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from rotator.context import Context
from rotator.errors import StoreError
from rotator.opencode.auth.file import Whole, parse_live, read_live
from rotator.storage.tables.slots import UnwatchedTime
from rotator.system.regular_files import changed_at, written_at

# No watcher has ever run.
_EVER = datetime(1970, 1, 1, tzinfo=UTC)
# A watcher looks each few seconds, however much there is to do.
_STOPPED = timedelta(seconds=15)


class Unwatched:
    """The times that are known, with the one that has just ended; for one thread."""

    def __init__(self, context: Context) -> None:
        """See since when nobody has watched. No watcher has shown yet that it works."""
        self._context = context
        self._last = _last(context)
        self._looked_at: datetime | None = None

    def keep(self) -> None:
        """Write down what is new; call it at each regular look. Raises StoreError: then again."""
        if self._last is not None:
            self._context.store.note_unwatched(self._last)
            self._last = None
        now, before = self._context.clock(), self._looked_at
        if before is not None and now - before > _STOPPED:
            # Whoever was stopped for a while has seen nothing of it.
            until = written_at(self._context.paths.auth_file)
            if until is not None and until > before:
                self._context.store.note_unwatched(UnwatchedTime(before, until))
        self._looked_at = now

    def times(self, provider: str) -> Sequence[tuple[datetime, datetime]]:
        """Return when somebody else may have been in the slot of a provider. Raises StoreError."""
        self.keep()
        known = self._context.store.unwatched()
        return [(t.since, t.until) for t in known if provider not in t.unchanged]


def _last(context: Context) -> UnwatchedTime | None:
    """Return the time in which auth.json was changed and nobody watched, if it was."""
    path, seen = context.paths.auth_file, _EVER
    # A file may say that it is of any time.
    with contextlib.suppress(OSError, OverflowError, ValueError):
        seen = datetime.fromtimestamp(context.paths.beat.stat().st_mtime, UTC)
    before, now = _seen_last(context), read_live(path)
    entries = now.entries if isinstance(now, Whole) else {}
    same = {p for p, entry in entries.items() if before and before.entries.get(p) == entry}
    is_other = before is not None and isinstance(now, Whole) and before.content != now.content
    until = written_at(path)
    if is_other and until is not None and until <= seen:
        # Put there with its old time, as a copy may be.
        until = changed_at(path)
    if until is None or until <= seen:
        return None
    # What another entry was written for has not touched this one. What is all the same was put
    # back, or written without need: nobody knows.
    return UnwatchedTime(seen, until, tuple(sorted(same)) if is_other else ())


def _seen_last(context: Context) -> Whole | None:
    """Return the auth.json that was seen last, if it is known."""
    with contextlib.suppress(StoreError):
        content = context.store.live_content()
        reading = None if content is None else parse_live(content)
        return reading if isinstance(reading, Whole) else None
    return None
