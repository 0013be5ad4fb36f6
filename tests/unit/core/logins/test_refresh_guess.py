"""Whose new tokens are where nothing but the time of their coming tells."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from rotator.core.logins.owner import Owner, Proof
from rotator.core.logins.ownership import owner_of
from rotator.core.logins.refresh_guess import is_older
from rotator.model import (
    Account,
    AccountId,
    Credential,
    Identity,
    Replaced,
    State,
    SwapMark,
    Tenure,
)
from tests.support.builders import (
    ACME,
    HOUR,
    MINUTE,
    NOW,
    SECOND,
    a_state,
    an_account,
    api,
    knowing,
    oauth,
)

NOBODY = Owner(None)
# What nobody has to guess of a vendor whose refresh token stays.
KEEPING: dict[str, Any] = {
    "rotates_tokens": lambda _: False,
    "keeps_refresh_tokens": lambda _: True,
}
RUN_OUT = oauth("a", expires_at=NOW - SECOND)


def owner(
    state: State, credential: Credential, who: Identity | None = None, **fields: Any
) -> Owner:
    return owner_of(ACME, credential, who or Identity(), knowing(state, **fields))


def rotation(
    active: Credential, new: Credential, *, key: str | None = None, **account: Any
) -> Account | None:
    """Return who new tokens in the slot of a rotating vendor belong to."""
    a = an_account("a", active, **account)
    return owner(a_state(a, active=a), new, Identity(key)).account


@pytest.mark.parametrize(
    ("left", "key", "taken"),
    [
        pytest.param(-HOUR, "ada", True, id="A1 run out long ago, owner known"),
        pytest.param(-HOUR, None, False, id="A2 run out long ago, owner unknown"),
        pytest.param(-10 * MINUTE, None, True, id="run out ten minutes ago"),
        pytest.param(-10 * MINUTE - SECOND, None, False, id="A2 run out before that"),
        pytest.param(5 * MINUTE, None, True, id="A6 five minutes left"),
        pytest.param(10 * MINUTE, None, True, id="A6 ten minutes left"),
        pytest.param(10 * MINUTE + SECOND, "ada", False, id="A6 more than ten minutes left"),
    ],
)
def test_tokens_that_follow_others_at_their_end_are_a_refresh(
    left: timedelta, key: str | None, *, taken: bool
) -> None:
    a = an_account("a", oauth("a", expires_at=NOW + left), identity_key=key)

    found = owner(a_state(a, active=a), oauth("a", 2))

    assert found == (Owner(a, proof=Proof.NONE) if taken else Owner(None, may_be=(a,)))


def test_a_second_refresh_that_nothing_proves_is_one_as_well() -> None:
    """A1: three refreshes in a row while nobody can ask the vendor."""
    a = an_account("a", RUN_OUT, identity_key="ada", unproven=True)

    assert owner(a_state(a, active=a), oauth("a", 3)) == Owner(a, proof=Proof.NONE)


def test_who_may_be_another_already_is_not_refreshed_by_its_times() -> None:
    a = an_account("a", RUN_OUT, maybe=AccountId("id-acme-b"))

    assert owner(a_state(a, active=a), oauth("x")) == Owner(None, may_be=(a,))


def test_tokens_that_do_not_say_when_they_run_out_are_in_doubt() -> None:
    """Opencode refreshes an entry that says 0."""
    a = an_account("a", oauth("a", expires_at=None))

    assert owner(a_state(a, active=a), oauth("b")) == Owner(None, may_be=(a,))


@pytest.mark.parametrize("rotates", [False, True])
def test_a_login_whose_access_token_stands_for_its_refresh_token_is_never_refreshed(
    *, rotates: bool
) -> None:
    """Poe's is such a one: two people's are two accounts, and neither is in doubt."""
    first, second = (
        oauth(name, access=f"KEY-CANARY-{name}", refresh=f"KEY-CANARY-{name}") for name in "ab"
    )
    a = an_account("a", first)

    assert owner(a_state(a, active=a), second, rotates_tokens=lambda _: rotates) == NOBODY
    # What has a refresh token may have been refreshed.
    other = an_account("a", oauth("a"))
    told = owner(a_state(other, active=other), second, rotates_tokens=lambda _: rotates)
    assert told == Owner(None, may_be=(other,))


def test_a_vendor_that_does_not_rotate_tokens_makes_no_new_refresh_token() -> None:
    a = an_account("a", RUN_OUT)

    assert owner(a_state(a, active=a), oauth("b"), **KEEPING) == NOBODY


@pytest.mark.parametrize(
    "expires_at",
    [RUN_OUT.expires_at, NOW + MINUTE, NOW + HOUR],
    ids=["the same end", "a later one", "much later"],
)
def test_where_nobody_knows_what_a_refresh_does_it_is_another_account_in_doubt(
    expires_at: datetime,
) -> None:
    a = an_account("a", RUN_OUT, identity_key="ada")
    state = a_state(a, active=a)

    found = owner(state, oauth("b", expires_at=expires_at), rotates_tokens=lambda _: False)

    assert found == Owner(None, may_be=(a,))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(NOW + HOUR, NOW + MINUTE, id="it would run out before"),
        pytest.param(None, NOW + HOUR, id="what never runs out is not refreshed"),
        pytest.param(NOW, None, id="a refresh says when"),
    ],
)
def test_where_nobody_knows_what_a_refresh_does_what_is_none_is_in_no_doubt(
    old: datetime | None, new: datetime | None
) -> None:
    a = an_account("a", oauth("a", expires_at=old))
    state = a_state(a, active=a)

    found = owner(state, oauth("b", expires_at=new), rotates_tokens=lambda _: False)

    assert found == NOBODY


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param({"accountId": "1"}, {"accountId": "2"}, id="account id"),
        pytest.param(
            {"enterpriseUrl": "https://a.example"},
            {"enterpriseUrl": "https://b.example"},
            id="host",
        ),
        pytest.param(
            {"email": "a@example.com"}, {"email": "b@example.com"}, id="a plug-in's field"
        ),
    ],
)
def test_a_field_that_tells_accounts_apart_makes_it_another_account(
    old: dict[str, Any], new: dict[str, Any]
) -> None:
    found = rotation(oauth("a", expires_at=NOW - SECOND, **old), oauth("b", **new))

    assert found is None


@pytest.mark.parametrize(
    ("kept", "key"),
    [
        pytest.param("a", None, id="A1 none any more"),
        pytest.param(None, "b", id="one where there was none"),
    ],
)
def test_what_says_nothing_of_its_owner_is_not_another_owner(
    kept: str | None, key: str | None
) -> None:
    assert rotation(RUN_OUT, oauth("b"), key=key, identity_key=kept) is not None


def test_another_identity_makes_it_another_account() -> None:
    assert rotation(RUN_OUT, oauth("b"), key="b", identity_key="a") is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param({"accountId": "1"}, {}, id="an account id"),
        pytest.param({}, {"accountId": "2"}, id="an account id that was not there"),
        pytest.param({"email": "a@example.com"}, {}, id="a plug-in's field"),
        pytest.param({}, {"scopes": "all"}, id="a plug-in's field that was not there"),
    ],
)
def test_a_field_that_only_one_of_them_has_tells_nobody_apart(
    old: dict[str, Any], new: dict[str, Any]
) -> None:
    found = rotation(oauth("a", expires_at=NOW - SECOND, **old), oauth("b", **new))

    assert found is not None


@pytest.mark.parametrize(
    "expires_at",
    [
        pytest.param(NOW - HOUR, id="earlier than what it would replace"),
        pytest.param(RUN_OUT.expires_at, id="at the same time"),
        pytest.param(None, id="never: a refresh says when"),
    ],
)
def test_tokens_that_do_not_live_longer_are_no_refresh(expires_at: datetime | None) -> None:
    assert rotation(RUN_OUT, oauth("b", expires_at=expires_at)) is None


def test_only_the_active_account_s_tokens_are_refreshed_by_opencode() -> None:
    a, b = an_account("a", RUN_OUT), an_account("b", oauth("b"))

    assert owner(a_state(a, b, active=b), oauth("x")) == Owner(None, may_be=(b,))


def test_in_an_empty_slot_nothing_is_refreshed() -> None:
    assert owner(a_state(an_account("a", RUN_OUT)), oauth("x")) == NOBODY


def test_tokens_do_not_refresh_a_key() -> None:
    a = an_account("a", api("a"))

    assert owner(a_state(a, active=a), oauth("x")) == NOBODY


def test_a_nameless_refresh_of_the_account_just_left_is_another_account() -> None:
    """Nothing tells it from a login: two rows can be merged, two people in one row cannot."""
    a, b = an_account("a", RUN_OUT), an_account("b", oauth("b"))
    mark = SwapMark(a.id, b.id, NOW - MINUTE, None)
    state = a_state(a, b, active=b, swap=mark)

    assert owner(state, oauth("a", 2)) == Owner(None, may_be=(b, a))


@pytest.mark.parametrize(
    ("left", "ago"),
    [
        pytest.param(RUN_OUT, 3 * MINUTE, id="it left a while ago"),
        pytest.param(oauth("a", expires_at=NOW + HOUR), MINUTE, id="its tokens were good"),
    ],
)
def test_who_left_before_is_not_in_doubt(left: Credential, ago: timedelta) -> None:
    a, b = an_account("a", left), an_account("b", oauth("b"))
    state = a_state(a, b, active=b, swap=SwapMark(a.id, b.id, NOW - ago, None))

    assert owner(state, oauth("a", 2)) == Owner(None, may_be=(b,))


def test_who_has_left_by_a_login_is_in_doubt_as_well() -> None:
    a, b = an_account("a", RUN_OUT), an_account("b", oauth("b"))
    tenures = (Tenure(a.id, NOW - HOUR), Tenure(b.id, NOW - MINUTE))

    found = owner(a_state(a, b, active=b, tenures=tenures), oauth("x"))

    assert found == Owner(None, may_be=(b, a))


# -- tokens that others took the place of ------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "ago", "key", "is_in_doubt"),
    [
        pytest.param(10 * MINUTE, MINUTE, "ada", True, id="at their end"),
        pytest.param(10 * MINUTE + SECOND, MINUTE, "ada", False, id="still good"),
        pytest.param(None, MINUTE, "ada", True, id="they do not say when"),
        pytest.param(10 * MINUTE, 3 * MINUTE, "ada", False, id="a while ago"),
        pytest.param(10 * MINUTE, MINUTE, "bob", False, id="somebody else's"),
    ],
)
def test_tokens_replaced_at_their_end_may_have_been_refreshed(
    left: timedelta | None,
    ago: timedelta,
    key: str,
    is_in_doubt: bool,  # noqa: FBT001  # a table's column
) -> None:
    at = NOW - ago
    credential = oauth("a", expires_at=None if left is None else at + left)
    one = Replaced(1, credential, at, Identity(key))
    a, b = an_account("a", oauth("a", 3), unproven=True), an_account("b", oauth("b"))
    state = replace(a_state(a, b, active=b), replaced={a.id: (one,)})

    found = owner(state, oauth("x"), Identity("ada"))

    assert found == Owner(None, may_be=(b,), may_be_replaced=(one,) if is_in_doubt else ())


def test_tokens_replaced_of_who_is_in_doubt_anyway_are_not_named_once_more() -> None:
    a = an_account("a", RUN_OUT, unproven=True)
    one = Replaced(1, oauth("a", 0, expires_at=NOW), NOW - MINUTE)
    state = replace(a_state(a, active=a), replaced={a.id: (one,)})

    assert owner(state, oauth("x")) == Owner(a, proof=Proof.NONE)


def test_what_does_not_say_when_it_runs_out_is_older_than_nothing() -> None:
    endless, ending = oauth("a", expires_at=None), oauth("a")

    assert not is_older(endless, ending)
    assert not is_older(ending, endless)
    assert is_older(ending, oauth("a", expires_at=NOW + 2 * HOUR))


@pytest.mark.parametrize(("left", "is_in_doubt"), [(10 * MINUTE, True), (11 * MINUTE, False)])
def test_who_has_left_with_ten_minutes_left_is_in_doubt(
    left: timedelta,
    is_in_doubt: bool,  # noqa: FBT001  # a table's column
) -> None:
    at = NOW - MINUTE
    a, b = an_account("a", oauth("a", expires_at=at + left)), an_account("b", oauth("b"))
    state = a_state(a, b, active=b, swap=SwapMark(a.id, b.id, at, None))

    assert owner(state, oauth("x")).may_be == ((b, a) if is_in_doubt else (b,))
