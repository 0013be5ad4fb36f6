"""What keeps the watcher from its work, told once an hour at most."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from rotator.context import Context
from rotator.errors import LiveFileError, RotatorError
from rotator.model import Event, EventKind

log = logging.getLogger(__name__)

SAY_AGAIN_AFTER = timedelta(hours=1)


class Problems:
    """Writes a problem into the log, and into the history if it is one of auth.json."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._told = ("", context.clock())

    def tell(self, exc: RotatorError) -> None:
        """Tell of a problem, unless it was the last one and that is not long ago."""
        now = self._context.clock()
        told, at = self._told
        # What stays as it is comes up at every look; it is told when it begins and then hourly.
        if exc.message == told and now - at < SAY_AGAIN_AFTER:
            return
        self._told = (exc.message, now)
        log.warning("%s", exc.message)
        if isinstance(exc, LiveFileError):
            self._context.record([Event(now, EventKind.PROBLEM, why=exc.message)])

    def follow_clock(self, now: datetime) -> None:
        """Let nothing have been told after now: the clock may have been set back."""
        self._told = (self._told[0], min(self._told[1], now))
