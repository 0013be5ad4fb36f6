"""Whose request it is, in the real opencode: told by the context of the hook, never mixed up.

A stand-in for the watcher hears what the bridge tells of failed requests; the provider knows by
the session that opencode names in each request which of them it refused.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from rotator.opencode.bridge.install import bridge_source
from rotator.secret import digest_of
from tests.e2e.scenes import A, api
from tests.support.asking_plugin import PLACES, TOOLS, install_asking, install_slow
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_binary import OLDEST_VERSION, OPENCODE_VERSION
from tests.support.opencode_offline import take_types_for_installed
from tests.support.opencode_process import serve
from tests.support.provider_answers import Answer, refusal, streamed, tool_call
from tests.support.provider_request import Request
from tests.support.scripted_watcher import ScriptedWatcher, scripted_watcher
from tests.support.waiting import wait_until

pytestmark = pytest.mark.e2e

SESSIONS = 24
SECONDS = 120.0
HELLO = "Hello from the loopback provider."
SOON = {"retry-after-ms": "50"}
VERSIONS = pytest.mark.parametrize("version", [OPENCODE_VERSION, OLDEST_VERSION])
# A session, and whether the request was beside its turn.
Whose = tuple[str, bool]


class FirstRefused:
    """Refuses the first request of each session, and its first one for a title."""

    def __init__(self, *statuses: int) -> None:
        self._statuses = statuses
        self._lock = threading.Lock()
        self.refused: list[Whose] = []

    def __call__(self, request: Request) -> Answer | None:
        whose = (request.headers.get("x-session-id", ""), request.is_title)
        with self._lock:
            if whose in self.refused or "from" in request.query:
                return None
            self.refused.append(whose)
            status = self._statuses[len(self.refused) % len(self._statuses)]
        return refusal(status, headers=SOON)


def told(watcher: ScriptedWatcher) -> Counter[Whose]:
    """Return whose requests failed, as the bridge told."""
    signals = [signal for signal in watcher.signals if "kind" not in signal]
    assert {signal["credential"] for signal in signals} <= {digest_of(A)}
    assert {(signal["provider"], signal["model"]) for signal in signals} <= {("mock", "m1")}
    return Counter((signal["session"], signal["aside"]) for signal in signals)


@pytest.fixture
def heard(house: Household) -> Iterator[ScriptedWatcher]:
    """Return who hears of failed requests, with A live and the bridge installed."""
    folder = house.config_folder / "plugin"
    folder.mkdir()
    (folder / "rotator.js").write_bytes(bridge_source())
    house.write_auth({"mock": api(A)})
    with scripted_watcher(house.home, {"mock": A}) as watcher:
        yield watcher


def marks(requests: Sequence[Request]) -> list[str]:
    """Return the headers of which only we could be the author."""
    return [line for one in requests for line in one.headers if "rotator" in line]


# The bridge waits a quarter of a second for a first word, whatever else the computer does.
@pytest.mark.alone
@pytest.mark.timeout(SECONDS)
@VERSIONS
def test_every_failure_of_24_sessions_at_once_is_told_of_its_own_session(
    house: Household, provider: LoopbackProvider, heard: ScriptedWatcher, version: str
) -> None:
    take_types_for_installed(house.config_folder, version)
    install_slow(house)
    rule = FirstRefused(503, 429)
    provider.answer(rule)
    with serve(house, version=version) as server, ThreadPoolExecutor(SESSIONS) as pool:
        sessions = [server.create_session() for _ in range(SESSIONS)]

        said = list(pool.map(lambda one: server.prompt(one, f"I am {one}"), sessions))

        wait_until(lambda: sum(told(heard).values()) >= 2 * SESSIONS, 20, "all to be told")

    assert said == [HELLO] * SESSIONS
    assert told(heard) == Counter(rule.refused)
    assert set(rule.refused) == {(one, title) for one in sessions for title in (True, False)}
    assert marks(provider.requests) == []


@pytest.mark.timeout(SECONDS)
def test_a_sub_agent_and_a_compaction_fail_in_their_own_names(
    house: Household, provider: LoopbackProvider, heard: ScriptedWatcher
) -> None:
    task = tool_call("task", description="look", prompt="look around", subagent_type="general")
    provider.script(task, streamed("It looked around."))
    rule = FirstRefused(429)
    with serve(house) as server:
        session = server.create_session()
        # The sub-agent's requests come second: its parent is the only one that is known yet.
        provider.answer(lambda one: None if is_of(one, session) else rule(one))
        said = server.prompt(session, "hi")
        refused = list(rule.refused)
        provider.answer(refusal(429, headers=SOON), title=False, times=1)
        model = {"providerID": "mock", "modelID": "m1"}
        server.ask("POST", f"/session/{session}/summarize", model)
        wait_until(lambda: sum(told(heard).values()) > len(refused), 20, "all to be told")

    assert said
    assert [one for one in refused if one[0] != session] == refused
    assert told(heard) == Counter([*refused, (session, True)])
    assert marks(provider.requests) == []


def is_of(request: Request, session: str) -> bool:
    """Tell whether the request is of that session."""
    return request.headers.get("x-session-id") == session


@pytest.mark.timeout(SECONDS)
@VERSIONS
def test_only_a_turns_own_failures_are_told_among_what_a_plugin_asks_with_the_very_key(
    house: Household, provider: LoopbackProvider, heard: ScriptedWatcher, version: str
) -> None:
    take_types_for_installed(house.config_folder, version)
    install_asking(house, provider.url, A)
    provider.answer(refusal(429, headers={"retry-after": "3600"}), path="/page")
    page = tool_call("webfetch", url=f"{provider.url}/page", format="text")
    provider.script(*map(tool_call, TOOLS.values()), page, streamed("All is done."))
    rule = FirstRefused(429)
    provider.answer(lambda one: refusal(429) if "from" in one.query else rule(one))

    with serve(house, version=version) as server:
        said = server.prompt(server.create_session(), "hi")
        asked = Counter(one.query["from"] for one in provider.requests if "from" in one.query)
        # A second turn: what the first left in a context is told by now.
        server.prompt(server.create_session(), "hi")
        wait_until(lambda: sum(told(heard).values()) >= len(rule.refused), 20, "all to be told")

    assert said == "All is done."
    assert set(asked) == PLACES
    # Nothing is sent again.
    assert [asked[f"{tool}.tool"] for tool in TOOLS.values()] == [1, 1]
    assert [one.status for one in provider.asked("/page")] == [429]
    assert told(heard) == Counter(rule.refused)
    assert heard.waiting() == []
    assert marks(provider.requests) == []
