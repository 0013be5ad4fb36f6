"""Of a key that tells no usage one can still ask whether it is accepted, and who wants to does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.connected import Connected
from tests.support.household import Household
from tests.support.provider_answers import Answer, refusal
from tests.support.rotator_process import accounts, rotator
from tests.support.vendor import Vendor

OPENAI = ("api.openai.com", "/v1/models")
ZEN = ("opencode.ai", "/zen/go/v1/usage")
ZAI = ("api.z.ai", "/api/monitor/usage/quota/limit")
MODELS = Answer(body={"object": "list", "data": []})
NO_PLAN = {"type": "error", "error": {"type": "EntitlementError", "message": "required"}}
SHARED = {
    "type": "oauth",
    "access": "ACC-CANARY-a",
    "refresh": "REF-CANARY-a",
    "expires": 4_000_000_000_000,
    "metadata": {"clientID": "oaiapp_a"},
}


@pytest.fixture
def vendor(tmp_path: Path) -> Iterator[Vendor]:
    with Vendor(tmp_path) as vendor:
        yield vendor


@pytest.fixture
def house(home: Path, vendor: Vendor) -> Household:
    return Connected(home, way=vendor.environment)


@pytest.mark.parametrize(
    ("provider", "place", "answer", "saved"),
    [
        pytest.param("openai", OPENAI, MODELS, True, id="accepted"),
        pytest.param("openai", OPENAI, refusal(401), False, id="refused"),
        pytest.param("openai", OPENAI, refusal(403), True, id="may not list models"),
        pytest.param("opencode", ZEN, refusal(403, NO_PLAN), True, id="without a plan"),
        pytest.param("opencode", ZEN, refusal(401), False, id="unknown at OpenCode"),
        pytest.param(
            *("zai", ZAI, Answer(body={"code": 401, "success": False}), False), id="dead at Z.AI"
        ),
    ],
)
def test_a_key_that_tells_no_usage_is_tried_before_it_is_saved(
    house: Household,
    vendor: Vendor,
    provider: str,
    place: tuple[str, str],
    answer: Answer,
    *,
    saved: bool,
) -> None:
    vendor.answer(*place, answer)

    ended = rotator(house, "accounts", "add", provider, given="KEY-CANARY-new")

    assert (ended.code, "CANARY" in ended.stdout + ended.stderr) == (0 if saved else 2, False)
    assert len(vendor.requests) == 1
    assert bool(accounts(house)) is saved


def unavailable(house: Household, *words: str) -> str:
    ended = rotator(house, "usage", *words, "--json")
    told: list[dict[str, Any]] = ended.json()["usage"]
    assert "CANARY" not in ended.stdout
    return str(told[0]["unavailable"])


def test_a_refresh_of_usage_says_of_a_dead_login_that_it_is_not_accepted(
    house: Household, vendor: Vendor
) -> None:
    house.write_auth({"openai": SHARED})
    vendor.answer(*OPENAI, refusal(401, json.dumps({"detail": {"error_code": "invalid_token"}})))

    unasked = unavailable(house), len(vendor.requests)
    dead = unavailable(house, "--refresh")
    remembered = unavailable(house), len(vendor.requests)
    vendor.answer(*OPENAI, Answer(body={"models": []}))
    alive = unavailable(house, "--refresh")

    why = "a login that shares its tokens tells nothing of its usage"
    assert unasked == (why, 0)
    assert dead == "the vendor does not accept the login: status 401"
    assert remembered == (dead, 1)
    assert alive == why


def test_a_login_whose_tokens_have_run_out_gets_none_only_to_be_asked_about(
    house: Household, vendor: Vendor
) -> None:
    house.write_auth({"openai": SHARED | {"expires": 1_700_000_000_000}})

    rotator(house, "usage", "--refresh")

    assert vendor.requests == []
