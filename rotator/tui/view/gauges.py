"""Bars and sparklines: how much of a window is used, and how it came to be so."""

from __future__ import annotations

from collections.abc import Sequence

from rotator.tui.model.glyphs import Glyphs
from rotator.tui.view.frame import Span, Style
from rotator.wording import columns, filled_cells, percent

NEAR, FULL = 0.75, 1.0


def level_style(used: float) -> Style:
    """Return the style of what is used: quiet while there is plenty."""
    if used >= FULL:
        return Style.BAD
    return Style.WARN if used >= NEAR else Style.ACCENT


def bar(used: float, width: int, glyphs: Glyphs) -> tuple[Span, ...]:
    """Return a bar of that width; anything used shows, and anything left."""
    if width < 1:
        return ()
    full, half = divmod(filled_cells(used, width * 2), 2)
    text = glyphs.full * full + glyphs.half * half
    return (
        Span(text, level_style(used)),
        Span(glyphs.empty * (width - full - half), Style.FAINT),
    )


def percent_column(used: float) -> str:
    """Return the percentage in four columns."""
    return f"{percent(used):>4}"


def sparkline(readings: Sequence[float], width: int, glyphs: Glyphs) -> str:
    """Return the last readings as small columns, the newest at the right."""
    return columns(readings[-width:] if width > 0 else (), glyphs.steps)
