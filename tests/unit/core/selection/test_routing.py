"""Where new messages go, and where a turn goes on when its provider has nobody left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from rotator.core.selection.routing import (
    Directions,
    Entry,
    NextRoute,
    directions,
    equal_model,
    next_route,
)
from rotator.model import Account, Route, State
from rotator.model.preferences import ModelOf, Preferences, Routing
from rotator.model.preferences import Priority as Place
from tests.support.builders import HOUR, NOW, a_limit, a_state, an_account

LARGE = (("acme", "opus"), ("zeta", "big"), ("zeta", "huge"))
SMALL = (("acme", "haiku"), ("zeta", "mini"), ("theta", "tiny"))
OPUS, BIG, TINY = Route("acme", "opus"), Route("zeta", "big"), Route("theta", "tiny")


def wishing(*places: Place, overrides: bool = False, **groups: Sequence[ModelOf]) -> Preferences:
    models = {name: tuple(group) for name, group in groups.items()}
    return Preferences(routing=Routing(overrides, models), priorities=places)


ORDER = (Place("acme", "opus"), Place("zeta", "big"), Place("theta", "tiny"))


def account(provider: str, alias: str = "a", **fields: object) -> Account:
    return an_account(alias, None, provider, **fields)


def resting(provider: str, alias: str = "a") -> Account:
    return account(provider, alias, limit=a_limit(NOW + HOUR))


SPENT = a_state(resting("acme", "work"), resting("acme", "old"), account("zeta"), account("theta"))


def way_on(
    state: State, *places: Place, left: tuple[str, ...] = (), failed: Route = OPUS
) -> Route | None:
    return next_route(state, wishing(*(places or ORDER)), failed, left, NOW).route


def test_the_next_provider_in_the_order_takes_over_and_the_reason_has_the_numbers() -> None:
    found = next_route(SPENT, wishing(*ORDER), OPUS, (), NOW)

    note = "acme/opus has 0 of 2 accounts ready, old is first at 2026-11-22 13:00 UTC"
    why = f"{note}; next in the priorities, zeta/big has 1 of 1 accounts ready"
    assert found == NextRoute(BIG, why, note)


def test_a_provider_that_the_turn_has_left_is_not_tried_again() -> None:
    assert way_on(SPENT, left=("zeta",)) == TINY
    assert way_on(SPENT, left=("zeta", "theta")) is None


def test_a_provider_without_a_ready_account_is_passed_over() -> None:
    nobody = a_state(resting("acme"), resting("zeta"), account("theta"))

    assert way_on(nobody) == TINY


def test_a_limit_on_the_model_alone_counts_for_that_model() -> None:
    part = account("zeta", part_limits=(replace(a_limit(NOW + HOUR), model="big"),))
    state = a_state(resting("acme"), part)

    assert way_on(state) is None
    assert way_on(state, Place("zeta", "mini")) == Route("zeta", "mini")


def test_the_order_is_the_users_and_not_where_the_failure_was() -> None:
    assert (
        way_on(SPENT, Place("theta", "tiny"), Place("acme", "opus"), Place("zeta", "big")) == TINY
    )


def test_a_provider_that_is_in_no_order_goes_on_with_the_first() -> None:
    assert way_on(SPENT, Place("zeta", "big"), failed=Route("other", "o1")) == BIG


@pytest.mark.parametrize(
    "place", [Place("zeta", "big", enabled=False), Place("zeta", None), Place("acme", "haiku")]
)
def test_a_place_that_is_off_or_has_no_model_or_is_the_same_provider_is_none(place: Place) -> None:
    assert way_on(SPENT, place) is None


def test_with_balancing_off_nothing_goes_on() -> None:
    found = next_route(replace(SPENT, balancing=False), wishing(*ORDER), OPUS, (), NOW)

    assert (found.route, found.why.endswith("; balancing is off")) == (None, True)


def test_if_nothing_goes_on_the_reason_tells_it_of_each() -> None:
    state = a_state(resting("acme"), resting("zeta", "b"), account("theta"))
    places = (*ORDER, Place("iota", "i1"))

    found = next_route(state, wishing(*places, large=LARGE, small=SMALL), OPUS, (), NOW)

    assert found.route is None
    assert found.why == (
        "acme/opus has 0 of 1 accounts ready, a is first at 2026-11-22 13:00 UTC"
        "; zeta/big has 0 of 1 accounts ready, b is first at 2026-11-22 13:00 UTC"
        "; theta/tiny is not of the standing of acme/opus"
        "; iota has no account"
    )


def test_a_turn_that_left_everybody_is_told_so() -> None:
    found = next_route(SPENT, wishing(*ORDER[:2]), OPUS, ("zeta",), NOW)

    assert found.why.endswith("; this turn has left zeta already")


def test_without_another_provider_in_the_order_that_is_the_reason() -> None:
    found = next_route(SPENT, wishing(ORDER[0]), OPUS, (), NOW)

    assert found.why.endswith("; the priorities name no other provider")


@pytest.mark.parametrize(
    ("asked", "listed", "expected"),
    [
        pytest.param(OPUS, BIG, "big", id="in one group"),
        pytest.param(OPUS, Route("zeta", "mini"), "big", id="the first of its group"),
        pytest.param(OPUS, Route("zeta", "new"), "big", id="rather than one in no group"),
        pytest.param(OPUS, TINY, None, id="in another group alone"),
        pytest.param(OPUS, Route("theta", "new"), "new", id="nothing said of that provider"),
        pytest.param(Route("acme", "new"), TINY, "tiny", id="nothing said of what was asked"),
    ],
)
def test_work_goes_to_a_model_of_equal_standing(
    asked: Route, listed: Route, expected: str | None
) -> None:
    assert equal_model((LARGE, SMALL), asked, listed) == expected


def test_the_bridge_is_told_the_order_what_stands_for_what_and_who_is_spent() -> None:
    wishes = wishing(*ORDER, overrides=True, large=LARGE, small=SMALL)
    state = a_state(account("acme"), resting("zeta"))

    found = directions(state, wishes, NOW)

    assert found == Directions(
        (
            Entry(OPUS, {"theta/tiny": "haiku", "zeta/mini": "haiku"}),
            Entry(BIG, {"acme/haiku": "mini", "theta/tiny": "mini"}),
            Entry(TINY, {"acme/opus": None, "zeta/big": None, "zeta/huge": None}),
        ),
        ("theta/tiny", "zeta/big", "zeta/huge", "zeta/mini"),
        overrides_explicit=True,
    )


@pytest.mark.parametrize(
    ("state", "places"),
    [
        pytest.param(SPENT, (), id="no order"),
        pytest.param(SPENT, ORDER[:1], id="one provider"),
        pytest.param(SPENT, (Place("acme", "a"), Place("acme", "b")), id="one provider twice"),
        pytest.param(SPENT, (ORDER[0], Place("zeta", None)), id="one with a model"),
        pytest.param(SPENT, (ORDER[0], Place("zeta", "b", enabled=False)), id="one enabled"),
        pytest.param(replace(SPENT, balancing=False), ORDER, id="balancing off"),
    ],
)
def test_with_nothing_to_choose_from_the_bridge_is_told_nothing(
    state: State, places: tuple[Place, ...]
) -> None:
    assert directions(state, wishing(*places), NOW) == Directions()


def test_two_providers_are_a_choice_and_nothing_overrides_one_that_was_made() -> None:
    state = a_state(account("acme"), account("zeta"))

    assert directions(state, wishing(*ORDER[:2]), NOW).entries != ()
    assert not Directions().overrides_explicit
