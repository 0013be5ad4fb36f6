"""The whole screen: a state, and nothing else, becomes a frame."""

from __future__ import annotations

from dataclasses import replace

from rotator.tui.model.state import DashboardState, ScreenName
from rotator.tui.view.accounts import accounts, shown_blocks
from rotator.tui.view.events import events, last_events
from rotator.tui.view.footer import cursor_of_search, footer, notice
from rotator.tui.view.frame import Frame, Line, framed
from rotator.tui.view.header import header, header_height
from rotator.tui.view.layout import Parts, parts_of
from rotator.tui.view.lists import priorities, settings
from rotator.tui.view.overlay import sheet
from rotator.wording import is_counted


def parts(state: DashboardState) -> Parts:
    """Return how the height is divided now."""
    whole = parts_of(state.width, state.height, header_height(state), len(state.seen.events))
    if state.place is ScreenName.ACCOUNTS:
        return whole
    return replace(whole, body=whole.body + whole.events, events=0)


def view(state: DashboardState) -> Frame:
    """Return the screen."""
    part = parts(state)
    lines = _filled(header(state), part.header)
    middle = part.body + part.events
    cursor = None
    over = sheet(state.overlay, state, middle) if state.overlay is not None else None
    if over is None or not over.whole:
        lines += _filled(_body(state, part.body), part.body)
        lines += _filled(last_events(state, part.events), part.events)
    else:
        lines += _filled(list(over.lines), middle)
    if over is not None:
        if not over.whole and middle:
            begin = part.header + max(middle - len(over.lines), 0)
            lines[begin : part.header + middle] = over.lines[: part.header + middle - begin]
        else:
            begin = part.header
        if over.cursor is not None and begin + over.cursor[1] < state.height:
            cursor = (over.cursor[0], begin + over.cursor[1])
    if part.notice:
        lines.append(notice(state))
        if state.search.typing and over is None:
            cursor = cursor_of_search(state, len(lines) - 1)
    if part.footer:
        lines.append(footer(state))
    frame = framed(lines, state.width, state.height, state.glyphs.cut)
    return replace(frame, cursor=cursor)


def _body(state: DashboardState, height: int) -> list[Line]:
    match state.place:
        case ScreenName.ACCOUNTS:
            return accounts(state, height)
        case ScreenName.EVENTS:
            return events(state, height)
        case ScreenName.PRIORITIES:
            return priorities(state, height)
        case ScreenName.SETTINGS:
            return settings(state, height)


def _filled(lines: list[Line], height: int) -> list[Line]:
    return lines[:height] + [Line()] * (height - len(lines))


def counts_seconds(state: DashboardState) -> bool:
    """Tell whether a countdown with seconds is on screen."""
    if state.world is None or state.place is not ScreenName.ACCOUNTS or state.overlay is not None:
        return False
    return any(
        is_counted(at, state.now)
        for block in shown_blocks(state, parts(state).body)
        if block.row is not None
        for at in (block.row.until, *(gauge.resets_at for gauge in block.row.gauges))
    )
