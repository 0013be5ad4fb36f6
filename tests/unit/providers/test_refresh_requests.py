"""What is sent to a vendor for new tokens, to the letter, and for which logins nothing is."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from providers.google.provider import Google
from rotator.model import Credential, Identity
from rotator.provider import HttpRequest, RefreshCall
from rotator.secret import Secret
from tests.support.builders import HOUR, MINUTE, NOW, a_jwt, api, oauth, wellknown
from tests.support.token_answers import refreshers

CODEX = "app_EMoamEEZ73f0CkXaXp7hrann"
GROK = "b1a00492-073a-47ea-816f-4c329264a828"
CLAUDE = "9d1c250a-e61b-44d9-88ed-5944d1962f5e"
OWN = "oaiapp_0123"
FORM = {"content-type": "application/x-www-form-urlencoded"}
ALL = sorted(refreshers())
ASKED = ["anthropic", "openai", "xai"]
OTHER_CLIENT = "it was made by another program, whose tokens only that one can refresh"


def call(vendor: str, credential: Credential) -> RefreshCall | str:
    return refreshers()[vendor].refresh_call(credential)


def made(vendor: str, credential: Credential) -> RefreshCall:
    found = call(vendor, credential)
    assert isinstance(found, RefreshCall), found
    return found


# -- each vendor's request -----------------------------------------------------------------------


def test_openai_is_asked_in_the_name_of_codex() -> None:
    body = f"grant_type=refresh_token&refresh_token=REF-CANARY-a-1&client_id={CODEX}"

    assert made("openai", oauth()) == RefreshCall(
        HttpRequest("POST", "https://auth.openai.com/oauth/token", FORM, Secret(body)), CODEX
    )


def test_xai_is_asked_in_the_name_of_the_grok_command_line() -> None:
    body = f"grant_type=refresh_token&refresh_token=REF-CANARY-a-1&client_id={GROK}"

    assert made("xai", oauth()) == RefreshCall(
        HttpRequest("POST", "https://auth.x.ai/oauth2/token", FORM, Secret(body)), GROK
    )


def test_anthropic_is_asked_in_the_name_of_claude_code_and_with_the_user_s_consent() -> None:
    found = made("anthropic", oauth())

    assert found.request.url == "https://platform.claude.com/v1/oauth/token"
    assert found.request.headers == {"content-type": "application/json"}
    assert found.request.body is not None
    assert json.loads(found.request.body.reveal()) == {
        "grant_type": "refresh_token",
        "refresh_token": "REF-CANARY-a-1",
        "client_id": CLAUDE,
    }
    assert found.client == CLAUDE
    assert found.consent is not None
    assert "Anthropic's consumer terms" in found.consent


def test_only_anthropic_asks_for_consent_and_only_a_shared_token_for_patience() -> None:
    calls = {vendor: made(vendor, oauth()) for vendor in ASKED}

    assert [vendor for vendor, one in calls.items() if one.consent] == ["anthropic"]
    assert {one.not_before for one in calls.values()} == {None}


@pytest.mark.parametrize("vendor", ASKED)
def test_no_request_shows_its_token(vendor: str) -> None:
    assert "CANARY" not in repr(call(vendor, oauth()))


@pytest.mark.parametrize("vendor", ASKED)
def test_a_token_is_written_so_that_every_letter_of_it_arrives(vendor: str) -> None:
    request = made(vendor, oauth(refresh='REF-CANARY&client_id=x+y%20="\\/')).request

    assert request.body is not None
    text = request.body.reveal()
    if request.headers == FORM:
        assert "refresh_token=REF-CANARY%26client_id%3Dx%2By%2520%3D%22%5C%2F&" in text
    else:
        assert json.loads(text)["refresh_token"] == 'REF-CANARY&client_id=x+y%20="\\/'


# -- logins that share tokens --------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"clientID": OWN}, id="stored at the top"),
        pytest.param({"metadata": {"clientID": OWN, "scopes": ["openid"]}}, id="in the metadata"),
        pytest.param({"access": a_jwt({"client_id": OWN})}, id="in the token"),
        pytest.param({"access": a_jwt({"azp": OWN})}, id="in the token, by another name"),
        pytest.param({"clientID": OWN, "access": a_jwt({"client_id": OWN})}, id="in both"),
    ],
)
def test_a_login_that_shares_tokens_is_refreshed_by_its_own_client(fields: dict[str, Any]) -> None:
    found = made("openai", oauth(expires_at=NOW + HOUR, **fields))

    assert found == RefreshCall(
        HttpRequest(
            "POST",
            "https://auth.openai.com/api/accounts/oauth/token",
            FORM,
            Secret(
                "grant_type=refresh_token&refresh_token=REF-CANARY-a-1"
                f"&client_id={OWN}&resource=https%3A%2F%2Fapi.openai.com%2Fv1"
            ),
        ),
        OWN,
        not_before=NOW + HOUR - 5 * MINUTE,
    )


@pytest.mark.parametrize(
    ("stored", "told", "ends"),
    [
        (HOUR, None, HOUR),
        (None, HOUR, HOUR),
        (HOUR, 2 * HOUR, 2 * HOUR),
        (2 * HOUR, HOUR, 2 * HOUR),
    ],
)
def test_a_shared_token_is_not_refreshed_before_the_later_of_its_two_ends(
    stored: timedelta | None, told: timedelta | None, ends: timedelta
) -> None:
    claims = {"client_id": OWN} | ({"exp": (NOW + told).timestamp()} if told else {})
    credential = oauth(expires_at=NOW + stored if stored else None, access=a_jwt(claims))

    assert made("openai", credential).not_before == NOW + ends - 5 * MINUTE


@pytest.mark.parametrize("exp", [None, "soon", True, -62135596800, 1e300])
def test_a_shared_token_that_does_not_say_when_it_ends_is_left_alone(exp: object) -> None:
    credential = oauth(expires_at=None, access=a_jwt({"client_id": OWN, "exp": exp}))

    why = "it does not say when it ends, and a refresh that is too early would kill it"
    assert call("openai", credential) == why


# -- logins of other programs --------------------------------------------------------------------


@pytest.mark.parametrize("vendor", ASKED)
@pytest.mark.parametrize(
    "fields",
    [
        {"access": a_jwt({"client_id": "app_another"})},
        {"access": a_jwt({"azp": "app_another"})},
        {"clientID": "app_another"},
        {"metadata": {"clientID": "app_another"}},
        {"clientID": OWN, "access": a_jwt({"client_id": "oaiapp_another"})},
    ],
)
def test_a_login_of_a_client_that_is_not_ours_is_left_to_it(
    vendor: str, fields: dict[str, Any]
) -> None:
    """Its token sent in another client's name is refused with the code of a dead one."""
    assert call(vendor, oauth(**fields)) == OTHER_CLIENT


@pytest.mark.parametrize(
    ("vendor", "client"), [("openai", CODEX), ("xai", GROK), ("anthropic", CLAUDE)]
)
def test_a_login_that_names_the_usual_client_is_refreshed(vendor: str, client: str) -> None:
    credential = oauth(access=a_jwt({"client_id": client, "azp": client}), clientID=client)

    assert made(vendor, credential).client == client


@pytest.mark.parametrize(
    "fields",
    [
        *({"clientID": odd} for odd in ("", 7, None, [OWN], {"a": OWN})),
        *({"metadata": odd} for odd in ("", 7, [OWN], {"clientID": 7}, {"clientid": OWN})),
        {"access": a_jwt({"client_id": 7, "azp": [OWN]})},
    ],
)
def test_what_is_no_client_names_none(fields: dict[str, Any]) -> None:
    assert made("openai", oauth(**fields)).client == CODEX


# -- what is not refreshed -----------------------------------------------------------------------


@pytest.mark.parametrize("vendor", ALL)
@pytest.mark.parametrize("credential", [api(), wellknown()], ids=lambda one: one.type)
def test_what_is_no_login_has_nothing_to_refresh(vendor: str, credential: Credential) -> None:
    assert call(vendor, credential) == "only logins by OAuth have tokens to refresh"


@pytest.mark.parametrize("vendor", ASKED)
@pytest.mark.parametrize("refresh", ["", " ", "REF CANARY", "REF-CANARY\n", "\ud800", "é"])
def test_a_refresh_token_that_could_not_be_sent_is_not(vendor: str, refresh: str) -> None:
    credential = oauth(refresh=refresh)

    assert call(vendor, credential) == "it has no refresh token that could be sent"


def test_google_s_logins_are_left_to_their_plug_ins() -> None:
    found = call("google", oauth())

    assert isinstance(found, str)
    assert "by themselves" in found


def test_google_names_nobody_and_keeps_its_refresh_tokens() -> None:
    google = Google()

    assert (google.ids, google.rotates_tokens) == (("google",), False)
    assert [google.identify(one) for one in (api(), oauth())] == [Identity(), Identity()]
