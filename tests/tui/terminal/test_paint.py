"""Frames on a terminal: what differs is drawn, and the screen is the same as if all were."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotator.tui.terminal.paint import BEGIN, CLEAR, END, paint
from rotator.tui.terminal.palette import FEW, MANY, NONE, TRUE, colors_told, is_light, palette_for
from rotator.tui.view.frame import Frame, Line, Span, Style
from rotator.tui.view.view import view
from tests.support.dashboard import a_screen
from tests.support.golden_screens import after, screens
from tests.support.screen import Screen
from tests.support.strategies import QUIET

PALETTE = palette_for(TRUE)
SAME_SIZE = [view(state) for state in screens().values() if (state.width, state.height) == (80, 24)]


def drawn(width: int, height: int, *texts: str) -> list[str]:
    """Return what a terminal shows after that was written to it."""
    screen = Screen(height, width, lambda _: None)
    for text in texts:
        screen.feed(text.encode())
    return screen.lines


def a_frame(*lines: Line, width: int = 20) -> Frame:
    return Frame(width, len(lines), lines)


def full(frame: Frame) -> str:
    return paint(None, frame, PALETTE, synchronized=False)


def test_an_unchanged_frame_writes_nothing() -> None:
    frame = view(a_screen(120, 40))

    assert paint(frame, frame, PALETTE, synchronized=True) == ""


def test_only_the_lines_that_differ_are_written() -> None:
    before, now = (view(after(a_screen(120, 40), *keys)) for keys in ([], ["up"]))

    text = paint(before, now, PALETTE, synchronized=False)

    assert len(text) < len(full(now)) / 3
    assert "anthropic" not in text


def test_a_line_whose_look_alone_differs_is_written() -> None:
    before = a_frame(Line((Span("a", Style.GOOD),)))
    styled, chosen = (
        a_frame(Line((Span("a", Style.BAD),))),
        a_frame(Line((Span("a"),), chosen=True)),
    )

    assert paint(before, styled, PALETTE, synchronized=False)
    assert paint(before, chosen, PALETTE, synchronized=False)


@pytest.mark.parametrize("synchronized", [True, False])
def test_a_frame_is_held_together_where_the_terminal_can(synchronized: bool) -> None:  # noqa: FBT001
    text = paint(None, view(a_screen(80, 24)), PALETTE, synchronized=synchronized)

    assert text.startswith(BEGIN) is synchronized
    assert text.endswith(END) is synchronized


@given(st.lists(st.sampled_from(SAME_SIZE), min_size=2, max_size=4))
@settings(QUIET, max_examples=20)
def test_drawing_what_differs_shows_the_same_as_drawing_everything(frames: list[Frame]) -> None:
    texts = [full(frames[0])]
    for before, now in itertools.pairwise(frames):
        texts.append(paint(before, now, PALETTE, synchronized=True))

    assert drawn(80, 24, *texts) == drawn(80, 24, full(frames[-1]))


@pytest.mark.parametrize("name", ["full", "full-wide-names", "compact", "lines", "tiny", "one"])
def test_a_terminal_shows_what_the_frame_says(name: str) -> None:
    frame = view(screens()[name])

    shown = drawn(frame.width, frame.height, full(frame))

    assert shown == [line.text.rstrip() for line in frame.lines]


def test_another_size_draws_everything_anew() -> None:
    before, now = view(a_screen(80, 24)), view(a_screen(81, 24))

    assert paint(before, now, PALETTE, synchronized=False) == full(now)


def test_what_terminals_measure_in_ways_of_their_own_moves_nothing_after_it() -> None:
    frame = a_frame(Line((Span("漢字"), Span("after"))))

    assert "漢字\x1b[5Gafter" in full(frame)


def test_the_ground_of_a_chosen_line_reaches_its_end() -> None:
    frame = a_frame(Line((Span("a"),), chosen=True))

    assert f"{PALETTE.code(Style.PLAIN, chosen=True)}{' ' * 19}" in full(frame)


@pytest.mark.parametrize(
    ("colors", "codes"),
    [
        pytest.param(NONE, {"1", "7"}, id="none"),
        pytest.param(FEW, {"1;36", "32", "7"}, id="few"),
        pytest.param(MANY, {"38;5;114", "48;5;236"}, id="256"),
        pytest.param(TRUE, {"38;2;126;203;143", "48;2;38;44;52"}, id="all"),
    ],
)
def test_a_terminal_gets_no_more_colors_than_it_has(colors: int, codes: set[str]) -> None:
    palette = palette_for(colors)
    found = {*palette.styles.values(), palette.chosen}

    assert codes <= found
    assert colors != NONE or found == codes


def test_a_light_ground_has_colors_of_its_own() -> None:
    dark, light = palette_for(TRUE), palette_for(TRUE, light=True)

    assert all(light.styles[style] != code for style, code in dark.styles.items() if "38" in code)


@pytest.mark.parametrize(
    ("hint", "answer", "light"),
    [
        pytest.param("", None, False, id="nothing is known"),
        pytest.param("0;15", None, True, id="by the environment"),
        pytest.param("15;0", None, False, id="dark by the environment"),
        pytest.param("15;0", (1.0, 1.0, 0.9), True, id="the answer counts"),
        pytest.param("0;15", (0.0, 0.0, 0.14), False, id="dark by the answer"),
    ],
)
def test_the_ground_is_told_by_the_terminal_or_the_environment(
    hint: str,
    answer: tuple[float, float, float] | None,
    light: bool,  # noqa: FBT001
) -> None:
    assert is_light(hint, answer) is light


def test_a_click_means_what_lies_under_it() -> None:
    frame = view(a_screen(80, 24))
    row = next(n for n, line in enumerate(frame.lines) if " private " in line.text)

    assert frame.at(5, row) == frame.lines[row].spans[0].does
    assert frame.at(79, 0) is None
    assert frame.at(0, 99) is None
    assert frame.at(200, row) is None


@pytest.mark.parametrize(
    ("environ", "colors"),
    [
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, TRUE),
        ({"TERM": "xterm-256color", "COLORTERM": "24bit", "NO_COLOR": "1"}, NONE),
        ({"TERM": "xterm-256color", "COLORTERM": "24bit", "NO_COLOR": ""}, TRUE),
        ({"TERM": "xterm-direct"}, TRUE),
        ({"TERM": "screen-256color"}, MANY),
        ({"TERM": "linux"}, FEW),
        ({}, FEW),
        ({"TERM": "dumb", "COLORTERM": "truecolor"}, NONE),
    ],
)
def test_the_first_screen_has_the_colours_that_the_environment_tells(
    environ: dict[str, str], colors: int
) -> None:
    assert colors_told(environ) == colors


def test_drawn_anew_over_what_is_there_nothing_is_emptied_first() -> None:
    frame = view(a_screen(120, 40))

    text = paint(frame, frame, PALETTE, synchronized=False, anew=True)

    assert CLEAR not in text
    assert drawn(120, 40, "leaked " * 40, text) == drawn(120, 40, full(frame))
