"""The lines at the top: who watches, what is on, what the next message will use."""

from __future__ import annotations

from rotator.tui.model.messages import Pressed
from rotator.tui.model.next_message import next_words
from rotator.tui.model.state import DashboardState, ScreenName
from rotator.tui.model.world import World
from rotator.tui.view.frame import Line, Span, Style, spread
from rotator.tui.view.layout import Layout, layout_of
from rotator.wording import counted

_TITLES = {
    ScreenName.ACCOUNTS: "rotator",
    ScreenName.EVENTS: "rotator events",
    ScreenName.PRIORITIES: "rotator priorities",
    ScreenName.SETTINGS: "rotator settings",
}
_PROBLEMS = {Layout.FULL: 3, Layout.COMPACT: 1, Layout.LINES: 0}


def header(state: DashboardState) -> list[Line]:
    """Return the header for the state's size."""
    layout = layout_of(state.width, state.height)
    title = Span(f" {_TITLES[state.place]}", Style.TITLE)
    if state.world is None:
        return [Line((title,))]
    status = _status(state, state.world, short=layout is Layout.LINES)
    if layout is Layout.LINES:
        return [Line((title, Span("  "), *status))]
    lines = [Line(spread((title,), (*status, Span(" ")), state.width))]
    words = next_words(state.world, state.now)
    lines.append(Line((Span(f" next message {state.glyphs.arrow} ", Style.QUIET), Span(words))))
    lines += _problems(state, state.world, _PROBLEMS[layout])
    return [*lines, Line()] if layout is Layout.FULL else lines


def header_height(state: DashboardState) -> int:
    """Return how many lines `header` has."""
    layout = layout_of(state.width, state.height)
    if state.world is None or layout is Layout.LINES:
        return 1
    problems = len(state.world.problems) + (1 if state.broken else 0)
    return 2 + min(problems, _PROBLEMS[layout]) + (1 if layout is Layout.FULL else 0)


def _status(state: DashboardState, world: World, *, short: bool) -> list[Span]:
    dot = Span(f" {state.glyphs.dot} ", Style.FAINT)
    parts = [_watcher(world, short=short), _balancing(world)]
    if not short and world.scouted:
        parts[1:1] = [_bridge(world), *_opencodes(world)]
    spans: list[Span] = []
    for part in parts:
        spans += [dot, part] if spans else [part]
    return spans


def _watcher(world: World, *, short: bool) -> Span:
    if world.watcher_pid is None:
        words = "no watcher" if short else "watcher not running"
        return Span(words, Style.WARN, Pressed("w"))
    return Span("watching" if short else "watcher running", Style.GOOD)


def _bridge(world: World) -> Span:
    if world.bridge is None:
        return Span("bridge not installed", Style.WARN)
    if not world.bridge_current:
        return Span(f"bridge {world.bridge} is old", Style.WARN)
    return Span(f"bridge {world.bridge}", Style.QUIET)


def _opencodes(world: World) -> list[Span]:
    if not world.opencodes:
        return []
    words = counted(world.opencodes, "opencode")
    if world.unbridged:
        return [Span(f"{words}, {world.unbridged} without bridge", Style.WARN)]
    return [Span(words, Style.QUIET)]


def _balancing(world: World) -> Span:
    words, style = ("on", Style.GOOD) if world.balancing else ("off", Style.WARN)
    return Span(f"balancing {words}", style, Pressed("b"))


def _problems(state: DashboardState, world: World, most: int) -> list[Line]:
    problems = ([state.broken] if state.broken else []) + list(world.problems)
    shown = problems[:most]
    lines = [Line((Span(" ! ", Style.BAD), Span(problem))) for problem in shown]
    if len(problems) > most and lines:
        more = f"  (and {len(problems) - most} more)"
        last = lines[-1]
        room = max(state.width - len(more) - 3, 0)
        text = last.spans[1].text
        lines[-1] = Line((last.spans[0], Span(text[:room]), Span(more, Style.QUIET)))
    return lines
