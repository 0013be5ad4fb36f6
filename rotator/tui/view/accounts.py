"""The accounts, a block for each provider: as much of each account as the layout has room for."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from rotator.model import AccountState
from rotator.tui.model.by_identity import ByIdentity
from rotator.tui.model.messages import Clicked
from rotator.tui.model.state import DashboardState, ScreenName
from rotator.tui.model.world import Gauge, Row
from rotator.tui.view.frame import Line, Span, Style, filled, spread, width_of, width_of_all
from rotator.tui.view.gauges import bar, level_style, percent_column, sparkline
from rotator.tui.view.layout import SPARKLINES, Layout, layout_of, top_for
from rotator.tui.view.wording import short_state, state_style
from rotator.tui.view.wording import state_words as long_state
from rotator.wording import ago, counted, moment, reset_words, short_span

_INDENT = 4
_STATE_WIDTH = {Layout.FULL: 26, Layout.COMPACT: 26, Layout.LINES: 12}
_LONGEST_ALIAS = {Layout.FULL: 24, Layout.COMPACT: 18, Layout.LINES: 30}
_LONGEST_TITLE, _RESET_WIDTH = 18, 22
_BARS = {Layout.FULL: 24, Layout.COMPACT: 10, Layout.LINES: 6}
_WIDEST_BAR = 40
_STALE_SECONDS = 900
_ROOM_FOR_BARS = 50


@dataclass(frozen=True, slots=True)
class Block:
    """A provider's title, or an account, and how many lines it takes from `top` on."""

    top: int
    height: int
    provider: str
    row: Row | None = None


def blocks_of(state: DashboardState) -> Sequence[Block]:
    """Return what is in the list, from its top to its end."""
    return _laid(ByIdentity(state.rows_shown), layout_of(state.width, state.height), state.now)


@lru_cache(maxsize=4)
def _laid(rows: ByIdentity[tuple[Row, ...]], layout: Layout, now: datetime) -> tuple[Block, ...]:
    blocks: list[Block] = []
    top, provider = 0, ""
    for row in rows.value:
        if row.provider != provider and layout is not Layout.LINES:
            gap = 1 if blocks and layout is Layout.FULL else 0
            blocks.append(Block(top, 1 + gap, row.provider))
            top += 1 + gap
        provider = row.provider
        height = _height(row, now, layout)
        blocks.append(Block(top, height, provider, row))
        top += height
    return tuple(blocks)


def _height(row: Row, now: datetime, layout: Layout) -> int:
    if layout is Layout.LINES:
        return 1
    if layout is Layout.COMPACT:
        return 2 if row.gauges else 1
    return 1 + len(row.gauges) + (1 if row.reason_at(now) or row.parts_at(now) else 0)


def list_height(blocks: Sequence[Block]) -> int:
    """Return how many lines the whole list has."""
    return blocks[-1].top + blocks[-1].height if blocks else 0


def scrolled(state: DashboardState, height: int) -> int:
    """Return the first line to show, so that the chosen account is seen."""
    blocks = blocks_of(state)
    top = state.tops.get(ScreenName.ACCOUNTS, 0)
    first, last = _span_of_chosen(blocks, state)
    return top_for(top, first, last, height, list_height(blocks))


def _span_of_chosen(blocks: Sequence[Block], state: DashboardState) -> tuple[int, int]:
    for number, block in enumerate(blocks):
        if block.row is not None and block.row.id == state.account:
            # The title above the first account of a provider is shown with it.
            before = blocks[number - 1] if number else block
            return (before if before.row is None else block).top, block.top + block.height - 1
    return 0, 0


def shown_blocks(state: DashboardState, height: int) -> list[Block]:
    """Return the blocks of which something is on screen."""
    top = scrolled(state, height)
    blocks = blocks_of(state)
    first = max(bisect_right(blocks, top, key=lambda block: block.top) - 1, 0)
    last = bisect_left(blocks, top + height, key=lambda block: block.top)
    return list(blocks[first:last])


def accounts(state: DashboardState, height: int) -> list[Line]:
    """Return the list as far as it is on screen, `height` lines at most."""
    if state.world is None:
        words = state.broken or "reading the store"
        return [Line(), Line((Span(f"  {words}", Style.BAD if state.broken else Style.QUIET),))]
    if not state.rows_shown:
        return _nobody(state)
    layout, top = layout_of(state.width, state.height), scrolled(state, height)
    columns = _Columns.of(state, layout)
    lines: list[Line] = []
    for block in shown_blocks(state, height):
        drawn = _block(block, state, layout, columns)
        lines += drawn[max(top - block.top, 0) :]
    return lines[:height]


def _nobody(state: DashboardState) -> list[Line]:
    if state.seen.rows:
        return [Line(), Line((Span("  no account fits the filter", Style.QUIET),))]
    return [
        Line(),
        Line((Span("  No accounts yet.", Style.STRONG),)),
        Line((Span("  Press c to log in with opencode here,", Style.QUIET),)),
        Line((Span("  or log in with opencode while the watcher runs.", Style.QUIET),)),
    ]


@dataclass(frozen=True, slots=True)
class _Columns:
    """The widths that all rows share."""

    name: int
    title: int
    state: int
    bar: int

    @classmethod
    def of(cls, state: DashboardState, layout: Layout) -> _Columns:
        name, title = _widest(ByIdentity(state.rows_shown), layout)
        if layout is Layout.LINES:
            # What the state and the tightest window leave.
            drawn = _BARS[layout] + 1 if state.width >= _ROOM_FOR_BARS else 0
            rest = _INDENT + _STATE_WIDTH[layout] + len(" 100%") + 2 + drawn
            name = min(name, max(state.width - rest, 6))
        extra = max(state.width - SPARKLINES, 0) // 3
        return cls(
            min(name, _LONGEST_ALIAS[layout]),
            min(title, _LONGEST_TITLE),
            _STATE_WIDTH[layout],
            min(_BARS[layout] + extra, _WIDEST_BAR) if layout is Layout.FULL else _BARS[layout],
        )


@lru_cache(maxsize=4)
def _widest(rows: ByIdentity[tuple[Row, ...]], layout: Layout) -> tuple[int, int]:
    """Return how wide the widest name and the widest title of a window are."""
    names = (row.name if layout is Layout.LINES else row.alias for row in rows.value)
    titles = {gauge.title for row in rows.value for gauge in row.gauges}
    return max(map(width_of, names), default=0), max(map(width_of, titles), default=0)


@lru_cache(maxsize=64)
def _ready_words(
    rows: ByIdentity[tuple[Row, ...]], provider: str, now: datetime
) -> tuple[str, bool]:
    states = [row.state_at(now) for row in rows.value if row.provider == provider]
    ready = states.count(AccountState.READY)
    return f"{ready} of {counted(len(states), 'account')} ready", bool(ready)


def _block(block: Block, state: DashboardState, layout: Layout, columns: _Columns) -> list[Line]:
    if block.row is None:
        return [Line()] * (block.height - 1) + [_title(block.provider, state)]
    row = block.row
    drawn = list(_DRAWN[layout](row, state, columns))
    chosen = row.id == state.account
    edge = Span(state.glyphs.pointer if chosen else " ", Style.ACCENT)
    does = Clicked(account=row.id)
    return [
        Line(tuple(Span(s.text, s.style, does) for s in (edge, *spans)), chosen) for spans in drawn
    ]


def _title(provider: str, state: DashboardState) -> Line:
    words, ready = _ready_words(ByIdentity(state.seen.rows), provider, state.now)
    style = Style.QUIET if ready else Style.WARN
    left = (Span(f" {provider} ", Style.TITLE),)
    at_right = (Span(f" {words} ", style),)
    gap = state.width - width_of_all(left) - width_of_all(at_right)
    return Line((*left, Span(state.glyphs.rule * max(gap, 0), Style.FAINT), *at_right))


def _head(
    row: Row, state: DashboardState, columns: _Columns, name: str, words: str
) -> tuple[Span, ...]:
    glyphs = state.glyphs
    busy = any(job.account == row.id for job in state.jobs)
    sign = _spinning(state) if busy else glyphs.live if row.active else glyphs.parked
    quiet = row.state_at(state.now) is AccountState.DISABLED
    style = Style.STRONG if row.active else Style.QUIET if quiet else Style.PLAIN
    return (
        Span(f" {sign} ", Style.ACCENT if row.active or busy else Style.QUIET),
        Span(filled(name, columns.name, glyphs.cut), style),
        Span("  "),
        Span(filled(words, columns.state, glyphs.cut), state_style(row, state.now)),
        Span(" "),
    )


def _spinning(state: DashboardState) -> str:
    frames = state.glyphs.spinner
    return frames[int(state.now.timestamp() * 10) % len(frames)]


def _full(row: Row, state: DashboardState, columns: _Columns) -> Iterator[tuple[Span, ...]]:
    words = long_state(row, state.now, state.zone)
    left = [*_head(row, state, columns, row.alias, words), Span(_about(row, state), Style.QUIET)]
    used = f"used {ago(row.last_used_at, state.now)}" if row.last_used_at else "never used"
    used = f"live, {used}" if row.active else used
    yield spread(left, (Span(f"{used} ", Style.QUIET),), state.width - 1)
    reason = _reason(row, state)
    if reason:
        yield (Span(" " * _INDENT), Span(reason, Style.QUIET))
    for gauge in row.gauges:
        yield _gauge_line(row, gauge, state, columns)


def _reason(row: Row, state: DashboardState) -> str | None:
    """Return why the account, or a part of its models, rests."""
    if why := row.reason_at(state.now):
        return why
    parts = [
        f"{part.model} rests until {moment(part.until, state.now, state.zone)}: {part.reason}"
        for part in row.parts_at(state.now)
    ]
    return "; ".join(parts) or None


def _about(row: Row, state: DashboardState) -> str:
    stale = None
    if row.read_at and (state.now - row.read_at).total_seconds() > _STALE_SECONDS and row.gauges:
        stale = f"read {ago(row.read_at, state.now)}"
    spent = "nothing left" if row.spent else None
    parts = (row.identity, row.type, row.plan, row.balance, spent, stale)
    return f" {state.glyphs.dot} ".join(filter(None, parts))


def _gauge_line(
    row: Row, gauge: Gauge, state: DashboardState, columns: _Columns
) -> tuple[Span, ...]:
    glyphs = state.glyphs
    spans = (
        Span(" " * _INDENT),
        Span(filled(gauge.title, columns.title, glyphs.cut), Style.QUIET),
        Span("  "),
        *bar(gauge.used, columns.bar, glyphs),
        Span(f" {percent_column(gauge.used)}", level_style(gauge.used)),
        Span("  "),
    )
    reset = reset_words(gauge.resets_at, state.now, state.zone)
    past = _past(row, gauge, state)
    if not past:
        return (*spans, Span(reset, Style.QUIET))
    room = state.width - width_of_all(spans) - _RESET_WIDTH - 3
    drawn = sparkline(past, min(room, _WIDEST_BAR), glyphs)
    return (
        *spans,
        Span(filled(reset, _RESET_WIDTH, glyphs.cut), Style.QUIET),
        Span(f" {drawn}", Style.FAINT),
    )


def _past(row: Row, gauge: Gauge, state: DashboardState) -> tuple[float, ...]:
    if state.width < SPARKLINES:
        return ()
    readings = state.past.get(row.id)
    return readings.get((gauge.name, gauge.model), ()) if readings else ()


def _compact(row: Row, state: DashboardState, columns: _Columns) -> Iterator[tuple[Span, ...]]:
    words = long_state(row, state.now, state.zone)
    about = _reason(row, state) or _about(row, state)
    yield (*_head(row, state, columns, row.alias, words), Span(about, Style.QUIET))
    if row.gauges:
        yield (Span(" " * _INDENT), *_side_by_side(row, state, columns))


def _side_by_side(row: Row, state: DashboardState, columns: _Columns) -> Iterator[Span]:
    room = state.width - _INDENT - 1
    for gauge in row.gauges:
        left = (gauge.resets_at - state.now).total_seconds() if gauge.resets_at else 0
        reset = f" {short_span(left)}" if left > 0 else ""
        spans = (
            Span(f"{gauge.title} ", Style.QUIET),
            *bar(gauge.used, columns.bar, state.glyphs),
            Span(f" {percent_column(gauge.used)}", level_style(gauge.used)),
            Span(filled(reset, 5, state.glyphs.cut), Style.QUIET),
            Span(" "),
        )
        room -= width_of_all(spans)
        if room < 0:
            return
        yield from spans


def _one_line(row: Row, state: DashboardState, columns: _Columns) -> Iterator[tuple[Span, ...]]:
    head = _head(row, state, columns, row.name, short_state(row, state.now))
    gauge = row.tightest
    if gauge is None:
        yield (*head, Span(row.balance or "", Style.QUIET))
        return
    roomy = state.width >= _ROOM_FOR_BARS
    drawn = bar(gauge.used, _BARS[Layout.LINES] if roomy else 0, state.glyphs)
    yield (*head, Span(percent_column(gauge.used), level_style(gauge.used)), Span(" "), *drawn)


_Drawing = Callable[[Row, DashboardState, _Columns], Iterator[tuple[Span, ...]]]
_DRAWN: Mapping[Layout, _Drawing] = {
    Layout.FULL: _full,
    Layout.COMPACT: _compact,
    Layout.LINES: _one_line,
}
