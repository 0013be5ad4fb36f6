"""Many sessions of one OpenCode 2 that fail at once, and a wait that is ended. The real 2.0.15."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.scenes import CAPTURE_SECONDS, A, B, install_bridge, kinds, of
from tests.e2e.test_many_at_once import SECONDS, SESSIONS, Gate
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode2_process import Server2, end_services, serve2
from tests.support.rotator_process import rotator, status, watcher
from tests.support.waiting import wait_until

pytestmark = pytest.mark.e2e
MODEL = "mock/m1"
HELLO = "Hello from the loopback provider."
WAIT_SECONDS = 60


@pytest.fixture(autouse=True)
def ended(house: Household) -> Iterator[None]:
    """End whatever a test has left running."""
    yield
    end_services(house)


def log_in(server: Server2, *keys: str) -> None:
    for key in keys:
        server.add_key("mock", key, key[-1].lower())
    house = server.house
    what = "every login to be captured"
    wait_until(lambda: len(of(house, "mock")) == len(keys), CAPTURE_SECONDS, what)


@pytest.mark.timeout(SECONDS)
def test_200_sessions_of_one_server_fail_at_once_and_one_swap_serves_them(
    house: Household, provider: LoopbackProvider
) -> None:
    gate = Gate(SESSIONS)
    gate.open()
    provider.answer(gate, key=A, title=False)
    install_bridge(house)
    with watcher(house), serve2(house) as server, ThreadPoolExecutor(SESSIONS) as pool:
        log_in(server, B, A)
        sessions = [server.create_session(MODEL) for _ in range(SESSIONS)]

        said = list(pool.map(lambda one: server.prompt(one, "hi", seconds=SECONDS), sessions))

        accounts = of(house, "mock")
        happened = kinds(house)

    assert [text for text in said if text != HELLO] == []
    assert happened.count("failover") == 1
    assert [account["state"] for account in accounts] == ["ready", "cooling"]
    assert provider.keys.count(A) == SESSIONS


def test_an_interrupt_ends_the_wait_for_the_only_login(
    house: Household, provider: LoopbackProvider
) -> None:
    assert rotator(house, "config", "set", "failover.wait_for_reset", "true").code == 0
    install_bridge(house)
    with watcher(house), serve2(house) as server:
        log_in(server, A)
        session = server.create_session(MODEL)
        provider.limit(A, headers={"retry-after": str(WAIT_SECONDS)}, times=1)
        server.begin(session, "hi")
        wait_until(lambda: waiting(house), CAPTURE_SECONDS, "the turn to wait")
        began = time.monotonic()

        server.interrupt(session)
        server.end_of_turn(session)
        seconds = time.monotonic() - began
        asked, again = list(provider.keys), server.prompt(session, "hi")

    assert seconds < WAIT_SECONDS / 4
    assert (asked, again) == ([A], HELLO)


def waiting(house: Household) -> list[str]:
    """Return what is said of turns that wait."""
    return [text for text in status(house)["problems"] if "wait for an account" in text]
