"""How long an account rests, when it is back, and which log lines repeat what is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from rotator.core.failures.reported_failures import ReportedFailure, find_reported
from rotator.core.selection.rests import next_limit, next_recovery, recoveries
from rotator.model import Account, AccountState, Finding, Limit, Meaning, Reach, Scope
from tests.support.builders import (
    ACME,
    HOUR,
    MINUTE,
    NOW,
    SECOND,
    a_finding,
    a_limit,
    a_state,
    an_account,
)

SHORT = a_finding(Meaning.SHORT_LIMIT)


def rest(account: Account, now: datetime = NOW) -> timedelta:
    """Return how long an account rests after an answer that names no time."""
    return next_limit(account.limit, SHORT, now).until - now


def test_a_stated_time_is_kept() -> None:
    """Case 26: Retry-After of 120 s means a rest of 120 s."""
    finding = a_finding(Meaning.SHORT_LIMIT, NOW + 120 * SECOND, "429")

    limit = next_limit(None, finding, NOW)

    assert limit == Limit(
        AccountState.COOLING, NOW + 120 * SECOND, "429", 1, since=NOW, is_stated=True
    )


@pytest.mark.parametrize("until", [None, NOW, NOW - HOUR], ids=["none", "now", "past"])
def test_without_a_time_to_come_an_account_rests_for_a_minute(until: datetime | None) -> None:
    """Case 26: a missing or useless Retry-After means 60 s."""
    finding = a_finding(Meaning.SHORT_LIMIT, until)

    assert next_limit(None, finding, NOW).until == NOW + MINUTE


def test_repeated_limits_make_the_rest_grow_from_a_minute_to_half_an_hour() -> None:
    account, now = an_account(), NOW
    rests = []

    for _ in range(8):
        limit = next_limit(account.limit, SHORT, now)
        rests.append((limit.until - now) / MINUTE)
        account, now = an_account(limit=limit), limit.until + SECOND

    assert rests == [1, 2, 4, 8, 16, 30, 30, 30]


def test_a_thousand_limits_in_a_row_are_half_an_hour_too() -> None:
    assert rest(an_account(limit=a_limit(NOW, strikes=1000))) == 30 * MINUTE


@pytest.mark.parametrize(
    ("ago", "minutes"),
    [
        pytest.param(30 * MINUTE - SECOND, 4, id="within half an hour"),
        pytest.param(30 * MINUTE, 1, id="later"),
    ],
)
def test_a_quiet_half_hour_makes_the_next_rest_the_first(ago: timedelta, minutes: int) -> None:
    account = an_account(limit=a_limit(NOW - ago, strikes=2))

    assert rest(account) == minutes * MINUTE


def test_a_stated_time_counts_as_a_limit_in_a_row_too() -> None:
    account = an_account(limit=a_limit(NOW - SECOND, strikes=1))
    finding = a_finding(Meaning.EXHAUSTED, NOW + HOUR)

    assert next_limit(account.limit, finding, NOW).strikes == 2


@pytest.mark.parametrize(
    "until",
    [
        pytest.param(None, id="no time"),
        pytest.param(NOW + MINUTE, id="an earlier time"),
        pytest.param(NOW + HOUR + 5 * SECOND, id="the same time, travelled longer"),
    ],
)
def test_a_failure_during_a_rest_is_no_news(until: datetime | None) -> None:
    account = an_account(limit=a_limit(NOW + HOUR))

    assert next_limit(account.limit, a_finding(Meaning.SHORT_LIMIT, until), NOW) is account.limit


def test_a_later_time_lengthens_a_rest_without_counting_twice() -> None:
    account = an_account(limit=a_limit(NOW + MINUTE, strikes=2))
    finding = a_finding(Meaning.EXHAUSTED, NOW + HOUR, "usage limit")

    limit = next_limit(account.limit, finding, NOW)

    assert limit == Limit(
        AccountState.EXHAUSTED, NOW + HOUR, "usage limit", 2, since=NOW, is_stated=True
    )


def test_without_credit_an_account_is_tried_again_rarely() -> None:
    """Nobody pays within a minute: after half an hour, then ever later, up to eight hours."""
    limit, now, rests = None, NOW, []

    for _ in range(7):
        limit = next_limit(limit, a_finding(Meaning.BILLING), now)
        rests.append((limit.until - now) / MINUTE)
        now = limit.until

    assert rests == [30, 60, 120, 240, 480, 480, 480]


def test_what_is_used_up_is_tried_again_after_half_an_hour_and_ever_later() -> None:
    limit, now, rests = None, NOW, []

    for _ in range(6):
        limit = next_limit(limit, a_finding(Meaning.EXHAUSTED), now)
        rests.append((limit.until - now) / MINUTE)
        now = limit.until

    assert rests == [30, 60, 120, 240, 300, 300]


def test_a_limit_says_what_it_is_counted_for() -> None:
    finding = a_finding(Meaning.EXHAUSTED, NOW + HOUR)
    own = Scope("large-1", Reach.ACCOUNT)

    limit = next_limit(None, replace(finding, scope=own), NOW)

    assert (limit.model, limit.is_own) == ("large-1", True)


def test_the_end_of_a_rest_for_some_models_is_an_end_as_well() -> None:
    part = replace(a_limit(NOW), model="large-1")
    a, b = an_account("a", part_limits=(part,)), an_account("b")

    assert recoveries(a_state(a, b), NOW - SECOND, NOW) == [a]
    assert next_recovery(a_state(a, b), NOW - SECOND) == NOW


def test_an_account_is_back_when_its_rest_is_over() -> None:
    """Case 32: at the end of its rest an account is used again."""
    a, b = an_account("a", limit=a_limit(NOW)), an_account("b", limit=a_limit(NOW + HOUR))

    assert recoveries(a_state(a, b), NOW - SECOND, NOW) == [a]


@pytest.mark.parametrize(
    "account",
    [
        pytest.param(an_account(), id="never limited"),
        pytest.param(an_account(limit=a_limit(NOW - MINUTE)), id="told before"),
        pytest.param(an_account(limit=a_limit(NOW - SECOND)), id="told just before"),
        pytest.param(an_account(limit=a_limit(NOW), rejected="dead"), id="rejected meanwhile"),
        pytest.param(an_account(limit=a_limit(NOW), disabled="by you"), id="disabled meanwhile"),
    ],
)
def test_nobody_else_is_back(account: Account) -> None:
    assert recoveries(a_state(account), NOW - SECOND, NOW) == []


def test_the_next_look_is_due_when_the_next_rest_ends() -> None:
    ends = [NOW - SECOND, NOW, NOW + HOUR, NOW + MINUTE]
    accounts = [an_account(str(n), limit=a_limit(end)) for n, end in enumerate(ends)]

    assert next_recovery(a_state(*accounts, an_account("free")), NOW) == NOW + MINUTE


def test_no_look_is_due_when_nobody_rests() -> None:
    assert next_recovery(a_state(an_account(), an_account("b", limit=a_limit(NOW))), NOW) is None


REPORTED = ReportedFailure(ACME, "ses-1", NOW)


@pytest.mark.parametrize(
    ("provider", "session", "at", "repeats"),
    [
        pytest.param(ACME, "ses-1", NOW, True, id="the same"),
        pytest.param(ACME, None, NOW, True, id="a line without a session"),
        pytest.param(ACME, "ses-1", NOW + 30 * SECOND, True, id="half a minute later"),
        pytest.param(ACME, "ses-1", NOW - 30 * SECOND, True, id="read in another order"),
        pytest.param(ACME, "ses-1", NOW + 31 * SECOND, False, id="too late"),
        pytest.param(ACME, "ses-2", NOW, False, id="another session"),
        pytest.param("zeta", "ses-1", NOW, False, id="another provider"),
    ],
)
def test_a_failure_told_by_bridge_and_log_is_one(
    provider: str, session: str | None, at: datetime, *, repeats: bool
) -> None:
    found = find_reported([REPORTED], provider, session, at)

    assert found == (REPORTED if repeats else None)


def test_a_report_without_a_session_fits_any_line() -> None:
    report = ReportedFailure(ACME, None, NOW)

    assert find_reported([report], ACME, "ses-1", NOW) is report


def test_each_report_answers_for_itself() -> None:
    other = ReportedFailure(ACME, "ses-2", NOW)

    assert find_reported([REPORTED, other], ACME, "ses-2", NOW) is other


@pytest.mark.parametrize(
    ("finding", "is_uncounted"),
    [
        (a_finding(Meaning.EXHAUSTED), False),
        (a_finding(Meaning.BILLING), True),
        (replace(a_finding(Meaning.EXHAUSTED), is_uncounted=True), True),
    ],
    ids=["a window", "money", "what its vendor does not count"],
)
def test_a_limit_keeps_whether_a_window_counts_it(finding: Finding, *, is_uncounted: bool) -> None:
    assert next_limit(None, finding, NOW).is_uncounted is is_uncounted
