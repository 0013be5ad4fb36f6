"""What a reading of usage says about limits that failures have told of."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from rotator.core.selection.limit_lifts import LimitUpdate
from rotator.core.selection.limit_updates import (
    LEAST_AGE,
    LONGEST_RATE,
    MOST_USED,
    as_whole_as,
    full_windows,
    limit_updates,
    updated_limit,
)
from rotator.model import AccountState, Balance, Limit, Snapshot, Window
from tests.support.builders import HOUR, MINUTE, NOW, SECOND, a_limit, an_account

RESET = NOW + 3 * HOUR
LATER = NOW + 5 * HOUR
MONEY = Balance(Decimal("1.50"), "USD")


def a_failure(**fields: Any) -> Limit:
    """Return a limit of a minute ago that ends at a time of our own."""
    values: dict[str, Any] = {"until": NOW + MINUTE, "since": NOW - LEAST_AGE} | fields
    return replace(a_limit(), **values)


def a_stated_failure(**fields: Any) -> Limit:
    """Return a limit whose end the vendor has stated, days from now."""
    values: dict[str, Any] = {"until": NOW + 18 * 24 * HOUR, "is_stated": True} | fields
    return a_failure(**({"state": AccountState.EXHAUSTED} | values))


def lifted(limit: Limit) -> Limit:
    """Return what is left of a limit that is lifted: it ended when it began."""
    assert limit.since is not None
    return replace(limit, until=limit.since)


def told(*windows: Window, **fields: Any) -> Snapshot:
    """Return a reading of now that leaves nothing out."""
    values: dict[str, Any] = {"complete": True} | fields
    return Snapshot(values.pop("read_at", NOW), windows, **values)


def used(fraction: float, resets_at: datetime | None = RESET, **fields: Any) -> Window:
    return Window("5h", fraction, resets_at, **fields)


def test_a_younger_reading_that_leaves_nothing_out_lifts_a_limit() -> None:
    assert updated_limit(a_failure(strikes=2), told(used(0.4)), NOW) == lifted(a_failure(strikes=2))


@pytest.mark.parametrize(
    ("limit", "reading"),
    [
        pytest.param(a_stated_failure(), told(used(0.0)), id="a plan is given back early"),
        pytest.param(a_stated_failure(), told(used(MOST_USED)), id="there is just room"),
        pytest.param(
            a_failure(is_stated=True, until=NOW + LONGEST_RATE),
            told(used(0.0)),
            id="more than an hour",
        ),
        pytest.param(
            a_stated_failure(state=AccountState.COOLING), told(used(0.0)), id="called a rate limit"
        ),
        pytest.param(a_stated_failure(), told(balance=MONEY), id="money of what costs money"),
        pytest.param(
            a_stated_failure(model="claude-opus-4-5"), told(used(0.1)), id="a model of the plan"
        ),
    ],
)
def test_a_younger_reading_of_all_that_can_block_lifts_a_stated_limit(
    limit: Limit, reading: Snapshot
) -> None:
    assert updated_limit(limit, reading, NOW) == lifted(limit)


@pytest.mark.parametrize(
    ("limit", "reading"),
    [
        pytest.param(a_failure(), told(used(0.4), read_at=NOW - LEAST_AGE), id="not younger"),
        pytest.param(
            a_failure(), told(used(1.0), read_at=NOW - LEAST_AGE), id="not younger, used up then"
        ),
        pytest.param(
            a_failure(since=NOW - LEAST_AGE + SECOND), told(used(0.4)), id="hardly younger"
        ),
        pytest.param(replace(a_limit(), since=None), told(used(0.4)), id="since nobody knows when"),
        pytest.param(
            a_failure(is_stated=True), told(used(0.4)), id="so many a minute, which nobody reads"
        ),
        pytest.param(
            a_stated_failure(), told(used(0.4), complete=False), id="of a stated one half is told"
        ),
        pytest.param(a_stated_failure(), told(used(1.0)), id="used up still"),
        pytest.param(a_stated_failure(), told(used(MOST_USED + 0.01)), id="about to be used up"),
        pytest.param(
            a_stated_failure(), told(used(0.4), read_at=NOW - LEAST_AGE), id="a stated one is newer"
        ),
        pytest.param(a_stated_failure(), told(used(0.0, blocks=False)), id="of money alone"),
        pytest.param(a_stated_failure(), told(used(0.0, model="Opus")), id="of another model"),
        pytest.param(a_failure(), told(balance=MONEY), id="money of so many a minute"),
        pytest.param(
            a_stated_failure(), told(used(0.0, blocks=False), balance=MONEY), id="a purse beside"
        ),
        pytest.param(a_stated_failure(), told(), id="nothing"),
        pytest.param(a_failure(), told(used(0.4), complete=False), id="something may be missing"),
        pytest.param(a_failure(), told(used(0.4), spent=True), id="nothing is left all the same"),
        pytest.param(a_failure(), told(used(1.0, None)), id="used up, nobody knows until when"),
        pytest.param(a_failure(until=NOW), told(used(0.4)), id="over already"),
    ],
)
def test_any_other_reading_leaves_a_limit_as_it_is(limit: Limit, reading: Snapshot) -> None:
    assert updated_limit(limit, reading, NOW) is limit


def test_a_guessed_time_gives_way_to_the_reset_of_what_is_used_up() -> None:
    reading = told(used(1.0), Window("7d", 1.0, LATER), Window("day", 0.2, LATER + HOUR))

    found = updated_limit(a_failure(since=NOW - SECOND), reading, NOW)

    assert (found.state, found.until, found.is_stated) == (AccountState.EXHAUSTED, LATER, True)


def test_a_vendor_s_time_is_taken_from_a_reading_that_is_not_complete_too() -> None:
    found = updated_limit(a_failure(), told(used(1.0), complete=False), NOW)

    assert found.until == RESET


def test_a_model_s_window_says_nothing_of_a_limit_on_everything() -> None:
    assert updated_limit(a_failure(), told(used(0.1), used(1.0, model="Opus")), NOW) == lifted(
        a_failure()
    )


def test_a_model_s_window_says_until_when_that_model_rests() -> None:
    limit = a_failure(model="claude-opus-4-5")

    found = updated_limit(limit, told(used(0.1), used(1.0, LATER, model="Opus")), NOW)

    assert (found.until, found.model) == (LATER, "claude-opus-4-5")


@pytest.mark.parametrize(
    "window",
    [
        pytest.param(used(0.99), id="not used up"),
        pytest.param(used(1.0, NOW), id="begun anew since"),
        pytest.param(used(1.0, blocks=False), id="one that blocks nothing"),
        pytest.param(used(1.0, model="Opus"), id="another model's"),
    ],
)
def test_what_lets_requests_through_is_not_full(window: Window) -> None:
    assert full_windows(told(window), None, NOW) == []


def test_a_window_without_a_reset_is_full_until_it_is_read_again() -> None:
    assert full_windows(told(used(1.0, None)), None, NOW) == [used(1.0, None)]


def test_a_reading_of_one_is_a_reading_for_all_that_are_limited_with_it() -> None:
    part = a_failure(model="Opus")
    a = an_account("a", group="org", limit=a_failure(), part_limits=(part,))
    b = an_account("b", group="org", limit=a_failure(is_stated=True))
    c = an_account("c", limit=a_failure())

    found = limit_updates([a, b, c], a, told(used(0.4)), NOW)

    assert found == [
        LimitUpdate(a, lifted(a_failure()), is_lifted=True),
        LimitUpdate(a, lifted(part), is_lifted=True),
    ]
    (other,) = limit_updates([a, b, c], c, told(used(1.0)), NOW)
    assert (other.account, other.after.until, other.is_lifted) == (c, RESET, False)


WEEK = Window("7d", 0.9, LATER)


@pytest.mark.parametrize(
    ("before", "complete"),
    [
        pytest.param(None, True, id="the first one"),
        pytest.param(told(used(0.9)), True, id="as much"),
        pytest.param(told(), True, id="nothing"),
        pytest.param(told(used(0.9), WEEK), False, id="the week is missing"),
        pytest.param(told(WEEK), False, id="another window"),
        pytest.param(told(used(0.9), used(0.9, model="Opus")), False, id="a model is missing"),
        pytest.param(told(replace(WEEK, resets_at=None)), False, id="nobody knows until when"),
        pytest.param(told(replace(WEEK, resets_at=NOW)), True, id="begun anew since"),
        pytest.param(told(replace(WEEK, blocks=False)), True, id="one that stops nothing"),
    ],
)
def test_e2_a_reading_with_fewer_windows_than_before_is_not_complete(
    before: Snapshot | None,
    complete: bool,  # noqa: FBT001  # a column
) -> None:
    assert as_whole_as(told(used(0.0)), before, NOW).complete is complete
    assert not as_whole_as(told(used(0.0), complete=False), before, NOW).complete


@pytest.mark.parametrize("is_stated", [False, True])
def test_what_no_window_counts_is_not_lifted_by_windows_with_room(*, is_stated: bool) -> None:
    limit = a_failure(state=AccountState.EXHAUSTED, is_uncounted=True, is_stated=is_stated)

    assert updated_limit(limit, told(used(0.04)), NOW) is limit


def test_money_that_is_there_lifts_what_no_window_counts() -> None:
    limit = a_failure(state=AccountState.EXHAUSTED, is_uncounted=True)

    assert updated_limit(limit, told(used(0.04), balance=MONEY), NOW) == lifted(limit)


def test_no_money_beside_windows_lifts_nothing_that_they_do_not_count() -> None:
    limit = a_failure(state=AccountState.EXHAUSTED, is_uncounted=True)
    empty = Balance(Decimal(0), "USD")

    assert updated_limit(limit, told(used(0.04), balance=empty), NOW) is limit
