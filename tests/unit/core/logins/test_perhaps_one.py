"""Which accounts may be one person's, as far as anybody knows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rotator.core.logins.perhaps_one import may_be_one, perhaps_one, perhaps_words
from rotator.model import Account, Credential, Identity
from tests.support.builders import HOUR, MINUTE, NOW, a_state, an_account, api, knowing, oauth


def login(number: int, **fields: object) -> Account:
    """Return the account of the login that came so late."""
    at = NOW - HOUR + number * MINUTE
    values = {"credential": oauth(f"n{number}"), "captured_at": at} | fields
    return an_account(f"acme-{number}", **values)  # type: ignore[arg-type]


def told(*accounts: Account) -> dict[str, list[str]]:
    """Return by aliases what is told of these accounts, which nobody has named."""
    names = {account.id: account.alias for account in accounts}
    found = perhaps_one(knowing(a_state(*accounts)))
    return {names[one]: [other.alias for other in others] for one, others in found.items()}


def test_a_later_login_may_be_each_earlier_one_s_the_newest_first() -> None:
    assert told(login(2), login(1), login(3)) == {
        "acme-2": ["acme-1"],
        "acme-3": ["acme-2", "acme-1"],
    }


def test_three_are_named_at_most() -> None:
    assert told(*map(login, range(1, 6)))["acme-5"] == ["acme-4", "acme-3", "acme-2"]


def test_those_of_another_provider_or_place_and_keys_are_not_asked_about() -> None:
    there = login(3, credential=oauth("c", enterpriseUrl="https://a.acme.io"))
    key = login(4, credential=api("d"))
    elsewhere = replace(login(2), provider="zeta")

    assert told(login(1), elsewhere, there, key) == {}


def test_two_whose_vendor_has_named_them_are_not() -> None:
    ada, bob = login(1, identity_key="ada"), login(2, identity_key="bob")

    assert told(ada, bob) == {}
    assert told(ada, login(2)) == {"acme-2": ["acme-1"]}


def test_two_whose_tokens_name_two_people_are_not() -> None:
    def named(_: str, credential: Credential) -> Identity:
        return Identity(credential.secret.reveal())

    known = knowing(a_state(login(1, identity_key="ada"), login(2)), identify=named)

    assert perhaps_one(known) == {}


@pytest.mark.parametrize("of_older", [True, False])
def test_what_is_in_doubt_already_says_so_itself(*, of_older: bool) -> None:
    one, two = login(1), login(2)
    pair = (replace(one, maybe=two.id), two) if of_older else (one, replace(two, maybe=one.id))

    assert told(*pair) == {}
    assert told(one, replace(two, maybe=login(9).id)) == {"acme-2": ["acme-1"]}


def test_who_has_named_both_knows_that_they_are_two() -> None:
    work, home = replace(login(1), alias="work"), replace(login(2), alias="home")

    assert told(work, home) == {}
    assert told(work, login(2)) == {"acme-2": ["work"]}


def test_it_is_said_with_what_to_do() -> None:
    one, two, three = map(login, (1, 2, 3))

    said = perhaps_words(knowing(a_state(one, two, three)))

    assert said[three.id] == (
        "it may be the same person's as acme-2 or acme-1: rotator accounts merge acme/acme-2"
        " acme/acme-3 if so, rotator accounts rename gives both a name if not"
    )


def test_two_that_are_both_known_are_told_apart_by_that() -> None:
    ada, bob = login(1, identity_key="ada"), login(2, identity_key="bob")
    known = knowing(a_state(ada, bob))

    assert not may_be_one(ada, bob, known)
    assert may_be_one(ada, replace(bob, identity_key=None), known)
