"""Each new message finds its provider by the user's order, in the real opencode.

The watcher is a stand-in; the order and who is ready are what the test publishes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.e2e.three_sides import CHAT, MESSAGES, RESPONSES, requests, three_sides, turn
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_process import Server, serve
from tests.support.provider_answers import streamed, tool_call
from tests.support.scripted_watcher import ScriptedWatcher

pytestmark = pytest.mark.e2e

Sides = tuple[Household, LoopbackProvider, ScriptedWatcher]
HELPER = {"mode": "subagent", "model": CHAT.name, "description": "helps", "prompt": "Help."}


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sides]:
    """Return what the tests of this file share; each begins anew in it, with other sessions."""
    with three_sides(tmp_path_factory.mktemp("home")) as sides:
        file = sides[0].config_folder / "opencode.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | {"agent": {"helper": HELPER}}))
        yield sides


@pytest.fixture
def provider(sides: Sides) -> Iterator[LoopbackProvider]:
    """Return the provider behind all three."""
    yield sides[1]
    sides[1].begin_anew()


@pytest.fixture
def watcher(sides: Sides) -> Iterator[ScriptedWatcher]:
    """Return a stand-in for the watcher whose order is anthropic, then mock."""
    sides[2].publish(MESSAGES.route, CHAT.route)
    yield sides[2]
    sides[2].begin_anew()


@pytest.fixture(scope="module")
def server(sides: Sides) -> Iterator[Server]:
    """Return a server with the bridge and the stand-in; its default is mock."""
    with serve(sides[0]) as server:
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
