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


def test_a_failover_inside_a_session_costs_one_refused_request_at_the_most(
    house: Household, provider: LoopbackProvider, server: Server
) -> None:
    session = server.create_session()
    server.prompt(session, "one", model=MODEL)
    provider.answer(refusal(429, headers={"retry-after": "3600"}), key=A, title=False, times=1)

    second = server.prompt(session, "two", model=MODEL)
    third = server.prompt(session, "three", model=MODEL)

    assert all((second, third))
    assert refusals(provider) <= 1
    assert provider.asked(RESPONSES)[-1].credential == B
    assert stream_errors(house) == []
    assert states(house, "openai") == ["ready", "cooling"]


def test_a_rotation_by_hand_between_two_messages_costs_one_refused_request_at_the_most(
    house: Household, provider: LoopbackProvider, server: Server
) -> None:
    session = server.create_session()
    server.prompt(session, "one", model=MODEL)
    rotator(house, "rotate", "openai")

    second = server.prompt(session, "two", model=MODEL)
    third = server.prompt(session, "three", model=MODEL)

    assert all((second, third))
    assert refusals(provider) == 1
    assert {r.credential for r in provider.asked(RESPONSES)} == {A, B}
    assert stream_errors(house) == []
    assert states(house, "openai") == ["ready", "ready"]
