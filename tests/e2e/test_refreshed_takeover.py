"""`opencode run` goes on with a login whose tokens had run out while it was parked.

Only our watcher can reach the vendor's token endpoint here: an opencode that refreshed by itself
would be refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.scenes import install_bridge, kinds, log_in, login, states, stream_errors
from tests.support.connected import Connected
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_process import run
from tests.support.provider_answers import refusal
from tests.support.rotator_process import rotator, watcher
from tests.support.token_endpoint import Grant, TokenEndpoint
from tests.support.vendor import Vendor

MODEL = ("-m", "openai/gpt-5.5")
RESPONSES = "/backend-api/codex/responses"
HOST, PATH = "auth.openai.com", "/oauth/token"
A, OLD_B, NEW_B = "ACC-CANARY-A", "ACC-CANARY-B", "ACC-CANARY-B-2"
HELLO = "Hello from login two."
SPENT = {"error": {"type": "usage_limit_reached", "message": "used up", "resets_in_seconds": 3600}}


@pytest.fixture
def vendor(tmp_path: Path) -> Iterator[Vendor]:
    with Vendor(tmp_path) as vendor:
        yield vendor


@pytest.fixture
def connected(house: Household, provider: LoopbackProvider, vendor: Vendor) -> Iterator[Household]:
    """Return a household with A live and limited, and B parked with tokens that have run out."""
    connected = Connected(house.home, way=vendor.environment)
    provider.ok(HELLO, key=NEW_B)
    # Its own retries of what nobody can help come at once.
    provider.limit(A, body=SPENT, headers={"retry-after-ms": "1"})
    connected.install_reroute_plugin(provider.url)
    install_bridge(connected)
    with watcher(connected):
        log_in(connected, "openai", login("A"))
        parked = json.dumps(dict(login("B", expires_in_seconds=-3600)))
        added = rotator(connected, "accounts", "add", "openai", "--alias", "b", given=parked)
        assert added.code == 0
        yield connected


def asked_for_tokens(vendor: Vendor) -> list[str]:
    """Return the refresh tokens that were sent; opencode asks other hosts for other things."""
    asked = [r for r in vendor.requests if (r.host, r.path) == (HOST, PATH)]
    return [str(r.body["refresh_token"]) for r in asked if isinstance(r.body, dict)]


def test_the_turn_goes_on_with_tokens_that_were_fetched_meanwhile(
    connected: Household, provider: LoopbackProvider, vendor: Vendor
) -> None:
    """Case 48: refreshed first, and the rotated token is saved."""
    tokens = TokenEndpoint()
    tokens.grant("REF-CANARY-B", Grant(NEW_B, "REF-CANARY-B-2"))
    vendor.answer(HOST, PATH, tokens.answer)

    ended = run(connected, "hi", *MODEL)

    assert (ended.code, ended.stdout.strip()) == (0, HELLO)
    seen = [(r.credential, r.headers["chatgpt-account-id"]) for r in provider.asked(RESPONSES)]
    assert set(seen) == {(A, "acct-A"), (NEW_B, "acct-B")}
    assert connected.read_auth()["openai"]["refresh"] == "REF-CANARY-B-2"
    assert (stream_errors(connected), asked_for_tokens(vendor)) == ([], ["REF-CANARY-B"])
    assert kinds(connected)[-3:] == ["limited", "refreshed", "failover"]


def test_a_login_that_is_dead_at_its_vendor_never_goes_into_auth_json(
    connected: Household, provider: LoopbackProvider, vendor: Vendor
) -> None:
    vendor.answer(HOST, PATH, refusal(400, {"error": "invalid_grant"}))

    ended = run(connected, "hi", *MODEL)

    assert ended.code != 0
    assert {r.credential for r in provider.asked(RESPONSES)} == {A}
    assert connected.read_auth()["openai"]["access"] == A
    assert states(connected, "openai") == ["exhausted", "rejected"]
    assert asked_for_tokens(vendor) == ["REF-CANARY-B"]
