"""The screens of priorities and settings."""

from __future__ import annotations

from rotator.model import AccountState
from rotator.model.preferences import Priority
from rotator.tui.model.messages import Clicked
from rotator.tui.model.next_message import next_priority
from rotator.tui.model.state import DashboardState
from rotator.tui.model.world import SettingRow
from rotator.tui.view.frame import Line, Span, Style, filled, width_of, wrapped
from rotator.tui.view.layout import top_for
from rotator.wording import counted

# An empty line, and what explains the chosen one.
LINES_BELOW = 4
_LONGEST_PROVIDER, _LONGEST_MODEL, _LONGEST_NAME, _LONGEST_VALUE = 24, 36, 32, 30


def priorities(state: DashboardState, height: int) -> list[Line]:
    """Return the priorities in their order, the one that serves the next message marked."""
    world = state.seen
    if not world.priorities:
        return [
            *_problem(state),
            *_sentence("No order yet: opencode's own model is used.", Style.STRONG),
            *_sentence("Press a to add a provider; with two that have a model and are on,")[1:],
            *_sentence("each new message goes to the first of them that has an account ready.")[1:],
        ]
    serving = next_priority(world, state.now)
    widths = (
        min(max(width_of(p.provider) for p in world.priorities), _LONGEST_PROVIDER),
        min(max(width_of(p.model or _NO_MODEL) for p in world.priorities), _LONGEST_MODEL),
    )
    rows = [
        (_priority(n, p, state, widths, serving=serving == n), n)
        for n, p in enumerate(world.priorities)
    ]
    problem = _problem(state)
    lines = _rows(rows, state, max(height - LINES_BELOW - len(problem), 0))
    below = Line((Span(f"  {_summary(state, serving)}", Style.QUIET),))
    return [*problem, *lines, Line(), below]


_NO_MODEL = "no model chosen"


def _summary(state: DashboardState, serving: int | None) -> str:
    world = state.seen
    if not world.balancing:
        return "balancing is off: opencode's own model is used"
    if serving is not None:
        return "a session stays with its provider while that has an account ready"
    usable = [p for p in world.priorities if p.enabled and p.model]
    if len(usable) > 1:
        return "no provider of these has an account ready now"
    return "two providers that are on and have a model make an order; until then opencode decides"


def _priority(
    number: int,
    priority: Priority,
    state: DashboardState,
    widths: tuple[int, int],
    *,
    serving: bool,
) -> tuple[Span, ...]:
    glyphs = state.glyphs
    box = f"[{glyphs.on if priority.enabled else glyphs.off}] "
    quiet = Style.PLAIN if priority.enabled else Style.QUIET
    rows = [row for row in state.seen.rows if row.provider == priority.provider]
    ready = sum(row.state_at(state.now) is AccountState.READY for row in rows)
    word = f"{ready} of {counted(len(rows), 'account')} ready" if rows else "no account"
    model = priority.model or _NO_MODEL
    mark = f"{glyphs.arrow} next message" if serving else "" if priority.enabled else "off"
    return (
        Span(f" {number + 1:>2} ", Style.QUIET),
        Span(box, Style.GOOD if priority.enabled else Style.QUIET),
        Span(filled(priority.provider, widths[0], glyphs.cut), Style.STRONG if serving else quiet),
        Span("  "),
        Span(filled(model, widths[1], glyphs.cut), quiet if priority.model else Style.WARN),
        Span(f"  {word:<22}", Style.QUIET if ready else Style.WARN),
        Span(mark, Style.ACCENT if serving else Style.QUIET),
    )


def settings(state: DashboardState, height: int) -> list[Line]:
    """Return the settings with their values and where each comes from; the chosen one explained."""
    entries = state.settings
    if not entries:
        return _sentence("reading the settings")
    name = min(max(width_of(entry.name) for entry in entries), _LONGEST_NAME)
    value = min(max(width_of(entry.value) for entry in entries), _LONGEST_VALUE)
    rows = [(_setting(entry, state, name, value), n) for n, entry in enumerate(entries)]
    problem = _problem(state)
    lines = _rows(rows, state, max(height - LINES_BELOW - len(problem), 0))
    chosen = entries[min(state.row, len(entries) - 1)]
    said = [
        Line((Span(f"  {text}", Style.QUIET),)) for text in wrapped(chosen.says, _reading(state))
    ]
    return [*problem, *lines, Line(), *said[: LINES_BELOW - 1]]


def _setting(setting: SettingRow, state: DashboardState, name: int, value: int) -> tuple[Span, ...]:
    cut = state.glyphs.cut
    style = Style.QUIET if setting.origin == "default" else Style.STRONG
    return (
        Span(f"  {filled(setting.name, name, cut)}  "),
        Span(filled(setting.value, value, cut), style),
        Span(f"  {setting.origin}", Style.QUIET),
    )


def _rows(
    rows: list[tuple[tuple[Span, ...], int]], state: DashboardState, height: int
) -> list[Line]:
    top = top_for(state.tops.get(state.place, 0), state.row, state.row, height, len(rows))
    lines = []
    for spans, number in rows[top : top + height]:
        chosen = number == state.row
        edge = Span(state.glyphs.pointer if chosen else " ", Style.ACCENT)
        does = Clicked(row=number)
        lines.append(Line(tuple(Span(s.text, s.style, does) for s in (edge, *spans)), chosen))
    return lines


def _reading(state: DashboardState) -> int:
    return max(state.width - 4, 1)


def _problem(state: DashboardState) -> list[Line]:
    problem = state.seen.unsettled
    return [Line((Span(" ! ", Style.BAD), Span(problem)))] if problem else []


def _sentence(text: str, style: Style = Style.QUIET) -> list[Line]:
    return [Line(), Line((Span(f"  {text}", style),))]
