"""When a key ends, by what its login has left beside it; where a login's requests go."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from rotator.opencode.auth.entries import (
    DEFAULT_PLACES,
    DESTINATION_FIELDS,
    NO_HOSTS,
    PAGES,
    PLACES_OF_PROVIDER,
    parse_entry,
)
from rotator.secret import Secret
from tests.support.bridge_process import BRIDGE
from tests.support.repository import ROOT

KEY = "dop_v1_CANARY"
END = "1782691200000"


def ends_at(**metadata: str) -> datetime | None:
    entry = {"type": "api", "key": KEY, "metadata": metadata}
    return parse_entry("digitalocean", Secret(json.dumps(entry))).ends_at


def test_a_key_that_is_a_login_s_token_ends_when_its_login_said() -> None:
    assert ends_at(oauth_access=KEY, oauth_expires=END) == datetime(2026, 6, 29, tzinfo=UTC)


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"oauth_access": KEY},
        # Of another token than the key.
        {"oauth_access": "dop_v1_CANARY_other", "oauth_expires": END},
        {"oauth_expires": END},
        # A vendor that did not say how long it lives.
        {"oauth_access": KEY, "oauth_expires": "NaN"},
        {"oauth_access": KEY, "oauth_expires": "0"},
        {"oauth_access": KEY, "oauth_expires": ""},
        {"oauth_access": KEY, "oauth_expires": "-1"},
        {"oauth_access": KEY, "oauth_expires": f" {END}"},
        {"oauth_access": KEY, "oauth_expires": f"{END}.5"},
        {"oauth_access": KEY, "oauth_expires": "9" * 16},
        {"oauth_access": KEY, "oauth_expires": "1" * 17},
    ],
)
def test_any_other_key_ends_at_no_time_that_is_known(metadata: dict[str, str]) -> None:
    assert ends_at(**metadata) is None


def constant_of_bridge(name: str, end: str) -> str:
    """Return the literal of a constant in the bridge's file, as JSON."""
    text = BRIDGE.read_text().partition(f"var {name} = ")[2].partition(f"{end};")[0] + end
    named = re.sub(r"^(\s*)([a-zA-Z]+):", r'\1"\2":', text, flags=re.MULTILINE)
    return re.sub(r"\{ (\w+):", r'{ "\1":', named)


def test_the_bridge_takes_the_same_fields_for_a_destination() -> None:
    fields = json.loads(constant_of_bridge("DESTINATION_FIELDS", "]"))
    own = json.loads(constant_of_bridge("PLACES_OF_PROVIDER", "}"))
    defaults = json.loads(constant_of_bridge("DEFAULT_PLACES", "}"))

    assert set(fields) == DESTINATION_FIELDS
    assert set(json.loads(constant_of_bridge("PAGES", "]"))) == PAGES
    assert set(json.loads(constant_of_bridge("NO_HOSTS", "]"))) == NO_HOSTS
    assert {name: set(places) for name, places in own.items()} == PLACES_OF_PROVIDER
    assert defaults == DEFAULT_PLACES


PLACES = json.loads((ROOT / "fixtures" / "field" / "places.json").read_text())["cases"]
SECRETS: dict[str, dict[str, object]] = {
    "oauth": {"access": "CANARY-access", "refresh": "CANARY-refresh", "expires": 1},
    "api": {"key": "CANARY-key"},
    "wellknown": {"key": "NAME", "token": "CANARY-token"},
}


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=f"{case['provider']} {case['type']}") for case in PLACES]
)
def test_logins_of_one_place_have_one_destination_and_no_others_do(case: dict[str, Any]) -> None:
    """A10; the same file is the bridge's test."""
    told = {"type": case["type"]} | SECRETS[case["type"]]

    groups = [
        {
            parse_entry(case["provider"], Secret(json.dumps(told | fields))).destination
            for fields in group
        }
        for group in case["groups"]
    ]

    assert [len(group) for group in groups] == [1] * len(groups)
    assert len(set().union(*groups)) == len(groups)
