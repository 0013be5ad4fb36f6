"""Which layout a size gets, and how many lines each part of it has."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

WIDE, TALL = 100, 26
NARROW, LOW = 60, 16
# From here on a sparkline stands behind each window.
SPARKLINES = 120
# A title and one line of the list come before the keys.
_LEAST_LINES, _ROOM_FOR_NOTICES = 2, 10
_EVENTS_OF_FULL, _EVENTS_OF_COMPACT = 5, 3
_TALL_ENOUGH_FOR_MORE = 40
_MORE_EVENTS = 8


class Layout(StrEnum):
    """How much of each account is shown."""

    FULL = "full"
    COMPACT = "compact"
    LINES = "lines"


def layout_of(width: int, height: int) -> Layout:
    """Return the layout for a size."""
    if width < NARROW or height < LOW:
        return Layout.LINES
    return Layout.FULL if width >= WIDE and height >= TALL else Layout.COMPACT


@dataclass(frozen=True, slots=True)
class Parts:
    """How many lines each part of the screen has, from the top to the bottom."""

    header: int
    body: int
    events: int
    notice: int
    footer: int


def parts_of(width: int, height: int, header: int, events_known: int) -> Parts:
    """Divide the height; what matters least goes first when there is little."""
    layout = layout_of(width, height)
    footer = 1 if height > _LEAST_LINES else 0
    notice = 1 if height >= _ROOM_FOR_NOTICES else 0
    events = 0
    if layout is Layout.FULL:
        events = 1 + (_MORE_EVENTS if height >= _TALL_ENOUGH_FOR_MORE else _EVENTS_OF_FULL)
    elif layout is Layout.COMPACT:
        events = 1 + _EVENTS_OF_COMPACT
    events = min(events, 1 + max(events_known, 1))
    header = min(header, max(height - footer - 1, 0))
    body = max(height - header - events - notice - footer, 0)
    return Parts(header, body, events, notice, footer)


def top_for(top: int, first: int, last: int, height: int, total: int) -> int:
    """Return the first line to show so that lines `first` to `last` are seen, moving little.

    Of a thing that is taller than the place its beginning is shown.
    """
    if height <= 0:
        return 0
    if last >= top + height:
        top = last - height + 1
    top = min(top, first)
    return max(min(top, total - height), 0)
