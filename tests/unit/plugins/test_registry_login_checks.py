"""Asking whether a login is accepted: what the registry lets through, and what a suite finds."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from rotator.errors import LoginRejected, UnexpectedAnswer
from rotator.model import Credential, Identity
from rotator.opencode.auth.entries import parse_entry
from rotator.plugins.registry import Registry
from rotator.provider import HttpAnswer, HttpRequest, LoginCheck
from rotator.secret import Secret
from rotator.testing import BadCase, LoginCase, broken_rules, read_case, read_cases

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
URL = "https://api.acme.example/models"
KEY = parse_entry("acme", Secret('{"type": "api", "key": "KEY-CANARY-acme"}'))
LOGIN: dict[str, Any] = {
    "says": "The key is accepted.",
    "source": "https://acme.example/docs",
    "certainty": "H",
    "now": "2026-11-22T12:00:00Z",
    "provider": "acme",
    "credential": {"type": "api", "key": "KEY-CANARY-acme"},
    "exchange": [{"method": "GET", "url": URL, "status": 200, "body": {"models": []}}],
    "expected": {},
}


class Silent:
    """A module that knows a vendor and asks it nothing."""

    ids = ("acme",)
    rotates_tokens = False

    def identify(self, _: Credential) -> Identity:
        """Return nobody."""
        return Identity()


class Checking(Silent):
    """A module that asks one question and takes a 200 for good."""

    def check_login(self, credential: Credential, _: datetime) -> LoginCheck | None:
        """Ask, if it is a key."""
        return self.asking(credential) if credential.type == "api" else None

    def asking(self, credential: Credential) -> LoginCheck:
        """Ask."""
        answer = yield HttpRequest("GET", URL, {"authorization": credential.secret})
        if answer.status == 401:
            raise LoginRejected("not accepted")
        if answer.status != 200:
            raise UnexpectedAnswer("no")


class Endless(Checking):
    """Never has enough."""

    def asking(self, _: Credential) -> LoginCheck:
        """Ask and ask."""
        while True:
            yield HttpRequest("GET", URL)


class Broken(Checking):
    """Raises before it asks."""

    def check_login(self, credential: Credential, _: datetime) -> LoginCheck | None:
        """Fail, and quote the key."""
        raise ValueError(credential.secret.reveal())


def registry(module: Silent, status: int = 200) -> Registry:
    return Registry({"acme": module}, send=lambda _: HttpAnswer(status, {}, Secret("{}")))


def test_a_vendor_that_accepts_a_login_says_no_word() -> None:
    asked = registry(Checking())

    assert asked.can_check("acme", KEY, NOW)
    asked.check_login("acme", KEY, NOW)


@pytest.mark.parametrize(
    ("module", "status", "error"),
    [
        (Checking(), 401, LoginRejected),
        (Checking(), 500, UnexpectedAnswer),
        (Endless(), 200, UnexpectedAnswer),
        (Broken(), 200, UnexpectedAnswer),
        (Silent(), 200, UnexpectedAnswer),
    ],
)
def test_what_a_module_finds_or_breaks_is_one_of_the_known_errors(
    module: Silent, status: int, error: type[Exception]
) -> None:
    with pytest.raises(error) as caught:
        registry(module, status).check_login("acme", KEY, NOW)

    assert "CANARY" not in str(caught.value)


@pytest.mark.parametrize("module", [Silent(), Broken()])
def test_where_nobody_can_be_asked_that_is_said(module: Silent) -> None:
    assert not registry(module).can_check("acme", KEY, NOW)


def written(folder: Path, **changes: object) -> Path:
    path = folder / "login-canary.json"
    path.write_text(json.dumps(LOGIN | changes))
    return path


def test_a_documented_check_is_tried_with_a_module(tmp_path: Path) -> None:
    written(tmp_path)
    (case,) = read_cases(tmp_path)

    assert isinstance(case, LoginCase)
    assert broken_rules(Silent(), case) == ["it is no LoginChecker"]
    # It takes an empty answer, and a page, for an acceptance.
    assert any("an empty answer" in sentence for sentence in broken_rules(Checking(), case))


def test_a_refusal_that_is_documented_has_to_be_one(tmp_path: Path) -> None:
    refused = {"error": "LoginRejected", "field": None}
    case = read_case(written(tmp_path, expected=refused))

    assert any("not LoginRejected" in sentence for sentence in broken_rules(Checking(), case))


def test_a_module_that_asks_about_no_such_login_is_named(tmp_path: Path) -> None:
    entry = {"type": "wellknown", "key": "A", "token": "TOK-CANARY-a"}
    case = read_case(written(tmp_path, credential=entry))

    found = broken_rules(Checking(), case)

    assert any("does not ask whether the login is accepted" in sentence for sentence in found)


def test_a_check_expects_no_usage(tmp_path: Path) -> None:
    with pytest.raises(BadCase):
        read_case(written(tmp_path, expected={"windows": []}))
