"""Logins whose refresh token a bridge saw exchanged for one that is not here."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rotator.core.logins.credential_secrets import refresh_digests
from rotator.core.logins.spent_tokens import SAVED_WITHIN, exchanged_at, with_spent
from rotator.model import SPENT_ELSEWHERE, Account, AccountState, Descent, Digest
from rotator.secret import Secret, digest_of
from tests.support.builders import HOUR, NOW, SECOND, a_limit, an_account, api, oauth

A, B = an_account("a", oauth("a")), an_account("b", oauth("b"))
EXCHANGED = {refresh_digests(A.credential)[0]: NOW}


def spent(account: Account, *, is_live: bool = False) -> Account:
    live = [account.id] if is_live else [None]
    (found,) = with_spent([account], live, EXCHANGED)
    return found


def holding(text: str) -> Account:
    return replace(A, credential=replace(A.credential, refresh=Secret(text)))


def test_only_the_account_whose_token_was_exchanged_is_spent() -> None:
    found = with_spent([A, B, an_account("key", api("key"))], [], EXCHANGED)

    assert [one.spent_from is not None for one in found] == [True, False, False]


def test_a_parked_login_needs_a_login_at_once_however_long_its_access_token_is_good() -> None:
    found = spent(replace(A, credential=oauth("a", expires_at=NOW + HOUR)))

    assert found.state_at(NOW) is AccountState.REJECTED
    assert found.reason_at(NOW) == SPENT_ELSEWHERE


def test_the_live_login_has_a_moment_in_which_what_came_for_its_token_is_saved() -> None:
    found = spent(A, is_live=True)

    assert found.state_at(NOW + SAVED_WITHIN - SECOND) is AccountState.READY
    assert found.why_login_at(NOW + SAVED_WITHIN - SECOND) is None
    assert found.state_at(NOW + SAVED_WITHIN) is AccountState.REJECTED


def test_what_its_vendor_said_before_stays_the_reason() -> None:
    found = spent(replace(A, rejected="revoked"))

    assert found.reason_at(NOW) == "revoked"


def test_one_that_is_disabled_or_rests_needs_a_login_all_the_same() -> None:
    found = spent(replace(A, disabled="by you", limit=a_limit()))

    assert found.state_at(NOW) is AccountState.DISABLED
    assert found.why_login_at(NOW) == SPENT_ELSEWHERE


@pytest.mark.parametrize("around", ["{}|project", " {}\n", "{}"])
def test_a_token_is_known_by_the_ways_in_which_it_is_spelt(around: str) -> None:
    account = holding(around.format("REF-CANARY-x-1"))

    (found,) = with_spent([account], [], {Digest(digest_of("REF-CANARY-x-1")): NOW})

    assert found.spent_from is not None


@pytest.mark.parametrize("text", ["", " ", "none", "dummy|project"])
def test_a_word_in_a_token_s_place_is_nobody_s(text: str) -> None:
    assert refresh_digests(holding(text).credential) == ()


def test_an_access_token_that_was_sent_as_one_says_nothing_of_the_refresh_token() -> None:
    assert with_spent([A], [], {A.credential.digest: NOW}) == (A,)


@pytest.mark.parametrize(
    ("came_from", "to", "is_spent"),
    [
        ("r0", ("a1", "r1"), True),
        ("r0", ("a1", "r1", "i1"), True),
        ("r0", ("a1",), False),
        ("r0", ("r0", "a1"), False),
        ("r0", ("r0", "a1", "i1"), False),
        (None, ("a1", "r1"), False),
    ],
)
def test_a_token_is_spent_once_another_one_took_its_place(
    came_from: str | None, to: tuple[str, ...], *, is_spent: bool
) -> None:
    digest = None if came_from is None else Digest(came_from)
    answer = tuple(Digest(one) for one in to)

    found = Descent("d", NOW, is_login=came_from is None, came_from=digest, to=answer).spent

    assert found == (digest if is_spent else None)


def test_a_token_that_is_spelt_in_two_ways_was_spent_when_the_first_was_exchanged() -> None:
    exchanged = {Digest("bare"): NOW + HOUR, Digest("packed"): NOW}

    assert exchanged_at(map(Digest, ("bare", "packed", "other")), exchanged) == NOW
    assert exchanged_at([Digest("other")], exchanged) is None
