"""An answer that did not fail is opencode's own: the same object, each piece when it comes."""

from __future__ import annotations

from itertools import pairwise

from tests.support.bridge_process import BridgeProcess
from tests.support.fake_watcher import FakeWatcher, LiveFile
from tests.support.loopback_http import LAST_CHUNK, Connection, Received, chunk, head
from tests.support.upstream import Upstream, model_request

A, B = "KEY-CANARY-A", "KEY-CANARY-B"
APART_SECONDS = 0.3


def slowly(_: Received, connection: Connection) -> bool:
    connection.send(
        head(200, {"content-type": "text/event-stream", "transfer-encoding": "chunked"})
    )
    for number in range(4):
        connection.send(chunk(f"data: {number}\n\n".encode()))
        connection.pause(APART_SECONDS)
    connection.send(LAST_CHUNK)
    return True


def gaps(answer: dict[str, list[dict[str, float]]]) -> list[float]:
    times = [part["ms"] for part in answer["chunks"]]
    return [later - earlier for earlier, later in pairwise(times)]


def test_pieces_that_come_apart_arrive_apart(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    upstream.on(A, slowly)

    answer = bridge.run("fetch", **model_request(upstream))

    assert (answer["sameResponse"], len(answer["chunks"])) == (True, 4)
    assert answer["chunks"][0]["ms"] < 250
    assert all(200 < gap < 400 for gap in gaps(answer))
    assert watcher.waiting() == []


def test_the_answer_after_a_failover_streams_as_any_other(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, live: LiveFile
) -> None:
    upstream.limit(A)
    upstream.on(B, slowly)

    pending = bridge.start("fetch", **model_request(upstream))
    signal = watcher.next_signal()
    live.key(B)
    watcher.retry(signal, B)
    answer = pending.result()

    assert (answer["sameResponse"], answer["type"]) == (True, "text/event-stream")
    assert all(200 < gap < 400 for gap in gaps(answer))
