"""Events: the last few below the accounts, and all of them on a screen of their own."""

from __future__ import annotations

from rotator.model import Event
from rotator.tui.model.messages import Clicked, Pressed
from rotator.tui.model.state import DashboardState, ScreenName
from rotator.tui.model.world import EventRow
from rotator.tui.view.frame import Line, Span, Style, filled
from rotator.tui.view.layout import top_for
from rotator.tui.view.wording import event_style
from rotator.wording import day_or_time, long_moment

_KIND_WIDTH = 10


def last_events(state: DashboardState, height: int) -> list[Line]:
    """Return the newest events below a title, newest first."""
    if height < 1:
        return []
    rule = state.glyphs.rule
    title = Span(" events ", Style.TITLE, Pressed("e"))
    lines = [Line((title, Span(rule * max(state.width - len(title.text) - 1, 0), Style.FAINT)))]
    newest = list(reversed(state.seen.events[-(height - 1) :])) if height > 1 else []
    if not newest:
        lines.append(Line((Span("  nothing has happened yet", Style.QUIET),)))
    lines += [Line(_event(entry, state)) for entry in newest]
    return lines[:height]


def events(state: DashboardState, height: int) -> list[Line]:
    """Return the events as far as they are on screen."""
    entries = state.events_shown
    if not entries:
        words = "no event fits the filter" if state.seen.events else "nothing has happened yet"
        return [Line(), Line((Span(f"  {words}", Style.QUIET),))]
    top = events_top(state, height)
    lines = []
    for number in range(top, min(top + height, len(entries))):
        chosen = number == state.row
        edge = Span(state.glyphs.pointer if chosen else " ", Style.ACCENT)
        spans = (edge, *_event(entries[number], state))
        does = Clicked(row=number)
        lines.append(Line(tuple(Span(s.text, s.style, does) for s in spans), chosen))
    return lines


def events_top(state: DashboardState, height: int) -> int:
    """Return the first event on screen."""
    top = state.tops.get(ScreenName.EVENTS, 0)
    return top_for(top, state.row, state.row, height, len(state.events_shown))


def _event(entry: EventRow, state: DashboardState) -> tuple[Span, ...]:
    event = entry.event
    when = day_or_time(event.at, state.now, state.zone)
    return (
        Span(f" {filled(when, 6)} ", Style.QUIET),
        Span(filled(event.kind.value, _KIND_WIDTH), event_style(event.kind)),
        Span(" "),
        Span(f"{_who(event, state)}  "),
        Span(event.why, Style.QUIET),
    )


def _who(event: Event, state: DashboardState) -> str:
    if event.from_alias and event.to_alias:
        moved = f"{event.from_alias} {state.glyphs.arrow} {event.to_alias}"
        return f"{event.provider} {moved}" if event.provider else moved
    return event.account or event.provider or ""


def detail(event: Event, state: DashboardState) -> tuple[str, ...]:
    """Return everything about an event, as sentences to read."""
    pairs = (
        ("when", long_moment(event.at, state.zone)),
        ("what", event.kind.value),
        ("provider", event.provider),
        ("account", event.account),
        ("from", event.from_alias),
        ("to", event.to_alias),
        ("why", event.why),
        ("detail", event.detail),
    )
    return tuple(f"{name:<9} {value}" for name, value in pairs if value)
