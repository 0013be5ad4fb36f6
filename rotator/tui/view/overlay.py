"""What lies over a screen: help, a question, a line to type, a list to choose from, a page."""

from __future__ import annotations

from dataclasses import dataclass

from rotator.tui.model.bindings import BINDINGS, Binding, shown
from rotator.tui.model.glyphs import ASCII
from rotator.tui.model.messages import Clicked
from rotator.tui.model.state import Confirm, DashboardState, Help, Overlay, Page, Picker, Prompt
from rotator.tui.view.frame import Line, Span, Style, cut, filled, width_of, wrapped
from rotator.tui.view.layout import top_for

_KEYS_WIDTH = 16
_LABEL_WIDTH = 34


@dataclass(frozen=True, slots=True)
class Sheet:
    """The lines of an overlay; `cursor` is where one types, in columns and lines of the sheet."""

    lines: tuple[Line, ...]
    cursor: tuple[int, int] | None = None
    # The whole screen below the header is covered, not only what the lines need.
    whole: bool = True


def sheet(overlay: Overlay, state: DashboardState, height: int) -> Sheet:
    """Return an overlay as lines, no more than `height`."""
    match overlay:
        case Help():
            return _read("keys", _help(state), overlay.top, state, height)
        case Page():
            return _read(
                overlay.title, page_lines(overlay, state.width), overlay.top, state, height
            )
        case Confirm():
            lines = (
                _title("please confirm", state),
                Line((Span(f"  {overlay.question}", Style.STRONG),)),
                Line((Span(f"  {overlay.says}", Style.QUIET),)),
            )
            return Sheet(lines, whole=False)
        case Prompt():
            return _prompt(overlay, state)
        case Picker():
            return _picker(overlay, state, height)


def _title(text: str, state: DashboardState) -> Line:
    rule = state.glyphs.rule * max(state.width - width_of(text) - 4, 0)
    return Line((Span(f" {text} ", Style.TITLE), Span(rule, Style.FAINT)))


def _read(title: str, lines: list[Line], top: int, state: DashboardState, height: int) -> Sheet:
    room = max(height - 1, 0)
    first = max(min(top, len(lines) - room), 0)
    more = len(lines) - first - room
    words = f"{title}  ({more} more {state.glyphs.down})" if more > 0 else title
    return Sheet((_title(words, state), *lines[first : first + room]))


def _help(state: DashboardState) -> list[Line]:
    fitting = [b for b in BINDINGS if state.place in b.places]
    lines = [_help_line(b, state) for b in fitting]
    glyphs = state.glyphs
    signs = f"  {glyphs.live} is the account in auth.json, {glyphs.parked} one that is parked"
    return [*lines, Line(), Line((Span(signs, Style.QUIET),))]


def _help_line(binding: Binding, state: DashboardState) -> Line:
    ascii_only = state.glyphs is ASCII
    keys = ", ".join(shown(key, ascii_only=ascii_only) for key in binding.keys)
    return Line(
        (
            Span(f"  {filled(keys, _KEYS_WIDTH)} ", Style.KEY),
            Span(binding.says[:1].upper() + binding.says[1:]),
        )
    )


def help_height() -> int:
    """Return more lines than help ever has."""
    return len(BINDINGS) + 2


def page_lines(page: Page, width: int) -> list[Line]:
    """Return a page's sentences on as many lines as they need."""
    room = max(width - 4, 1)
    indent = "  " if room > len("  ") else ""
    texts = (wrapped(sentence, room, indent) for sentence in page.lines)
    return [Line((Span(f"  {text}"),)) for lines in texts for text in lines]


def _prompt(prompt: Prompt, state: DashboardState) -> Sheet:
    before = prompt.text[: prompt.at]
    # What is typed stays in sight, however long it is.
    room = max(state.width - 6, 1)
    while before and width_of(before) > room:
        before = before[1:]
    shown_text = before + prompt.text[prompt.at :]
    lines = (
        _title(prompt.title, state),
        Line((Span("  > ", Style.ACCENT), Span(cut(shown_text, room + 1), Style.STRONG))),
        Line(),
    )
    return Sheet(lines, (min(4 + width_of(before), max(state.width - 1, 0)), 1), whole=False)


def _picker(picker: Picker, state: DashboardState, height: int) -> Sheet:
    lines = [
        _title(picker.title, state),
        Line((Span("  search ", Style.QUIET), Span(picker.query, Style.STRONG))),
    ]
    cursor = (min(9 + width_of(picker.query), max(state.width - 1, 0)), 1)
    choices = picker.found
    if picker.items is None:
        return Sheet((*lines, Line((Span("  looking", Style.QUIET),))), cursor)
    if not choices:
        return Sheet((*lines, Line((Span("  nothing fits", Style.QUIET),))), cursor)
    room = max(height - len(lines), 0)
    top = top_for(max(picker.row - room // 2, 0), picker.row, picker.row, room, len(choices))
    for number in range(top, min(top + room, len(choices))):
        item, chosen = choices[number], number == picker.row
        edge = state.glyphs.pointer if chosen else " "
        does = Clicked(row=number)
        label = filled(item.label, min(_LABEL_WIDTH, max(state.width - 3, 1)), state.glyphs.cut)
        spans = (
            Span(f"{edge} ", Style.ACCENT, does),
            Span(label, Style.PLAIN, does),
            Span(f"  {item.note}", Style.QUIET, does),
        )
        lines.append(Line(spans, chosen))
    return Sheet(tuple(lines), cursor)
