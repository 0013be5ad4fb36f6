"""Windows named by their length: vendors move them from slot to slot, and leave some out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from rotator.model import Window

HOUR, DAY = 3_600, 86_400
FIVE_HOURS, WEEK, MONTH = 5 * HOUR, 7 * DAY, 30 * DAY
_MONTH_DAYS = range(28, 33)
# 299 minutes are five hours that were rounded down on their way.
_SLACK = 0.01


def window(
    length_seconds: Decimal | float,
    used: float,
    resets_at: datetime | None = None,
    *,
    about: str = "",
    model: str | None = None,
    blocks: bool = True,
) -> Window:
    """Return a window of that length; `about` says of what part of a plan it is."""
    length = rounded(length_seconds)
    name = f"{name_of(length)} {about}" if about else name_of(length)
    return Window(name, used, resets_at, length, model, blocks)


def month(
    used: float, resets_at: datetime | None = None, *, about: str = "", blocks: bool = True
) -> Window:
    """Return a window that begins anew with a month, whichever length that has."""
    name = f"month {about}" if about else "month"
    return Window(name, used, resets_at, None, None, blocks)


def distinct(windows: Iterable[Window]) -> tuple[Window, ...]:
    """Return the windows; of several that are called the same, the one that is used most."""
    kept: dict[tuple[str, str | None], Window] = {}
    for window in windows:
        other = kept.get((window.name, window.model))
        if other is None or window.used > other.used:
            kept[window.name, window.model] = window
    return tuple(kept.values())


def has_each(windows: Iterable[Window], *names: str) -> bool:
    """Tell whether a plan's windows are all there; what is about one model alone is none."""
    return set(names) <= {
        window.name for window in windows if window.blocks and window.model is None
    }


def name_of(length_seconds: int) -> str:
    """Return how a window of that length is called."""
    days, rest = divmod(length_seconds, DAY)
    if days in _MONTH_DAYS:
        return "month"
    if not rest and days:
        return "day" if days == 1 else f"{days}d"
    hours, rest = divmod(length_seconds, HOUR)
    return f"{length_seconds // 60}min" if rest or not hours else f"{hours}h"


def rounded(length_seconds: Decimal | float) -> int:
    """Return a length in whole days or hours, if it is nearly that, else in whole seconds."""
    length = float(length_seconds)
    for unit in (DAY, HOUR):
        whole = round(length / unit) * unit
        if whole and abs(length - whole) <= _SLACK * length:
            return whole
    return round(length)
