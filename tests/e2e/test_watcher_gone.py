"""No watcher, a killed one, a stopped one: opencode goes on as if we were not there.

One server for all, and a provider of its own for each test.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.e2e.one_server import Scene, configure, key, log_in_all, two_keys
from tests.e2e.scenes import api, install_bridge, states
from tests.support.household import Household
from tests.support.leaks import LASTING
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_process import serve
from tests.support.provider_answers import refusal, streamed
from tests.support.rotator_process import rotator, watcher

# opencode repeats after this long; whatever we add comes on top of it.
SOON = {"retry-after-ms": "50"}
OWN_WAIT_SECONDS = 0.05
# For a machine that is busy with other things; opencode's own wait without the header is 2 s.
SLACK_SECONDS = 0.5
PROVIDERS = ("none", "hand", "killed", "stopped")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Return a server that was started while key 1 of each was live, the bridge, no watcher."""
    house = Household(tmp_path_factory.mktemp("home"))
    logins = two_keys(PROVIDERS)
    with LoopbackProvider(f"{LASTING}loopback") as provider:
        configure(house, provider, logins)
        install_bridge(house)
        with watcher(house):
            log_in_all(house, logins)
        with serve(house) as server:
            yield Scene(house, provider, server)
    shutil.rmtree(house.temporary, ignore_errors=True)


@pytest.fixture
def scene(served: Scene) -> Iterator[Scene]:
    """Return it with nobody else's rules and requests."""
    yield served
    served.provider.begin_anew()


def waited_seconds(scene: Scene) -> float:
    """Return the time from the first refusal to the request that followed it."""
    scene.provider.settled()
    asked = scene.provider.asked()
    first = next(n for n, request in enumerate(asked) if request.status == 429)
    sent_ns = asked[first].sent_ns
    assert sent_ns is not None
    return (asked[first + 1].read_ns - sent_ns) / 1e9


def test_without_a_watcher_a_failure_is_opencodes_own(scene: Scene) -> None:
    scene.provider.script(refusal(429, headers=SOON), streamed("Hello."))

    said = scene.ask("none")

    assert said == "Hello."
    assert scene.keys_of("none") == [key("none", "1")] * 2
    assert waited_seconds(scene) < OWN_WAIT_SECONDS + SLACK_SECONDS
    assert not list((scene.house.state_dir / "bridge" / "inbox").iterdir())


def test_without_a_watcher_the_live_key_is_used_by_a_server_that_began_with_the_other(
    scene: Scene,
) -> None:
    session = scene.server.create_session()
    scene.ask_in("hand", session, "first")

    assert rotator(scene.house, "rotate", "hand").code == 0
    scene.ask_in("hand", session, "second")

    assert scene.keys_of("hand") == [key("hand", "1"), key("hand", "2")]


def test_a_killed_watcher_costs_nothing(scene: Scene) -> None:
    with watcher(scene.house) as watching:
        watching.kill()
        scene.provider.script(refusal(429, headers=SOON), streamed("Hello."))

        said = scene.ask("killed")

    assert said == "Hello."
    assert scene.keys_of("killed") == [key("killed", "1")] * 2
    assert waited_seconds(scene) < OWN_WAIT_SECONDS + SLACK_SECONDS
    assert states(scene.house, "killed") == ["ready", "ready"]
    with watcher(scene.house):
        assert scene.house.read_auth()["killed"] == api(key("killed", "1"))


def test_a_stopped_watcher_costs_nothing_and_works_again_once_it_goes_on(scene: Scene) -> None:
    one, two = key("stopped", "1"), key("stopped", "2")
    session = scene.server.create_session()
    with watcher(scene.house) as watching:
        watching.stop()
        scene.provider.script(refusal(429, headers=SOON), streamed("Hello."))
        scene.ask_in("stopped", session, "hi")
        waited = waited_seconds(scene)
        watching.cont()
        scene.provider.limit(one, headers={"retry-after": "3600"})
        scene.provider.ok("Hello from B.", key=two)

        said = scene.ask_in("stopped", session, "again")

    assert said == "Hello from B."
    # It may have learned of the first failure from opencode's log by now, and swapped already.
    assert scene.keys_of("stopped") in ([one, one, one, two], [one, one, two])
    assert waited < OWN_WAIT_SECONDS + 0.3 + SLACK_SECONDS
