"""The small parts of the dashboard: texts in columns, times in words, bars, keys, ticks."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta, timezone

import pytest

from rotator.model import AccountState
from rotator.model.preferences import Priority
from rotator.tui.model.bindings import BINDINGS, Action, action_for, shown
from rotator.tui.model.glyphs import ASCII, UNICODE, glyphs_for
from rotator.tui.model.messages import Clicked, Message, Pasted, Pressed, Scrolled
from rotator.tui.model.next_message import next_priority, next_words
from rotator.tui.model.state import DashboardState, Job, ScreenName, StatusMessage
from rotator.tui.terminal.keyboard import KeyStroke, message_of
from rotator.tui.update.tick import next_tick_seconds
from rotator.tui.view.frame import (
    Frame,
    Line,
    Span,
    Style,
    cut,
    filled,
    fitted,
    spread,
    width_of,
    wrapped,
)
from rotator.tui.view.gauges import bar, level_style, percent_column, sparkline
from rotator.tui.view.layout import Layout, layout_of, parts_of, top_for
from rotator.tui.view.wording import short_state, state_words
from tests.support.builders import MINUTE, NOW, SECOND, a_limit
from tests.support.dashboard import (
    DAY,
    MAIN,
    OLD_KEY,
    PRIVATE,
    SPARE,
    WORK,
    WORLD,
    a_row,
    a_screen,
    with_world,
)
from tests.support.golden_screens import after

EAST = timezone(timedelta(hours=9))


@pytest.mark.parametrize(
    ("text", "width", "kept"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("漢字", 4, "漢字"),
        ("漢字ab", 4, "漢…"),
        ("漢字", 1, "…"),
        ("abc", 0, ""),
        ("e\u0301x", 2, "e\u0301x"),
        ("👩\u200d💻x", 4, "👩\u200d…"),
    ],
)
def test_a_text_is_cut_to_columns_not_to_letters(text: str, width: int, kept: str) -> None:
    assert cut(text, width) == kept
    assert width_of(filled(text, width)) == width


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", [""]),
        ("one two", ["one two"]),
        ("one two three", ["one two", "  three"]),
        ("漢字 漢字 漢字", ["漢字", "  漢字", "  漢字"]),
        ("abcdefghijkl", ["abcdefgh", "ijkl"]),
        ("  x   y", ["  x   y"]),
        ("  one two three", ["  one", "  two", "  three"]),
    ],
)
def test_a_text_is_wrapped_by_columns(text: str, lines: list[str]) -> None:
    assert wrapped(text, 8, "  ") == lines


def test_a_line_is_cut_where_it_leaves_the_screen() -> None:
    line = Line((Span("abc", Style.GOOD), Span("defg", Style.BAD), Span("h")), chosen=True)

    assert fitted(line, 5) == Line((Span("abc", Style.GOOD), Span("d…", Style.BAD)), chosen=True)
    assert fitted(line, 8) is line


def test_what_does_not_fit_at_the_right_is_left_out() -> None:
    assert spread((Span("left"),), (Span("right"),), 10)[-1] == Span("right")
    assert spread((Span("left"),), (Span("right"),), 9) == (Span("left"),)


@pytest.mark.parametrize(
    ("row", "words", "short"),
    [
        pytest.param(WORK, "ready", "ready", id="ready"),
        pytest.param(PRIVATE, "cooling 12 min", "cooling 12m", id="cooling"),
        pytest.param(SPARE, "needs login", "login", id="rejected"),
        pytest.param(OLD_KEY, "disabled", "disabled", id="disabled"),
        pytest.param(
            replace(PRIVATE, state=AccountState.EXHAUSTED, until=NOW + 2 * DAY),
            "exhausted until Tue 21:00",
            "used up 2d",
            id="exhausted",
        ),
        pytest.param(replace(PRIVATE, until=NOW), "ready", "ready", id="a rest that is over"),
    ],
)
def test_a_state_is_said_in_words(row: object, words: str, short: str) -> None:
    assert state_words(row, NOW, EAST) == words  # type: ignore[arg-type]  # rows, as given
    assert short_state(row, NOW) == short  # type: ignore[arg-type]  # likewise


@pytest.mark.parametrize(
    ("used", "drawn"),
    [
        (0, "────"),
        (0.001, "╸───"),
        (0.5, "━━──"),
        (0.6, "━━╸─"),
        (0.999, "━━━╸"),
        (1, "━━━━"),
        (7, "━━━━"),
    ],
)
def test_a_bar_shows_anything_used_and_anything_left(used: float, drawn: str) -> None:
    assert "".join(part.text for part in bar(used, 4, UNICODE)) == drawn


def test_a_percentage_takes_four_columns() -> None:
    assert [percent_column(used) for used in (0, 0.29, 1.4)] == ["  0%", " 29%", "100%"]


def test_what_is_used_gets_louder_near_its_end() -> None:
    assert [level_style(used) for used in (0.7, 0.8, 1)] == [Style.ACCENT, Style.WARN, Style.BAD]


def test_a_sparkline_shows_the_last_readings() -> None:
    assert sparkline([0, 0.5, 1, 2, -1], 4, UNICODE) == "▅██▁"
    assert sparkline([0.5], 0, UNICODE) == ""


@pytest.mark.parametrize(
    ("encoding", "glyphs"),
    [("utf-8", UNICODE), ("ascii", ASCII), ("latin-1", ASCII), (None, ASCII), ("none", ASCII)],
)
def test_an_encoding_without_the_signs_gets_plain_ones(
    encoding: str | None, glyphs: object
) -> None:
    assert glyphs_for(encoding) is glyphs


@pytest.mark.parametrize(
    ("size", "layout"),
    [
        ((100, 26), Layout.FULL),
        ((99, 26), Layout.COMPACT),
        ((100, 25), Layout.COMPACT),
        ((60, 16), Layout.COMPACT),
        ((59, 16), Layout.LINES),
        ((60, 15), Layout.LINES),
        ((40, 10), Layout.LINES),
    ],
)
def test_a_size_has_a_layout(size: tuple[int, int], layout: Layout) -> None:
    assert layout_of(*size) is layout


def test_the_parts_of_a_screen_fill_its_height() -> None:
    for height in range(1, 80):
        part = parts_of(120, height, 6, 9)
        assert part.header + part.body + part.events + part.notice + part.footer == height
        assert part.body >= 1 or height == 1


@pytest.mark.parametrize(
    ("top", "first", "last", "expected"),
    [(0, 3, 3, 0), (0, 5, 6, 2), (4, 2, 2, 2), (9, 9, 9, 5), (0, 3, 9, 3)],
)
def test_a_list_scrolls_no_further_than_it_has_to(
    top: int, first: int, last: int, expected: int
) -> None:
    assert top_for(top, first, last, 5, 10) == expected


# -- keys ------------------------------------------------------------------------------------------

LINE = Line((Span("abc", does=Clicked(row=1)), Span("d")))


@pytest.mark.parametrize(
    ("stroke", "message"),
    [
        pytest.param(KeyStroke(None, "a"), Pressed("a", "a"), id="letter"),
        pytest.param(KeyStroke(None, " "), Pressed("space", " "), id="space"),
        pytest.param(KeyStroke(None, "漢"), Pressed("漢", "漢"), id="another script"),
        pytest.param(KeyStroke("KEY_ENTER", "\r"), Pressed("enter"), id="enter"),
        pytest.param(KeyStroke("KEY_SHIFT_UP", "\x1b[1;2A"), Pressed("shift+up"), id="shift+up"),
        pytest.param(KeyStroke("KEY_CTRL_L", "\x0c"), Pressed("ctrl+l"), id="ctrl+l"),
        pytest.param(KeyStroke("KEY_ALT_A", "\x1ba"), None, id="a key that nobody knows"),
        pytest.param(KeyStroke("CSI", "\x1b["), None, id="a broken sequence"),
        pytest.param(KeyStroke(None, "\x00"), None, id="a control character"),
        pytest.param(KeyStroke("BRACKETED_PASTE", "", pasted="x"), Pasted("x"), id="paste"),
        pytest.param(KeyStroke("MOUSE_LEFT", "", (2, 0)), Clicked(row=1), id="click"),
        pytest.param(KeyStroke("MOUSE_LEFT", "", (3, 0)), None, id="click on nothing"),
        pytest.param(KeyStroke("MOUSE_LEFT_RELEASED", "", (2, 0)), None, id="release"),
        pytest.param(KeyStroke("MOUSE_SCROLL_UP", ""), Scrolled(-3), id="wheel up"),
        pytest.param(KeyStroke("MOUSE_SCROLL_DOWN", ""), Scrolled(3), id="wheel down"),
    ],
)
def test_a_stroke_becomes_a_message(stroke: KeyStroke, message: Message | None) -> None:
    assert message_of(stroke, Frame(4, 1, (LINE,))) == message


def test_a_click_before_the_first_frame_means_nothing() -> None:
    assert message_of(KeyStroke("MOUSE_LEFT", "", (0, 0)), None) is None


def test_every_action_has_keys_and_no_key_means_two_things_at_once() -> None:
    assert {binding.action for binding in BINDINGS} == set(Action)
    for place in ScreenName:
        found = [
            (key, binding.when)
            for binding in BINDINGS
            if place in binding.places
            for key in binding.keys
        ]
        assert len(found) == len(set(found))


def test_a_key_means_what_fits_the_selection() -> None:
    screen = a_screen(80, 24)

    assert action_for(screen, "enter") is None
    assert action_for(after(screen, "up"), "enter") is Action.ACTIVATE
    assert action_for(after(screen, "e"), "enter") is Action.DETAIL


def test_a_key_is_shown_as_it_stands_on_keyboards() -> None:
    assert [shown(key) for key in ("enter", "shift+up", "a", "ctrl+l")] == [
        "Enter",
        "Shift+↑",
        "a",
        "Ctrl+l",
    ]
    assert shown("shift+down", ascii_only=True) == "Shift+Down"


# -- when to look again ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "seconds"),
    [
        pytest.param(a_screen(80, 24), 60.0, id="nothing counts"),
        pytest.param(a_screen(80, 24, None), 60.0, id="nothing is there"),
        pytest.param(replace(a_screen(80, 24), jobs=(Job(1, "x"),)), 0.1, id="a spinner"),
        pytest.param(after(a_screen(80, 24), "c"), 0.1, id="a list that has not come"),
        pytest.param(
            replace(a_screen(80, 24), notice=StatusMessage("x", False, NOW + 3 * SECOND)),  # noqa: FBT003
            3.0,
            id="a notice",
        ),
        pytest.param(
            with_world(a_screen(80, 24), rows=(replace(PRIVATE, until=NOW + MINUTE),)),
            1.0,
            id="seconds are counted",
        ),
        pytest.param(
            after(with_world(a_screen(80, 24), rows=(replace(PRIVATE, until=NOW + MINUTE),)), "e"),
            60.0,
            id="seconds are counted on another screen",
        ),
    ],
)
def test_the_screen_is_looked_at_again_when_something_on_it_changes(
    state: DashboardState, seconds: float
) -> None:
    assert next_tick_seconds(state, NOW) == pytest.approx(seconds)


def test_seconds_out_of_sight_wake_nobody() -> None:
    rows = [a_row("a", f"{n:02}") for n in range(40)]
    rows[-1] = replace(rows[-1], state=AccountState.COOLING, until=NOW + MINUTE)
    screen = after(with_world(a_screen(80, 24), rows=tuple(rows)), "home")

    assert next_tick_seconds(screen, NOW) == pytest.approx(60.0)
    assert next_tick_seconds(after(screen, "end"), NOW) == pytest.approx(1.0)


def test_a_tick_comes_at_the_full_minute() -> None:
    assert next_tick_seconds(a_screen(80, 24), NOW + 50.5 * SECOND) == pytest.approx(9.5)


# -- what the next message uses --------------------------------------------------------------------


def test_the_next_message_goes_to_the_first_provider_that_has_somebody_ready() -> None:
    spent = replace(WORLD, rows=(MAIN, replace(PRIVATE, active=True)))

    assert next_priority(WORLD, NOW) == 0
    assert next_words(WORLD, NOW) == "openai/gpt-5.5 as work"
    assert next_priority(spent, NOW) == 1
    assert next_priority(replace(spent, rows=(PRIVATE,)), NOW) is None


def test_a_limit_on_its_model_sends_the_next_message_elsewhere() -> None:
    limited = replace(WORK, parts=(replace(a_limit(), model="gpt-5"),))

    assert next_priority(replace(WORLD, rows=(MAIN, limited)), NOW) == 1


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"balancing": False}, id="balancing is off"),
        pytest.param({"priorities": (Priority("openai", "gpt"),)}, id="one is no choice"),
        pytest.param(
            {"priorities": (Priority("openai", "gpt", enabled=False), Priority("anthropic", "a"))},
            id="one of two is off",
        ),
        pytest.param(
            {"priorities": (Priority("openai", "gpt"), Priority("anthropic"))}, id="no model"
        ),
    ],
)
def test_without_a_choice_the_model_is_opencode_s_own(fields: dict[str, object]) -> None:
    world = replace(WORLD, **fields)  # type: ignore[arg-type]  # as given above

    assert next_priority(world, NOW) is None
    assert next_words(world, NOW).startswith("opencode's own model; anthropic as main")


def test_with_nobody_live_nothing_is_promised() -> None:
    assert next_words(replace(WORLD, rows=(PRIVATE,), priorities=()), NOW) == "no account is live"
