"""Whose credential it is. In any doubt nobody's: one row for two people is a lost login."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from providers.openai.provider import OpenAI
from rotator.core.logins.owner import Owner, Proof
from rotator.core.logins.ownership import fields_of, is_forgotten, owner_of
from rotator.model import Credential, Descent, Digest, Identity, Replaced, State
from tests.support.builders import (
    ACME,
    DRAWN,
    HOUR,
    MINUTE,
    NOW,
    SECOND,
    a_jwt,
    a_state,
    an_account,
    api,
    knowing,
    oauth,
    parsed,
    secrets_of,
    wellknown,
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


# -- keys and well-known tokens ------------------------------------------------------------


def test_a_key_is_the_account_that_has_it() -> None:
    a, b = an_account("a"), an_account("b")

    assert owner(a_state(a, b), api("b")) == Owner(b, fresh=False)


def test_another_key_is_another_account() -> None:
    assert owner(a_state(an_account("a")), api("b")) == NOBODY


def test_a_key_with_other_metadata_is_the_same_account_with_news() -> None:
    a = an_account("a", api("a", metadata={"host": "old"}))

    assert owner(a_state(a), api("a", metadata={"host": "new"})) == Owner(a)


def test_a_token_for_another_variable_is_another_account() -> None:
    a = an_account("a", wellknown("a", "ONE"))

    assert owner(a_state(a), wellknown("a", "TWO")) == NOBODY


def test_a_well_known_token_is_the_account_that_has_it() -> None:
    a = an_account("a", wellknown("a"))

    assert owner(a_state(a), wellknown("a")) == Owner(a, fresh=False)


def test_a_replaced_well_known_token_is_another_account() -> None:
    a = an_account("a", wellknown("a"))

    assert owner(a_state(a, active=a), wellknown("b")) == NOBODY


def test_a_text_that_is_a_key_here_and_an_access_token_there_is_two_accounts() -> None:
    a = an_account("a", api("a"))

    assert owner(a_state(a, active=a), oauth("x", access="KEY-CANARY-a")) == NOBODY


# -- tokens --------------------------------------------------------------------------------


def test_the_same_tokens_are_no_news() -> None:
    a = an_account("a", oauth("a"))

    assert owner(a_state(a), oauth("a")) == Owner(a, fresh=False)


def test_the_same_refresh_token_is_the_same_account() -> None:
    """Case 2: new access under the saved refresh token updates the account."""
    a = an_account("a", oauth("a", refresh=DRAWN))

    assert owner(a_state(a), oauth("a", 2, refresh=DRAWN)) == Owner(a)


def test_the_same_access_token_with_a_longer_refresh_field_is_the_same_account() -> None:
    """Some plug-ins append a project's id to the refresh token."""
    a = an_account("a", oauth("a"))

    assert owner(a_state(a), oauth("a", refresh="REF-CANARY-a-1|project")) == Owner(a)


def test_tokens_that_share_nothing_are_another_account() -> None:
    """Case 4: another login does not overwrite the first one's tokens."""
    a = an_account("a", oauth("a"))

    assert owner(a_state(a, active=a), oauth("b"), **KEEPING) == NOBODY


def with_empty(name: str, field: str) -> Credential:
    fields: dict[str, Any] = {field: ""}
    return oauth(name, **fields)


@pytest.mark.parametrize("field", ["access", "refresh"])
def test_two_people_with_an_empty_field_are_two_accounts(field: str) -> None:
    """Some plug-ins leave the access token empty until its first use."""
    a = an_account("a", with_empty("a", field))

    assert owner(a_state(a, active=a), with_empty("b", field)) == Owner(None, may_be=(a,))


def test_an_empty_access_token_is_found_by_its_refresh_token() -> None:
    a = an_account("a", oauth("a", refresh=DRAWN, access="", expires_at=None))

    assert owner(a_state(a), oauth("a", refresh=DRAWN)) == Owner(a)


def test_both_tokens_of_before_are_an_older_copy() -> None:
    """Case 49: opencode rotated the token itself; the older pair is never taken for news."""
    a = an_account("a", oauth("a", 3))
    older = [(a, oauth("a", 1)), (a, oauth("a", 2))]

    found = owner(a_state(a, older=older), oauth("a", 1))

    assert found == Owner(a, fresh=False, stale=True)


def test_halves_of_two_generations_are_an_older_copy() -> None:
    a = an_account("a", oauth("a", 2))
    mixed = oauth("a", 2, access="ACC-CANARY-a-1")

    found = owner(a_state(a, older=[(a, oauth("a", 1))]), mixed)

    assert found == Owner(a, fresh=False, stale=True)


def test_a_missed_generation_of_a_replaced_refresh_token_is_an_older_copy() -> None:
    a = an_account("a", oauth("a", 3))
    missed = oauth("a", 2, refresh=DRAWN, expires_at=NOW + MINUTE)

    found = owner(a_state(a, older=[(a, oauth("a", 1, refresh=DRAWN))]), missed)

    assert found == Owner(a, fresh=True, stale=True)


def test_a_replaced_refresh_token_that_still_works_is_news() -> None:
    """Two sessions of one login, both alive: the tokens that live longer are the newer ones."""
    a = an_account("a", oauth("a", 3))
    newer = oauth("a", 4, refresh=DRAWN, expires_at=NOW + 2 * HOUR)

    assert owner(a_state(a, older=[(a, oauth("a", 1, refresh=DRAWN))]), newer) == Owner(a)


def test_tokens_of_an_account_that_cannot_be_read_are_nobody_s() -> None:
    a = an_account("a", oauth("a"))
    state = replace(a_state(a), accounts=())

    assert owner(state, oauth("a")) == NOBODY


# -- identity ------------------------------------------------------------------------------


def test_identity_proves_whose_new_tokens_are() -> None:
    """Case 3: the refresh token was rotated, the account id is equal: the same account."""
    a, b = (an_account(x, oauth(x), identity_key=x) for x in "ab")

    assert owner(a_state(a, b, active=a), oauth("b", 2), Identity("b")) == Owner(
        b, proof=Proof.IDENTITY
    )


def test_another_identity_is_another_account_whatever_has_run_out() -> None:
    """Case 4: another account id never overwrites the first account's tokens."""
    a = an_account("a", RUN_OUT, identity_key="a")

    assert owner(a_state(a, active=a), oauth("b"), Identity("b")) == NOBODY


def test_no_identity_is_no_proof_against_or_for() -> None:
    a = an_account("a", oauth("a"), identity_key=None)

    assert owner(a_state(a), oauth("b"), Identity(None)) == NOBODY


def test_two_members_of_one_workspace_are_two_accounts() -> None:
    """Case 51: two users in one ChatGPT workspace, then two accounts."""
    one, other = (
        oauth(
            user,
            access=a_jwt(
                {"https://api.openai.com/auth": {"chatgpt_account_id": "ws", "user_id": user}}
            ),
            accountId="ws",
        )
        for user in ("ada", "bob")
    )
    ada = an_account("ada", one, identity_key=OpenAI().identify(one).key)

    assert owner(a_state(ada, active=ada), other, OpenAI().identify(other)) == NOBODY


def test_long_forgotten_tokens_do_not_replace_living_ones() -> None:
    """Case 49: an old backup of auth.json, whose tokens nobody remembers."""
    a = an_account("a", oauth("a", 99), identity_key="a")

    for expires_at in (NOW - HOUR, NOW):
        backup = oauth("a", 1, expires_at=expires_at)

        assert owner(a_state(a), backup, Identity("a")) == Owner(
            a, fresh=True, stale=True, proof=Proof.IDENTITY
        )


@pytest.mark.parametrize(
    ("expires_at", "rejected"),
    [
        pytest.param(NOW + MINUTE, None, id="a login may live shorter"),
        pytest.param(NOW - HOUR, "dead", id="a rejected login needs whatever comes"),
        pytest.param(None, None, id="a login that does not say how long it lives"),
    ],
)
def test_in_doubt_new_tokens_are_news(expires_at: datetime | None, rejected: str | None) -> None:
    a = an_account("a", oauth("a"), identity_key="a", rejected=rejected)

    found = owner(a_state(a), oauth("a", 2, expires_at=expires_at), Identity("a"))

    assert found == Owner(a, proof=Proof.IDENTITY)


def test_what_an_account_does_now_does_not_change_whose_tokens_are() -> None:
    a = an_account("a", oauth("a"), disabled="by you", rejected="dead")

    assert owner(a_state(a), oauth("a")) == Owner(a, fresh=False)


# -- words in a key's place ----------------------------------------------------------------


def a_word(**fields: object) -> Credential:
    """Return a key that is a word, which several accounts may have in its place."""
    return parsed(type="api", key="none", **fields)


@pytest.mark.parametrize(
    ("kept", "new", "is_same"),
    [
        pytest.param({}, {}, True, id="nothing beside it"),
        pytest.param({"email": "ada"}, {"email": "ada"}, True, id="the same name"),
        pytest.param({"email": "ada"}, {"email": "bob"}, False, id="another name"),
        pytest.param({"userId": "ada"}, {"userId": "bob"}, False, id="another name, in capitals"),
        pytest.param({"email": "ada"}, {}, True, id="a name that is not said"),
        pytest.param({"note": "old"}, {"note": "new"}, True, id="a field that is no name"),
        pytest.param(
            {"metadata": {"baseURL": "https://one.example"}},
            {"metadata": {"baseURL": "https://two.example"}},
            False,
            id="another place",
        ),
    ],
)
def test_two_words_are_one_account_unless_what_stands_beside_them_differs(
    kept: dict[str, object],
    new: dict[str, object],
    is_same: bool,  # noqa: FBT001  # a table's column
) -> None:
    a = an_account("a", a_word(**kept))

    assert owner(a_state(a), a_word(**new)).account == (a if is_same else None)


# -- names against tokens ------------------------------------------------------------------


def test_a_name_counts_more_than_a_token_that_two_have() -> None:
    a = an_account("a", oauth("a", refresh=DRAWN), identity_key="ada")
    new = oauth("x", refresh=DRAWN)

    assert owner(a_state(a), new, Identity("bob")).account is None
    assert owner(a_state(replace(a, unproven=True)), new, Identity("bob")).account is not None


def test_of_two_that_have_one_token_the_named_one_is_meant() -> None:
    ada, bob = (
        an_account(name, oauth(name, refresh=DRAWN), identity_key=name) for name in ("ada", "bob")
    )
    new = oauth("x", refresh=DRAWN)

    for who in (ada, bob):
        assert owner(a_state(ada, bob), new, Identity(who.alias)) == Owner(who)
    # Whoever had it last, if nobody is named.
    assert owner(a_state(ada, bob), new) == Owner(bob)


# -- where tokens came from ----------------------------------------------------------------

FIRST, SECOND_ONE = oauth("a", 1), oauth("b", 2, expires_at=NOW + 2 * HOUR)


def seen(old: Credential, new: Credential) -> Callable[[Digest], Descent | None]:
    """Return what a bridge saw: that one was exchanged for the other."""
    to = tuple(secrets_of(new))
    one = Descent(f"d {to[0]}", NOW, is_login=False, came_from=secrets_of(old)[0], to=to)
    return lambda digest: one if digest in to else None


def test_what_came_from_an_account_s_tokens_is_its_own() -> None:
    a = an_account("a", FIRST)
    fields: dict[str, Any] = {"descent": seen(FIRST, SECOND_ONE)}

    assert owner(a_state(a), SECOND_ONE, **fields) == Owner(a)
    # Those in use may have been exchanged for what nobody has written down.
    assert owner(a_state(a), SECOND_ONE, was_exchanged=lambda _: True, **fields) == Owner(a)


@pytest.mark.parametrize(
    ("expires_at", "is_exchanged", "stale"),
    [
        pytest.param(NOW + 2 * HOUR, False, False, id="those that run out later"),
        pytest.param(NOW + MINUTE, False, True, id="those that run out before"),
        pytest.param(NOW + 2 * HOUR, True, True, id="those that are spent"),
    ],
)
def test_what_came_from_tokens_that_an_account_had_is_its_own_if_it_is_newer(
    expires_at: datetime,
    is_exchanged: bool,  # noqa: FBT001  # a table's column
    stale: bool,  # noqa: FBT001  # likewise
) -> None:
    a = an_account("a", oauth("a", 3))
    state, new = a_state(a, older=[(a, FIRST)]), oauth("b", 2, expires_at=expires_at)

    found = owner(
        state,
        new,
        descent=seen(FIRST, new),
        was_exchanged=lambda digest: is_exchanged and digest == secrets_of(new)[0],
    )

    assert found == Owner(a, stale=stale)


def test_what_came_from_replaced_tokens_takes_their_place() -> None:
    a = an_account("a", oauth("a", 3), unproven=True)
    state = replace(
        a_state(a, older=[(a, FIRST)]), replaced={a.id: (Replaced(7, FIRST, NOW - HOUR),)}
    )
    new = oauth("b", 2, expires_at=NOW + MINUTE)

    assert owner(state, new, descent=seen(FIRST, new)) == Owner(a, of_replaced=7)


def test_tokens_of_a_removed_account_and_what_came_from_them_are_forgotten() -> None:
    removed, new = knowing(a_state(removed=[FIRST])), seen(FIRST, SECOND_ONE)

    assert is_forgotten(ACME, FIRST, removed)
    assert not is_forgotten(ACME, SECOND_ONE, removed)
    assert is_forgotten(ACME, SECOND_ONE, replace(removed, descent=new))


def test_what_came_from_an_account_that_is_there_is_not_forgotten() -> None:
    a = an_account("a", FIRST)

    assert not is_forgotten(ACME, SECOND_ONE, knowing(a_state(a), descent=seen(FIRST, SECOND_ONE)))


@pytest.mark.parametrize(
    "field", ["email", "login", "sub", "subject", "user", "userId", "user_name", "username"]
)
def test_each_field_that_says_whose_a_word_is_tells_two_apart(field: str) -> None:
    a = an_account("a", a_word(**{field: "ada"}))

    assert owner(a_state(a), a_word(**{field: "bob"})) == NOBODY


def test_a_removed_token_is_known_again_with_more_packed_behind_it() -> None:
    removed = oauth("a", refresh=DRAWN)

    known = knowing(a_state(removed=[removed]))

    assert is_forgotten(ACME, oauth("a", refresh=f"{DRAWN}|project"), known)


def test_of_a_line_of_tokens_the_last_that_is_known_says_whether_it_is_forgotten() -> None:
    b, new = an_account("b", SECOND_ONE), oauth("c")
    links = seen(FIRST, SECOND_ONE), seen(SECOND_ONE, new)
    known = knowing(
        a_state(b, removed=[FIRST]), descent=lambda digest: links[0](digest) or links[1](digest)
    )

    assert not is_forgotten(ACME, new, known)


def test_a_login_that_a_bridge_saw_is_nobody_s_whatever_has_run_out() -> None:
    a, new = an_account("a", RUN_OUT, identity_key="a"), oauth("b")
    login = Descent("d", NOW, is_login=True, came_from=None, to=tuple(secrets_of(new)))

    found = owner(a_state(a, active=a), new, descent=lambda _: login)

    assert found == NOBODY


def test_what_an_entry_says_of_its_owner_stands_under_its_names() -> None:
    credential = oauth("a", accountId="acct-a", user_id="unknown", label="work", userId="u-7f3a9")

    assert fields_of(credential) == {("accountId",): "acct-a", ("userId",): '"u-7f3a9"'}
