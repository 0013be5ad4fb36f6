"""No watcher, a killed one, a stopped one: opencode goes on as if we were not there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.scenes import A, B, api, install_bridge, log_in, of
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_process import Server, serve
from tests.support.provider_answers import refusal, streamed
from tests.support.rotator_process import rotator, watcher

# opencode repeats after this long; whatever we add comes on top of it.
SOON = {"retry-after-ms": "50"}
OWN_WAIT_SECONDS = 0.05
# For a machine that is busy with other things; opencode's own wait without the header is 2 s.
SLACK_SECONDS = 0.5


@pytest.fixture
def captured(house: Household) -> Household:
    """Return a household with two keys captured, A live, the bridge installed, no watcher."""
    install_bridge(house)
    with watcher(house):
        log_in(house, "mock", api(B), api(A))
    return house


@pytest.fixture
def server(captured: Household) -> Iterator[Server]:
    """Return a server that was started while A was live."""
    with serve(captured) as server:
        yield server


def waited_seconds(provider: LoopbackProvider) -> float:
    """Return the time from the first refusal to the request that followed it."""
    provider.settled()
    asked = provider.asked()
    first = next(n for n, request in enumerate(asked) if request.status == 429)
    sent_ns = asked[first].sent_ns
    assert sent_ns is not None
    return (asked[first + 1].read_ns - sent_ns) / 1e9


def test_without_a_watcher_a_failure_is_opencodes_own(
    captured: Household, provider: LoopbackProvider, server: Server
) -> None:
    provider.script(refusal(429, headers=SOON), streamed("Hello."))

    said = server.prompt(server.create_session(), "hi")

    assert said == "Hello."
    assert provider.keys == [A, A]
    assert waited_seconds(provider) < OWN_WAIT_SECONDS + SLACK_SECONDS
    assert not list((captured.state_dir / "bridge" / "inbox").iterdir())


def test_without_a_watcher_the_live_key_is_used_by_a_server_that_began_with_the_other(
    captured: Household, provider: LoopbackProvider, server: Server
) -> None:
    session = server.create_session()
    server.prompt(session, "first")

    assert rotator(captured, "rotate").code == 0
    server.prompt(session, "second")

    assert provider.keys == [A, B]


def test_a_killed_watcher_costs_nothing(
    captured: Household, provider: LoopbackProvider, server: Server
) -> None:
    with watcher(captured) as watching:
        watching.kill()
        provider.script(refusal(429, headers=SOON), streamed("Hello."))

        said = server.prompt(server.create_session(), "hi")

    assert said == "Hello."
    assert provider.keys == [A, A]
    assert waited_seconds(provider) < OWN_WAIT_SECONDS + SLACK_SECONDS
    assert [a["state"] for a in of(captured, "mock")] == ["ready", "ready"]
    with watcher(captured):
        assert captured.read_auth()["mock"] == api(A)


def test_a_stopped_watcher_costs_nothing_and_works_again_once_it_goes_on(
    captured: Household, provider: LoopbackProvider, server: Server
) -> None:
    session = server.create_session()
    with watcher(captured) as watching:
        watching.stop()
        provider.script(refusal(429, headers=SOON), streamed("Hello."))
        server.prompt(session, "hi")
        waited = waited_seconds(provider)
        watching.cont()
        provider.limit(A, headers={"retry-after": "3600"})
        provider.ok("Hello from B.", key=B)

        said = server.prompt(session, "again")

    assert said == "Hello from B."
    # It may have learned of the first failure from opencode's log by now, and swapped already.
    assert provider.keys in ([A, A, A, B], [A, A, B])
    assert waited < OWN_WAIT_SECONDS + 0.3 + SLACK_SECONDS
