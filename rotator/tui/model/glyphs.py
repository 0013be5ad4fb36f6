"""The signs that are drawn with, for a terminal that has them all and for one that has ASCII."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Glyphs:
    """One set of signs; each takes one column."""

    live: str = "●"
    parked: str = "○"
    pointer: str = "▌"
    full: str = "━"
    half: str = "╸"
    empty: str = "─"
    rule: str = "─"
    steps: str = "▁▂▃▄▅▆▇█"
    spinner: str = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
    done: str = "✓"
    failed: str = "✗"
    arrow: str = "→"
    dot: str = "·"
    cut: str = "…"
    down: str = "↓"
    on: str = "■"
    off: str = "□"

    @property
    def all(self) -> str:
        """Every sign, to ask an encoding whether it has them."""
        return "".join(getattr(self, name) for name in self.__slots__)


UNICODE = Glyphs()
ASCII = Glyphs(
    live="*",
    parked="o",
    pointer=">",
    full="#",
    half="-",
    empty=".",
    rule="-",
    steps=".:-=+*%#",
    spinner="|/-\\",
    done="ok",
    failed="!",
    arrow="->",
    dot="|",
    cut="~",
    down="v",
    on="x",
    off=" ",
)


def glyphs_for(encoding: str | None) -> Glyphs:
    """Return the signs that an encoding has."""
    try:
        UNICODE.all.encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return UNICODE
