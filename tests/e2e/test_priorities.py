"""Each new message finds its provider by the user's order, in the real opencode.

The watcher is a stand-in; the order and who is ready are what the test publishes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.e2e.three_sides import CHAT, MESSAGES, RESPONSES, SIDES, move_in, requests, turn
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_process import Server, run, serve
from tests.support.provider_answers import streamed, tool_call
from tests.support.scripted_watcher import ScriptedWatcher, scripted_watcher

pytestmark = pytest.mark.e2e

HELPER = {"mode": "subagent", "model": CHAT.name, "description": "helps", "prompt": "Help."}


@pytest.fixture
def house(house: Household, provider: LoopbackProvider) -> Household:
    """Return a household with a login for each protocol, the bridge, and a sub-agent."""
    move_in(house, provider)
    file = house.config_folder / "opencode.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"agent": {"helper": HELPER}}))
    return house


@pytest.fixture
def watcher(house: Household) -> Iterator[ScriptedWatcher]:
    """Return a stand-in for the watcher whose order is anthropic, then mock."""
    with scripted_watcher(house.home, {side.provider: side.secret for side in SIDES}) as watcher:
        watcher.publish(MESSAGES.route, CHAT.route)
        yield watcher


@pytest.fixture
def server(house: Household, watcher: ScriptedWatcher) -> Iterator[Server]:
    """Return a server with the bridge and the stand-in; its default is mock."""
    assert watcher.signals == []
    with serve(house) as server:
        yield server


def test_the_order_chooses_for_each_message_and_sessions_stay_where_they_are(
    provider: LoopbackProvider, server: Server, watcher: ScriptedWatcher
) -> None:
    first, second = server.create_session(), server.create_session()

    server.prompt(first, "one")
    watcher.publish(MESSAGES.route, CHAT.route, resting="anthropic")
    server.prompt(second, "one")
    watcher.publish(MESSAGES.route, CHAT.route)
    server.prompt(first, "two")
    server.prompt(second, "two", model=CHAT.name)
    watcher.publish(MESSAGES.route, CHAT.route, resting="mock")
    server.prompt(second, "three")
    watcher.publish(MESSAGES.route, CHAT.route, balancing=False)
    server.prompt(server.create_session(), "off")

    assert turn(provider) == [
        MESSAGES.secret,
        CHAT.secret,
        MESSAGES.secret,
        CHAT.secret,
        MESSAGES.secret,
        CHAT.secret,
    ]
    sent = requests(provider)[4].raw_body.decode()
    assert all(text in sent for text in ("one", "two", "three"))


def test_a_model_that_the_person_picked_stays_and_a_sub_agent_keeps_its_own(
    provider: LoopbackProvider, server: Server, watcher: ScriptedWatcher
) -> None:
    def delegate(text: str) -> list[str | None]:
        """Let a turn ask the sub-agent; return who was asked."""
        before = len(provider.requests)
        task = tool_call("task", description=text, prompt=text, subagent_type="helper")
        provider.script(task, streamed("It is done."), key=MESSAGES.secret)
        server.prompt(server.create_session(), text)
        return turn(provider, before)

    picked = server.create_session()
    server.prompt(picked, "one", model=RESPONSES.name)
    server.prompt(picked, "two")
    kept = delegate("please help")
    provider.lift(MESSAGES.secret)
    watcher.publish(MESSAGES.route, CHAT.route, resting="mock")
    moved = delegate("please help again")

    assert turn(provider)[:2] == [RESPONSES.secret, RESPONSES.secret]
    assert kept == [MESSAGES.secret, CHAT.secret, MESSAGES.secret]
    assert set(moved) == {MESSAGES.secret}


def test_a_session_of_an_earlier_opencode_stays_with_its_provider(
    house: Household, provider: LoopbackProvider, watcher: ScriptedWatcher
) -> None:
    watcher.publish(RESPONSES.route, CHAT.route)
    began = run(house, "one")
    watcher.publish(MESSAGES.route, CHAT.route)

    ended = run(house, "two", "--continue")

    assert (began.code, ended.code) == (0, 0)
    assert turn(provider) == [RESPONSES.secret, RESPONSES.secret]
