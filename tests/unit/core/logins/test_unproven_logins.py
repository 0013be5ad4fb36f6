"""What was taken for a login: how it is kept, and when it proves to be the end of a refresh."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from rotator.core.logins.knowledge import Knowledge
from rotator.core.logins.unproven_logins import (
    UnprovenLogin,
    as_text,
    disproven,
    from_text,
    is_open,
)
from rotator.model import Account, AccountId, Descent, Digest, State, SwapMark, Tenure
from tests.support.builders import (
    ACME,
    HOUR,
    MINUTE,
    NOW,
    SECOND,
    a_state,
    an_account,
    knowing,
    oauth,
    secrets_of,
    with_account,
    with_slot,
)

A, B = an_account("a", oauth("a", 2)), an_account("b", oauth("b"))
AT = NOW - MINUTE
LOGIN = UnprovenLogin(ACME, secrets_of(A.credential)[0], AT, B.id, {})
KEPT = (
    replace(LOGIN, disabled={AccountId("acc_b"): "disabled by you"}),
    UnprovenLogin("https://zeta.example", Digest("e" * 64), AT, None, {}),
)


def after_it(**slot: Any) -> State:
    """Return the state in which A is live by that login, and was B before."""
    tenures = (Tenure(B.id, NOW - HOUR), Tenure(A.id, AT))
    return a_state(A, B, active=A, older=[(A, oauth("a"))], **{"tenures": tenures} | slot)


def told(state: State, *, of: str = "a", is_login: bool = False, at: datetime = NOW) -> Knowledge:
    """Return what is known once a bridge has told where A's tokens came from."""
    to = tuple(secrets_of(A.credential))
    came_from = None if is_login else secrets_of(oauth(of))[0]
    step = Descent("d", at, is_login=is_login, came_from=came_from, to=to)
    return knowing(state, descent=lambda digest: step if digest in to else None)


def test_what_came_from_tokens_of_its_own_account_was_no_login() -> None:
    assert disproven(LOGIN, told(after_it())) == A


@pytest.mark.parametrize(("seconds", "whose"), [(119, A), (120, None), (36000, None)])
def test_what_came_long_before_was_put_there_by_somebody(
    seconds: int, whose: Account | None
) -> None:
    known = told(after_it(), at=AT - seconds * SECOND)

    assert disproven(LOGIN, known) == whose


def test_it_was_none_after_a_logout_either() -> None:
    tenures = (Tenure(B.id, NOW - HOUR), Tenure(None, NOW - MINUTE), Tenure(A.id, AT))

    assert disproven(replace(LOGIN, before=None), told(after_it(tenures=tenures))) == A


@pytest.mark.parametrize("known", [knowing(after_it()), told(after_it(), is_login=True)])
def test_without_a_proof_of_a_refresh_it_stays_a_login(known: Knowledge) -> None:
    assert disproven(LOGIN, known) is None


def test_what_came_from_another_one_s_tokens_is_left() -> None:
    assert disproven(LOGIN, told(after_it(), of="b")) is None


@pytest.mark.parametrize(
    "slot",
    [
        {"tenures": ()},
        {"tenures": (Tenure(A.id, NOW),)},
        {"swap": SwapMark(B.id, A.id, NOW, None)},
    ],
)
def test_whatever_has_happened_to_the_slot_since_stays(slot: dict[str, Any]) -> None:
    assert disproven(LOGIN, told(after_it(**slot))) is None


@pytest.mark.parametrize("active", [None, B.id])
def test_whoever_is_live_by_now_stays(active: AccountId | None) -> None:
    assert disproven(LOGIN, told(with_slot(after_it(), ACME, active=active))) is None


def test_another_login_since_stays() -> None:
    other = replace(LOGIN, digest=secrets_of(B.credential)[0], before=None)

    assert disproven(other, told(after_it())) is None


def test_nobody_is_put_back_who_is_gone_or_whose_token_is_spent() -> None:
    spent = with_account(after_it(), B.id, spent_from=NOW)

    assert disproven(LOGIN, told(replace(after_it(), accounts=(A,)))) is None
    assert disproven(LOGIN, told(spent)) is None


@pytest.mark.parametrize(
    ("ago", "is_it"), [(2 * MINUTE - SECOND, True), (2 * MINUTE, False), (-2 * MINUTE, False)]
)
def test_a_bridge_may_tell_for_two_minutes(ago: timedelta, *, is_it: bool) -> None:
    login = replace(LOGIN, at=NOW - ago)
    tenures = (Tenure(B.id, NOW - HOUR), Tenure(A.id, NOW - ago))

    assert is_open(login, knowing(after_it())) is is_it
    assert (disproven(login, told(after_it(tenures=tenures))) == A) is is_it


def test_what_is_kept_is_read_as_it_was() -> None:
    assert from_text(as_text(KEPT)) == KEPT


def test_what_is_no_such_login_is_left_out_alone() -> None:
    whole = json.loads(as_text(KEPT))
    odd = [7, {}, whole[0] | {"at": "noon"}, whole[0] | {"digest": None}, {"provider": "acme"}]

    assert from_text(json.dumps([*odd, *whole])) == KEPT


@pytest.mark.parametrize("text", ["", "{", "{}", "7", "null", "[" * 100_000])
def test_a_text_that_holds_none_gives_none(text: str) -> None:
    assert from_text(text) == ()
