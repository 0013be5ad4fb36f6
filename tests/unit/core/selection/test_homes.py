"""In which homes a rotation makes an account the active one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rotator.core.selection.homes import homes_for, left_by, live_of, seen_by, seen_from
from rotator.model import Account, HomeName, Slot, State, Tenure
from tests.support.builders import ACME, NOW, a_signal, a_standing, a_state, an_account, oauth

FILE, DATABASE = HomeName
A, B = an_account("a"), an_account("b")
LOGIN_A, LOGIN_B = an_account("a", oauth("a")), an_account("b", oauth("b"))


def standing(state: State, *accounts: Account, active: Account | None = None) -> State:
    places = [a_standing(account, active=account is active) for account in accounts]
    return replace(state, standings=tuple(places))


@pytest.mark.parametrize(
    ("state", "homes"),
    [
        (a_state(A, B), (FILE,)),
        (a_state(A, B, active=B), (FILE,)),
        (standing(a_state(A, B), B, active=B), (DATABASE,)),
        (standing(a_state(A, B, active=B), B, active=B), (FILE, DATABASE)),
    ],
    ids=["nowhere", "auth.json", "database", "both"],
)
def test_a_key_goes_wherever_its_provider_is_used(
    state: State, homes: tuple[HomeName, ...]
) -> None:
    assert homes_for(state, A) == homes


@pytest.mark.parametrize(
    ("state", "homes"),
    [
        (replace(a_state(A), slots={"z": Slot("z"), ACME: Slot(ACME, A.id)}), (FILE,)),
        (standing(a_state(A), A), (DATABASE,)),
        (standing(a_state(A, active=A), A), (FILE, DATABASE)),
    ],
    ids=["auth.json", "database", "both"],
)
def test_a_key_of_a_provider_that_nobody_uses_goes_wherever_logins_are(
    state: State, homes: tuple[HomeName, ...]
) -> None:
    parked = an_account("z", provider="zeta")
    login = an_account("y", oauth("y"), provider="zeta")

    assert homes_for(state, parked) == homes
    assert homes_for(state, login) == homes[:1]


@pytest.mark.parametrize(
    ("state", "homes"),
    [
        (a_state(LOGIN_A, LOGIN_B), (FILE,)),
        (a_state(LOGIN_A, LOGIN_B, active=LOGIN_B), (FILE,)),
        (standing(a_state(LOGIN_A, LOGIN_B, active=LOGIN_B), LOGIN_A), (DATABASE,)),
        (standing(a_state(LOGIN_A, LOGIN_B), LOGIN_B, active=LOGIN_B), (DATABASE,)),
        (standing(a_state(LOGIN_A, LOGIN_B, active=LOGIN_B), LOGIN_B), (FILE,)),
        (standing(a_state(LOGIN_A, LOGIN_B, active=LOGIN_A), LOGIN_A), (FILE, DATABASE)),
    ],
    ids=["nowhere", "auth.json", "stands in one", "only one is used", "parked", "stands in both"],
)
def test_a_login_is_switched_to_where_it_stands_and_copied_nowhere(
    state: State, homes: tuple[HomeName, ...]
) -> None:
    assert homes_for(state, LOGIN_A) == homes


def test_a_login_that_was_in_auth_json_is_at_home_there_too() -> None:
    state = standing(a_state(LOGIN_A, LOGIN_B, active=LOGIN_B), LOGIN_A, LOGIN_B, active=LOGIN_B)
    slot = replace(state.slot(ACME), tenures=(Tenure(LOGIN_A.id, NOW), Tenure(LOGIN_B.id, NOW)))
    was = replace(state, slots={ACME: slot})
    logged_out = replace(was, slots={ACME: replace(slot, active=None)})

    assert homes_for(state, LOGIN_A) == (DATABASE,)
    assert homes_for(was, LOGIN_A) == (FILE, DATABASE)
    assert seen_from(was, FILE).accounts == (LOGIN_A, LOGIN_B)
    assert homes_for(logged_out, LOGIN_A) == (DATABASE,)


def test_whoever_is_left_is_active_where_the_account_goes() -> None:
    state = standing(a_state(LOGIN_A, LOGIN_B, active=LOGIN_B), LOGIN_A, active=None)

    assert left_by(state, LOGIN_A) is None
    assert left_by(a_state(A, B, active=B), A) == B


def test_the_live_one_of_auth_json_comes_first() -> None:
    both = standing(a_state(A, B, active=A), B, active=B)

    assert live_of(both, ACME) == A
    assert live_of(replace(both, slots={}), ACME) == B
    assert live_of(a_state(A, B), ACME) is None


def test_where_opencode_2_was_never_used_the_state_is_as_it_is() -> None:
    state = a_state(A, B, active=B)

    assert seen_from(state, DATABASE) is state
    assert seen_by(state, a_signal(B, B)) is state


def test_opencode_2_sees_who_is_active_in_its_own_home() -> None:
    state = standing(a_state(A, B, active=A), A, B, active=B)

    seen = seen_from(state, DATABASE)

    assert (seen.active(ACME), state.active(ACME)) == (B, A)
    assert seen.slot(ACME).tenures == ()
    assert seen_from(state, FILE).active(ACME) == A


def test_nobody_is_active_where_no_login_is() -> None:
    state = standing(a_state(A, B, active=A), A, B)

    assert seen_from(state, DATABASE).active(ACME) is None


def test_a_login_of_the_other_home_alone_is_not_seen() -> None:
    state = standing(a_state(LOGIN_A, LOGIN_B, active=LOGIN_A), LOGIN_B, active=LOGIN_B)

    assert seen_from(state, DATABASE).accounts == (LOGIN_B,)
    assert seen_from(state, FILE).accounts == (LOGIN_A,)
    assert seen_from(state, DATABASE, [LOGIN_A.id]).accounts == (LOGIN_A, LOGIN_B)


def test_whoever_failed_is_seen_wherever_it_stands() -> None:
    state = standing(a_state(LOGIN_A, LOGIN_B, active=LOGIN_A), LOGIN_B, active=LOGIN_B)

    seen = seen_by(state, a_signal(LOGIN_A, LOGIN_A, home=DATABASE))
    unknown = seen_by(state, a_signal(None, home=DATABASE))

    assert seen.accounts == (LOGIN_A, LOGIN_B)
    assert (seen.active(ACME), unknown.active(ACME)) == (LOGIN_B, LOGIN_B)


def test_a_request_that_went_on_before_the_switch_is_of_the_one_that_it_carries() -> None:
    state = standing(a_state(A, B, active=A), A, B, active=A)

    first = seen_by(state, a_signal(A, A, home=DATABASE))
    second = seen_by(state, a_signal(B, A, B, home=DATABASE))
    of_other = seen_by(state, a_signal(B, B, home=DATABASE))
    in_file = seen_by(state, a_signal(B, A, B))

    assert [first.active(ACME), second.active(ACME)] == [A, B]
    assert [of_other.active(ACME), in_file.active(ACME)] == [A, A]
