"""Whatever the size, the accounts and the keys: every screen fits, and nothing raises."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from rotator.model import AccountState, EventKind
from rotator.model.preferences import Priority
from rotator.tui.model.glyphs import ASCII, UNICODE
from rotator.tui.model.messages import (
    ChoicesLoaded,
    Clicked,
    Explained,
    JobFinished,
    Message,
    Pasted,
    Pressed,
    Resized,
    Scrolled,
    SettingsRead,
    Ticked,
    WorldRead,
)
from rotator.tui.model.state import DashboardState
from rotator.tui.model.world import Gauge, Item, Row, World
from rotator.tui.update.tick import next_tick_seconds
from rotator.tui.update.update import update
from rotator.tui.view.frame import width_of
from rotator.tui.view.view import view
from tests.support.builders import MINUTE, NOW, a_limit
from tests.support.dashboard import PAST, SETTINGS, WORLD, a_row, a_screen, an_event
from tests.support.strategies import QUIET

WORDS = st.text(max_size=30) | st.sampled_from(["漢字", "👩‍💻", "a" * 300, "", "é\u0301"])
MOMENTS = st.none() | st.integers(-3000, 300_000).map(lambda n: NOW + n * MINUTE / 10)
GAUGES = st.builds(Gauge, WORDS, st.floats(0, 1.5), MOMENTS, st.none() | WORDS, st.booleans())
ROWS = st.builds(
    a_row,
    st.sampled_from(["openai", "acme", "漢"]),
    WORDS,
    active=st.booleans(),
    state=st.sampled_from(AccountState),
    until=MOMENTS,
    reason=st.none() | WORDS,
    identity=st.none() | WORDS,
    plan=st.none() | WORDS,
    balance=st.none() | WORDS,
    gauges=st.lists(GAUGES, max_size=4).map(tuple),
    read_at=MOMENTS,
    last_used_at=MOMENTS,
    parts=st.lists(st.builds(lambda until: a_limit(until or NOW), MOMENTS), max_size=2).map(tuple),
)


def a_world(rows: list[Row], **fields: Any) -> World:
    """Return a world in which every account has an id of its own."""
    ordered = sorted(rows, key=lambda row: (row.provider, row.alias))
    return World(
        tuple(replace(row, id=type(row.id)(str(n))) for n, row in enumerate(ordered)), **fields
    )


WORLDS = st.builds(
    a_world,
    st.lists(ROWS, max_size=12),
    balancing=st.booleans(),
    watcher_pid=st.none() | st.just(1),
    scouted=st.booleans(),
    bridge=st.none() | st.just("1"),
    unbridged=st.integers(0, 1),
    opencodes=st.integers(0, 2),
    events=st.lists(
        st.builds(an_event, st.integers(0, 90), st.sampled_from(EventKind), WORDS), max_size=9
    ).map(tuple),
    problems=st.lists(WORDS, max_size=5).map(tuple),
    priorities=st.lists(
        st.builds(Priority, st.sampled_from(["openai", "acme", "漢"]), st.none() | WORDS),
        max_size=3,
    ).map(tuple),
    unsettled=st.none() | WORDS,
)
KEYS = st.sampled_from(
    [
        *"?/abcdegnprtuwxyzkKJGq,BjY 漢",
        *("enter", "escape", "space", "up", "down", "pageup", "pagedown", "home", "end"),
        *("left", "right", "backspace", "delete", "ctrl+u", "ctrl+w", "shift+up", "shift+down"),
    ]
)
MESSAGES: st.SearchStrategy[Message] = (
    st.builds(lambda key: Pressed(key, key if len(key) == 1 else ""), KEYS)
    | st.builds(lambda key: Pressed(key, key if len(key) == 1 else ""), KEYS)
    | st.builds(Pasted, WORDS)
    | st.builds(Clicked, row=st.integers(0, 9))
    | st.builds(Scrolled, st.integers(-9, 9))
    | st.builds(Resized, st.integers(1, 130), st.integers(1, 50))
    | st.builds(Ticked, st.integers(0, 999).map(lambda n: NOW + n * MINUTE))
    | st.builds(WorldRead, WORLDS)
    | st.builds(SettingsRead, st.sampled_from([(), SETTINGS]))
    | st.builds(
        ChoicesLoaded,
        st.sampled_from(["providers", "openai"]),
        st.lists(st.builds(Item, WORDS, WORDS, WORDS), max_size=9).map(tuple),
    )
    | st.builds(Explained, st.just("why this account of openai"), st.just(("x " * 200, "y")))
    | st.builds(JobFinished, st.integers(0, 5), WORDS, failed=st.booleans())
)


def require_fit(state: DashboardState) -> None:
    """Draw the screen: as many lines as it has, none too wide, the cursor on it."""
    frame = view(state)

    assert len(frame.lines) == frame.height == state.height
    widest = max(width_of(line.text) for line in frame.lines)
    assert widest <= frame.width == state.width
    if frame.cursor is not None:
        x, y = frame.cursor
        assert 0 <= x < frame.width
        assert 0 <= y < frame.height
    assert next_tick_seconds(state, state.now) > 0


@given(st.integers(1, 300), st.integers(1, 100), WORLDS, st.booleans())
@example(1, 1, WORLD, False)  # noqa: FBT003
@example(300, 100, WORLD, True)  # noqa: FBT003
@settings(QUIET, max_examples=40)
def test_a_screen_of_any_size_fits(
    width: int,
    height: int,
    world: World,
    plain: bool,  # noqa: FBT001
) -> None:
    glyphs = ASCII if plain else UNICODE
    account = world.rows[-1].id if world.rows else None

    require_fit(a_screen(width, height, world, account=account, glyphs=glyphs))


def test_every_size_fits() -> None:
    for width in (*range(1, 130, 3), 300):
        for height in (*range(1, 45, 4), 100):
            require_fit(a_screen(width, height))


@given(st.integers(1, 130), st.integers(1, 50), WORLDS, st.lists(MESSAGES, min_size=1, max_size=12))
@settings(QUIET, max_examples=40)
def test_whatever_happens_the_screen_fits_and_the_selection_is_somebody(
    width: int, height: int, world: World, messages: list[Message]
) -> None:
    state = DashboardState(now=NOW, width=width, height=height, world=world, past=PAST)
    for message in messages:
        state, _ = update(state, message)

        require_fit(state)
        shown = [row.id for row in state.rows_shown]
        assert state.account in shown or not shown or state.account is None
