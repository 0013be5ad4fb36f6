"""How styles look: colours for terminals with many, few or none, light or dark.

No meaning hangs on a colour alone: words and signs say the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from rotator.tui.view.frame import Style

NONE, FEW, MANY, TRUE = 0, 8, 256, 1 << 24

_BOLD, _DIM, _REVERSE = "1", "2", "7"
# For each style: a colour of the 16, of the 256 and of all, for a dark and for a light ground.
_DARK: Mapping[Style, tuple[str, int, str]] = MappingProxyType(
    {
        Style.QUIET: ("90", 245, "8b949e"),
        Style.FAINT: ("90", 240, "4b535d"),
        Style.ACCENT: ("36", 110, "79b8ff"),
        Style.GOOD: ("32", 114, "7ecb8f"),
        Style.WARN: ("33", 179, "e0b060"),
        Style.BAD: ("31", 174, "f08a8a"),
        Style.KEY: ("36", 110, "79b8ff"),
        Style.TITLE: ("1", 252, "d8dee6"),
    }
)
_LIGHT: Mapping[Style, tuple[str, int, str]] = MappingProxyType(
    {
        Style.QUIET: ("90", 242, "5f6770"),
        Style.FAINT: ("37", 250, "b4bac2"),
        Style.ACCENT: ("34", 25, "1f5fa8"),
        Style.GOOD: ("32", 28, "1f7a3a"),
        Style.WARN: ("33", 130, "8f5a00"),
        Style.BAD: ("31", 124, "b02a30"),
        Style.KEY: ("34", 25, "1f5fa8"),
        Style.TITLE: ("1", 235, "24292f"),
    }
)
_CHOSEN_DARK, _CHOSEN_LIGHT = (236, "262c34"), (254, "e8edf3")
_BOLD_STYLES = {Style.STRONG, Style.TITLE, Style.KEY}
_COLORLESS = {Style.STRONG: _BOLD, Style.TITLE: _BOLD, Style.KEY: _BOLD, Style.BAD: _BOLD}


@dataclass(frozen=True, slots=True)
class Palette:
    """What switches each style on, and what a chosen line has behind it."""

    styles: Mapping[Style, str]
    chosen: str

    def code(self, style: Style, *, chosen: bool) -> str:
        """Return the sequence for a span of that style."""
        parts = [
            part for part in (self.styles.get(style, ""), self.chosen if chosen else "") if part
        ]
        return f"\x1b[{';'.join(parts)}m" if parts else ""


def palette_for(colors: int, *, light: bool = False) -> Palette:
    """Return the palette for a terminal with so many colours."""
    if colors < FEW:
        # Dim is left out: some terminals show it as nothing at all.
        return Palette(_COLORLESS, _REVERSE)
    table, ground = (_LIGHT, _CHOSEN_LIGHT) if light else (_DARK, _CHOSEN_DARK)
    styles = {style: _with_bold(style, _color(code, colors)) for style, code in table.items()}
    styles[Style.STRONG] = _BOLD
    return Palette(styles, _ground(ground, colors))


def _with_bold(style: Style, code: str) -> str:
    return f"{_BOLD};{code}" if style in _BOLD_STYLES and code != _BOLD else code


def _color(code: tuple[str, int, str], colors: int) -> str:
    few, many, true = code
    if colors >= TRUE:
        return f"38;2;{_rgb(true)}"
    return f"38;5;{many}" if colors >= MANY else few


def _ground(code: tuple[int, str], colors: int) -> str:
    many, true = code
    if colors >= TRUE:
        return f"48;2;{_rgb(true)}"
    return f"48;5;{many}" if colors >= MANY else _REVERSE


def _rgb(code: str) -> str:
    return ";".join(str(int(code[n : n + 2], 16)) for n in (0, 2, 4))


def colors_told(environ: Mapping[str, str]) -> int:
    """Return how many colours the environment says that the terminal has."""
    kind = environ.get("TERM", "")
    if environ.get("NO_COLOR") or kind == "dumb":
        return NONE
    if environ.get("COLORTERM", "").casefold() in {"truecolor", "24bit"} or "direct" in kind:
        return TRUE
    return MANY if "256" in kind else FEW


def is_light(environment_hint: str, red_green_blue: tuple[float, float, float] | None) -> bool:
    """Tell whether the ground is light, from the terminal's answer or COLORFGBG."""
    if red_green_blue is not None:
        return sum(red_green_blue) / 3 > _MIDDLE
    ground = environment_hint.rpartition(";")[2]
    return ground in {"7", "15"}


_MIDDLE = 0.5
