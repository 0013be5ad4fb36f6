"""A failed request becomes an empty step, and opencode goes on with another provider's model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.bridge_process import BridgeProcess, Pending, bridge_process
from tests.support.fake_watcher import FakeWatcher, LiveFile
from tests.support.upstream import Upstream, model_request, reply
from tests.support.waiting import wait_until

A = "KEY-CANARY-A"
TO = {"provider": "zeta", "model": "big"}
MODEL = {"providerID": "zeta", "modelID": "big"}
OURS = {"providerID": "mock", "modelID": "m1"}
OFFERED = {"mock": ["m1"], "zeta": ["big"], "theta": ["t1"]}
NOTE = "mock/m1 has 0 of 2 accounts ready, work is first at 2026-11-22 14:20 UTC"
CHAT, RESPONSES, MESSAGES = "/v1/chat/completions", "/backend-api/codex/responses", "/v1/messages"


@pytest.fixture
def slowness() -> int:
    """Return a patience that a busy machine does not use up."""
    return 20


@pytest.fixture
def bridge(bridge: BridgeProcess, watcher: FakeWatcher, upstream: Upstream) -> BridgeProcess:
    """Return a bridge in an opencode in which a person has said something to a session."""
    assert watcher.folder.exists()
    upstream.limit(A)
    bridge.run("world", changes={"model": "mock/m1", "offered": OFFERED})
    bridge.run("say", given=OURS | {"variant": "high"}, tools={"bash": False}, system="Be short.")
    return bridge


def start(bridge: BridgeProcess, upstream: Upstream, path: str = CHAT, **changes: Any) -> Pending:
    body = {"model": "m1", "stream": True} | changes.pop("body", {})
    request = {"url": f"{upstream.url}{path}", "body": json.dumps(body)} | changes
    return bridge.start("fetch", **model_request(upstream, **request))


def rerouted(
    bridge: BridgeProcess,
    upstream: Upstream,
    watcher: FakeWatcher,
    path: str = CHAT,
    to: object = TO,
    **changes: Any,
) -> dict[str, Any]:
    """Send a request that fails and is rerouted; return what opencode got."""
    pending = start(bridge, upstream, path, **changes)
    watcher.answer(watcher.next_signal(), "reroute", to=to, note=NOTE)
    return pending.result()


def prompts(bridge: BridgeProcess) -> list[dict[str, Any]]:
    """Return the messages that the bridge has put into sessions."""
    found: list[dict[str, Any]] = bridge.run("seen")["prompts"]
    return found


def events(body: str) -> list[Any]:
    """Return the data of each event of a stream."""
    lines = [line[6:] for line in body.splitlines() if line.startswith("data: ")]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


def test_chat_completions_end_a_step_as_after_a_tool_call(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    answer = rerouted(bridge, upstream, watcher)

    said, done = events(answer["body"])
    (choice,) = said["choices"]
    assert (answer["status"], answer["type"], done) == (200, "text/event-stream", "[DONE]")
    assert (choice["finish_reason"], choice["delta"]["content"]) == ("tool_calls", "")
    assert set(said["usage"].values()) == {0}


def test_responses_are_created_and_completed_with_nothing_between(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    answer = rerouted(bridge, upstream, watcher, RESPONSES)

    created, completed = events(answer["body"])
    assert (created["type"], completed["type"]) == ("response.created", "response.completed")
    assert (completed["response"]["output"], completed["response"]["usage"]["total_tokens"]) == (
        [],
        0,
    )


def test_messages_start_and_stop_as_for_a_tool(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    answer = rerouted(bridge, upstream, watcher, MESSAGES)

    kinds = [event["type"] for event in events(answer["body"])]
    assert kinds == ["message_start", "message_delta", "message_stop"]
    assert events(answer["body"])[1]["delta"]["stop_reason"] == "tool_use"


@pytest.mark.parametrize(
    ("path", "empty"),
    [
        pytest.param(CHAT, ("choices", 0, "message", "content"), id="chat completions"),
        pytest.param(RESPONSES, ("output",), id="responses"),
        pytest.param(MESSAGES, ("content",), id="messages"),
    ],
)
def test_what_is_not_streamed_is_answered_whole(
    bridge: BridgeProcess,
    upstream: Upstream,
    watcher: FakeWatcher,
    path: str,
    empty: tuple[Any, ...],
) -> None:
    answer = rerouted(bridge, upstream, watcher, path, body={"stream": False})

    value = json.loads(answer["body"])
    for step in empty:
        value = value[step]
    assert (answer["type"], value in ("", [])) == ("application/json", True)


def test_the_session_gets_a_line_that_a_person_sees_and_a_model_does_not(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    rerouted(bridge, upstream, watcher)

    (prompt,) = prompts(bridge)
    (part,) = prompt.pop("parts")
    assert part == {
        "type": "text",
        "text": f"[rotator] {NOTE}; going on with zeta/big",
        "ignored": True,
    }
    assert prompt == {
        "session": "ses_1",
        "noReply": True,
        "agent": "build",
        "variant": "high",
        "tools": {"bash": False},
        "system": "Be short.",
        "model": MODEL,
    }


@pytest.mark.parametrize("note", [None, "", 7, "two\nlines \x1b[31mred" + "x" * 500])
def test_whatever_the_note_is_the_line_is_one_line(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, note: object
) -> None:
    pending = start(bridge, upstream)
    watcher.answer(watcher.next_signal(), "reroute", to=TO, note=note)
    pending.result()

    text = prompts(bridge)[0]["parts"][0]["text"]
    assert (text.startswith("[rotator] "), text.endswith("going on with zeta/big")) == (True, True)
    assert (text.isprintable(), len(text) < 300) == (True, True)


def test_the_next_provider_may_fail_too_and_each_is_left_once_in_a_turn(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, live: LiveFile
) -> None:
    live.write(mock={"type": "api", "key": A}, zeta={"type": "api", "key": A})
    rerouted(bridge, upstream, watcher)
    pending = start(bridge, upstream, mark={"provider": "zeta"})
    signal = watcher.next_signal()
    watcher.answer(signal, "reroute", to={"provider": "mock", "model": "m1"})

    assert (pending.result()["status"], signal["left"]) == (429, ["mock"])
    assert len(prompts(bridge)) == 1


def test_the_next_message_of_the_person_is_another_turn(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    rerouted(bridge, upstream, watcher)
    bridge.run("say", given=OURS)
    pending = start(bridge, upstream)
    signal = watcher.next_signal()
    watcher.answer(signal, "reroute", to=TO)

    assert (pending.result()["status"], signal["left"], len(prompts(bridge))) == (200, [], 2)


def test_a_message_that_nobody_typed_is_of_the_same_turn(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    rerouted(bridge, upstream, watcher)
    bridge.run("say", given=OURS, synthetic=True)
    pending = start(bridge, upstream)
    signal = watcher.next_signal()
    watcher.answer(signal, "pass")
    pending.result()

    assert signal["left"] == ["mock"]


def test_a_body_that_cannot_be_sent_twice_can_be_rerouted(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    answer = rerouted(bridge, upstream, watcher, form="request")

    assert answer["status"] == 200


def test_after_a_wait_a_turn_can_be_rerouted(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    pending = start(bridge, upstream)
    watcher.answer(watcher.next_signal(), "wait", wait_ms=1)
    watcher.answer(watcher.next_signal(), "reroute", to=TO)

    assert (pending.result()["status"], len(prompts(bridge))) == (200, 1)


def spoken(path: str, answer: dict[str, Any]) -> str:
    """Return the text of a streamed answer."""
    found = events(answer["body"])
    if path == CHAT:
        return "".join(one["choices"][0]["delta"]["content"] for one in found[:-1])
    if path == RESPONSES:
        (item,) = found[-1]["response"]["output"]
        deltas = [one["delta"] for one in found if one["type"] == "response.output_text.delta"]
        assert item["content"][0]["text"] == "".join(deltas)
        return "".join(deltas)
    deltas = [one["delta"] for one in found if one["type"] == "content_block_delta"]
    return "".join(one["text"] for one in deltas)


TITLE = {"provider": "mock", "agent": "title"}
ASIDE_BODY = {
    CHAT: {"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "Q1"}]},
    RESPONSES: {"input": [{"role": "user", "content": [{"type": "input_text", "text": "Q1"}]}]},
    MESSAGES: {"messages": [{"role": "user", "content": [{"type": "text", "text": "Q1"}]}]},
}


@pytest.mark.parametrize("agent", ["title", "compaction"])
@pytest.mark.parametrize("path", [CHAT, RESPONSES, MESSAGES])
def test_what_is_asked_beside_the_turn_is_answered_by_the_other_provider(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, path: str, agent: str
) -> None:
    mark = {"provider": "mock", "agent": agent}

    answer = rerouted(bridge, upstream, watcher, path, body=ASIDE_BODY[path], mark=mark)

    seen = bridge.run("seen")
    (prompt,) = seen["prompts"]
    assert spoken(path, answer) == "Said elsewhere."
    assert prompt == {
        "session": "ses_child",
        "agent": agent,
        "model": MODEL,
        "parts": [{"type": "text", "text": "Q1"}],
    }
    assert seen["sessions"]["ses_child"]["parentID"] == "ses_1"
    assert seen["ended"] == ["delete ses_child"]


def test_what_is_asked_in_the_session_for_it_is_beside_the_turn_too(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    rerouted(bridge, upstream, watcher, body=ASIDE_BODY[CHAT], mark=TITLE)
    pending = start(bridge, upstream, mark=TITLE | {"session": "ses_child"})
    signal = watcher.next_signal()
    watcher.answer(signal, "pass")
    pending.result()

    assert signal["aside"] is True


def test_a_conversation_is_asked_about_with_everything_but_its_pictures(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    called = {"role": "assistant", "content": None, "tool_calls": [{"id": "call_1"}]}
    url = {"url": "data:image/png;base64,AAAA"}
    shown = {"role": "user", "content": [{"type": "image_url", "image_url": url}]}
    body = {"messages": [{"role": "user", "content": "Q1"}, called, shown]}

    rerouted(bridge, upstream, watcher, body=body, mark={"provider": "mock", "agent": "compaction"})

    text = prompts(bridge)[0]["parts"][0]["text"]
    assert (text.startswith("Q1"), "call_1" in text, "AAAA" in text) == (True, True, False)


FAILURES = [
    pytest.param({"refused": ["create"]}, id="no session"),
    pytest.param({"refused": ["prompt"]}, id="no answer"),
    pytest.param({"failed": {"error": {"name": "APIError"}}}, id="a failure"),
    pytest.param({"answer": [{"type": "text", "text": " "}]}, id="an empty answer"),
    pytest.param({"offered": {}}, id="no such model"),
]


@pytest.mark.parametrize("world", FAILURES)
def test_a_title_fails_quietly(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, world: dict[str, Any]
) -> None:
    bridge.run("world", changes=world)
    answer = rerouted(bridge, upstream, watcher, body=ASIDE_BODY[CHAT], mark=TITLE)

    said, _ = events(answer["body"])
    assert (answer["status"], said["choices"][0]["finish_reason"]) == (200, "stop")
    assert spoken(CHAT, answer) == ""


@pytest.mark.parametrize("world", FAILURES)
def test_a_compaction_that_fails_gets_the_answer_as_it_is(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, world: dict[str, Any]
) -> None:
    bridge.run("world", changes=world)
    mark = {"provider": "mock", "agent": "compaction"}

    answer = rerouted(bridge, upstream, watcher, body=ASIDE_BODY[CHAT], mark=mark)

    assert (answer["status"], answer["body"]) == (429, "limited")


def test_a_title_of_a_run_is_not_asked_for(
    home: Path, live: LiveFile, upstream: Upstream, watcher: FakeWatcher
) -> None:
    """A run ends before it is there, and would leave the session behind."""
    assert live.path.exists()
    upstream.limit(A)
    with bridge_process(home, words=("run",), slowness=20) as bridge:
        bridge.load()
        bridge.run("world", changes={"offered": OFFERED})
        bridge.run("say", given=OURS)

        answer = rerouted(bridge, upstream, watcher, body=ASIDE_BODY[CHAT], mark=TITLE)

        assert (answer["status"], prompts(bridge)) == (200, [])


def test_an_abort_ends_what_is_asked_elsewhere_too(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    bridge.run("world", changes={"silent": True})
    mark = {"provider": "mock", "agent": "compaction"}
    pending = start(bridge, upstream, body=ASIDE_BODY[CHAT], mark=mark, abortable=True)
    signal = watcher.next_signal()
    watcher.answer(signal, "reroute", to=TO)
    wait_until(lambda: prompts(bridge), 5, "the question")
    bridge.run("abort", call=pending.number, reason="Esc")

    assert (pending.result(5)["error"], signal["aside"]) == ("Esc", True)
    assert bridge.run("seen")["ended"] == ["abort ses_child", "delete ses_child"]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"path": "/v1beta/models/m1:streamGenerateContent"}, id="unknown protocol"),
        pytest.param({"to": None}, id="to nowhere"),
        pytest.param({"to": {"provider": "zeta"}}, id="no model"),
        pytest.param({"to": {"provider": "zeta", "model": "gone"}}, id="a model not offered"),
        pytest.param({"to": {"provider": "gone", "model": "big"}}, id="a provider not offered"),
        pytest.param({"to": {"provider": "mock", "model": "m1"}}, id="the same provider"),
        pytest.param({"mark": {"provider": "mock", "agent": "compaction"}}, id="nothing asked"),
        pytest.param({"mark": {"provider": "mock", "session": "ses_9"}}, id="an unknown session"),
        pytest.param({"bodyKind": "bytes"}, id="a body that is no text"),
    ],
)
def test_otherwise_opencode_gets_the_answer_as_it_is(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, changes: dict[str, Any]
) -> None:
    answer = rerouted(bridge, upstream, watcher, **changes)

    assert (answer["status"], answer["body"], answer["sameResponse"]) == (429, "limited", True)
    assert prompts(bridge) == []


@pytest.mark.parametrize("call", ["providers", "messages", "prompt"])
def test_where_opencode_does_not_answer_it_gets_the_answer(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, call: str
) -> None:
    bridge.run("world", changes={"refused": [call]})

    assert rerouted(bridge, upstream, watcher)["status"] == 429


def test_an_answer_of_a_given_form_is_not_rerouted(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    bridge.run("say", given=OURS, format={"type": "json_schema", "schema": {}})

    assert rerouted(bridge, upstream, watcher)["status"] == 429


def test_the_message_is_found_behind_many_steps_of_its_turn(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    for _ in range(25):
        bridge.run("answered", finish="tool-calls", **OURS)

    answer = rerouted(bridge, upstream, watcher)

    assert (answer["status"], prompts(bridge)[0]["system"]) == (200, "Be short.")


def test_an_abort_in_the_middle_of_it_ends_it(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    bridge.run("world", changes={"refused": ["prompt for ever"]})
    pending = start(bridge, upstream, abortable=True)
    watcher.answer(watcher.next_signal(), "reroute", to=TO)
    bridge.run("abort", call=pending.number, reason="the user pressed Esc")

    assert pending.result(5)["error"] == "the user pressed Esc"


def test_a_session_stays_where_it_was_rerouted_to(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    rerouted(bridge, upstream, watcher)
    ready: dict[str, object] = {"active": None, "known": [], "ready": True}
    told = {"mock": ready, "zeta": ready}
    watcher.publish([], providers=told, routing=[{"provider": "mock", "model": "m1"}, TO])

    said = bridge.run("say", given=OURS)

    assert said["model"] == MODEL


def test_the_line_itself_goes_where_the_watcher_says_and_begins_no_turn(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, live: LiveFile
) -> None:
    live.write(mock={"type": "api", "key": A}, zeta={"type": "api", "key": A})
    ready: dict[str, object] = {"active": None, "known": [], "ready": True}
    order = [{"provider": "theta", "model": "t1"}, TO]
    watcher.publish([A], providers=dict.fromkeys(OFFERED, ready), routing=order)
    rerouted(bridge, upstream, watcher)
    rerouted(bridge, upstream, watcher, to=order[0], mark={"provider": "zeta"})
    pending = start(bridge, upstream)
    signal = watcher.next_signal()
    watcher.answer(signal, "pass")
    pending.result()

    stored = [message["info"]["model"] for message in bridge.run("seen")["messages"]["ses_1"]]

    assert stored[1:] == [MODEL, {"providerID": "theta", "modelID": "t1"}]
    assert signal["left"] == ["mock", "zeta"]


def test_after_a_reroute_a_picked_model_is_only_asked_again_when_somebody_is_left_for_it(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    bridge.run("world", changes={"model": "theta/t1"})
    rerouted(bridge, upstream, watcher)
    routing = [{"provider": "theta", "model": "t1"}, TO]
    told: dict[str, dict[str, object]] = {
        name: {"active": None, "known": [], "ready": name != "mock"} for name in OFFERED
    }
    watcher.publish([], providers=told, routing=routing)
    stayed = bridge.run("say", given=OURS)["model"]
    told["mock"]["ready"] = True
    watcher.publish([], providers=told, routing=routing)

    returned = bridge.run("say", given=OURS)["model"]

    assert (stayed, returned) == (MODEL, OURS)


def test_a_good_answer_is_left_alone(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    upstream.on(A, reply(200, b"fine"))

    answer = start(bridge, upstream).result()

    assert (answer["body"], answer["sameResponse"]) == ("fine", True)
    assert (watcher.waiting(), prompts(bridge)) == ([], [])
