"""`opencode run` with two logins of one vendor, with the bridge and without."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.e2e.scenes import install_bridge, kinds, log_in, login, states, stream_errors
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_process import run
from tests.support.rotator_process import watcher

MODEL = ("-m", "openai/gpt-5.5")
RESPONSES = "/backend-api/codex/responses"
A, B = "ACC-CANARY-A", "ACC-CANARY-B"
HELLO = "Hello from login two."
SPENT = {
    "error": {
        "type": "usage_limit_reached",
        "message": "The usage limit has been reached",
        "resets_in_seconds": 3600,
    }
}


@pytest.fixture
def rerouted(house: Household, provider: LoopbackProvider) -> Iterator[Household]:
    """Return a household with two captured logins, A live, whose requests stay on loopback."""
    provider.ok(HELLO, key=B)
    house.install_reroute_plugin(provider.url)
    with watcher(house):
        log_in(house, "openai", login("B"), login("A"))
        yield house


def test_the_repeated_request_carries_the_other_token_and_its_account(
    rerouted: Household, provider: LoopbackProvider
) -> None:
    install_bridge(rerouted)
    provider.limit(A, body=SPENT)

    ended = run(rerouted, "hi", *MODEL)

    assert (ended.code, ended.stdout.strip()) == (0, HELLO)
    seen = [(r.credential, r.headers["chatgpt-account-id"]) for r in provider.asked(RESPONSES)]
    assert seen[-1] == (B, "acct-B")
    assert set(seen) <= {(A, "acct-A"), (B, "acct-B")}
    assert stream_errors(rerouted) == []
    assert states(rerouted, "openai") == ["ready", "exhausted"]


def test_without_the_bridge_opencodes_own_retry_meets_the_other_account(
    house: Household, provider: LoopbackProvider
) -> None:
    """Whose login opencode itself loads: with another plug-in its log would blame nobody."""
    provider.ok(HELLO, key=B)
    provider.limit(A, body=SPENT)
    config = json.loads((house.config_folder / "opencode.json").read_text())
    config["provider"]["xai"] = {"options": {"baseURL": f"{provider.url}/v1"}}
    (house.config_folder / "opencode.json").write_text(json.dumps(config))

    with watcher(house):
        log_in(house, "xai", login("B"), login("A"))
        ended = run(house, "hi", "-m", "xai/grok-4")

    assert (ended.code, ended.stdout.strip()) == (0, HELLO)
    assert provider.keys[-1] == B
    assert len(stream_errors(house)) == 1
    assert kinds(house).count("failover") == 1
    assert states(house, "xai") == ["ready", "exhausted"]
