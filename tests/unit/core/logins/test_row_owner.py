"""Whose login a row is: told by its secrets, and only in the last resort by its place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rotator.core.logins.owner import Owner, Proof
from rotator.core.logins.row_owner import owner_of_row
from rotator.model import Account, Credential, Identity, Replaced, State
from tests.support.builders import (
    ACME,
    HOUR,
    NOW,
    SECOND,
    a_jwt,
    a_state,
    an_account,
    api,
    knowing,
    oauth,
    parsed,
    wellknown,
)

NOBODY = Owner(None)


def owner(
    state: State,
    credential: Credential,
    before: Account | None = None,
    who: Identity | None = None,
    **fields: Any,
) -> Owner:
    return owner_of_row(ACME, credential, who or Identity(), knowing(state, **fields), before)


def test_a_key_is_the_account_that_has_it_whatever_else_the_row_says() -> None:
    a = an_account("a", api("a", metadata={"host": "one"}))

    assert owner(a_state(a), api("a", label="x")) == Owner(a, fresh=False)


def test_a_well_known_token_that_was_taken_over_as_a_key_is_the_same_account() -> None:
    a = an_account("a", wellknown("a"))

    assert owner(a_state(a), parsed(type="api", key="TOK-CANARY-a")) == Owner(a, fresh=False)


def test_an_access_token_is_no_key() -> None:
    a = an_account("a", oauth("a"))

    assert owner(a_state(a), parsed(type="api", key="ACC-CANARY-a-1")) == NOBODY


def test_another_key_in_the_same_place_is_another_account() -> None:
    a = an_account("a")

    assert owner(a_state(a), api("b"), a) == NOBODY


def test_a_word_in_a_key_s_place_is_compared_as_elsewhere() -> None:
    a = an_account("a", parsed(type="api", key="none"))

    assert owner(a_state(a), parsed(type="api", key="none")) == Owner(a, fresh=False)


def test_a_login_of_its_own_row_is_never_a_refresh_of_what_is_live_elsewhere() -> None:
    a = an_account("a", oauth("a", expires_at=NOW - SECOND))
    state = a_state(a, active=a)

    assert owner(state, oauth("a", 2)) == NOBODY


def test_new_tokens_in_the_place_of_old_ones_are_their_refresh_without_a_proof() -> None:
    a = an_account("a", oauth("a", expires_at=NOW + HOUR))

    owns = owner(a_state(a), oauth("a", 2, expires_at=NOW + 2 * HOUR), a)

    assert owns == Owner(a, proof=Proof.NONE)


@pytest.mark.parametrize("is_in_its_row", [True, False])
def test_an_older_copy_of_its_tokens_is_old_in_its_own_row_too(*, is_in_its_row: bool) -> None:
    a = an_account("a", oauth("a", 2))
    state = a_state(a, older=[(a, oauth("a"))])

    owns = owner(state, oauth("a"), a if is_in_its_row else None)

    assert (owns.account, owns.stale) == (a, True)


def test_tokens_that_kept_one_half_need_no_place() -> None:
    a = an_account("a", oauth("a"))
    state = replace(a_state(a), digests=a_state(a).digests)

    owns = owner(state, oauth("a", 2, refresh="REF-CANARY-a-1"))

    assert (owns.account, owns.stale) == (a, False)


@pytest.mark.parametrize(
    ("credential", "who"),
    [
        (oauth("b", accountId="two"), Identity()),
        (oauth("b"), Identity("user/b")),
        (api("b"), Identity()),
    ],
    ids=["account id", "owner", "type"],
)
def test_what_names_another_is_another_account_in_the_same_place(
    credential: Credential, who: Identity
) -> None:
    a = an_account("a", oauth("a", accountId="one"), identity_key="user/a")

    assert owner(a_state(a), credential, a, who).account is None


def named(number: int, name: str) -> Credential:
    return oauth("a", number, access=a_jwt({"sub": f"auth0|{name}", "jti": f"CANARY-{number}"}))


def test_who_is_named_in_a_claim_is_another_one_also_where_unnamed_tokens_came_between() -> None:
    ada, unnamed, bob = named(1, "ada"), oauth("b"), named(2, "bob")
    a, b = an_account("a", ada), an_account("b", unnamed)
    between = replace(a_state(b), replaced={b.id: (Replaced(1, ada, NOW),)})

    assert owner(a_state(a), bob, a).account is None
    owns = owner(between, bob, b)
    assert (owns.account, owns.may_be) == (None, (b,))
    assert owner(between, oauth("c"), b).account == b


def test_a_key_that_is_somebody_s_access_token_is_not_that_account() -> None:
    a = an_account("a", parsed(type="oauth", refresh="", access="KEY-CANARY-a", expires=0))

    assert owner(a_state(a), api("a")).account is None
