"""An auth.json that is torn or gone: settled once it has stayed so for a while."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from rotator.context import Context
from rotator.live.capture import capture_missing, rebuild_torn
from rotator.opencode.auth.file import Missing, Reading, Torn

# A torn or missing file is looked at again this soon, and settled after these times.
DOUBT_LOOK_EVERY = timedelta(seconds=0.05)
TORN_PATIENCE = timedelta(seconds=10)
MISSING_PATIENCE = timedelta(seconds=1)


class UnsettledFile:
    """Remembers since when auth.json is as it is, while that is torn or missing."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._doubt: tuple[Literal["torn", "missing"], bytes, datetime] | None = None

    def settle(self, reading: Reading) -> None:
        """Take in what was read; mend a file that has been torn, or believe one that is gone."""
        now = self._context.clock()
        match reading:
            case Torn(content=content):
                since = self._in_doubt("torn", content, now)
                if now - since >= TORN_PATIENCE and rebuild_torn(self._context, reading):
                    self._doubt = None
            case Missing():
                since = self._in_doubt("missing", b"", now)
                if now - since >= MISSING_PATIENCE:
                    capture_missing(self._context)
                    self._doubt = None
            case _:
                self._doubt = None

    def _in_doubt(
        self, what: Literal["torn", "missing"], content: bytes, now: datetime
    ) -> datetime:
        if self._doubt is None or self._doubt[:2] != (what, content):
            self._doubt = (what, content, now)
        return self._doubt[2]

    def wants_a_look(self, now: datetime) -> bool:
        """Tell whether the file is torn or missing since so short a time that it may change."""
        return self._doubt is not None and now - self._doubt[2] < 2 * TORN_PATIENCE

    def follow_clock(self, now: datetime) -> None:
        """Let no doubt have begun after now: the clock may have been set back."""
        if self._doubt is not None:
            self._doubt = (*self._doubt[:2], min(self._doubt[2], now))
