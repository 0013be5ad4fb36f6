"""A good answer to a login that the watcher thinks is limited: told once, and no request waits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rotator.clock import to_iso
from rotator.secret import digest_of
from tests.support.bridge_process import BridgeProcess
from tests.support.fake_watcher import FakeWatcher
from tests.support.loopback_http import LAST_CHUNK, Connection, Received, chunk, head
from tests.support.upstream import Respond, Upstream, model_request, reply
from tests.support.waiting import wait_until

A, B = "KEY-CANARY-A", "KEY-CANARY-B"
WORDS = b'data: {"choices":[{"delta":{"content":"Hello"}}]}\n\n'
ERROR = b'data: {"error":{"message":"Slow down"}}\n\n'
APART_SECONDS = 0.3


def streamed(*parts: bytes, apart_seconds: float = 0.0) -> Respond:
    """Return what answers with a stream of these."""

    def respond(_: Received, connection: Connection) -> bool:
        stream = {"content-type": "text/event-stream", "transfer-encoding": "chunked"}
        connection.send(head(200, stream))
        for part in parts:
            connection.send(chunk(part))
            connection.pause(apart_seconds)
        connection.send(LAST_CHUNK)
        return True

    return respond


def since(**ago: float) -> str:
    return to_iso(datetime.now(UTC) - timedelta(**ago))


@pytest.fixture(autouse=True)
def answering(upstream: Upstream) -> None:
    upstream.on(A, streamed(WORDS))


def send(bridge: BridgeProcess, upstream: Upstream, **changes: Any) -> dict[str, Any]:
    answer = bridge.run("fetch", **model_request(upstream, **changes))
    assert (answer["status"], answer["sameResponse"]) == (200, True)
    return answer


def test_an_answer_to_a_limited_login_is_told_once_and_says_nothing_of_what_it_says(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    watcher.publish([A, B], limited={A: since(minutes=5)})
    began = datetime.now(UTC) - timedelta(milliseconds=1)
    for _ in range(5):
        send(bridge, upstream)

    told = watcher.next_signal()

    assert (told["status"], told["answered"], told["credential"]) == (200, True, digest_of(A))
    assert began <= datetime.fromisoformat(told["sent_at"]) <= datetime.now(UTC)
    assert told["body"] == ""
    assert "Hello" not in str(told)
    send(bridge, upstream)
    assert watcher.waiting() == []


def test_an_answer_to_a_login_that_is_not_limited_is_not_told(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    watcher.publish([A, B], limited={B: since(minutes=5)})
    send(bridge, upstream)
    watcher.publish([A, B], limited={A: since(minutes=5)})
    send(bridge, upstream)

    assert watcher.next_signal()["answered"] is True
    assert watcher.waiting() == []


def test_a_request_that_was_sent_before_the_limit_shows_nothing_of_it(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    watcher.publish([A, B], limited={A: since(minutes=-5)})
    send(bridge, upstream)
    watcher.publish([A, B], limited={A: since(seconds=1)})
    send(bridge, upstream)

    wait_until(watcher.waiting, 5, "what the second one shows")
    assert len(watcher.waiting()) == 1


def test_each_limit_and_each_model_is_told_of_anew(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    watcher.publish([A, B], limited={A: since(minutes=5)})
    send(bridge, upstream, mark={"provider": "mock", "model": "large"})
    send(bridge, upstream, mark={"provider": "mock", "model": "small"})
    told = {watcher.next_signal()["model"] for _ in range(2)}
    watcher.publish([A, B], limited={A: since(minutes=4)})
    send(bridge, upstream, mark={"provider": "mock", "model": "large"})

    assert told == {"large", "small"}
    assert watcher.next_signal()["model"] == "large"


@pytest.mark.parametrize(
    "no_answer",
    [
        pytest.param(streamed(ERROR), id="an error in a stream"),
        pytest.param(streamed(b"data: [DONE]\n\n"), id="an empty stream"),
        pytest.param(streamed(), id="nothing"),
        pytest.param(
            reply(200, b'{"error":{"message":"Slow down"}}', content_type="application/json"),
            id="an error as JSON",
        ),
        pytest.param(reply(200, b"<html>busy</html>", content_type="text/html"), id="a page"),
    ],
)
def test_what_is_no_answer_shows_nothing_and_the_next_one_is_told(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, no_answer: Respond
) -> None:
    watcher.publish([A, B], limited={A: since(minutes=5)})
    upstream.on(A, no_answer)
    for _ in range(2):
        pending = bridge.start("fetch", **model_request(upstream))
        # It may be told as what it is.
        while not pending.is_done or watcher.waiting():
            for _ in watcher.waiting():
                watcher.answer(signal := watcher.next_signal(), "pass")
                assert (signal["status"], "answered" in signal) == (None, False)
    upstream.on(A, streamed(WORDS))

    def is_told() -> bool:
        send(bridge, upstream)
        return bool(watcher.waiting())

    wait_until(is_told, 5, "the answer")
    assert watcher.next_signal()["answered"] is True


def test_words_that_come_late_are_waited_for_beside_the_answer(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    watcher.publish([A, B], limited={A: since(minutes=5)})
    role = b'data: {"choices":[{"delta":{"role":"assistant"}}]}\n\n'
    upstream.on(A, streamed(role, role, role, WORDS, apart_seconds=APART_SECONDS))

    answer = send(bridge, upstream)

    assert answer["chunks"][0]["ms"] < 250
    gaps = [b["ms"] - a["ms"] for a, b in zip(answer["chunks"], answer["chunks"][1:], strict=False)]
    assert all(200 < gap < 450 for gap in gaps)
    assert watcher.next_signal()["answered"] is True


def test_an_answer_without_the_watcher_of_today_tells_nothing(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    watcher.publish([A, B], limited={A: since(minutes=5)}, schema=2)
    send(bridge, upstream)

    assert watcher.waiting() == []
