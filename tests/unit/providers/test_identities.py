"""What each vendor's module reads from a credential, offline."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from providers.anthropic.provider import Anthropic
from providers.openai.provider import OpenAI
from providers.xai.provider import XAI
from rotator.model import Identity
from rotator.provider import Provider, jwt_claims
from tests.support.builders import a_jwt, api, oauth

AUTH = "https://api.openai.com/auth"
PROFILE = "https://api.openai.com/profile"
ALL: list[Provider] = [Anthropic(), OpenAI(), XAI()]


def openai(claims: object, **fields: Any) -> Identity:
    return OpenAI().identify(oauth(access=a_jwt(claims), **fields))


def xai(claims: object) -> Identity:
    return XAI().identify(oauth(access=a_jwt(claims)))


@pytest.mark.parametrize("provider", ALL, ids=lambda p: p.ids[0])
def test_an_api_key_names_nobody(provider: Provider) -> None:
    assert provider.identify(api()) == Identity()


@pytest.mark.parametrize("provider", ALL, ids=lambda p: p.ids[0])
def test_an_opaque_token_names_nobody(provider: Provider) -> None:
    assert provider.identify(oauth()) == Identity()


@pytest.mark.parametrize("provider", ALL, ids=lambda p: p.ids[0])
def test_these_vendors_replace_the_refresh_token_at_each_refresh(provider: Provider) -> None:
    assert provider.rotates_tokens


def test_the_modules_know_opencode_s_ids() -> None:
    assert [provider.ids for provider in ALL] == [("anthropic",), ("openai",), ("xai",)]


def test_an_openai_login_is_workspace_and_user() -> None:
    claims = {
        AUTH: {
            "chatgpt_account_id": "ws-1",
            "chatgpt_user_id": "user-1",
            "chatgpt_plan_type": "plus",
        },
        PROFILE: {"email": "ada@example.com"},
    }

    assert openai(claims) == Identity("ws-1/user-1", "ada@example.com", "plus")


def test_two_members_of_one_workspace_are_two_people() -> None:
    """Case 51: two users in one ChatGPT workspace are two accounts."""
    one, other = (
        openai({AUTH: {"chatgpt_account_id": "ws-1", "chatgpt_user_id": user}})
        for user in ("user-1", "user-2")
    )

    assert one.key != other.key


def test_one_user_in_two_workspaces_is_two_accounts() -> None:
    one, other = (
        openai({AUTH: {"chatgpt_account_id": workspace, "chatgpt_user_id": "user-1"}})
        for workspace in ("ws-1", "ws-2")
    )

    assert one.key != other.key


def test_a_refreshed_openai_token_names_the_same_account() -> None:
    """Case 3: the claims tell whose a rotated login is."""
    auth = {"chatgpt_account_id": "ws-1", "chatgpt_user_id": "user-1"}
    one, other = (openai({AUTH: auth, "exp": number, "jti": str(number)}) for number in (1, 2))

    assert one.key == other.key == "ws-1/user-1"


def test_half_of_what_tells_members_apart_is_nobody_s_key() -> None:
    """A3, A4: a workspace alone has many members, and a subject is not the vendor's user."""
    halves = [
        OpenAI().identify(oauth(accountId="ws-1")),
        openai({AUTH: {"chatgpt_account_id": "ws-1"}}),
        openai({AUTH: {"chatgpt_account_id": "ws-1"}}, accountId="ws-1"),
        openai({AUTH: {"chatgpt_user_id": "user-1"}}),
        openai({AUTH: {"chatgpt_user_id": "user-1"}}, accountId="org-1"),
        openai({AUTH: {"chatgpt_account_user_id": "user-1__ws-1"}}),
        openai({AUTH: {"chatgpt_account_id": "ws-1", "chatgpt_account_user_id": "__ws-1"}}),
        openai({AUTH: {"chatgpt_account_id": "ws-1", "chatgpt_account_user_id": "ws-1"}}),
        openai({"sub": "auth0|a"}),
        openai({"sub": "auth0|a", "chatgpt_account_id": "ws-1"}),
    ]

    assert [(who.key, who.group) for who in halves] == [(None, None)] * len(halves)


def test_a_user_may_stand_beside_the_account_alone() -> None:
    """A4: two members whose user is named in one claim only are two people."""
    one, other = (
        openai({AUTH: {"chatgpt_account_id": "ws", "chatgpt_account_user_id": f"{user}__ws"}})
        for user in ("user-1", "user-2")
    )

    assert (one.key, other.key) == ("ws/user-1", "ws/user-2")


@pytest.mark.parametrize(
    ("claims", "fields", "key"),
    [
        pytest.param(
            {AUTH: {"chatgpt_account_id": "ws", "user_id": "u"}}, {}, "ws/u", id="user_id"
        ),
        pytest.param(
            {"chatgpt_account_id": "ws", AUTH: {"user_id": "u"}}, {}, "ws/u", id="at the top"
        ),
        pytest.param(
            {AUTH: {"user_id": "u"}}, {"accountId": "ws"}, "ws/u", id="the stored account id"
        ),
        pytest.param({"sub": "s"}, {}, None, id="no workspace, so no proof"),
        pytest.param({AUTH: "text", PROFILE: 1}, {}, None, id="claims of other shapes"),
        pytest.param({AUTH: {"chatgpt_account_id": 7}}, {}, None, id="an id that is no text"),
        pytest.param(
            {AUTH: {"chatgpt_account_id": "ws", "user_id": "u"}},
            {"accountId": "x"},
            "ws/u",
            id="the claim wins",
        ),
    ],
)
def test_openai_s_claims_come_in_several_shapes(
    claims: object, fields: dict[str, str], key: str | None
) -> None:
    assert openai(claims, **fields).key == key


def test_an_e_mail_may_stand_at_the_top() -> None:
    assert openai({"email": "ada@example.com"}).label == "ada@example.com"


def test_an_e_mail_is_cleaned_before_anyone_sees_it() -> None:
    assert openai({"email": "ada\x1b[31m@example.com"}).label == "ada [31m@example.com"


def test_an_xai_login_is_issuer_and_subject() -> None:
    claims = {"iss": "https://auth.x.ai", "sub": "s-1", "email": "ada@example.com"}

    assert xai(claims) == Identity("https://auth.x.ai/s-1", "ada@example.com")


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"iss": "https://auth.x.ai"}, id="no subject"),
        pytest.param({"sub": "s-1", "email": "ada@example.com"}, id="no issuer"),
        pytest.param({"iss": 1, "sub": "s-1"}, id="an issuer that is no text"),
    ],
)
def test_half_of_it_proves_nothing_at_xai(claims: object) -> None:
    assert xai(claims) == Identity()


@pytest.mark.parametrize("email", ["", 7, None])
def test_an_xai_login_need_not_say_its_e_mail(email: object) -> None:
    assert xai({"iss": "i", "sub": "s", "email": email}) == Identity("i/s")


def _token(body: bytes) -> str:
    return f"e30.{base64.urlsafe_b64encode(body).decode()}.CANARY"


@pytest.mark.parametrize(
    "token",
    [
        pytest.param("", id="nothing"),
        pytest.param("ACC-CANARY", id="no dots"),
        pytest.param("a.b", id="two parts"),
        pytest.param("a.b.c.d", id="four parts"),
        pytest.param("a.!.c", id="not base64"),
        pytest.param("a.é.c", id="not ASCII"),
        pytest.param(_token(b"{"), id="not JSON"),
        pytest.param(_token(b"\xff"), id="not UTF-8"),
        pytest.param(_token(b"[1]"), id="no object"),
        pytest.param(_token(b"[" * 100_000), id="nested too deeply"),
    ],
)
def test_what_is_no_json_web_token_has_no_claims(token: str) -> None:
    assert jwt_claims(token) == {}


def test_claims_are_read_with_and_without_padding() -> None:
    claims = [jwt_claims(a_jwt({"sub": "s" * n}))["sub"] for n in range(1, 5)]

    assert claims == ["s", "ss", "sss", "ssss"]
