"""Turns a frame into what the terminal has to be told: only lines that differ, in one text."""

from __future__ import annotations

from rotator.tui.terminal.palette import Palette
from rotator.tui.view.frame import SIGNS, Frame, Line, Style, width_of

CLEAR, HIDE, SHOW = "\x1b[2J", "\x1b[?25l", "\x1b[?25h"
BEGIN, END = "\x1b[?2026h", "\x1b[?2026l"
_NORMAL, _TO_THE_END = "\x1b[0m", "\x1b[K"


def paint(
    before: Frame | None,
    frame: Frame,
    palette: Palette,
    *,
    synchronized: bool,
    anew: bool = False,
) -> str:
    """Return what turns the screen that shows `before` into `frame`; empty if nothing differs.

    Without `before` everything is drawn on an empty screen, `anew` over what is there.
    """
    fits = before is not None and _fits(before, frame)
    old = before.lines if before is not None and fits and not anew else ()
    changed = [
        _placed(row, line, frame.width, palette)
        for row, line in enumerate(frame.lines)
        if not old or line != old[row]
    ]
    if before is not None and old and not changed and before.cursor == frame.cursor:
        return ""
    begin = "" if fits else f"{_NORMAL}{CLEAR}"
    text = "".join([HIDE, begin, *changed, _cursor(frame)])
    return f"{BEGIN}{text}{END}" if synchronized else text


def _fits(before: Frame, frame: Frame) -> bool:
    return (before.width, before.height) == (frame.width, frame.height)


def _cursor(frame: Frame) -> str:
    if frame.cursor is None:
        return ""
    x, y = frame.cursor
    return f"\x1b[{y + 1};{x + 1}H{SHOW}"


def _placed(row: int, line: Line, width: int, palette: Palette) -> str:
    parts = [f"\x1b[{row + 1};1H"]
    column = 0
    for span in line.spans:
        code = palette.code(span.style, chosen=line.chosen)
        parts += [code, span.text, _NORMAL if code else ""]
        column += width_of(span.text)
        # What terminals measure in ways of their own is followed by a jump to where the next text
        # has to begin.
        if not span.text.isascii() and not SIGNS.issuperset(_foreign(span.text)) and column < width:
            parts.append(f"\x1b[{column + 1}G")
    if line.chosen and column < width:
        parts += [palette.code(Style.PLAIN, chosen=True), " " * (width - column), _NORMAL]
    elif column < width:
        parts.append(_TO_THE_END)
    return "".join(parts)


def _foreign(text: str) -> set[str]:
    return {c for c in text if not c.isascii()}
