"""Copilot's traps; every documented answer is in fixtures/github-copilot."""

from __future__ import annotations

import pytest

from providers._shared.fields import Part
from providers._shared.pieces import Pieces
from providers.github_copilot.provider import Copilot
from providers.github_copilot.usage import read_quotas
from rotator.model import Meaning, Signal, Source
from tests.support.builders import NOW, api, oauth

ALL_LEFT = {"entitlement": 7000, "remaining": 7000, "percent_remaining": 100.0}


def used(**quota: object) -> list[float]:
    snapshots = {"premium_interactions": quota}
    return [window.used for window in read_quotas(Part({"quota_snapshots": snapshots}), Pieces())]


def test_the_lying_snapshot_an_unused_month_that_may_be_exceeded_is_no_number() -> None:
    assert used(**ALL_LEFT, overage_permitted=True) == []
    assert used(**ALL_LEFT, overage_permitted=False) == [0.0]


def test_a_402_says_that_the_month_is_used_up_whatever_the_snapshot_says() -> None:
    body = '{"error": {"message": "You have no quota", "code": "quota_exceeded"}}'
    signal = Signal("s", NOW, "github-copilot", Source.BRIDGE, status=402, body=body)

    found = Copilot().classify(signal, NOW)

    assert found is not None
    assert (found.meaning, str(found.until)) == (Meaning.EXHAUSTED, "2026-12-01 00:00:00+00:00")


@pytest.mark.parametrize(
    "told",
    [
        "http://company.ghe.com",
        "https://company.ghe.com:8443",
        "https://user@company.ghe.com",
        "https://company.ghe.com/path",
        "company.ghe.com?x",
        "127.0.0.1",
        "https://[::1]",
        "https://[",
        "localhost",
        "company.ghe.com\\@evil.example",
    ],
)
def test_a_token_goes_to_the_https_address_of_a_host_and_nowhere_else(told: str) -> None:
    assert Copilot().usage_obstacle(oauth(enterpriseUrl=told)) is not None


def test_only_a_login_can_be_asked_for() -> None:
    assert Copilot().usage_obstacle(oauth()) is None
    assert Copilot().usage_obstacle(api()) is not None
    assert Copilot().identify(oauth()).key is None


@pytest.mark.parametrize(
    "text", ["rem=?", "ent=1&rem=1&rst=soon", "&".join("abcdefghijklmnopqrstuvw")]
)
def test_a_header_that_is_not_understood_tells_nothing(text: str) -> None:
    assert Copilot().read_headers({"x-quota-snapshot-premium_interactions": text}, NOW) is None
