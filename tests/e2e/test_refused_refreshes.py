"""opencode itself asks for new tokens of the live login, and the vendor refuses them."""

from __future__ import annotations

import pytest

from tests.e2e.scenes import install_bridge, kinds, log_in, login, of, of_kind
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_binary import OLDEST_VERSION, OPENCODE_VERSION
from tests.support.opencode_process import serve
from tests.support.provider_answers import refusal
from tests.support.rotator_process import watcher
from tests.support.waiting import wait_until

pytestmark = pytest.mark.e2e

HELLO = "Hello from login two."
MODEL = "openai/gpt-5.5"
GRANT = {"error": "invalid_grant", "error_description": "The refresh token was revoked"}


@pytest.mark.parametrize("version", [OPENCODE_VERSION, OLDEST_VERSION])
def test_the_next_message_goes_on_with_another_login(
    house: Household, provider: LoopbackProvider, version: str
) -> None:
    # The turn itself ends: nothing of a token request or its answer is ours to change.
    house.configure(provider.url, small_model=MODEL)
    house.install_reroute_plugin(provider.url)
    install_bridge(house)
    provider.ok(HELLO, key="ACC-CANARY-B")
    provider.answer(refusal(400, GRANT), path="/oauth/token")
    with watcher(house):
        log_in(house, "openai", login("B"), login("A", expires_in_seconds=-5))
        live = next(a for a in of(house, "openai") if a["active"])
        with serve(house, version=version) as server:
            server.prompt(server.create_session(), "hi", model=MODEL)
            wait_until(lambda: "failover" in kinds(house), 15, "another login to take over")
            answer = server.prompt(server.create_session(), "hi again", model=MODEL)

    assert answer == HELLO
    limited = of_kind(house, "limited")
    assert [event["account"] for event in limited] == [f"openai/{live['alias']}"]
    assert limited[0]["why"].startswith("its vendor refused opencode new tokens")
    assert {request.credential for request in provider.asked("/v1/")} <= {None, "ACC-CANARY-B"}
