"""When a key in auth.json ends, by what its login has left beside it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from rotator.opencode.auth.entries import parse_entry
from rotator.secret import Secret

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
