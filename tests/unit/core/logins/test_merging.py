"""Which two accounts a person may make one, and which of their logins is used then."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rotator.core.logins.merging import (
    likelier,
    may_be_two,
    refuse_strangers,
    refuse_two_that_work,
)
from rotator.errors import UsageError
from rotator.model import Account
from tests.support.builders import HOUR, NOW, an_account, api, oauth

ADA, BOB = "ada", "bob"


def login(name: str, owner: str | None = None, **fields: Any) -> Account:
    return an_account(name, oauth(name), identity=owner, identity_key=owner, **fields)


def of_vendor(account: Account, number: str) -> Account:
    return replace(account, credential=replace(account.credential, account_id=number))


@pytest.mark.parametrize("dead_first", [False, True])
def test_what_lives_is_used(*, dead_first: bool) -> None:
    living, dead = login("a"), login("b", rejected="revoked")
    pair = (dead, living) if dead_first else (living, dead)

    assert likelier(*pair, None) == living


@pytest.mark.parametrize("is_swapped", [False, True])
def test_of_two_that_may_live_what_is_live_is_used_then_the_newest(*, is_swapped: bool) -> None:
    old, new = login("a", captured_at=NOW - HOUR), login("b", captured_at=NOW)
    pair = (new, old) if is_swapped else (old, new)

    assert likelier(*pair, None) == new
    assert likelier(*pair, old) == old


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (an_account("a"), "they are one account already"),
        (an_account("b", provider="zeta"), "they are of two providers"),
        (login("b"), "one is api and the other oauth"),
    ],
    ids=["itself", "another provider", "another type"],
)
def test_two_that_cannot_be_one_are_refused(other: Account, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        refuse_strangers(an_account("a"), other)


def test_two_of_one_kind_may_be_one() -> None:
    refuse_strangers(login("a"), login("b"))


@pytest.mark.parametrize(
    ("keep", "other", "why"),
    [
        (an_account("a"), an_account("b"), "two keys, and each works"),
        (login("a", ADA), login("b", BOB), "they belong to ada and to bob"),
        (
            of_vendor(login("a"), "acct-a"),
            of_vendor(login("b"), "acct-b"),
            "for two accounts of the vendor",
        ),
    ],
    ids=["keys", "owners", "accounts of the vendor"],
)
def test_two_that_work_are_refused(keep: Account, other: Account, why: str) -> None:
    with pytest.raises(UsageError, match=why) as caught:
        refuse_two_that_work(keep, other, NOW)

    assert caught.value.hint == f"rotator accounts remove {other.name} forgets one of them"


@pytest.mark.parametrize(
    ("keep", "other"),
    [
        (an_account("a", api("x")), an_account("b", api("x"))),
        (login("a", ADA), login("b", ADA)),
        (login("a", ADA), login("b")),
        (login("a"), login("b", BOB)),
        (login("a", ADA), login("b", BOB, rejected="revoked")),
        (login("a", ADA, rejected="revoked"), login("b", BOB)),
        (of_vendor(login("a"), "acct"), of_vendor(login("b"), "acct")),
        (of_vendor(login("a"), "acct-a"), login("b")),
        (of_vendor(login("a"), "acct-a"), of_vendor(login("b", rejected="revoked"), "acct-b")),
    ],
)
def test_what_may_be_one_person_s_is_not_refused(keep: Account, other: Account) -> None:
    refuse_two_that_work(keep, other, NOW)


@pytest.mark.parametrize(
    ("keep", "other", "expected"),
    [
        (login("a"), login("b"), True),
        (login("a", ADA), login("b"), True),
        (login("a"), login("b", BOB), True),
        (login("a", ADA), login("b", ADA), False),
        (login("a"), login("b", rejected="revoked"), False),
        (login("a", rejected="revoked"), login("b"), False),
        (login("a"), an_account("b", oauth("a")), False),
    ],
)
def test_where_nobody_knows_whose_two_are_they_may_be_two(
    keep: Account, other: Account, *, expected: bool
) -> None:
    assert may_be_two(keep, other, NOW) is expected
