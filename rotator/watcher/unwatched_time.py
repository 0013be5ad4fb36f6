"""When auth.json may have held what nobody of ours has seen: before a watcher that runs now began.

Whatever was in a slot then may be what an opencode without the bridge goes on with.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import UTC, datetime

from rotator.context import Context
from rotator.storage.tables.slots import UnwatchedTime
from rotator.system.paths import Paths
from rotator.system.regular_files import changed_at

# No watcher has ever run.
_EVER = datetime(1970, 1, 1, tzinfo=UTC)


class Unwatched:
    """The times that are known, with the one that has just ended; for one thread."""

    def __init__(self, context: Context) -> None:
        """See since when nobody has watched. No watcher has shown yet that it works."""
        self._context = context
        self._last = _last(context.paths)

    def keep(self) -> None:
        """Write down what was seen at the beginning. Raises StoreError: the next call tries it."""
        if self._last is not None:
            self._context.store.note_unwatched(self._last)
            self._last = None

    def times(self) -> Sequence[UnwatchedTime]:
        """Return all of them."""
        known = self._context.store.unwatched()
        return known if self._last is None else (*known, self._last)


def _last(paths: Paths) -> UnwatchedTime | None:
    """Return the time in which auth.json was changed and nobody watched, if it was."""
    changed, seen = changed_at(paths.auth_file), _EVER
    # A file may say that it is of any time.
    with contextlib.suppress(OSError, OverflowError, ValueError):
        seen = datetime.fromtimestamp(paths.beat.stat().st_mtime, UTC)
    return None if changed is None or changed <= seen else (seen, changed)
