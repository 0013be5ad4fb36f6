"""In which homes a rotation makes an account the active one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rotator.core.selection.homes import homes_for, left_by, live_of
from rotator.model import Account, HomeName, State
from tests.support.builders import ACME, a_standing, a_state, an_account, oauth

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


def test_whoever_is_left_is_active_where_the_account_goes() -> None:
    state = standing(a_state(LOGIN_A, LOGIN_B, active=LOGIN_B), LOGIN_A, active=None)

    assert left_by(state, LOGIN_A) is None
    assert left_by(a_state(A, B, active=B), A) == B


def test_the_live_one_of_auth_json_comes_first() -> None:
    both = standing(a_state(A, B, active=A), B, active=B)

    assert live_of(both, ACME) == A
    assert live_of(replace(both, slots={}), ACME) == B
    assert live_of(a_state(A, B), ACME) is None
