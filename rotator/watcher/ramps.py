"""When requests that failed or waited together are sent again: over a second, not all at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from rotator.core.selection.patience import RAMP, Ramp, place_of
from rotator.model import Signal, Verdict, VerdictKind

# A bridge waits no shorter.
_AT_ONCE = timedelta(milliseconds=20)
_MOST_PLACES = 4096


class Ramps:
    """Turns a `retry` into a `wait` where others of the same moment go first; for one thread.

    A turn and what is asked beside it have a ramp each, so that no turn waits for its title.
    """

    def __init__(self) -> None:
        """Begin with nobody on a ramp."""
        self._ramps: dict[tuple[str, bool], Ramp] = {}
        self._due: dict[str, datetime] = {}
        # When a conversation had its place last.
        self._last: dict[tuple[str, bool, str], datetime] = {}

    def placed(self, signal: Signal, verdict: Verdict, now: datetime) -> Verdict:
        """Return the verdict, or a wait after which the bridge asks anew and gets it."""
        if verdict.kind is not VerdictKind.RETRY or verdict.drop is not None:
            return verdict
        due_at = self._due.pop(signal.request, None)
        if due_at is None or not signal.waited:
            which = (signal.provider, signal.aside)
            who = (*which, signal.session or signal.request)
            self._ramps[which], due_at = place_of(
                self._ramps.get(which), now, self._last.pop(who, None)
            )
            self._last[who] = due_at
            _forget_oldest(self._last)
        # One that is further ahead is of a clock that was set back since.
        if not _AT_ONCE < due_at - now <= RAMP:
            return verdict
        self._due[signal.request] = due_at
        _forget_oldest(self._due)
        milliseconds = int((due_at - now) / timedelta(milliseconds=1))
        return replace(verdict, kind=VerdictKind.WAIT, credential=None, wait_ms=milliseconds)


def _forget_oldest(places: dict[Any, datetime]) -> None:
    while len(places) > _MOST_PLACES:
        del places[next(iter(places))]
