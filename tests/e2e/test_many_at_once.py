"""Many requests that fail at once: one swap, and nobody is left behind."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

import pytest

from tests.e2e.scenes import A, kinds, states
from tests.support.bridge_process import bridge_process
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.provider_answers import Answer, refusal
from tests.support.provider_request import Request

SESSIONS = 200
REQUESTS = 2000
CONNECTIONS = 200  # Bun opens 256 at the most
GATE_SECONDS = 120.0
SECONDS = 300.0
HOUR = {"retry-after": "3600"}


class Gate:
    """Refuses a key, but not before so many of its requests have come in, and it was opened."""

    def __init__(self, width: int) -> None:
        self._barrier = threading.Barrier(width)
        self._is_open = threading.Event()

    def open(self) -> None:
        """Refuse from now on."""
        self._is_open.set()

    def __call__(self, _: Request) -> Answer:
        # Those that come later find it broken, and are refused at once.
        with contextlib.suppress(threading.BrokenBarrierError):
            self._barrier.wait(GATE_SECONDS)
            self._barrier.abort()
        self._is_open.wait(GATE_SECONDS)
        return refusal(429, headers=HOUR)


@pytest.mark.alone
@pytest.mark.timeout(SECONDS)
def test_2000_requests_of_one_bridge_fail_at_once(
    watched: Household, provider: LoopbackProvider, home: Path
) -> None:
    gate = Gate(CONNECTIONS)
    provider.answer(gate, key=A)
    request = {
        "url": f"{provider.url}/v1/chat/completions",
        "headers": {"authorization": f"Bearer {A}", "content-type": "application/json"},
        "body": '{"model":"m1","messages":[]}',
    }
    with bridge_process(home) as bridge:
        bridge.load()

        pending = []
        for number in range(REQUESTS):
            mark = {"provider": "mock", "session": f"ses_{number}"}
            pending.append(bridge.start("fetch", **request, mark=mark))
        # Not before: answers that nobody reads would fill the pipe that they come through.
        gate.open()
        answers = [one.result(SECONDS) for one in pending]

    assert [answer["status"] for answer in answers] == [200] * REQUESTS
    assert provider.keys.count(A) >= CONNECTIONS
    assert kinds(watched).count("failover") == 1
    assert states(watched) == ["ready", "cooling"]
