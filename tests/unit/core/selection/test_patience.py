"""Which limits are waited for on the same account, and how requests go on that waited together."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from rotator.core.selection.patience import (
    RAMP,
    SECOND_WITHIN,
    Ramp,
    continued,
    is_short,
    is_waited_for,
    place_of,
    waits_until,
    was_limited,
)
from rotator.model import Finding, Limit, Meaning
from tests.support.builders import HOUR, MINUTE, NOW, SECOND, a_finding, a_limit, an_account

PATIENCE = timedelta(seconds=5)
MOMENT = timedelta(milliseconds=1)


def told(until: datetime | None = NOW + SECOND) -> Finding:
    return a_finding(Meaning.SHORT_LIMIT, until)


def a_short(until: datetime = NOW + SECOND, since: datetime = NOW, **fields: object) -> Limit:
    return replace(a_limit(until), since=since, is_stated=True, **fields)  # type: ignore[arg-type]  # any field


@pytest.mark.parametrize("left", [MOMENT, SECOND, PATIENCE])
def test_a_stated_end_within_the_patience_is_waited_for(left: timedelta) -> None:
    assert is_waited_for(None, a_short(NOW + left), told(NOW + left), PATIENCE, NOW)


@pytest.mark.parametrize(
    ("until", "patience"),
    [
        pytest.param(None, PATIENCE, id="not stated"),
        pytest.param(NOW + PATIENCE + MOMENT, PATIENCE, id="further away"),
        pytest.param(NOW + SECOND, timedelta(0), id="no patience"),
    ],
)
def test_no_other_end_is_waited_for(until: datetime | None, patience: timedelta) -> None:
    limit = a_short(until or NOW + SECOND)

    assert not is_waited_for(None, limit, told(until), patience, NOW)


@pytest.mark.parametrize(
    ("ended", "is_kept"),
    [
        (NOW, False),
        (NOW - SECOND, False),
        (NOW - SECOND_WITHIN + MOMENT, False),
        (NOW - SECOND_WITHIN, True),
        (NOW - HOUR, True),
    ],
)
def test_a_second_one_within_a_minute_is_not_waited_for(ended: datetime, is_kept: bool) -> None:  # noqa: FBT001  # a column
    before = a_short(ended, ended - SECOND)

    assert is_waited_for(before, a_short(), told(), PATIENCE, NOW) is is_kept


def test_those_that_fail_during_the_wait_wait_as_well() -> None:
    before = a_short()

    assert is_waited_for(before, before, told(NOW + SECOND / 2), PATIENCE, NOW)


def test_a_short_end_that_is_stated_during_a_longer_rest_is_not_waited_for() -> None:
    before = a_short(NOW + HOUR, NOW - MINUTE)

    assert not is_waited_for(before, before, told(), PATIENCE, NOW)


def test_the_rest_of_a_long_one_is_not_waited_for() -> None:
    """Whoever was refused for an hour is put in again by its end, and not by a request."""
    before = a_short(NOW + SECOND, NOW - HOUR)

    assert not is_waited_for(before, before, told(), PATIENCE, NOW)


def test_a_wait_that_is_made_longer_again_and_again_ends() -> None:
    first = a_short(NOW + 3 * SECOND, NOW - SECOND)
    now = NOW + SECOND
    longer = continued(first, a_short(now + 3 * SECOND, now), PATIENCE, now)
    assert longer.since == first.since
    assert is_waited_for(first, longer, told(longer.until), PATIENCE, now)
    later = now + 2 * SECOND

    last = continued(longer, a_short(later + 3 * SECOND, later), PATIENCE, later)

    assert not is_waited_for(longer, last, told(last.until), PATIENCE, later)


def test_where_whoever_takes_over_was_limited_just_as_well_nobody_moves_on() -> None:
    before = a_short(NOW - MINUTE / 2, NOW - MINUTE)

    assert not is_waited_for(before, a_short(), told(), PATIENCE, NOW)
    assert is_waited_for(before, a_short(), told(), PATIENCE, NOW, is_elsewhere=True)
    assert not is_waited_for(
        before, a_short(NOW + HOUR), told(NOW + HOUR), PATIENCE, NOW, is_elsewhere=True
    )


@pytest.mark.parametrize(
    ("ended", "expected"),
    [
        (None, False),
        (NOW + MOMENT, False),
        (NOW, True),
        (NOW - SECOND_WITHIN + MOMENT, True),
        (NOW - SECOND_WITHIN, False),
    ],
)
def test_whose_limit_was_over_within_a_minute_was_limited(
    ended: datetime | None,
    expected: bool,  # noqa: FBT001  # a column
) -> None:
    before = None if ended is None else a_short(ended, NOW - HOUR)

    assert was_limited(before, NOW) is expected


@pytest.mark.parametrize(
    "before",
    [
        pytest.param(None, id="the first one"),
        pytest.param(a_short(NOW, NOW - SECOND), id="over"),
        pytest.param(a_short(NOW + HOUR, NOW - SECOND), id="a long one"),
        pytest.param(replace(a_limit(NOW + SECOND), since=NOW - SECOND), id="a guess"),
    ],
)
def test_any_other_limit_began_when_it_did(before: Limit | None) -> None:
    limit = a_short()

    assert continued(before, limit, PATIENCE, NOW) is limit


@pytest.mark.parametrize(
    ("limit", "short"),
    [
        (a_short(NOW + PATIENCE), True),
        (a_short(NOW + PATIENCE + MOMENT), False),
        (replace(a_limit(NOW + SECOND), since=NOW), False),
        (replace(a_short(), since=None), False),
    ],
)
def test_short_is_what_the_vendor_says_is_short(limit: Limit, short: bool) -> None:  # noqa: FBT001  # a column
    assert is_short(limit, PATIENCE) is short


def test_a_request_goes_on_waiting_until_the_last_of_its_limits_is_over() -> None:
    part = a_short(NOW + 2 * SECOND, model="opus")
    account = an_account(limit=a_short(), part_limits=(part,))

    assert waits_until(account, "opus-4", PATIENCE, NOW) == NOW + 2 * SECOND
    assert waits_until(account, "haiku", PATIENCE, NOW) == NOW + SECOND


def test_it_waits_no_longer_where_nothing_is_limited_or_something_for_longer() -> None:
    part = a_short(NOW + HOUR, model="opus")

    assert waits_until(an_account(), None, PATIENCE, NOW) is None
    assert waits_until(an_account(limit=a_short(NOW)), None, PATIENCE, NOW) is None
    account = an_account(limit=a_short(), part_limits=(part,))
    assert waits_until(account, "opus-4", PATIENCE, NOW) is None


def places(count: int, apart: timedelta = timedelta(0)) -> list[timedelta]:
    """Return when requests go on that come `apart`, each from the first one's coming."""
    ramp: Ramp | None = None
    found = []
    for number in range(count):
        ramp, due_at = place_of(ramp, NOW + number * apart)
        found.append(due_at - NOW)
    return found


def test_the_first_one_goes_on_at_once_and_the_next_ones_into_the_largest_gaps() -> None:
    milliseconds = [place / timedelta(milliseconds=1) for place in places(5)]

    assert milliseconds == [0, 500, 250, 750, 125]


@pytest.mark.parametrize("count", [2, 8, 50, 64, 200])
def test_requests_are_spread_over_a_second_however_many_there_are(count: int) -> None:
    found = sorted(places(count))

    assert found[0] == timedelta(0)
    assert max(found) < RAMP
    gaps = [later - earlier for earlier, later in pairwise([*found, RAMP])]
    assert max(gaps) <= 2 * RAMP / count


def test_those_that_come_later_go_on_no_earlier_than_they_come() -> None:
    found = places(50, timedelta(milliseconds=5))

    assert all(due >= number * timedelta(milliseconds=5) for number, due in enumerate(found))
    assert max(found) < RAMP


@pytest.mark.parametrize("later", [RAMP, -SECOND])
def test_after_a_second_and_after_a_clock_was_set_back_it_begins_anew(later: timedelta) -> None:
    ramp, _ = place_of(None, NOW)

    again, due_at = place_of(ramp, NOW + later)

    assert (again, due_at) == (Ramp(NOW + later, 1), NOW + later)
    assert place_of(ramp, NOW + RAMP - MOMENT)[0].begun_at == NOW
