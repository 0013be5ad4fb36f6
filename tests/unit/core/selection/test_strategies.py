"""Who goes first by each strategy, and when one that still works is left."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from rotator.core.selection.headroom import Headroom
from rotator.core.selection.strategies import GUARD, SOONER, before_the_wall, better, place, rank
from rotator.model import Account, Window
from rotator.model.preferences import Failover, Strategy
from tests.support.builders import ACME, HOUR, NOW, a_limit, an_account

STICKY, ORDERED = Strategy.STICKY, Strategy.ORDERED
HEADROOM, DRAIN = Strategy.HEADROOM, Strategy.DRAIN
LATER = NOW + 50 * HOUR


def by(strategy: Strategy, **fields: Any) -> Failover:
    return Failover(strategy, **fields)


def stands(
    alias: str, used: float | None = None, expires_at: datetime | None = None, **fields: Any
) -> Headroom:
    account: Account = an_account(alias, **fields)
    binding = None if used is None else Window("5h", used)
    return Headroom(account, binding, expires_at)


def order(strategy: Strategy, *those: Headroom, **fields: Any) -> list[str]:
    failover = by(strategy, **fields)
    return [one.account.alias for one in sorted(those, key=lambda one: rank(one, failover, NOW))]


# -- who takes over -------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", [STICKY, HEADROOM])
def test_the_one_with_most_left_goes_first_and_the_unknown_in_the_middle(
    strategy: Strategy,
) -> None:
    full, tight, roomy = stands("a", 1.0), stands("b", 0.9), stands("d", 0.1)

    assert order(strategy, full, tight, stands("c"), roomy) == ["d", "c", "b", "a"]


def test_one_that_was_limited_often_goes_after_one_that_was_not() -> None:
    often = stands("a", 0.1, limit=a_limit(NOW - HOUR, strikes=3))

    assert order(STICKY, often, stands("b", 0.8)) == ["b", "a"]


@pytest.mark.parametrize("strategy", [STICKY, HEADROOM])
def test_one_that_is_used_up_goes_after_one_that_was_limited_often(strategy: Strategy) -> None:
    often = stands("b", 0.9, limit=a_limit(NOW - HOUR, strikes=5))

    assert order(strategy, stands("a", 1.0), often) == ["b", "a"]


def test_the_user_s_order_counts_and_whoever_is_not_in_it_comes_last() -> None:
    those = [stands("a"), stands("b", 0.95), stands("c", 1.0), stands("d")]

    assert order(ORDERED, *those, order={ACME: ("c", "b")}) == ["b", "a", "d", "c"]
    assert place(those[0], by(ORDERED, order={"other": ("a",)})) == 0


def test_what_is_lost_first_is_spent_first_unless_too_little_is_left() -> None:
    soon, later = stands("c", 0.2, NOW + HOUR), stands("a", 0.2, LATER)
    short = stands("b", 1 - GUARD / 2, NOW + HOUR / 2)

    assert order(DRAIN, later, short, stands("d"), soon) == ["c", "a", "d", "b"]


def test_ties_end_in_the_order_of_aliases() -> None:
    for strategy in Strategy:
        assert order(strategy, stands("b", 0.5), stands("a", 0.5)) == ["a", "b"]


# -- whoever works is left, or stays ---------------------------------------------------------


def preferred(strategy: Strategy, active: Headroom, *others: Headroom, **fields: Any) -> str | None:
    found = better(active, others, by(strategy, **fields), NOW)
    return found.account.alias if found else None


def test_by_default_whoever_works_stays() -> None:
    assert preferred(STICKY, stands("b", 0.99), stands("a", 0.0)) is None


def test_in_the_user_s_order_the_first_one_returns() -> None:
    user = {ACME: ("a", "b")}

    assert preferred(ORDERED, stands("b", 0.1), stands("a", 0.5), order=user) == "a"
    assert preferred(ORDERED, stands("b", 0.1), stands("a"), order=user) == "a"
    assert preferred(ORDERED, stands("a", 0.9), stands("b", 0.1), order=user) is None


@pytest.mark.parametrize("used", [1.0, 1 - GUARD / 2])
def test_the_first_one_does_not_return_to_be_used_up_at_once(used: float) -> None:
    user = {ACME: ("a", "b")}

    assert preferred(ORDERED, stands("b", 0.1), stands("a", used), order=user) is None


@pytest.mark.parametrize(
    ("active", "other", "expected"),
    [
        pytest.param(0.65, 0.5, "b", id="15 points more"),
        pytest.param(0.64, 0.5, None, id="14 points more"),
        pytest.param(0.9, None, None, id="nobody knows how much"),
        pytest.param(None, 0.0, None, id="nobody knows what is left here"),
        pytest.param(1.0, 1.0, None, id="nothing anywhere"),
    ],
)
def test_only_a_gain_of_15_points_is_worth_leaving(
    active: float | None, other: float | None, expected: str | None
) -> None:
    assert preferred(HEADROOM, stands("a", active), stands("b", other)) == expected


def test_a_gain_of_just_as_much_is_worth_leaving() -> None:
    assert preferred(HEADROOM, stands("a", 0.75), stands("b", 0.5), headroom_gain=0.25) == "b"


def test_the_gain_is_a_setting() -> None:
    assert preferred(HEADROOM, stands("a", 0.3), stands("b", 0.0), headroom_gain=0.4) is None


SOON = LATER - SOONER


@pytest.mark.parametrize(
    ("active", "others", "expected"),
    [
        pytest.param(stands("a", 0.2, LATER), [stands("b", 0.2, SOON)], "b", id="lost sooner"),
        pytest.param(
            stands("a", 0.2, LATER),
            [stands("b", 0.2, SOON + timedelta(seconds=1))],
            None,
            id="hardly sooner",
        ),
        pytest.param(stands("a", 0.2, LATER), [stands("b", 0.2)], None, id="nobody knows when"),
        pytest.param(stands("a", 0.2), [stands("b", 0.2, SOON)], None, id="nobody knows when here"),
        pytest.param(
            stands("a", 0.95, NOW + HOUR), [stands("b", 0.2, LATER)], "b", id="nearly used up"
        ),
        pytest.param(
            stands("a", 0.2, LATER), [stands("b", 0.95, SOON)], None, id="nearly used up there"
        ),
        pytest.param(stands("a", 0.2, LATER), [stands("b", 1.0, SOON)], None, id="used up there"),
        pytest.param(
            stands("a", 0.2, LATER),
            [stands("b", 0.2, SOON), stands("c", 0.2, SOON - HOUR)],
            "c",
            id="the soonest of two",
        ),
    ],
)
def test_what_would_be_lost_first_is_spent_first(
    active: Headroom, others: list[Headroom], expected: str | None
) -> None:
    assert preferred(DRAIN, active, *others) == expected


# -- before the wall -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("active", "others", "expected"),
    [
        pytest.param(0.95, [stands("b", 0.5), stands("c", 0.3)], "c", id="about to be used up"),
        pytest.param(0.94, [stands("b", 0.0)], None, id="not yet"),
        pytest.param(None, [stands("b", 0.0)], None, id="nobody knows"),
        pytest.param(0.95, [stands("b")], None, id="nobody knows of the other"),
        pytest.param(0.97, [stands("b", 0.94)], None, id="the other is about to as well"),
    ],
)
def test_who_is_about_to_be_used_up_is_left_for_one_who_is_not(
    active: float | None, others: list[Headroom], expected: str | None
) -> None:
    found = before_the_wall(stands("a", active), others, by(STICKY, swap_before_wall=True))

    assert (found.account.alias if found else None) == expected


def test_a_swap_before_the_wall_is_off_unless_the_user_wants_it() -> None:
    assert before_the_wall(stands("a", 0.99), [stands("b", 0.0)], by(STICKY)) is None


@pytest.mark.parametrize("strategy", [ORDERED, DRAIN])
def test_nobody_returns_to_who_was_left_before_the_wall(strategy: Strategy) -> None:
    left, live = stands("a", 0.86, NOW + HOUR), stands("b", 0.1, LATER)
    wall = {"swap_before_wall": True, "wall_threshold": 0.85}

    assert preferred(strategy, live, left, **wall) is None
    assert preferred(strategy, live, left) == "a"


@pytest.mark.parametrize(
    ("used", "is_chosen"), [(0.84, True), (0.9 - GUARD / 2, False), (0.86, False)]
)
def test_before_the_wall_nobody_takes_over_who_is_nearly_there(
    used: float,
    is_chosen: bool,  # noqa: FBT001  # a table's column
) -> None:
    failover = by(STICKY, swap_before_wall=True, wall_threshold=0.9)

    found = before_the_wall(stands("a", 0.95), [stands("b", used)], failover)

    assert (found is not None) is is_chosen


@pytest.mark.parametrize(("used", "is_chosen"), [(0.84, True), (0.86, False)])
def test_whoever_was_left_before_the_wall_is_not_returned_to_on_this_side_of_it(
    used: float,
    is_chosen: bool,  # noqa: FBT001  # a table's column
) -> None:
    failover = by(ORDERED, swap_before_wall=True, wall_threshold=0.9)

    found = better(stands("b", 0.1), [stands("a", used)], failover, NOW)

    assert (found is not None) is is_chosen


def test_of_several_that_gain_enough_the_one_with_most_left_is_preferred() -> None:
    others = [stands("b", 0.3), stands("c", 0.1), stands("d", 0.2)]

    assert better(stands("a", 0.9), others, by(HEADROOM), NOW) == others[1]


def test_whoever_has_just_as_little_left_as_is_guarded_is_not_returned_to() -> None:
    failover = by(ORDERED, swap_before_wall=True, wall_threshold=0.5)

    assert better(stands("b", 0.1), [stands("a", 0.45)], failover, NOW) is None
    assert better(stands("b", 0.1), [stands("a", 0.44)], failover, NOW) is not None


def test_of_several_that_come_before_in_the_user_s_order_the_first_is_preferred() -> None:
    others = [stands("b"), stands("a")]

    assert better(stands("c"), others, by(ORDERED), NOW) == others[1]
