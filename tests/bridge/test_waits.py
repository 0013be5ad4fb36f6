"""A wait holds a request without sending it, and then the watcher is asked anew."""

from __future__ import annotations

import pytest

from rotator.secret import digest_of
from tests.support.bridge_process import BridgeProcess
from tests.support.fake_watcher import FakeWatcher, LiveFile
from tests.support.upstream import Upstream, model_request
from tests.support.waiting import wait_until

A, B = "KEY-CANARY-A", "KEY-CANARY-B"


@pytest.fixture
def slowness() -> int:
    """Return a patience that a busy machine does not use up; waits here are too short for it."""
    return 20


@pytest.fixture(autouse=True)
def limited(upstream: Upstream) -> None:
    """Answer 429 to the key A."""
    upstream.limit(A)


def test_after_a_wait_the_watcher_is_asked_anew_before_anything_is_sent(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, live: LiveFile
) -> None:
    pending = bridge.start("fetch", **model_request(upstream))
    first = watcher.next_signal()
    watcher.answer(first, "wait", wait_ms=90)
    second = watcher.next_signal()
    live.key(B)
    watcher.retry(second, B)

    answer = pending.result()

    assert (answer["status"], answer["ms"] >= 90, upstream.keys) == (200, True, [A, B])
    assert (first["attempt"], first["waited"], first["tried"]) == (1, False, [digest_of(A)])
    assert (second["attempt"], second["waited"], second["tried"]) == (2, True, [])
    assert second["request"] == first["request"]


def test_waits_follow_each_other_as_often_as_the_watcher_says(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    pending = bridge.start("fetch", **model_request(upstream))
    attempts = []
    for _ in range(4):
        signal = watcher.next_signal()
        attempts.append(signal["attempt"])
        watcher.answer(signal, "wait", wait_ms=10)
    watcher.answer(watcher.next_signal(), "pass")

    assert (pending.result()["status"], upstream.keys) == (429, [A])
    assert attempts == [1, 2, 3, 4]


def test_after_a_wait_the_same_login_may_be_named_and_the_next_failure_is_a_first_one(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    pending = bridge.start("fetch", **model_request(upstream))
    watcher.answer(watcher.next_signal(), "wait", wait_ms=10)
    watcher.retry(watcher.next_signal(), A)
    again = watcher.next_signal()
    watcher.answer(again, "pass")

    assert (pending.result()["status"], upstream.keys) == (429, [A, A])
    assert (again["attempt"], again["waited"], again["tried"]) == (1, False, [digest_of(A)])


def test_what_is_waited_for_is_shown_once(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    pending = bridge.start("fetch", **model_request(upstream))
    for note in ("work is first\nat\x1b[2J 14:20", "work is first\nat\x1b[2J 14:20", "", 7):
        watcher.answer(watcher.next_signal(), "wait", wait_ms=1, note=note)
    watcher.answer(watcher.next_signal(), "pass")
    pending.result()

    toasts = bridge.run("seen")["toasts"]

    assert [toast["message"] for toast in toasts] == ["work is first at [2J 14:20"]


def test_a_request_is_sent_fifty_times_at_most(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    pending = bridge.start("fetch", **model_request(upstream))
    for _ in range(49):
        watcher.answer(watcher.next_signal(), "wait", wait_ms=0)
        watcher.retry(watcher.next_signal(), A)

    assert (pending.result()["status"], len(upstream.keys)) == (429, 50)
    # A signal about the fiftieth would have been left without an answer, and ended all others.
    again = bridge.start("fetch", **model_request(upstream))
    watcher.answer(watcher.next_signal(), "pass")
    again.result()


def test_the_watcher_is_told_of_a_wait_that_was_stopped(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    pending = bridge.start("fetch", **model_request(upstream, abortable=True))
    signal = watcher.next_signal()
    watcher.answer(signal, "wait", wait_ms=60_000)
    wait_until(lambda: not list(watcher.outbox.iterdir()), 10, "the verdict to be read")
    bridge.run("abort", call=pending.number, reason="the user pressed Esc")

    told = watcher.next_signal()

    assert (told["kind"], told["request"]) == ("stopped", signal["request"])
    assert pending.result()["error"] == "the user pressed Esc"
