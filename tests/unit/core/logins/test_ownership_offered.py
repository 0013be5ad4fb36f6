"""Whose credential it is that did not come out of auth.json, so that nobody knows its age."""

from __future__ import annotations

from typing import Any

from rotator.core.logins.credential_secrets import refresh_digests
from rotator.core.logins.owner import Owner, Proof
from rotator.core.logins.ownership import owner_of, owner_of_offered
from rotator.model import AccountId, Credential, Digest, Identity, State
from tests.support.builders import (
    ACME,
    DRAWN,
    HOUR,
    MINUTE,
    NOW,
    a_state,
    an_account,
    api,
    knowing,
    oauth,
    secrets_of,
)

NAMED = Proof.IDENTITY
ADA = Identity("ada", "ada@acme.example")


def offered(state: State, credential: Credential, who: Identity = ADA, **fields: Any) -> Owner:
    return owner_of_offered(ACME, credential, who, knowing(state, **fields))


def test_what_nobody_has_is_nobody_s() -> None:
    assert offered(a_state(), api("a")) == Owner(None)


def test_what_an_account_has_is_no_news() -> None:
    a = an_account("a")

    assert offered(a_state(a), api("a")) == Owner(a, fresh=False)


def test_newer_tokens_of_the_same_person_are_taken() -> None:
    a = an_account("a", oauth("a", 1), identity_key="ada")

    assert offered(a_state(a), oauth("a", 2, expires_at=NOW + 2 * HOUR)) == Owner(a, proof=NAMED)


def test_tokens_that_run_out_before_the_saved_ones_are_older() -> None:
    """From auth.json they would be a login; a login has its whole life before it."""
    a = an_account("a", oauth("a", 5), identity_key="ada")
    older = oauth("a", 2, expires_at=NOW + MINUTE)

    assert owner_of(ACME, older, ADA, knowing(a_state(a))) == Owner(a, proof=NAMED)
    assert offered(a_state(a), older) == Owner(a, stale=True, proof=NAMED)


def test_tokens_that_somebody_else_has_exchanged_take_the_place_of_none() -> None:
    a = an_account("a", oauth("a", 5), identity_key="ada", rejected="401")
    spent = oauth("a", 2, expires_at=NOW + 2 * HOUR)
    exchanged = refresh_digests(spent)

    found = offered(a_state(a), spent, was_exchanged=lambda one: one in exchanged)

    assert found == Owner(a, stale=True, proof=NAMED)


def test_whatever_is_offered_may_be_the_cure_of_one_that_somebody_else_has_refreshed() -> None:
    a = an_account("a", oauth("a", 5), identity_key="ada", spent_from=NOW)

    assert offered(a_state(a), oauth("a", 2, expires_at=NOW + MINUTE)) == Owner(a, proof=NAMED)


def test_whatever_is_offered_may_be_the_cure_of_a_rejected_account() -> None:
    a = an_account("a", oauth("a", 5), identity_key="ada", rejected="401")

    assert offered(a_state(a), oauth("a", 2, expires_at=NOW + MINUTE)) == Owner(a, proof=NAMED)


def test_a_spent_pair_is_no_cure() -> None:
    a = an_account("a", oauth("a", 5), rejected="401")
    state = a_state(a, older=[(a, oauth("a", 1))])

    assert offered(state, oauth("a", 1)) == Owner(a, fresh=False, stale=True)


def test_a_pair_is_known_to_be_spent_however_long_ago_it_was() -> None:
    a = an_account("a", oauth("a", 900), identity_key="ada")
    long_ago = dict.fromkeys(secrets_of(oauth("a", 1)), a.id)

    def recall(provider: str, digest: Digest) -> AccountId | None:
        return long_ago.get(digest) if provider == ACME else None

    found = offered(a_state(a), oauth("a", 1), recall=recall)

    assert found == Owner(a, fresh=False, stale=True)


def test_a_refresh_token_that_was_replaced_is_spent_whatever_stands_beside_it() -> None:
    """Two programs that write at once may put one's access token beside the other's."""
    a = an_account("a", oauth("a", 2))
    state = a_state(a, older=[(a, oauth("a", 1, refresh=DRAWN))])
    mixed = oauth("a", 9, refresh=DRAWN, expires_at=NOW + 2 * HOUR)

    assert offered(state, mixed) == Owner(a, stale=True)


def test_a_new_access_token_of_the_present_refresh_token_is_taken() -> None:
    a = an_account("a", oauth("a", 2, refresh=DRAWN))
    newer = oauth("a", 3, refresh=DRAWN, expires_at=NOW + 2 * HOUR)

    assert offered(a_state(a), newer) == Owner(a)


def test_a_key_with_other_metadata_is_taken() -> None:
    a = an_account("a", api("a", metadata={"host": "old"}))

    assert offered(a_state(a), api("a", metadata={"host": "new"})) == Owner(a)
