"""Who may be an older login's person is found without looking at each: the same as by looking."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.core.logins.knowledge import Knowledge
from rotator.core.logins.older_logins import OlderLogins, Told, told_of
from rotator.core.logins.perhaps_one import may_be_one, perhaps_one
from rotator.model import Account, AccountId, Credential, Identity
from tests.support.builders import HOUR, MINUTE, NOW, a_jwt, a_state, an_account, knowing, oauth

MANY = 150
NAMED = frozenset({"key-ada", "key-bob"})


def login(number: int, fields: dict[str, Any] | None = None, **more: Any) -> Account:
    """Return the account of the login that came so late."""
    at = NOW - 100 * HOUR + number * MINUTE
    credential = oauth(f"n{number}", **(fields or {}))
    return an_account(f"acme-{number}", credential=credential, captured_at=at, **more)


def key_of(_: str, credential: Credential) -> Identity:
    """Return what a module reads of a token: one that has the name of a key in it."""
    text = credential.secret.reveal()
    return Identity(next((key for key in NAMED if text == key), None))


def by_looking(known: Knowledge) -> dict[AccountId, tuple[Account, ...]]:
    """Return the same by asking about each of the older ones."""
    found: dict[AccountId, tuple[Account, ...]] = {}
    accounts = sorted(known.state.accounts, key=lambda one: (one.captured_at, one.id))
    for at, newer in enumerate(accounts):
        same = [
            older
            for older in reversed(accounts[:at])
            if older.provider == newer.provider
            and older.credential.destination == newer.credential.destination
            and may_be_one(older, newer, known)
        ]
        if same:
            found[newer.id] = tuple(same[:3])
    return found


WORDS = ("a", "b", "unknown", "none", "A@x.io", "a@x.io", "")
TOKENS = st.sampled_from(sorted(NAMED)) | st.fixed_dictionaries(
    {},
    optional={
        "sub": st.sampled_from(("user-a1", "user-b2", "unknown")),
        "email": st.sampled_from(("ada@acme.io", "bob@acme.io")),
        "act": st.sampled_from(({"sub": "user-a1"}, {"sub": "user-b2"}, {"login": "ada"})),
    },
).map(a_jwt)


@st.composite
def accounts(draw: st.DrawFn) -> list[Account]:
    """Draw accounts of few people who are named in all sorts of ways, or not at all."""
    found = []
    for number in range(draw(st.integers(2, 9))):
        fields = draw(
            st.fixed_dictionaries(
                dict[str, Any](),
                optional={
                    "access": TOKENS,
                    "refresh": TOKENS,
                    "accountId": st.sampled_from(WORDS),
                    "email": st.sampled_from(WORDS),
                    "user_id": st.sampled_from(WORDS),
                    "note": st.sampled_from(WORDS),
                    "enterpriseUrl": st.just("https://a.acme.io"),
                },
            )
        )
        account = login(
            number,
            fields,
            identity_key=draw(st.sampled_from((None, None, *sorted(NAMED)))),
            unproven=draw(st.booleans()),
        )
        if draw(st.booleans()):
            account = replace(account, alias=f"work-{number}")
        found.append(account)
    for number in range(len(found)):
        if draw(st.integers(0, 5)) == 0:
            other = draw(st.sampled_from(found)).id
            found[number] = replace(found[number], maybe=other)
    return draw(st.permutations(found))


@given(accounts())
def test_the_same_are_found_as_by_looking_at_each(drawn: list[Account]) -> None:
    for identify in (key_of, lambda *_: Identity()):
        known = knowing(a_state(*drawn), identify=identify)

        assert perhaps_one(known) == by_looking(known)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param(lambda n: {"accountId": f"acc-{n}"}, id="account ids"),
        pytest.param(lambda n: {"email": f"a{n}@acme.io"}, id="a field"),
        pytest.param(lambda n: {"access": a_jwt({"sub": f"user-{n}-x"})}, id="an id in the token"),
        pytest.param(lambda n: {"access": a_jwt({"email": f"a{n}@acme.io"})}, id="a name in it"),
        pytest.param(
            lambda n: (
                {"accountId": f"acc-{n}"} if n % 2 else {"accountId": f"acc-{n}", "email": "e"}
            ),
            id="some say more",
        ),
    ],
)
def test_of_many_that_each_say_who_they_are_hardly_any_is_looked_at(fields: Any) -> None:
    asked = []

    def identify(_: str, credential: Credential) -> Identity:
        asked.append(credential)
        return Identity()

    known = knowing(a_state(*(login(n, fields(n)) for n in range(MANY))), identify=identify)

    assert perhaps_one(known) == {}
    # A look at two asks once more.
    assert len(asked) <= 2 * MANY


def test_of_many_that_are_known_or_have_names_none_is_looked_at() -> None:
    known = knowing(a_state())
    named, given = OlderLogins(), OlderLogins()
    for number in range(MANY):
        one = told_of(number, login(number, identity_key=f"k{number}"), known)
        two = told_of(number, replace(login(number), alias=f"work-{number}"), known)
        assert list(named.like(one)) == list(given.like(two)) == []
        named.add(one)
        given.add(two)


def test_any_number_of_names_is_taken() -> None:
    """Beyond some they leave nobody out."""
    known, older = knowing(a_state()), OlderLogins()
    for number in range(MANY):
        claims = {f"c{number}/sub": f"user-{number}-x", "sub": "user-x1"}
        one = told_of(number, login(number, {"access": a_jwt(claims)}), known)
        assert len(list(older.like(one))) == number
        older.add(one)


class Counted(dict[tuple[str, ...], str]):
    """What a login says; counts how often it is asked for it."""

    asked = 0

    def get(self, name: Any, default: Any = None) -> Any:
        type(self).asked += 1
        return super().get(name, default)


def saying(number: int, **told: str) -> Told:
    """Return a login that says that of its owner, all of which decides."""
    says = Counted({(name,): value for name, value in told.items()})
    return Told(number, login(number), None, frozenset(), is_given=False, says=says, decides=says)


def found(older: OlderLogins, newer: Told) -> tuple[list[str], int]:
    """Return who may be the newer one's person, and how often somebody was asked."""
    Counted.asked = 0
    return [account.alias for account in older.like(newer)], Counted.asked


def test_only_who_says_the_same_or_nothing_is_asked() -> None:
    older = OlderLogins()
    for number in range(MANY):
        older.add(saying(number, org="one", user=f"u{number}"))
    older.add(saying(MANY))

    names, asked = found(older, saying(MANY + 1, org="one", user="u7"))

    assert names == [f"acme-{MANY}", "acme-7"]
    assert asked <= 4 * len(names)


def test_who_is_silent_of_one_thing_may_be_another_by_a_second() -> None:
    older = OlderLogins()
    older.add(saying(0, org="b"))
    older.add(saying(1, user="b"))
    older.add(saying(2, org="a"))
    older.add(saying(3, user="a"))

    assert found(older, saying(4, org="a", user="a"))[0] == ["acme-3", "acme-2"]
    assert found(older, saying(5, org="b"))[0] == ["acme-3", "acme-1", "acme-0"]


def test_a_name_beside_the_same_id_leaves_nobody_out() -> None:
    """Its owner may have changed it."""
    ada, eva = (
        login(n, {"access": a_jwt({"sub": "user-a1", "email": f"{name}@acme.io"})})
        for n, name in enumerate(("ada", "eva"))
    )

    assert perhaps_one(knowing(a_state(ada, eva))) == {eva.id: (ada,)}


def test_a_name_beside_an_id_is_said_and_decides_nothing() -> None:
    account = login(1, {"access": a_jwt({"sub": "user-a1", "email": "ada@acme.io"})})

    told = told_of(1, account, knowing(a_state(account)))

    assert {name[-1] for name in told.says} == {"sub", "email"}
    assert {name[-1] for name in told.decides} == {"sub"}


def test_who_is_known_by_a_key_is_found_by_it() -> None:
    known, older = knowing(a_state()), OlderLogins()
    ada, bob = (f"key-{name}" for name in ("ada", "bob"))
    older.add(told_of(1, login(1, identity_key=ada), known))

    found = {
        key: [one.alias for one in older.like(told_of(2, login(2, identity_key=key), known))]
        for key in (ada, bob, None)
    }

    assert found == {ada: ["acme-1"], bob: [], None: ["acme-1"]}
