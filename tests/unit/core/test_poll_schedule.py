"""How often a vendor is asked: a reading serves for a while, a failure backs off."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rotator.core.poll_schedule import (
    MOST_TRIES,
    OwnerRecord,
    UsageRecord,
    after_failure,
    after_reading,
    is_due,
    may_ask_owner,
)
from rotator.errors import (
    LoginRejected,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    UnexpectedAnswer,
)
from rotator.model import Snapshot, Window
from tests.support.builders import HOUR, MINUTE, NOW, SECOND

NO_TIME = timedelta(0)


def snapshot(*used: float, spent: bool = False, blocks: bool = True) -> Snapshot:
    windows = (Window("5h", share, blocks=blocks) for share in used)
    return Snapshot(NOW, tuple(windows), spent=spent)


@pytest.mark.parametrize(
    ("asked", "due"),
    [
        pytest.param(UsageRecord(), True, id="never asked"),
        pytest.param(UsageRecord(due_at=NOW), True, id="served its time"),
        pytest.param(UsageRecord(due_at=NOW + SECOND), False, id="still serves"),
        pytest.param(UsageRecord(due_at=NOW + 24 * HOUR), False, id="serves for a day"),
        pytest.param(UsageRecord(leased_until=NOW + SECOND), False, id="somebody asks"),
        pytest.param(
            UsageRecord(leased_until=NOW + 40 * SECOND), False, id="somebody has just begun"
        ),
        pytest.param(UsageRecord(leased_until=NOW), True, id="who asked is gone"),
        pytest.param(UsageRecord(due_at=NOW, leased_until=NOW + SECOND), False, id="due and asked"),
    ],
)
def test_a_vendor_is_asked_when_a_reading_has_served_and_nobody_else_asks(
    asked: UsageRecord, *, due: bool
) -> None:
    assert is_due(asked, NOW) is due


@pytest.mark.parametrize(
    ("asked", "may"),
    [
        pytest.param(OwnerRecord(), True, id="never asked"),
        pytest.param(OwnerRecord(1, is_answered=True), False, id="answered"),
        pytest.param(OwnerRecord(1, due_at=NOW), True, id="it is time"),
        pytest.param(OwnerRecord(1, due_at=NOW + SECOND), False, id="not yet"),
        pytest.param(OwnerRecord(MOST_TRIES - 1), True, id="the last try"),
        pytest.param(OwnerRecord(MOST_TRIES, due_at=NOW), False, id="it does not say it"),
    ],
)
def test_whose_a_credential_is_is_asked_until_it_is_told_and_not_for_ever(
    asked: OwnerRecord, *, may: bool
) -> None:
    assert may_ask_owner(asked, NOW) is may


@pytest.mark.parametrize(
    ("read", "serves"),
    [
        pytest.param(snapshot(), 3 * MINUTE, id="no window"),
        pytest.param(snapshot(0.2, 0.89), 3 * MINUTE, id="room"),
        pytest.param(snapshot(0.2, 0.9), MINUTE, id="near a limit"),
        pytest.param(snapshot(1.0, 0.2), 10 * MINUTE, id="used up"),
        pytest.param(snapshot(0.2, spent=True), 10 * MINUTE, id="spent"),
        pytest.param(snapshot(1.0, blocks=False), 3 * MINUTE, id="what blocks nobody"),
    ],
)
def test_a_reading_serves_the_shorter_the_nearer_a_limit_is(
    read: Snapshot, serves: timedelta
) -> None:
    assert after_reading(read, NO_TIME, 0.0) == NOW + serves


def test_a_vendor_s_own_least_time_is_kept() -> None:
    assert after_reading(snapshot(0.95), 3 * MINUTE, 0.0) == NOW + 3 * MINUTE


def test_chance_makes_a_span_longer_by_a_tenth_at_most() -> None:
    assert after_reading(snapshot(), NO_TIME, 1.0) == NOW + 198 * SECOND
    assert after_failure(UnexpectedAnswer("odd"), 1, NOW, 1.0) == NOW + 66 * MINUTE


@pytest.mark.parametrize(
    ("failures", "pause"),
    [(1, 30 * SECOND), (2, MINUTE), (3, 2 * MINUTE), (5, 8 * MINUTE), (6, 10 * MINUTE)],
)
@pytest.mark.parametrize(
    "error", [ProviderUnavailable("no answer", sent=True), RateLimited("asked too often")]
)
def test_failures_in_a_row_back_off_up_to_ten_minutes(
    error: ProviderError, failures: int, pause: timedelta
) -> None:
    assert after_failure(error, failures, NOW, 0.0) == NOW + pause


def test_no_number_of_failures_is_too_much() -> None:
    error = ProviderUnavailable("no answer", sent=False)

    assert after_failure(error, 10**6, NOW, 0.0) == NOW + 10 * MINUTE


def test_a_vendor_that_says_when_is_asked_a_little_later() -> None:
    error = RateLimited("asked too often", retry_at=NOW + HOUR)

    assert after_failure(error, 1, NOW, 0.0) == NOW + HOUR + MINUTE


@pytest.mark.parametrize("error", [LoginRejected("no"), UnexpectedAnswer("odd")])
def test_what_asking_again_does_not_mend_is_asked_hourly(error: ProviderError) -> None:
    assert after_failure(error, 1, NOW, 0.0) == NOW + HOUR


def test_of_whom_nothing_is_known_nothing_has_failed() -> None:
    assert UsageRecord().failures == OwnerRecord().tries == 0


def test_a_reading_of_before_serves_until_it_is_due() -> None:
    read = Snapshot(NOW - HOUR)

    assert not is_due(UsageRecord(read, due_at=NOW + SECOND), NOW)


def test_a_vendor_is_asked_five_times_whose_a_login_is() -> None:
    assert may_ask_owner(OwnerRecord(4), NOW)
    assert not may_ask_owner(OwnerRecord(5), NOW)


def test_a_vendor_is_asked_once_a_day_whatever_it_has_said() -> None:
    error = RateLimited("429", retry_at=NOW + 99 * 24 * HOUR)

    assert after_failure(error, 1, NOW, 0) == NOW + 24 * HOUR


def test_a_reading_that_is_ahead_of_now_has_served() -> None:
    """The clock was set back since."""
    assert is_due(UsageRecord(Snapshot(NOW + HOUR), due_at=NOW + SECOND), NOW) is True
