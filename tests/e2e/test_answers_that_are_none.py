"""Answers with a good status that are none, in the real opencode: it asks again without end.

All scenes have one server; each has a provider of its own with the logins A, live, and B.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest

from tests.e2e.scenes import api, install_bridge, of_kind, states
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_process import Server, serve
from tests.support.provider_answers import Answer, Pause, Reasoning, StreamError, streamed
from tests.support.rotator_process import accounts, watcher
from tests.support.waiting import wait_until

pytestmark = pytest.mark.e2e

BROKEN = ("broken", "cut-call", "short-call", "no-call", "odd-end", "odd-words")
SCENES = ("document", "empty", "whole", "stall", "silence", "late", "alone", "fine", *BROKEN)
LIMIT = {"error": {"message": "Rate limit reached", "code": "rate_limit_exceeded"}}
WHOLE = {"choices": [{"index": 0, "message": {"content": "Hi"}, "finish_reason": "stop"}]}
EVENTS = {"content-type": "text/event-stream"}
SAID = "It works."
# opencode's own time-outs.
TIME_OUT_MS = 1500


@dataclass(frozen=True)
class Scenes:
    """One server, and what its scenes' providers answer."""

    house: Household
    provider: LoopbackProvider
    server: Server

    def answer(self, scene: str, answer: Answer) -> None:
        """Answer the login A of a scene so."""
        self.provider.answer(answer, key=key(scene, "A"), title=False)

    def prompt(self, scene: str) -> str:
        """Return what is said in a new session of a scene."""
        return self.server.prompt(self.server.create_session(), "hi", model=f"{scene}/m1")

    def asked(self, scene: str) -> list[str]:
        """Return which logins of a scene were asked, oldest first."""
        keys = [str(k) for k in self.provider.keys if str(k).endswith(f"-{scene}")]
        return [k.removeprefix("KEY-CANARY-").partition("-")[0] for k in keys]

    def states(self, scene: str) -> list[str]:
        """Return the states of B and A."""
        return states(self.house, scene)

    def why(self, kind: str, scene: str) -> str:
        """Return the sentence of the one event of a kind."""
        (event,) = [e for e in of_kind(self.house, kind) if e["provider"] == scene]
        return str(event["why"])


def key(scene: str, name: str) -> str:
    return f"KEY-CANARY-{name}-{scene}"


@pytest.fixture
def scenes(house: Household, provider: LoopbackProvider) -> Iterator[Scenes]:
    """Return the scenes with a watcher and the bridge; who is not refused says that it works."""
    provider.ok(SAID)
    file = house.config_folder / "opencode.json"
    config = json.loads(file.read_text())
    plain = config["provider"].pop("mock")
    options = {**plain["options"], "chunkTimeout": TIME_OUT_MS}
    config["provider"] = {scene: {**plain, "options": options} for scene in SCENES}
    config["provider"]["silence"]["options"] = options | {"headerTimeout": TIME_OUT_MS}
    config |= {"model": "fine/m1", "small_model": "fine/m1"}
    file.write_text(json.dumps(config))
    install_bridge(house)
    with watcher(house):
        others = {scene: api(key(scene, "B")) for scene in SCENES if scene != "alone"}
        live = {s: api(key(s, "A")) for s in SCENES}
        for count, entries in ((len(others), others), (len(others) + len(live), live)):
            house.write_auth(entries)
            wait_until(lambda n=count: len(accounts(house)) == n, 10, f"{count} logins")  # type: ignore[misc]  # bound now
        with serve(house) as server:
            yield Scenes(house, provider, server)


def test_f1_f2_f3_another_login_answers_and_no_loop_is_endless(scenes: Scenes) -> None:
    a_document_and_nothing_at_all(scenes)
    calls_and_ends_that_are_none(scenes)
    silence(scenes)
    an_error_behind_half_a_text(scenes)
    nobody_left(scenes)
    little_and_good(scenes)


def a_document_and_nothing_at_all(scenes: Scenes) -> None:
    """Let another login answer in the same turn (F1)."""
    scenes.answer("document", Answer(body=LIMIT))
    scenes.answer("empty", Answer(headers=EVENTS, body=": keepalive\n\ndata: [DONE]\n\n"))
    # Good, and not the events that were asked for: opencode finds nothing in it.
    scenes.answer("whole", Answer(body=WHOLE))

    for scene in ("document", "empty", "whole"):
        assert scenes.prompt(scene) == SAID
        assert scenes.asked(scene) == ["A", "A", "A", "B"]

    assert scenes.states("document") == ["ready", "cooling"]
    assert scenes.states("empty") == ["ready", "ready"]
    assert "an answer was empty 3 times in a row" in scenes.why("failover", "empty")


def calls_and_ends_that_are_none(scenes: Scenes) -> None:
    """Let another login answer where opencode takes an answer for unfinished."""
    call = {"index": 0, "id": "c", "type": "function"}
    begun = {"tool_calls": [{**call, "function": {"name": "bash", "arguments": '{"comm'}}]}
    nothing, words = {"role": "assistant", "content": ""}, {"content": "Half"}
    streams = {
        "broken": [piece(begun)],
        "cut-call": [piece(begun), "[DONE]"],
        "short-call": [piece(begun), piece({}, "length"), "[DONE]"],
        "no-call": [piece(nothing), piece({}, "tool_calls"), "[DONE]"],
        "odd-end": [piece(nothing), piece({}, "eos"), "[DONE]"],
        "odd-words": [piece(words), piece({}, "eos"), "[DONE]"],
    }
    for scene, said in streams.items():
        body = "".join(f"data: {one}\n\n" for one in said)
        scenes.answer(scene, Answer(headers=EVENTS, body=body))

    for scene in BROKEN:
        assert scenes.prompt(scene).endswith(SAID)

    asked = {scene: "".join(scenes.asked(scene)) for scene in BROKEN}
    assert asked == dict.fromkeys(BROKEN, "AAAB")
    assert "broke off 3 times in a row" in scenes.why("failover", "broken")


def piece(delta: Mapping[str, object], finish: str | None = None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return json.dumps({"id": "x", "object": "chat.completion.chunk", "choices": [choice]})


def silence(scenes: Scenes) -> None:
    """Let another login answer the second time, in a stream and before one (F3)."""
    scenes.answer("stall", streamed("One ", Pause(20)))
    scenes.answer("silence", Answer(delay_seconds=20))

    # At once: opencode pauses for 2 s and 4 s.
    for scene in ("stall", "silence"):
        session = scenes.server.create_session()
        scenes.server.prompt_async(session, "hi", model=f"{scene}/m1")
    for scene in ("stall", "silence"):
        wait_until(lambda s=scene: "B" in scenes.asked(s), 60, f"the other login of {scene}")  # type: ignore[misc]  # bound now
    scenes.server.wait_idle()

    for scene in ("stall", "silence"):
        assert scenes.asked(scene) == ["A", "A", "B"]
        assert scenes.states(scene) == ["ready", "ready"]
        assert "did not come in time twice in a row" in scenes.why("failover", scene)


def an_error_behind_half_a_text(scenes: Scenes) -> None:
    """Let the next message go on by itself, where an error ends the turn (F2)."""
    used_up = StreamError("You have reached your weekly limit.", "usage_limit_reached")
    scenes.answer("late", streamed("Half ", used_up))
    session = scenes.server.create_session()

    scenes.server.prompt(session, "hi", model="late/m1")
    asked = scenes.asked("late")

    assert (asked, scenes.states("late")) == (["A"], ["ready", "exhausted"])
    assert scenes.server.prompt(session, "go on", model="late/m1") == SAID
    assert scenes.asked("late") == ["A", "B"]


def nobody_left(scenes: Scenes) -> None:
    """Let opencode pause instead, as it does with a provider that fails."""
    scenes.answer("alone", Answer(headers=EVENTS))
    session = scenes.server.create_session()

    scenes.server.prompt_async(session, "hi", model="alone/m1")
    (status,) = wait_until(
        lambda: [s for s in scenes.server.busy().values() if s["type"] == "retry"],
        10,
        lambda: f"a pause: {scenes.server.busy()}, {scenes.asked('alone')}",
    )
    scenes.server.abort(session)

    assert "an answer was empty 3 times in a row" in status["message"]
    assert scenes.asked("alone") == ["A", "A", "A"]
    assert "nobody takes over" in scenes.why("problem", "alone")


def little_and_good(scenes: Scenes) -> None:
    """Blame nobody for what is good, however little it says."""
    scenes.answer("fine", streamed(Reasoning("Hm.")))

    for _ in range(4):
        scenes.prompt("fine")

    assert scenes.asked("fine") == ["A"] * 4
    assert scenes.states("fine") == ["ready", "ready"]
