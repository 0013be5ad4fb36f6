"""`opencode run` with two logins of one vendor, and without the bridge."""

from __future__ import annotations

import json

from tests.e2e.scenes import kinds, log_in, login, states, stream_errors
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_process import run
from tests.support.rotator_process import watcher

A, B = "ACC-CANARY-A", "ACC-CANARY-B"
HELLO = "Hello from login two."
SPENT = {
    "error": {
        "type": "usage_limit_reached",
        "message": "The usage limit has been reached",
        "resets_in_seconds": 3600,
    }
}


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
