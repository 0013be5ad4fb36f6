"""Whether anybody would answer: without a living watcher no failure waits."""

from __future__ import annotations

import os
import signal as signals
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.bridge_process import BridgeProcess
from tests.support.fake_watcher import FakeWatcher, LiveFile, running
from tests.support.upstream import Upstream, model_request
from tests.support.waiting import wait_until

A, B = "KEY-CANARY-A", "KEY-CANARY-B"
# Less than the 250 ms that a watcher is given; a busy machine may need much of it.
AT_ONCE_MS = 240


@pytest.fixture(autouse=True)
def limited(upstream: Upstream) -> None:
    """Answer 429 to the key A."""
    upstream.limit(A)


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """Return a process that can be taken for a watcher."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield process
    process.kill()
    process.wait()


def expect_at_once(bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher) -> None:
    # The first request is slow for other reasons; this one is none of ours.
    bridge.run("fetch", **model_request(upstream, mark=None))

    answer = bridge.run("fetch", **model_request(upstream))

    assert (answer["status"], answer["sameResponse"], answer["body"]) == (429, True, "limited")
    assert answer["ms"] < AT_ONCE_MS
    assert watcher.waiting() == []


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"schema": 2}, id="unknown schema"),
        pytest.param({"schema": "1"}, id="schema as text"),
        pytest.param({"auth_file": "/elsewhere/auth.json"}, id="another auth.json"),
        pytest.param({"auth_file": None}, id="no auth.json"),
        pytest.param({"watcher": None}, id="no watcher"),
        pytest.param({"watcher": {}}, id="a watcher without a pid"),
        pytest.param({"watcher": {"pid": 0, "start_ticks": "0"}}, id="pid 0"),
        pytest.param({"watcher": {"pid": -1, "start_ticks": "0"}}, id="pid -1"),
        pytest.param({"watcher": running(os.getpid(), start_ticks="1")}, id="another start"),
        pytest.param({"watcher": running(os.getpid(), start_ticks=None)}, id="no start"),
        pytest.param({"providers": None}, id="no providers"),
    ],
)
def test_a_state_that_does_not_name_a_living_watcher_of_ours_costs_no_wait(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, changes: dict[str, Any]
) -> None:
    watcher.publish([A, B], **changes)

    expect_at_once(bridge, upstream, watcher)


@pytest.mark.parametrize("content", [None, b"", b"{", b"null", b"[]", b"\xff"])
def test_a_state_json_that_is_missing_or_no_state_costs_no_wait(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, content: bytes | None
) -> None:
    path = watcher.folder / "state.json"
    path.unlink()
    if content is not None:
        path.write_bytes(content)

    expect_at_once(bridge, upstream, watcher)


def test_a_watcher_that_was_killed_costs_no_wait(
    bridge: BridgeProcess,
    upstream: Upstream,
    watcher: FakeWatcher,
    sleeper: subprocess.Popen[bytes],
) -> None:
    watcher.publish([A, B], watcher=running(sleeper.pid))
    sleeper.kill()
    wait_until(lambda: state_of(sleeper) == psutil.STATUS_ZOMBIE, 5, "the process to end")

    expect_at_once(bridge, upstream, watcher)
    sleeper.wait()
    expect_at_once(bridge, upstream, watcher)


def test_a_watcher_that_is_stopped_costs_no_wait_and_is_asked_again_when_it_goes_on(
    bridge: BridgeProcess,
    upstream: Upstream,
    watcher: FakeWatcher,
    sleeper: subprocess.Popen[bytes],
) -> None:
    watcher.publish([A, B], watcher=running(sleeper.pid))
    sleeper.send_signal(signals.SIGSTOP)
    wait_until(lambda: state_of(sleeper) == psutil.STATUS_STOPPED, 5, "the process to stop")

    expect_at_once(bridge, upstream, watcher)
    sleeper.send_signal(signals.SIGCONT)
    wait_until(lambda: state_of(sleeper) != psutil.STATUS_STOPPED, 5, "the process to go on")
    pending = bridge.start("fetch", **model_request(upstream))
    watcher.answer(watcher.next_signal(), "pass")

    assert pending.result()["status"] == 429


def state_of(process: subprocess.Popen[bytes]) -> str:
    return str(psutil.Process(process.pid).status())


def test_the_start_may_be_given_as_a_number(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    told = running(os.getpid())
    watcher.publish([A, B], watcher=told | {"start_ticks": int(str(told["start_ticks"]))})

    pending = bridge.start("fetch", **model_request(upstream))
    watcher.answer(watcher.next_signal(), "pass")

    assert pending.result()["status"] == 429


def test_an_auth_json_that_is_a_link_is_the_same_file_by_either_name(
    home: Path, bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher, live: LiveFile
) -> None:
    real = home / "elsewhere" / "auth.json"
    real.parent.mkdir()
    live.path.rename(real)
    live.path.symlink_to(real)
    watcher.publish([A, B], auth_file=str(real))

    pending = bridge.start("fetch", **model_request(upstream))
    watcher.answer(watcher.next_signal(), "pass")

    assert pending.result()["status"] == 429


def test_a_watcher_that_does_not_answer_is_waited_for_once_until_state_json_changes(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    first = bridge.run("fetch", **model_request(upstream))
    left = [*watcher.inbox.iterdir(), *watcher.outbox.iterdir()]
    expect_at_once(bridge, upstream, watcher)
    watcher.publish([A, B])
    pending = bridge.start("fetch", **model_request(upstream))
    watcher.answer(watcher.next_signal(), "pass")

    assert (first["status"], 250 <= first["ms"] < 400, left) == (429, True, [])
    assert pending.result()["status"] == 429


def test_a_watcher_that_does_not_answer_is_waited_for_by_all_at_the_same_time(
    bridge: BridgeProcess, upstream: Upstream, watcher: FakeWatcher
) -> None:
    pending = bridge.start("many", count=200, **model_request(upstream))
    signals = set()
    while not pending.is_done:
        signals |= {path.name for path in watcher.waiting()}
        time.sleep(0.001)
    answer = pending.result()

    assert (answer["statuses"], answer["ms"] < 1500) == ({"429": 200}, True)
    # The others stood in line meanwhile, and found the watcher muted.
    assert (len(signals), watcher.waiting()) == (16, [])


def test_a_watcher_that_dies_after_its_ack_is_not_waited_for_to_the_deadline(
    bridge: BridgeProcess,
    upstream: Upstream,
    watcher: FakeWatcher,
    sleeper: subprocess.Popen[bytes],
) -> None:
    watcher.publish([A, B], watcher=running(sleeper.pid))
    pending = bridge.start("fetch", **model_request(upstream))
    watcher.answer(watcher.next_signal(), "ack", wait_ms=20_000)
    pending.wait_until_acked()
    sleeper.kill()
    sleeper.wait()

    answer = pending.result(5)

    assert (answer["status"], answer["ms"] < 3000) == (429, True)
