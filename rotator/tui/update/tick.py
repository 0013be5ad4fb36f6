"""When the screen has to be looked at again although nothing has happened."""

from __future__ import annotations

from datetime import datetime

from rotator.tui.model.state import DashboardState, Picker
from rotator.tui.view.view import counts_seconds

SPINNING_SECONDS = 0.1
MINUTE_SECONDS = 60.0
_LEAST_SECONDS = 0.02


def next_tick_seconds(state: DashboardState, now: datetime) -> float:
    """Return how long nothing on screen changes by itself."""
    if state.jobs or (isinstance(state.overlay, Picker) and state.overlay.items is None):
        return SPINNING_SECONDS
    within_second = 1.0 - now.microsecond / 1e6
    ends = [MINUTE_SECONDS - 1 - now.second + within_second]
    if counts_seconds(state):
        ends.append(within_second)
    if state.notice is not None:
        ends.append((state.notice.until - now).total_seconds())
    return max(min(ends), _LEAST_SECONDS)
