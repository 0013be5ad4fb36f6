"""A limited login in OpenCode 2: the other one answers the same request. With the real 2.0.15."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.scenes import CAPTURE_SECONDS, A, B, install_bridge, kinds, of, of_kind
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode2_process import (
    Server2,
    command2,
    end_services,
    serve2,
)
from tests.support.rotator_process import watcher
from tests.support.waiting import wait_until

pytestmark = pytest.mark.e2e
HOUR = {"retry-after": "3600"}
HELLO = "Hello from account two."


@pytest.fixture(autouse=True)
def ended(house: Household) -> Iterator[None]:
    """End whatever a test has left running."""
    yield
    end_services(house)


@pytest.fixture
def served(house: Household, provider: LoopbackProvider) -> Iterator[Server2]:
    """Return a server with the keys B and A, the active one, the bridge, and a watcher."""
    provider.ok(HELLO, key=B)
    install_bridge(house)
    with watcher(house), serve2(house) as server:
        server.add_key("mock", B, "b")
        server.add_key("mock", A, "a")
        what = "both to be captured"
        wait_until(lambda: len(of(house, "mock")) == 2, CAPTURE_SECONDS, what)
        yield server


def ask(server: Server2, *words: str) -> tuple[int, str]:
    more = ["--server", server.url, *(words or ("hi",))]
    ran = command2(server.house, "run", *more, OPENCODE_PASSWORD=server.password)
    return ran.returncode, ran.stdout + ran.stderr


def test_a_limited_key_is_replaced_inside_the_running_request(
    served: Server2, provider: LoopbackProvider
) -> None:
    house = served.house
    provider.limit(A, headers=HOUR)

    code, said = ask(served)

    assert (code, HELLO in said) == (0, True), said
    asked = [request.credential for request in provider.asked(title=None)]
    assert asked.count(A) <= 3
    assert kinds(house).count("failover") == 1
    assert [a["state"] for a in of(house, "mock")] == ["ready", "cooling"]
    wait_until(lambda: served.connections("mock")[0]["label"] == "b", 10, "the switch")
    assert of_kind(house, "problem") == []
