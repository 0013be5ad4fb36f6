"""A login as OpenCode 2's table has it and as an entry of auth.json: nothing is lost between."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rotator.model import Credential
from rotator.opencode.database.values import credential_of, renewed_value, value_of
from rotator.secret import Secret
from tests.support.builders import api, oauth, wellknown


def read(value: object, provider: str = "openai") -> Credential:
    result = credential_of(provider, Secret(json.dumps(value)))
    assert not isinstance(result, str), result
    return result


def written(credential: Credential, provider: str = "openai") -> Any:
    return json.loads(value_of(provider, credential).reveal())


CHATGPT = {
    "type": "oauth",
    "methodID": "chatgpt-headless",
    "refresh": "REF-CANARY-a",
    "access": "ACC-CANARY-a",
    "expires": 1_800_000_000_000,
    "metadata": {"accountID": "acct-a", "plan": "pro", "enterpriseUrl": "https://e.example"},
    "later": {"deep": [1, None]},
}
KEY = {"type": "key", "key": "KEY-CANARY-a", "metadata": {"region": "eu"}, "later": [1]}


@pytest.mark.parametrize("value", [CHATGPT, KEY], ids=["oauth", "key"])
def test_a_login_comes_back_as_it_went_with_fields_that_nobody_knows(value: object) -> None:
    assert written(read(value)) == value


def test_what_a_request_needs_is_read() -> None:
    result = read(CHATGPT)

    assert (result.type, result.secret.reveal()) == ("oauth", "ACC-CANARY-a")
    assert (result.account_id, result.enterprise_url) == ("acct-a", "https://e.example")


@pytest.mark.parametrize(
    ("provider", "method"),
    [("openai", "chatgpt-browser"), ("github-copilot", "device"), ("acme", "oauth")],
)
def test_a_login_from_auth_json_gets_the_way_that_opencode_itself_gives_it(
    provider: str, method: str
) -> None:
    result = written(oauth("a", accountId="acct-a"), provider)

    assert (result["methodID"], result["metadata"]) == (method, {"accountID": "acct-a"})


def test_a_login_without_more_has_no_metadata() -> None:
    assert "metadata" not in written(oauth("a"))


def test_a_well_known_token_becomes_a_key() -> None:
    assert written(wellknown("a")) == {"type": "key", "key": "TOK-CANARY-a"}


def test_newer_tokens_leave_every_other_field_of_a_row() -> None:
    newer = oauth("b", accountId="acct-a", expires_at=None)

    result = json.loads(renewed_value("openai", Secret(json.dumps(CHATGPT)), newer).reveal())

    assert result == {
        **CHATGPT,
        "refresh": "REF-CANARY-b-1",
        "access": "ACC-CANARY-b-1",
        "expires": 0,
    }


def test_a_key_that_is_renewed_is_the_only_thing_that_changes() -> None:
    result = renewed_value("acme", Secret(json.dumps(KEY)), api("b"))

    assert json.loads(result.reveal()) == {**KEY, "key": "KEY-CANARY-b"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is not JSON"),
        ("[1]", "it is not an object"),
        ('{"type": "passkey", "key": "KEY-CANARY-x"}', "its type is none of key, oauth"),
        ('{"type": "key"}', "key is not a text"),
        ('{"type": "key", "key": "KEY-CANARY-x", "metadata": {"a": 1}}', "metadata is not"),
        ('{"type": "oauth", "refresh": "", "access": "", "expires": "x"}', "expires is not"),
        ("[" * 100_000, "it is not JSON"),
    ],
)
def test_what_is_no_login_is_a_sentence_without_its_secret(text: str, why: str) -> None:
    result = credential_of("acme", Secret(text))

    assert isinstance(result, str)
    assert result.startswith("a login of acme in opencode.db is left out: ")
    assert why in result
    assert "CANARY" not in result
