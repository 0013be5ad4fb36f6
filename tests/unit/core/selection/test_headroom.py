"""What binds an account for a model, by its vendor's last word."""

from __future__ import annotations

from typing import Any

import pytest

from rotator.core.selection.headroom import Headroom, headroom_of
from rotator.model import Snapshot, Window
from tests.support.builders import HOUR, NOW, an_account

A, B = an_account("a"), an_account("b")
SOON, LATER = NOW + HOUR, NOW + 100 * HOUR
FIVE, WEEK = 5 * 3600, 7 * 86_400
HOURS = Window("5h", 0.25, SOON, FIVE)
DAYS = Window("7d", 0.75, LATER, WEEK)


def told(*windows: Window, **fields: Any) -> Snapshot:
    return Snapshot(NOW, windows, **fields)


def test_the_tightest_window_binds_and_the_longest_says_when_the_rest_is_lost() -> None:
    found = headroom_of(A, told(HOURS, DAYS), None, NOW)

    assert found == Headroom(A, DAYS, LATER)
    assert (found.used, found.left, found.is_full) == (0.75, 0.25, False)


def test_what_nobody_has_said_is_unknown() -> None:
    found = headroom_of(A, None, None, NOW)

    assert (found.used, found.left, found.is_full, found.expires_at) == (
        None,
        None,
        False,
        None,
    )


@pytest.mark.parametrize(
    "window",
    [
        pytest.param(Window("5h", 1.0, NOW, FIVE), id="begun anew"),
        pytest.param(
            Window("reviews", 1.0, SOON, FIVE, blocks=False), id="one that blocks nothing"
        ),
        pytest.param(Window("7d", 1.0, SOON, WEEK, model="Opus"), id="another model's"),
    ],
)
def test_a_window_that_does_not_bind_is_passed_over(window: Window) -> None:
    assert headroom_of(A, told(window, HOURS), "claude-sonnet-4-5", NOW).binding == HOURS
    assert headroom_of(A, told(window), "claude-sonnet-4-5", NOW) == Headroom(A)


def test_a_model_s_own_window_binds_that_model() -> None:
    opus = Window("7d", 1.0, LATER, WEEK, model="Opus")

    assert headroom_of(A, told(HOURS, opus), "claude-opus-4-5", NOW).is_full
    assert headroom_of(A, told(HOURS, opus), None, NOW).binding == HOURS


def test_of_two_as_full_the_longer_one_binds() -> None:
    hours, days = Window("5h", 1.0, SOON, FIVE), Window("7d", 1.0, LATER, WEEK)

    assert headroom_of(A, told(days, hours), None, NOW).binding == days


def test_an_account_that_is_spent_has_nothing_left() -> None:
    found = headroom_of(A, told(spent=True), None, NOW)

    assert (found.used, found.left, found.is_full, found.binding) == (1.0, 0.0, True, None)


def test_a_window_without_a_reset_says_nothing_of_when() -> None:
    assert headroom_of(A, told(Window("total", 0.5)), None, NOW).expires_at is None


def test_of_two_windows_as_full_the_longer_one_binds() -> None:
    short = Window("zz", 0.5, SOON, FIVE)
    long = Window("aa", 0.5, LATER, WEEK)

    assert headroom_of(A, told(short, long), None, NOW).binding == long


def test_of_two_as_full_of_which_nobody_says_how_long_they_are_the_name_decides() -> None:
    one, other = Window("aa", 0.5, SOON, 1), Window("zz", 0.5, LATER)

    found = headroom_of(A, told(other, one), None, NOW)

    assert (found.binding, found.expires_at) == (one, SOON)
