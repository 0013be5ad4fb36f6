"""Says which accounts can be used again since the last look."""

from __future__ import annotations

from datetime import datetime

from rotator.context import Context
from rotator.core.selection.rests import recoveries
from rotator.model import Event, EventKind


def say_who_is_back(context: Context, since: datetime, now: datetime) -> None:
    """Record an event for each account whose rest has ended since a moment; raises StoreError."""
    back = recoveries(context.store.state(), since, now)
    if not back:
        return
    context.record(
        Event(now, EventKind.RECOVERED, a.provider, a.name, why="ready again") for a in back
    )
    context.notify_changed()
