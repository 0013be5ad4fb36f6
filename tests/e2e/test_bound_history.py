"""Reasoning that only the account which made it can send back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.scenes import install_bridge, log_in, login, states, stream_errors
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_process import Server, serve
from tests.support.provider_answers import refusal
from tests.support.rotator_process import rotator, watcher

MODEL = "openai/gpt-5.5"
RESPONSES = "/backend-api/codex/responses"
A, B = "ACC-CANARY-A", "ACC-CANARY-B"


@pytest.fixture
def server(house: Household, provider: LoopbackProvider) -> Iterator[Server]:
    """Return a server with two ChatGPT logins whose reasoning is bound to their token."""
    provider.history.bind()
    house.install_reroute_plugin(provider.url)
    install_bridge(house)
    with watcher(house):
        log_in(house, "openai", login("B"), login("A"))
        with serve(house) as server:
            yield server


def refusals(provider: LoopbackProvider) -> int:
    """Return how many requests were refused for what is in their history."""
    return sum(request.status == 400 for request in provider.asked(RESPONSES))


def test_a_failover_and_a_rotation_by_hand_cost_one_refused_request_each_at_the_most(
    house: Household, provider: LoopbackProvider, server: Server
) -> None:
    session, other = server.create_session(), server.create_session()
    server.prompt(session, "one", model=MODEL)
    server.prompt(other, "one", model=MODEL)
    provider.answer(refusal(429, headers={"retry-after": "3600"}), key=A, title=False, times=1)

    failed_over = [server.prompt(session, text, model=MODEL) for text in ("two", "three")]
    cost, asked = refusals(provider), provider.asked(RESPONSES)
    stood = states(house, "openai")
    # Whoever rotates by name lifts what rested it; that session's last answer was A's.
    rotator(house, "rotate", "openai", "openai-2")
    server.prompt(other, "two", model=MODEL)
    before, count = refusals(provider), len(provider.asked(RESPONSES))
    rotator(house, "rotate", "openai", "openai-1")
    rotated = [server.prompt(other, text, model=MODEL) for text in ("three", "four")]

    assert all((*failed_over, *rotated))
    assert cost <= 1
    assert asked[-1].credential == B
    assert stood == ["ready", "cooling"]
    assert refusals(provider) - before == 1
    assert {r.credential for r in provider.asked(RESPONSES)[count:]} == {B}
    assert stream_errors(house) == []
    assert states(house, "openai") == ["ready", "ready"]
