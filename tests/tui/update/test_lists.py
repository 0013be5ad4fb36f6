"""The order of providers while it is being written: the next key moves the one that is chosen."""

from __future__ import annotations

from dataclasses import replace

from rotator.tui.model import effects as do
from rotator.tui.model.messages import JobFinished, Pressed, WorldRead
from rotator.tui.model.state import DashboardState, ScreenName
from rotator.tui.update.update import update
from tests.support.dashboard import WORLD, a_screen
from tests.support.golden_screens import after

ORDER = WORLD.priorities
FIRST_CHOSEN = replace(a_screen(80, 24), place=ScreenName.PRIORITIES)


def names(state: DashboardState) -> list[str]:
    return [one.provider for one in state.seen.priorities]


def test_an_order_that_was_read_before_it_was_written_is_not_shown() -> None:
    first, second, third = names(FIRST_CHOSEN)
    moved = after(FIRST_CHOSEN, "J", WorldRead(WORLD))

    _, effects = update(moved, Pressed("J", "J"))

    assert (names(moved), moved.row) == ([second, first, third], 1)
    assert effects == (do.MovePriority(2, first, 1),)


def test_when_it_is_written_what_is_read_is_shown_and_the_chosen_one_stays_chosen() -> None:
    first, second, third = names(FIRST_CHOSEN)
    elsewhere = replace(WORLD, priorities=(ORDER[2], ORDER[1], ORDER[0]))

    seen = after(FIRST_CHOSEN, "J", JobFinished(1, "it was moved"), WorldRead(elsewhere))
    gone = after(seen, WorldRead(replace(WORLD, priorities=ORDER[1:2])))

    assert (names(seen), seen.row) == ([third, second, first], 2)
    assert (names(gone), gone.row) == ([second], 0)
