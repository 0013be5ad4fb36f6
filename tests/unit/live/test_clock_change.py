"""Case I5: a clock that is set back or forward lengthens nothing beyond its span and the change."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from rotator.clock import from_iso, is_ahead, is_within, to_iso
from rotator.core.logins.refresh_policy import is_due as is_refresh_due
from rotator.core.logins.refresh_policy import rest_after_unconfirmed
from rotator.core.poll_schedule import (
    LEASE,
    LONGEST_PAUSE,
    OwnerRecord,
    UsageRecord,
    after_failure,
    is_due,
    may_ask_owner,
)
from rotator.core.selection.failover import account_of
from rotator.core.selection.limits import pinned
from rotator.errors import RateLimited
from rotator.model import AccountState, Digest, Limit, PendingRefresh, Snapshot, Source, Tenure
from tests.support.builders import (
    HOUR,
    MINUTE,
    NOW,
    SECOND,
    a_limit,
    a_signal,
    a_state,
    an_account,
    oauth,
)

BACK = [MINUTE, 8 * HOUR, timedelta(days=365)]
A = an_account("a")


def rest(length: timedelta, *, stated: bool = False, since: timedelta = 0 * SECOND) -> Limit:
    began = NOW + since
    return Limit(AccountState.COOLING, began + length, "limited", since=began, is_stated=stated)


@pytest.mark.parametrize("change", BACK)
@pytest.mark.parametrize("length", [MINUTE, 5 * HOUR])
def test_a_guessed_rest_lasts_its_own_length_from_now(change: timedelta, length: timedelta) -> None:
    after = pinned(rest(length, since=change), NOW)

    assert (after.since, after.until) == (NOW, NOW + length)


@pytest.mark.parametrize("length", [MINUTE, 2 * HOUR, 24 * HOUR])
@pytest.mark.parametrize("change", BACK)
def test_an_end_that_was_stated_lasts_as_long_as_was_stated(
    change: timedelta, length: timedelta
) -> None:
    assert pinned(rest(length, stated=True, since=change), NOW).until == NOW + length


def test_a_date_that_was_stated_comes_early_by_the_change_at_most() -> None:
    date, change = NOW + 5 * HOUR, 8 * HOUR
    limit = replace(rest(HOUR, stated=True, since=change), until=date)

    assert date - change <= pinned(limit, NOW).until <= date


@pytest.mark.parametrize("since", [-HOUR, -SECOND, 0 * SECOND, SECOND])
def test_a_rest_that_began_by_this_clock_stays(since: timedelta) -> None:
    limit = rest(2 * HOUR, since=since)

    assert pinned(limit, NOW) is limit


def test_a_rest_of_which_nobody_knows_when_it_began_stays() -> None:
    limit = replace(a_limit(), since=None)

    assert pinned(limit, NOW) is limit


@pytest.mark.parametrize(
    ("ago", "holds"),
    [
        (0 * SECOND, True),
        (59 * SECOND, True),
        (MINUTE, False),
        (HOUR, False),
        (-59 * SECOND, True),
        (-MINUTE, False),
        (-8 * HOUR, False),
    ],
)
def test_a_pause_holds_for_its_span_and_never_for_hours(ago: timedelta, *, holds: bool) -> None:
    assert is_within(MINUTE, NOW - ago, NOW) is holds


def test_a_clock_that_is_set_right_by_a_moment_was_not_set_back() -> None:
    assert (is_ahead(NOW + SECOND, NOW), is_ahead(NOW + 2 * SECOND, NOW)) == (False, True)


@pytest.mark.parametrize("change", BACK)
def test_a_refresh_that_was_cut_off_is_tried_again_in_spite_of_it(change: timedelta) -> None:
    pending = PendingRefresh(A.id, Digest("d"), NOW + change + MINUTE)
    expired = an_account("a", oauth("a", expires_at=NOW - HOUR))

    assert is_refresh_due(pending, NOW)
    assert rest_after_unconfirmed(expired, pending, NOW) is None


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(
            UsageRecord(leased_until=NOW + LEASE + SECOND), id="somebody asked by that clock"
        ),
        pytest.param(
            UsageRecord(due_at=NOW + LONGEST_PAUSE + SECOND), id="it failed by that clock"
        ),
        pytest.param(
            UsageRecord(Snapshot(NOW + 8 * HOUR, ()), due_at=NOW + 9 * HOUR), id="it was read by it"
        ),
    ],
)
def test_usage_is_asked_for_in_spite_of_it(asked: UsageRecord) -> None:
    assert is_due(asked, NOW)


@pytest.mark.parametrize(
    ("ahead", "may"),
    [(-SECOND, True), (0 * SECOND, True), (HOUR, False), (LONGEST_PAUSE + SECOND, True)],
)
def test_whose_a_login_is_is_asked_in_spite_of_it(ahead: timedelta, *, may: bool) -> None:
    assert may_ask_owner(OwnerRecord(1, due_at=NOW + ahead), NOW) is may


def test_an_hour_that_comes_twice_in_autumn_is_two_hours() -> None:
    zone = ZoneInfo("Europe/Berlin")
    first = datetime(2026, 10, 25, 2, 30, tzinfo=zone)
    second = first.replace(fold=1)

    assert from_iso(to_iso(second)) - from_iso(to_iso(first)) == HOUR
    assert to_iso(second) == "2026-10-25T01:30:00.000Z"


@pytest.mark.parametrize("at", ["2026-03-29T02:30:00+01:00", "2026-10-25T02:30:00+02:00"])
def test_daylight_saving_neither_lengthens_nor_ends_a_rest(at: str) -> None:
    began = from_iso(at)
    limit = Limit(AccountState.COOLING, began + HOUR, "limited", since=began)

    for minutes, rests in ((0, True), (59, True), (60, False)):
        now = (began + minutes * MINUTE).astimezone(ZoneInfo("Europe/Berlin"))
        account = replace(A, limit=pinned(limit, now))
        assert (account.state_at(now) is AccountState.COOLING) is rests


def test_a_vendor_that_wants_to_be_left_alone_for_days_is_asked_once_a_day() -> None:
    refused = RateLimited("asked too often", retry_at=NOW + 3 * LONGEST_PAUSE)

    due_at = after_failure(refused, 1, NOW, 0.0)

    assert due_at == NOW + LONGEST_PAUSE
    assert not is_due(UsageRecord(due_at=due_at), NOW)


def test_a_line_of_the_log_is_about_the_last_one_in_the_slot_in_spite_of_it() -> None:
    state = a_state(A, active=A, tenures=(Tenure(A.id, NOW + 8 * HOUR),))
    signal = replace(a_signal(A), credential=None, source=Source.LOG, at=NOW)

    assert account_of(state, signal, NOW) == A
    assert account_of(state, signal) is None
