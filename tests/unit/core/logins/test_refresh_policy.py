"""When the tokens of a parked login are refreshed by us, and why not."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from rotator.core.logins.refresh_policy import (
    HANDS_OFF,
    NEARLY_OUT,
    due_again_at,
    is_due,
    is_in_doubt,
    obstacle,
    rest_for,
    wants_refresh,
)
from rotator.core.selection.limits import NOT_CONFIRMED
from rotator.model import AccountState, Digest, Limit, PendingRefresh, State, Tenure
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
    assert obstacle(parked(), A, CALL, NOW) is None


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
    assert obstacle(state, account, call, NOW) == why  # type: ignore[arg-type]


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
        pytest.param(parked(), replace(CALL, not_before=NOW), id="late enough"),
        pytest.param(parked(refreshes={A.id: pending(begun_at=NOW - MINUTE)}), CALL, id="due"),
    ],
)
def test_nothing_stands_in_the_way_any_more(state: State, call: RefreshCall) -> None:
    assert obstacle(state, A, call, NOW) is None


def test_with_the_user_s_leave_the_vendor_s_terms_are_no_obstacle() -> None:
    allowed = replace(A, refresh_allowed=True)

    assert obstacle(parked(), allowed, replace(CALL, consent="the terms"), NOW) is None


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

    assert rest_for(A, pending(), NOW) == rest


@pytest.mark.parametrize(
    ("account", "doubt"),
    [
        pytest.param(B, pending(), id="its access token is good"),
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
    assert rest_for(account, doubt, NOW) is None  # type: ignore[arg-type]


def test_a_shorter_rest_gives_way_to_the_doubt() -> None:
    limited = replace(A, limit=a_limit(NOW + SECOND))

    assert rest_for(limited, pending(), NOW) is not None


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
    assert is_in_doubt(replace(A, limit=limit), NOW) is doubt


def test_what_is_active_in_the_other_home_is_left_to_opencode_there() -> None:
    state = parked(standings=(a_standing(A, active=True),))

    assert obstacle(state, A, CALL, NOW) == "a is active in opencode.db: OpenCode refreshes it"


@pytest.mark.parametrize(
    ("left", "is_free"), [(None, True), (HANDS_OFF, True), (HANDS_OFF - SECOND, False)]
)
def test_what_has_just_left_the_other_home_is_left_alone_for_a_while(
    left: timedelta | None, *, is_free: bool
) -> None:
    left_at = None if left is None else NOW - left
    state = parked(standings=(a_standing(A, left_at=left_at),))

    assert (obstacle(state, A, CALL, NOW) is None) is is_free
