"""What an opencode without the bridge began with while no watcher ran (B: whose request it was).

Each is the real opencode, and goes on with the key that it has read.
"""

from __future__ import annotations

import json
import time

import pytest

from tests.e2e.scenes import A, B, api, install_bridge, log_in, of_kind, states, stream_errors
from tests.support.household import Household
from tests.support.log_lines import wait_until_worked_off
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_process import Server, serve
from tests.support.rotator_process import watcher
from tests.support.waiting import wait_until

X, GROQ = "KEY-CANARY-X", {"groq": api("KEY-CANARY-GROQ")}
# What was written is noted so long after it at most, and files tell no more than that apart.
_APART_SECONDS = 1.3


def fails(house: Household, provider: LoopbackProvider, server: Server, session: str) -> set[str]:
    """Let a request fail with the key that it has sent all the time; return who is blamed."""
    (sent,) = {key for key in provider.keys if key}
    # Of a line about this one there is something to be told in any case.
    own = {"provider": {"groq": {"options": {"apiKey": "KEY-CANARY-OWN"}}}}
    (house.project / "opencode.json").write_text(json.dumps(own))
    provider.limit(sent, headers={"retry-after": "3600"})
    server.prompt_async(session, "limited")
    wait_until(lambda: stream_errors(house), 30, "the failure in the log")
    wait_until_worked_off(house, "groq")
    found = (event["account"] for event in of_kind(house, "limited"))
    return {name for name in found if name.startswith("mock/")}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("bridge", ["none", "later"])
def test_b_what_was_there_before_the_first_watcher_is_not_blamed_on_what_it_finds(
    house: Household, provider: LoopbackProvider, bridge: str
) -> None:
    house.write_auth({"mock": api(X)})
    with serve(house) as server:
        session = server.create_session()
        server.prompt(session, "hi")
        time.sleep(_APART_SECONDS)
        house.write_auth({"mock": api(A)})
        if bridge == "later":
            install_bridge(house)
        with watcher(house):
            log_in(house, "groq", GROQ["groq"])
            blamed = fails(house, provider, server, session)

            assert (blamed, states(house)) == (set(), ["ready"])
    assert house.read_auth()["mock"] == api(A)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("is_back", [False, True])
def test_b_a_login_that_came_while_the_watcher_was_away_is_blamed_for_its_own_alone(
    house: Household, provider: LoopbackProvider, *, is_back: bool
) -> None:
    with watcher(house):
        log_in(house, "mock", api(B), api(A))
        log_in(house, "groq", GROQ["groq"])
    time.sleep(_APART_SECONDS)
    house.write_auth({"mock": api(B), **GROQ})
    time.sleep(_APART_SECONDS)
    with serve(house) as server:
        session = server.create_session()
        server.prompt(session, "hi")
        if is_back:
            time.sleep(_APART_SECONDS)
            house.write_auth({"mock": api(A), **GROQ})
        with watcher(house):
            wait_until(lambda: len(states(house)) == 2, 20, "both accounts")
            blamed = fails(house, provider, server, session)

    # Whether the first was still there in between nobody knows.
    assert blamed == (set() if is_back else {"mock/mock-1"})
    assert house.read_auth()["mock"] == api(A)
