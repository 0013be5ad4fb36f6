"""Bars and sparklines: how much of a window is used, and how it came to be so."""

from __future__ import annotations

from collections.abc import Sequence

from rotator.tui.model.glyphs import Glyphs
from rotator.tui.view.frame import Span, Style

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
    halves = round(min(max(used, 0.0), 1.0) * width * 2)
    if 0 < used < FULL:
        halves = min(max(halves, 1), width * 2 - 1)
    full, half = divmod(halves, 2)
    text = glyphs.full * full + glyphs.half * half
    return (
        Span(text, level_style(used)),
        Span(glyphs.empty * (width - full - half), Style.FAINT),
    )


def percent(used: float) -> str:
    """Return a fraction as per cent in four columns; only what is all used is 100 %."""
    whole = int(used * 100 + 1e-9) if used < FULL else 100
    return f"{max(whole, 0):>3}%"


def sparkline(readings: Sequence[float], width: int, glyphs: Glyphs) -> str:
    """Return the last readings as small columns, the newest at the right."""
    steps = glyphs.steps
    last = len(steps) - 1
    shown = readings[-width:] if width > 0 else ()
    return "".join(steps[min(max(int(used * len(steps)), 0), last)] for used in shown)
