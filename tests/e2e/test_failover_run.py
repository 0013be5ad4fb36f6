"""A run after a failover, a second overload, and a login that is the only one, in opencode 1."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.one_server import Scene, key, one_server, two_keys
from tests.e2e.scenes import (
    A,
    B,
    api,
    states,
)
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_process import run

HOUR = {"retry-after": "3600"}
HELLO = "Hello from account two."
ALONE = "alone"
OVERLOADED = "overloaded"


# -- `opencode run` ----------------------------------------------------------------------------


def test_the_next_run_uses_the_other_key_at_once(
    watched: Household, provider: LoopbackProvider
) -> None:
    provider.ok(HELLO, key=B)
    provider.limit(A, headers=HOUR)
    run(watched, "hi")
    before = len(provider.requests)

    ended = run(watched, "again")

    assert ended.stdout.strip() == HELLO
    assert {request.credential for request in provider.requests[before:]} == {B}


# -- one server, each with a provider of its own ------------------------------------------------


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Return a server with the bridge, and two logins of each provider: one, live, and two."""
    logins = {**two_keys([OVERLOADED]), ALONE: (api(key(ALONE, "1")),)}
    with one_server(tmp_path_factory.mktemp("home"), logins) as scene:
        yield scene


@pytest.fixture
def scene(served: Scene) -> Iterator[Scene]:
    """Return it while account two says something of its own."""
    served.provider.ok(HELLO, key=key(OVERLOADED, "2"))
    yield served
    served.provider.begin_anew()


def test_a_second_overload_within_the_minute_is_passed_on(scene: Scene) -> None:
    first, second = key(OVERLOADED, "1"), key(OVERLOADED, "2")
    scene.provider.limit(first, status=529)
    scene.ask(OVERLOADED)
    scene.provider.limit(second, status=529, times=1)
    before = len(scene.requests_of(OVERLOADED))

    # opencode's own retry is answered.
    assert scene.turn(OVERLOADED, "again") == (HELLO, [])
    assert len(scene.errors_of(OVERLOADED)) == 1
    after = {request.credential for request in scene.requests_of(OVERLOADED)[before:]}
    assert after == {second}
    assert states(scene.house, OVERLOADED) == ["ready", "ready"]
    assert len(scene.events_of(OVERLOADED, "failover")) == 1


def test_with_one_account_a_request_is_left_alone(scene: Scene) -> None:
    only = key(ALONE, "1")
    scene.provider.ok("Hello after opencode's own retry.", key=only)
    scene.provider.limit(only, headers={"retry-after-ms": "10"}, times=1)

    assert scene.ask(ALONE) == "Hello after opencode's own retry."
    assert scene.keys_of(ALONE) == [only, only]
