"""Whether two logins' own tokens name two people."""

from __future__ import annotations

from typing import Any

import pytest

from rotator.core.logins.claims import name_two
from rotator.model import Credential
from tests.support.builders import a_jwt, api, oauth


def saying(**claims: Any) -> Credential:
    return oauth("a", access=a_jwt(claims))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param({"sub": "u-ada-1"}, {"sub": "u-bob-1"}, id="subjects"),
        pytest.param({"user_id": 1234567}, {"user_id": 7654321}, id="numbers"),
        pytest.param({"email": "ada@acme.io"}, {"email": "bob@acme.io"}, id="addresses"),
        pytest.param(
            {"https://api.acme.io/profile": {"email": "ada@acme.io"}},
            {"https://api.acme.io/profile": {"email": "bob@acme.io"}},
            id="in a part",
        ),
        pytest.param(
            {"sub": "u-ada-1", "uid": "u-1-one"}, {"sub": "u-ada-1", "uid": "u-2-two"}, id="one id"
        ),
        pytest.param(
            {"email": "ada@acme.io", "iss": "acme", "exp": 12},
            {"email": "bob@acme.io", "iss": "acme", "exp": 12},
            id="beside what is no name",
        ),
    ],
)
def test_two_people_are_named(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert name_two(saying(**one), saying(**other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param({"sub": "u-ada-1"}, {"sub": "u-ada-1"}, id="the same"),
        pytest.param({"sub": "u-ada-1"}, {"email": "bob@acme.io"}, id="other claims"),
        pytest.param({"email": "Ada@acme.io"}, {"email": "ada@ACME.io"}, id="letters"),
        pytest.param(
            {"sub": "u-ada-1", "email": "ada@acme.io"},
            {"sub": "u-ada-1", "email": "ada@home.io"},
            id="a new address",
        ),
        pytest.param(
            {"userId": "u-ada-1", "email": "ada@acme.io"},
            {"userId": "u-ada-1", "email": "ada@home.io"},
            id="a new address beside an id of two words",
        ),
        pytest.param({"sub": True}, {"sub": False}, id="no text"),
        pytest.param({"sub": ["u-ada-1"]}, {"sub": ["u-bob-1"]}, id="a list"),
        pytest.param({"sub": "  "}, {"sub": "u-bob-1"}, id="nothing"),
        pytest.param({"sub": "unknown user"}, {"sub": "u-bob-1"}, id="nobody"),
        pytest.param({"jti": "a"}, {"jti": "b"}, id="no person's"),
        pytest.param(
            {"a": {"b": {"sub": "u-ada-1"}}}, {"a": {"b": {"sub": "u-bob-1"}}}, id="far inside"
        ),
    ],
)
def test_nobody_is_told_apart_by_less(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert not name_two(saying(**one), saying(**other))


def test_each_token_of_a_login_is_read() -> None:
    ada, bob = a_jwt({"sub": "u-ada-1"}), a_jwt({"sub": "u-bob-1"})

    assert name_two(oauth("a", refresh=ada), oauth("a", refresh=bob))
    assert name_two(oauth("a", idToken=ada), oauth("a", idToken=bob))
    assert not name_two(oauth("a", idToken=ada), oauth("a", refresh=bob))
    assert not name_two(api("a"), api("b"))
