"""What a screen is made of: lines of styled spans, measured in columns of a terminal.

Texts are laid out plain, with their styles beside them: a string that holds escape codes is slow
to measure. Nothing here knows a terminal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from rotator.tui.model.messages import Message

CUT = "…"
# Signs of ours take one column everywhere.
SIGNS = frozenset("●○▌━╸─▁▂▃▄▅▆▇█⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏✓✗→·…↑↓╭╮╰╯│■□")
# These join the letter before them, which terminals do not measure alike.
_JOINING = {0x200D, 0xFE0E, 0xFE0F}


class Style(StrEnum):
    """What a text is, not how it looks: `palette` knows that."""

    PLAIN = "plain"
    QUIET = "quiet"
    FAINT = "faint"
    STRONG = "strong"
    TITLE = "title"
    ACCENT = "accent"
    GOOD = "good"
    WARN = "warn"
    BAD = "bad"
    KEY = "key"


@dataclass(frozen=True, slots=True)
class Span:
    """A text of one style; `does` is the message that a click on it stands for."""

    text: str
    style: Style = Style.PLAIN
    does: Message | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the screen; a `chosen` one has the selection on it."""

    spans: tuple[Span, ...] = ()
    chosen: bool = False

    @property
    def text(self) -> str:
        """The line as it reads."""
        return "".join(span.text for span in self.spans)


@dataclass(frozen=True, slots=True)
class Frame:
    """A whole screen: exactly `height` lines, none wider than `width`."""

    width: int
    height: int
    lines: tuple[Line, ...]
    # Where the cursor blinks while something is typed: column and row.
    cursor: tuple[int, int] | None = None

    def at(self, x: int, y: int) -> Message | None:
        """Return the message that a click at column `x` of row `y` stands for."""
        if not 0 <= y < len(self.lines):
            return None
        column = 0
        for span in self.lines[y].spans:
            column += width_of(span.text)
            if x < column:
                return span.does
        return None


def width_of(text: str) -> int:
    """Return how many columns a text takes."""
    return len(text) if text.isascii() else _wide(text)


@lru_cache(maxsize=4096)
def _wide(text: str) -> int:
    return sum(map(_columns, text))


def _columns(letter: str) -> int:
    if letter.isascii() or letter in SIGNS:
        return 1 if letter.isprintable() else 0
    from wcwidth import wcwidth  # noqa: PLC0415  # most first screens do without

    return 0 if ord(letter) in _JOINING else max(wcwidth(letter), 0)


def plain(text: str) -> str:
    """Return a text without the letters that terminals do not measure alike."""
    return text if text.isascii() else _apart(text)


@lru_cache(maxsize=4096)
def _apart(text: str) -> str:
    return "".join(c for c in text if ord(c) not in _JOINING)


def cut(text: str, width: int, mark: str = CUT) -> str:
    """Return as much of the text as fits into `width` columns, marked where it was cut."""
    if width <= 0:
        return ""
    if width_of(text) <= width:
        return text
    room = width - width_of(mark)
    if text.isascii():
        return text[:room] + mark if room >= 0 else mark[:width]
    kept, taken = [], 0
    for letter in text:
        taken += _columns(letter)
        if taken > room:
            break
        kept.append(letter)
    return "".join(kept) + mark if room >= 0 else ""


def wrapped(text: str, width: int, indent: str = "") -> list[str]:
    """Return a text on as many lines as it needs, all but the first one indented."""
    if width_of(text) <= width:
        return [text]
    lines, line = [], " " * (len(text) - len(text.lstrip()))
    for word in text.split():
        longer = f"{line} {word}" if line.strip() else line + word
        if width_of(longer) > width and line.strip():
            lines.append(line)
            longer = indent + word
        while width_of(longer) > width:
            # A word that no line has room for goes on in the next one.
            head = cut(longer, width, "") or longer[:1]
            lines.append(head)
            longer = longer[len(head) :]
        line = longer
    return [*lines, line]


def filled(text: str, width: int, mark: str = CUT) -> str:
    """Return the text cut or filled with blanks to exactly `width` columns."""
    short = cut(text, width, mark)
    return short + " " * (width - width_of(short))


def width_of_all(spans: Iterable[Span]) -> int:
    """Return how many columns spans take side by side."""
    return sum(width_of(span.text) for span in spans)


def fitted(line: Line, width: int, mark: str = CUT) -> Line:
    """Return the line no wider than `width`; what is cut is marked."""
    if width_of_all(line.spans) <= width:
        return line
    kept: list[Span] = []
    room = width
    for span in line.spans:
        if width_of(span.text) > room or room == 0:
            kept.append(Span(cut(span.text + mark, room, mark), span.style, span.does))
            break
        kept.append(span)
        room -= width_of(span.text)
    return Line(tuple(kept), line.chosen)


def spread(left: Sequence[Span], at_right: Sequence[Span], width: int) -> tuple[Span, ...]:
    """Return two groups of spans at the two ends of a line; without room the right one goes."""
    gap = width - width_of_all(left) - width_of_all(at_right)
    if gap < 1:
        return tuple(left)
    return (*left, Span(" " * gap), *at_right)


def _plain(line: Line) -> Line:
    if all(plain(span.text) == span.text for span in line.spans):
        return line
    spans = (Span(plain(span.text), span.style, span.does) for span in line.spans)
    return Line(tuple(spans), line.chosen)


def framed(lines: Sequence[Line], width: int, height: int, mark: str = CUT) -> Frame:
    """Return lines as a screen of that size: cut below and at the right, filled below."""
    shown = [_plain(fitted(line, width, mark)) for line in lines[:height]]
    shown += [Line()] * (height - len(shown))
    return Frame(width, height, tuple(shown))
