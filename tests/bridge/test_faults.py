"""Answers with a good status that are none: told, and the end of some held."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.bridge_process import BridgeProcess
from tests.support.fake_watcher import FakeWatcher, LiveFile
from tests.support.loopback_http import LAST_CHUNK, Connection, Received, chunk, head
from tests.support.upstream import Respond, Upstream, model_request, reply
from tests.support.waiting import wait_until

A, B = "KEY-CANARY-A", "KEY-CANARY-B"
LIMIT = b'{"error":{"message":"Rate limit reached","code":"rate_limit_exceeded"}}'
JSON = {"content_type": "application/json"}
STREAM = {"content-type": "text/event-stream", "transfer-encoding": "chunked"}
ROLE = b'data: {"choices":[{"delta":{"role":"assistant","content":""},"finish_reason":null}]}\n\n'
TEXT = b'data: {"choices":[{"delta":{"content":"Half"},"finish_reason":null}]}\n\n'
STOP = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'
ERROR = b"data: " + LIMIT + b"\n\n"
GOOGLE = "/v1beta/models/m1:streamGenerateContent?alt=sse"


@pytest.fixture
def slowness() -> int:
    """Return a patience that a busy machine does not use up: nothing here is about time."""
    return 20


def events(*frames: bytes, whole: bool = True, silent_seconds: float = 0) -> Respond:
    """Return what answers with a stream; without `whole` the connection breaks in it."""

    def respond(_: Received, connection: Connection) -> bool:
        connection.send(head(200, STREAM))
        for frame in frames:
            connection.send(chunk(frame))
        if silent_seconds:
            connection.pause(silent_seconds)
        if whole:
            connection.send(LAST_CHUNK)
        return whole

    return respond


def asks(upstream: Upstream, **changes: Any) -> dict[str, Any]:
    """Return a request that asks for a stream."""
    return model_request(upstream, **{"body": '{"model":"m1","stream":true}', **changes})


def asks_google(upstream: Upstream) -> dict[str, Any]:
    """Return a request of Google's protocol."""
    return asks(upstream, url=f"{upstream.url}{GOOGLE}", body="{}")


WHOLE = b'{"choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}]}'

HELD: dict[str, tuple[Respond, str, str]] = {
    "a JSON error": (reply(200, LIMIT, **JSON), "instead", LIMIT.decode()),
    "a page": (reply(200, b"<html>busy</html>", content_type="text/html"), "instead", "<html>"),
    "a sentence": (reply(200, "系统繁忙".encode()), "instead", "系统繁忙"),
    "no byte": (reply(200, b""), "empty", ""),
    "a stream without an event": (events(), "empty", ""),
    "comments": (events(b": keepalive\n\n", b"data: [DONE]\n\n"), "empty", ""),
    "a role": (events(ROLE), "empty", ""),
    "a text without an end": (events(ROLE, TEXT), "cut", ""),
}


@pytest.mark.parametrize("case", HELD)
def test_an_answer_with_which_opencode_begins_anew_is_told_and_its_end_is_held(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, case: str
) -> None:
    respond, kind, body = HELD[case]
    upstream.on(A, respond)

    pending = bridge.start("fetch", **asks(upstream))
    signal = watcher.next_signal()
    watcher.answer(signal, "pass")
    answer = pending.result()

    assert (signal["fault"], signal["held"], signal["earlier"]) == (kind, True, [])
    assert signal["status"] is None
    assert body in signal["body"]
    assert (answer["status"], answer["sameResponse"], len(upstream.requests)) == (200, True, 1)
    assert "error" not in answer


@pytest.mark.parametrize("body", [WHOLE, b"{ half", b"x" * 20_000])
def test_a_document_that_is_no_error_is_told_where_the_same_is_asked_again(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, body: bytes
) -> None:
    upstream.on(A, reply(200, body, **JSON))
    more = asks(upstream, body='{"model":"m1","stream":true,"messages":["more"]}')

    first = [bridge.start("fetch", **asked).result() for asked in (asks(upstream), more)]
    assert watcher.waiting() == []
    pending = bridge.start("fetch", **more)
    signal = watcher.next_signal()
    watcher.answer(signal, "pass", end="[rotator] again")

    assert [answer["body"] for answer in first] == [body.decode()] * 2
    assert (signal["fault"], signal["body"], len(signal["earlier"])) == ("empty", "", 1)
    assert pending.result()["error"] == "[rotator] again"


def test_an_answer_fails_with_the_sentence_that_the_watcher_says(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    upstream.on(A, events(ROLE))

    pending = bridge.start("fetch", **asks(upstream))
    watcher.answer(watcher.next_signal(), "pass", end="[rotator] nothing\ncame; try again later")

    assert pending.result()["error"] == "[rotator] nothing came; try again later"


def test_with_another_login_it_ends_as_it_is_and_nothing_is_sent_again(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, live: LiveFile
) -> None:
    upstream.on(A, reply(200, LIMIT, **JSON))

    pending = bridge.start("fetch", **asks(upstream))
    signal = watcher.next_signal()
    live.key(B)
    watcher.retry(signal, B)
    answer = pending.result()

    assert (answer["body"], upstream.keys) == (LIMIT.decode(), [A])


def test_a_wait_holds_the_end_and_then_asks_anew(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    upstream.on(A, events(ROLE))

    pending = bridge.start("fetch", **asks(upstream))
    watcher.answer(watcher.next_signal(), "wait", wait_ms=50)
    signal = watcher.next_signal()
    watcher.retry(signal, A)

    assert (signal["waited"], signal["tried"], signal["fault"]) == (True, [], "empty")
    assert pending.result()["body"] == ROLE.decode()
    assert len(upstream.requests) == 1


def test_a_wait_of_no_length_is_none(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    upstream.on(A, events(ROLE))

    pending = bridge.start("fetch", **asks(upstream))
    watcher.answer(watcher.next_signal(), "wait", wait_ms="soon", end="over")

    assert pending.result()["error"] == "over"


def test_the_turn_goes_on_elsewhere_once_its_end_is_there(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    bridge.run("world", changes={"offered": {"mock": ["m1"], "zeta": ["big"]}})
    bridge.run("say", given={"providerID": "mock", "modelID": "m1"})
    upstream.on(A, reply(200, LIMIT, **JSON))
    to = {"provider": "zeta", "model": "big"}

    pending = bridge.start("fetch", **asks(upstream))
    watcher.answer(watcher.next_signal(), "reroute", to=to, note="used up", end="over")

    assert pending.result()["body"] == LIMIT.decode()
    (prompt,) = bridge.run("seen")["prompts"]
    assert prompt["model"] == {"providerID": "zeta", "modelID": "big"}


@pytest.mark.parametrize("agent", ["title", "build"])
def test_where_it_cannot_go_on_elsewhere_the_answer_fails(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, agent: str
) -> None:
    upstream.on(A, reply(200, LIMIT, **JSON))
    mark = {"provider": "mock", "agent": agent, "messageAgent": "build"}

    pending = bridge.start("fetch", **asks(upstream, mark=mark))
    nowhere = {"provider": "nowhere", "model": "m1"}
    watcher.answer(watcher.next_signal(), "reroute", to=nowhere, end="over")

    assert pending.result()["error"] == "over"


TOLD: dict[str, tuple[Respond, str, str]] = {
    "an error first": (events(ERROR), "error", LIMIT.decode()),
    "an error behind a text": (events(ROLE, TEXT, ERROR), "error", LIMIT.decode()),
    # Later than its head: else there is no answer at all.
    "a broken stream": (events(ROLE, TEXT, whole=False, silent_seconds=0.3), "cut", ""),
    "a stream that breaks before anything came": (
        events(whole=False, silent_seconds=0.3),
        "cut",
        "",
    ),
}


@pytest.mark.parametrize("case", TOLD)
def test_what_opencode_notices_by_itself_is_told_and_not_held(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, case: str
) -> None:
    respond, kind, body = TOLD[case]
    upstream.on(A, respond)

    bridge.run("fetch", **asks(upstream))
    signal = watcher.next_signal()

    assert (signal["fault"], signal["held"], signal["body"]) == (kind, False, body)
    assert watcher.waiting() == []


def test_an_error_that_google_s_sdk_passes_by_is_held(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    upstream.on(A, events(ERROR))

    pending = bridge.start("fetch", **asks_google(upstream))
    signal = watcher.next_signal()
    watcher.answer(signal, "pass", end="over")

    assert (signal["fault"], signal["held"]) == ("error", True)
    assert pending.result()["error"] == "over"


def given_up(
    bridge: BridgeProcess, upstream: Upstream, respond: Respond, **why: str
) -> dict[str, Any]:
    """Let opencode give a request up that has come to the vendor; return what it got."""
    upstream.on(A, respond)
    before = len(upstream.requests)
    pending = bridge.start("fetch", **asks(upstream, abortable=True))
    wait_until(lambda: len(upstream.requests) > before, 10, "the request")
    bridge.run("abort", call=pending.number, **why)
    return pending.result()


def silent(_: Received, connection: Connection) -> bool:
    connection.pause(60)
    return False


SILENT: dict[str, Respond] = {
    "before the answer": silent,
    "in it": events(silent_seconds=60),
    "behind a text": events(ROLE, TEXT, silent_seconds=60),
}


@pytest.mark.parametrize("case", SILENT)
def test_a_time_out_of_opencode_s_is_told_and_a_person_s_stop_is_not(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, case: str
) -> None:
    stopped = given_up(bridge, upstream, SILENT[case], reason="stop")
    given = given_up(bridge, upstream, SILENT[case], error="SSE read timed out")

    assert (stopped["error"], given["error"]) == ("stop", "SSE read timed out")
    signal = watcher.next_signal()
    assert (signal["fault"], signal["held"], signal["earlier"]) == ("stalled", False, [])
    assert watcher.waiting() == []


def test_faults_in_a_row_are_told_with_those_before_until_a_good_answer(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    def fault(respond: Respond) -> list[str]:
        upstream.on(A, respond)
        pending = bridge.start("fetch", **asks(upstream))
        signal = watcher.next_signal()
        if signal["held"]:
            watcher.answer(signal, "pass")
        pending.result()
        assert all(earlier["ms"] >= 0 for earlier in signal["earlier"])
        return [earlier["kind"] for earlier in signal["earlier"]]

    rows = [fault(events(ROLE)), fault(events(ERROR))]
    upstream.on(A, events(TEXT, STOP))
    bridge.run("fetch", **asks(upstream))
    rows.append(fault(events(ROLE)))
    upstream.on(A, events(TEXT, silent_seconds=60))
    bridge.run("fetch", **asks(upstream, leaves=True))
    rows.append(fault(events(ROLE)))

    assert rows == [[], ["empty"], [], []]


FINE: dict[str, Respond] = {
    "an end alone": events(ROLE, STOP),
    "a refusal": events(
        b'data: {"choices":[{"delta":{"refusal":"No."},"finish_reason":"stop"}]}\n\n'
    ),
    "a call": events(b'data: {"choices":[{"delta":{"tool_calls":[{"index":0}]}}]}\n\n'),
    "a whole answer": reply(200, b'{"choices":[{"message":{"content":"Hi"}}]}', **JSON),
    "another protocol": events(b'data: {"text":"Hi"}\n\n'),
    "bytes": reply(200, bytes(range(256)), content_type="application/vnd.amazon.eventstream"),
}


@pytest.mark.parametrize("case", FINE)
def test_a_good_answer_is_told_of_to_nobody(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, case: str
) -> None:
    upstream.on(A, FINE[case])

    answer = bridge.run("fetch", **asks(upstream))

    assert answer["sameResponse"]
    assert watcher.heard_nothing(answer)


@pytest.mark.parametrize("kind", ["none", "not awaited"])
def test_without_a_watcher_every_answer_ends_as_it_is(
    bridge: BridgeProcess, upstream: Upstream, kind: str, request: pytest.FixtureRequest
) -> None:
    if kind == "not awaited":
        watcher: FakeWatcher = request.getfixturevalue("watcher")
        watcher.publish([A], auth_file="/elsewhere/auth.json")
    upstream.on(A, reply(200, LIMIT, **JSON))

    assert bridge.run("fetch", **asks(upstream))["body"] == LIMIT.decode()


def test_nothing_is_read_before_it_is_asked_for(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    """A stream that nobody reads is not read by us, however much of it is there."""
    upstream.on(A, events(ROLE, ERROR))

    answer = bridge.run("fetch", **asks(upstream), unread=True)

    assert watcher.heard_nothing(answer)
