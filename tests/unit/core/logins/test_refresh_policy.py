"""When the tokens of a parked login are refreshed by us, and why not."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from rotator.core.logins.refresh_policy import (
    HANDS_OFF,
    NEARLY_OUT,
    REFUSED,
    dead_code,
    due_again_at,
    is_due,
    is_refresh_unconfirmed,
    is_spent_for_good,
    refresh_obstacle,
    rest_after_refusal,
    rest_after_unconfirmed,
    wants_refresh,
)
from rotator.core.selection.limits import NOT_CONFIRMED
from rotator.model import Account, AccountState, Digest, Limit, PendingRefresh, State, Tenure
from rotator.provider import HttpRequest, RefreshCall
from tests.support.builders import (
    HOUR,
    MINUTE,
    NOW,
    SECOND,
    a_limit,
    a_standing,
    a_state,
    an_account,
    api,
    oauth,
)

CALL = RefreshCall(HttpRequest("POST", "https://vendor.example/token"), "client")
SPENT = Digest("0" * 64)
A = an_account("a", oauth("a", expires_at=NOW - HOUR))
B = an_account("b", oauth("b"))


def pending(attempts: int = 1, begun_at: datetime = NOW) -> PendingRefresh:
    return PendingRefresh(A.id, SPENT, begun_at, attempts)


def parked(**fields: object) -> State:
    """Return a state in which b is live and a is parked."""
    return replace(a_state(A, B, active=B), **fields)  # type: ignore[arg-type]


def left_at(at: datetime) -> State:
    """Return a state in which b took a's place at `at`."""
    return a_state(A, B, active=B, tenures=(Tenure(A.id, at - HOUR), Tenure(B.id, at)))


def left_database_at(at: datetime) -> State:
    """Return a state in which a is parked, and was active in the other home until `at`."""
    return parked(standings=(a_standing(A, left_at=at),))


@pytest.mark.parametrize(
    ("left", "wanted"),
    [
        (-HOUR, True),
        (timedelta(0), True),
        (NEARLY_OUT - SECOND, True),
        (NEARLY_OUT, False),
        (HOUR, False),
    ],
)
def test_tokens_are_refreshed_once_they_have_run_out_or_nearly_so(
    left: timedelta, *, wanted: bool
) -> None:
    account = an_account("a", oauth("a", expires_at=NOW + left))

    assert wants_refresh(account, NOW) is wanted


@pytest.mark.parametrize("credential", [api("a"), oauth("a", expires_at=None)])
def test_what_never_runs_out_is_never_refreshed(credential: object) -> None:
    assert not wants_refresh(an_account("a", credential), NOW)  # type: ignore[arg-type]


def test_a_parked_login_is_refreshed() -> None:
    assert refresh_obstacle(parked(), A, CALL, NOW) is None


@pytest.mark.parametrize(
    ("state", "account", "call", "why"),
    [
        pytest.param(parked(), A, "nobody knows how", "nobody knows how", id="no way"),
        pytest.param(
            a_state(A, B, active=A), A, CALL, "a is live: opencode refreshes it", id="live"
        ),
        pytest.param(parked(), replace(A, rejected="401"), CALL, "a needs a login", id="rejected"),
        pytest.param(
            *(parked(), replace(A, maybe=B.id), CALL),
            "a may be the same login as another account",
            id="may be another",
        ),
        pytest.param(
            parked(), A, replace(CALL, consent="the terms"), "the terms", id="without leave"
        ),
        pytest.param(
            parked(),
            A,
            replace(CALL, not_before=NOW + MINUTE),
            "a may not be refreshed before 2026-11-22 12:01 UTC",
            id="too early",
        ),
        pytest.param(
            parked(refreshes={A.id: pending()}), A, CALL, f"a: {NOT_CONFIRMED}", id="in doubt"
        ),
        pytest.param(
            a_state(A, B, active=B, tenures=(Tenure(A.id, NOW - HOUR), Tenure(B.id, NOW - MINUTE))),
            A,
            CALL,
            "a left auth.json a moment ago: an opencode may be refreshing it",
            id="just left",
        ),
        pytest.param(
            a_state(A, B, tenures=(Tenure(A.id, NOW - HOUR), Tenure(None, NOW - MINUTE))),
            A,
            CALL,
            "a left auth.json a moment ago: an opencode may be refreshing it",
            id="just logged out",
        ),
    ],
)
def test_what_stands_in_the_way_is_a_sentence(
    state: State, account: object, call: RefreshCall | str, why: str
) -> None:
    assert refresh_obstacle(state, account, call, NOW) == why  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("state", "call"),
    [
        pytest.param(
            a_state(
                *(A, B),
                active=B,
                tenures=(Tenure(A.id, NOW - HOUR), Tenure(B.id, NOW - HANDS_OFF)),
            ),
            CALL,
            id="left long enough ago",
        ),
        pytest.param(
            a_state(A, B, active=B, tenures=(Tenure(B.id, NOW - SECOND),)), CALL, id="never in"
        ),
        pytest.param(
            a_state(A, B, tenures=(Tenure(B.id, NOW - HOUR), Tenure(None, NOW - SECOND))),
            CALL,
            id="another one left",
        ),
        pytest.param(parked(), replace(CALL, not_before=NOW), id="late enough"),
        pytest.param(parked(refreshes={A.id: pending(begun_at=NOW - MINUTE)}), CALL, id="due"),
    ],
)
def test_nothing_stands_in_the_way_any_more(state: State, call: RefreshCall) -> None:
    assert refresh_obstacle(state, A, call, NOW) is None


def test_with_the_user_s_leave_the_vendor_s_terms_are_no_obstacle() -> None:
    allowed = replace(A, refresh_allowed=True)

    assert refresh_obstacle(parked(), allowed, replace(CALL, consent="the terms"), NOW) is None


def test_a_token_without_an_answer_is_sent_after_a_minute_after_an_hour_and_no_more() -> None:
    again = [due_again_at(pending(attempts)) for attempts in (1, 2, 3, 4)]

    assert again == [NOW + MINUTE, NOW + HOUR, None, None]


@pytest.mark.parametrize(
    ("attempts", "since", "due"),
    [(1, 59 * SECOND, False), (1, MINUTE, True), (2, 59 * MINUTE, False), (2, HOUR, True)],
)
def test_a_token_is_due_at_its_time(attempts: int, since: timedelta, *, due: bool) -> None:
    assert is_due(pending(attempts, NOW - since), NOW) is due


def test_a_token_that_was_sent_three_times_is_never_due() -> None:
    assert not is_due(pending(3), NOW + 365 * 24 * HOUR)


def test_an_account_in_doubt_rests_until_its_token_is_sent_again() -> None:
    rest = Limit(AccountState.COOLING, NOW + MINUTE, NOT_CONFIRMED, since=NOW)

    assert rest_after_unconfirmed(A, pending(), NOW) == rest
    # Its access token is good; opencode sends the other one once that has run out.
    assert rest_after_unconfirmed(B, pending(), NOW) == rest


@pytest.mark.parametrize(
    ("account", "doubt"),
    [
        pytest.param(A, pending(3), id="nothing more is tried"),
        pytest.param(A, pending(begun_at=NOW - HOUR), id="due already"),
        pytest.param(replace(A, limit=a_limit(NOW + HOUR)), pending(), id="rests longer"),
        pytest.param(replace(A, limit=a_limit(NOW + MINUTE)), pending(), id="rests as long"),
        pytest.param(an_account("a", api("a")), pending(), id="a key"),
    ],
)
def test_an_account_does_not_rest_for_a_doubt_that_keeps_nobody(
    account: object, doubt: PendingRefresh
) -> None:
    assert rest_after_unconfirmed(account, doubt, NOW) is None  # type: ignore[arg-type]


def test_a_shorter_rest_gives_way_to_the_doubt() -> None:
    limited = replace(A, limit=a_limit(NOW + SECOND))

    assert rest_after_unconfirmed(limited, pending(), NOW) is not None


@pytest.mark.parametrize(
    ("limit", "doubt"),
    [
        (None, False),
        (a_limit(), False),
        (a_limit(reason=NOT_CONFIRMED), True),
        (a_limit(NOW - SECOND, reason=NOT_CONFIRMED), False),
    ],
)
def test_an_account_is_in_doubt_while_it_rests_for_that(
    limit: Limit | None, *, doubt: bool
) -> None:
    assert is_refresh_unconfirmed(replace(A, limit=limit), NOW) is doubt


def test_what_is_active_in_the_other_home_is_left_to_opencode_there() -> None:
    state = parked(standings=(a_standing(A, active=True),))

    why = refresh_obstacle(state, A, CALL, NOW)

    assert why == "a is active in opencode.db: OpenCode refreshes it"


@pytest.mark.parametrize(
    ("left", "is_free"), [(None, True), (HANDS_OFF, True), (HANDS_OFF - SECOND, False)]
)
def test_what_has_just_left_the_other_home_is_left_alone_for_a_while(
    left: timedelta | None, *, is_free: bool
) -> None:
    left_at = None if left is None else NOW - left
    state = parked(standings=(a_standing(A, left_at=left_at),))

    assert (refresh_obstacle(state, A, CALL, NOW) is None) is is_free


SPENT_A = replace(A, spent_from=NOW)


@pytest.mark.parametrize(
    ("account", "state", "is_spent"),
    [
        (SPENT_A, parked(), True),
        (replace(SPENT_A, spent_from=NOW + SECOND), parked(), False),
        (A, parked(), False),
        (an_account("a", oauth("a", expires_at=NOW + HOUR), spent_from=NOW), parked(), True),
        (SPENT_A, a_state(A, B, active=A), True),
        (SPENT_A, left_at(NOW - HANDS_OFF + SECOND), False),
        (SPENT_A, left_at(NOW - HANDS_OFF), True),
        (SPENT_A, parked(standings=(a_standing(A, active=True),)), True),
        (SPENT_A, left_database_at(NOW - HANDS_OFF + SECOND), False),
        (SPENT_A, left_database_at(NOW - HANDS_OFF), True),
    ],
    ids=[
        *("parked", "not yet", "not exchanged", "good", "live", "just left", "left"),
        *("live in the database", "just left the database", "left the database"),
    ],
)
def test_nobody_hands_on_what_came_for_a_token_some_time_after_it_was_exchanged(
    account: Account, state: State, *, is_spent: bool
) -> None:
    assert is_spent_for_good(state, account, NOW) is is_spent


@pytest.mark.parametrize("spent_from", [NOW - HOUR, NOW + HOUR])
def test_a_token_that_somebody_has_exchanged_is_not_sent_from_that_moment_on(
    spent_from: datetime,
) -> None:
    why = refresh_obstacle(parked(), replace(A, spent_from=spent_from), CALL, NOW)

    assert why == "a needs a login"


def test_an_access_token_that_runs_out_now_is_good_no_more() -> None:
    ending = an_account("a", oauth("a", expires_at=NOW))

    assert rest_after_unconfirmed(ending, pending(), NOW) is not None


@pytest.mark.parametrize("status", [400, 401])
@pytest.mark.parametrize("name", ["error", "code", "error_code"])
def test_a_code_says_that_a_login_is_dead_whoever_the_vendor(status: int, name: str) -> None:
    said = {name: "invalid_grant"}

    assert dead_code(status, said) == "invalid_grant"
    assert dead_code(status, {"error": said}) == "invalid_grant"
    assert dead_code(status, {"detail": said}) is None


@pytest.mark.parametrize(
    "code",
    [
        *("invalid_refresh_token", "refresh_token_expired", "refresh_token_invalidated"),
        *("refresh_token_not_found", "refresh_token_reused", "refresh_token_revoked"),
    ],
)
def test_several_codes_mean_a_dead_login(code: str) -> None:
    assert dead_code(400, {"error": "invalid_request", "code": code}) == code


@pytest.mark.parametrize("status", [200, 399, 402, 403, 408, 429, 500, 503])
def test_another_status_means_no_dead_login_whatever_is_said(status: int) -> None:
    assert dead_code(status, {"error": "invalid_grant"}) is None


@pytest.mark.parametrize("said", [{}, {"error": 7}, {"error": ["invalid_grant"]}, {"code": "x"}])
def test_what_has_no_such_code_says_nothing(said: dict[str, object]) -> None:
    assert dead_code(400, said) is None


FIRST = 3 * MINUTE


def refused(length: timedelta, *, ended: timedelta = timedelta(0)) -> Limit:
    until = NOW - ended
    return Limit(AccountState.COOLING, until, REFUSED, since=until - length)


@pytest.mark.parametrize(
    "limit",
    [
        None,
        replace(refused(FIRST), reason="429"),
        replace(refused(FIRST), since=None),
        replace(refused(FIRST), until=NOW - FIRST),
    ],
)
def test_the_first_refusal_rests_three_minutes(limit: Limit | None) -> None:
    assert rest_after_refusal(limit, 403, NOW) == FIRST


@pytest.mark.parametrize("ended", [timedelta(0), 30 * HOUR])
def test_each_further_one_rests_twice_as_long_however_much_later_it_comes(
    ended: timedelta,
) -> None:
    assert rest_after_refusal(refused(FIRST, ended=ended), 403, NOW) == 2 * FIRST
    assert rest_after_refusal(refused(SECOND, ended=ended), 403, NOW) == FIRST


def test_a_refusal_during_a_rest_does_not_lengthen_it() -> None:
    assert rest_after_refusal(refused(HOUR, ended=-MINUTE), 403, NOW) == MINUTE


@pytest.mark.parametrize(
    ("status", "hours"),
    [(None, 8), (400, 8), (403, 8), (499, 8), (200, 0.5), (399, 0.5)]
    + [(status, 0.5) for status in (408, 425, 429, 500, 503)],
)
def test_the_longest_rest_is_a_third_of_a_day_or_half_an_hour_in_trouble(
    status: int | None, hours: float
) -> None:
    assert rest_after_refusal(refused(7 * HOUR), status, NOW) == hours * HOUR
