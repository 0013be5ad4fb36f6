"""Another plug-in that replaces fetch, in every order of the two: no mark leaves, nothing is lost.

Cases B2, B3 and B9.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from rotator.opencode.install import bridge_source
from rotator.secret import digest_of
from tests.e2e.scenes import A, B, api
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_process import Ran, run, serve
from tests.support.provider_request import Request
from tests.support.rival_plugin import (
    POOL_KEY,
    Order,
    install_rival,
    model_requests,
    started,
)
from tests.support.scripted_watcher import ScriptedWatcher, Signal, scripted_watcher

pytestmark = pytest.mark.e2e

HELLO = "Hello from the loopback provider.\n"
SOON = {"retry-after-ms": "50"}
BEFORE, AFTER = Order.BEFORE, Order.AFTER
TURNS = 40
# Our fetch gets to see the request, whatever these do.
SEEN = (
    ("keeps fetch at import and replaces it when it starts", BEFORE),
    ("keeps fetch at import and replaces it when it starts", AFTER),
    ("replaces fetch when it starts", BEFORE),
    ("replaces fetch when it starts", AFTER),
    ("replaces fetch at import", BEFORE),
    ("replaces fetch a moment after its start", BEFORE),
    ("replaces fetch a moment after its start", AFTER),
    ("replaces fetch when the turn begins", BEFORE),
    ("replaces fetch when the turn begins", AFTER),
    ("hands the fetch on that it found", BEFORE),
    ("hands the fetch on that it found", AFTER),
    ("wraps fetch at every request", BEFORE),
    ("wraps fetch at every request", AFTER),
    ("puts back the fetch of its import at every request", BEFORE),
    ("throws when it starts", BEFORE),
    ("throws when it starts", AFTER),
    ("has a login's own fetch", AFTER),
)
# Here it may not, and must not have marked what it does not see.
PERHAPS_UNSEEN = (
    ("puts back the fetch of its import at every request", AFTER),
    ("nails its fetch down", BEFORE),
    ("nails its fetch down", AFTER),
    ("lets nobody see what it does with fetch", BEFORE),
    ("lets nobody see what it does with fetch", AFTER),
    ("has a login's own fetch, kept at import", AFTER),
)
# A plug-in below our fetch that kept the real one before we came cannot be told from one that
# sends what it was given: it is not among them.
OWN_KEYS = (
    ("has keys of its own in a login's fetch", AFTER),
    ("has keys of its own in a login's fetch, kept at import", AFTER),
    ("puts a key of its own into the headers", BEFORE),
    ("puts a key of its own into the headers", AFTER),
    ("has keys of its own in the fetch that it replaces when it starts", BEFORE),
    ("has keys of its own in the fetch that it replaces when it starts", AFTER),
    ("has keys of its own in the fetch that it kept at import", BEFORE),
    ("has keys of its own in the fetch that it kept at import", AFTER),
)


def each(*cases: tuple[str, Order]) -> pytest.MarkDecorator:
    """Return what plays each of the cases."""
    names = [f"{kind}, {order.value}" for kind, order in cases]
    return pytest.mark.parametrize(("kind", "order"), cases, ids=names)


@dataclass
class Scene:
    """One HOME with the bridge and a stand-in for the watcher, which swaps A for B."""

    house: Household
    provider: LoopbackProvider
    watcher: ScriptedWatcher

    def ask(self) -> Ran:
        """Let opencode answer one message whose first request is refused once."""
        for key in (A, B, POOL_KEY):
            self.provider.limit(key, headers=SOON, times=1)
        self.provider.lift(B)
        return run(self.house, "hi")

    def decide(self, signal: Signal) -> tuple[str, dict[str, Any]]:
        """Swap B in when A is limited."""
        if signal.get("kind") == "failed" or signal["credential"] != digest_of(A):
            return "pass", {}
        self.house.replace_auth({"mock": api(B)})
        return "retry", {"credential": digest_of(B)}

    @property
    def blamed(self) -> list[str | None]:
        """Return the credentials whose requests failed, as the bridge told."""
        return [signal["credential"] for signal in self.watcher.signals]

    @property
    def keys(self) -> list[str | None]:
        """Return what the turn's requests carried."""
        return self.provider.keys


USUAL = {
    "accept",
    "accept-encoding",
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "host",
    "user-agent",
    "x-session-affinity",
    "x-session-id",
}


def unusual(requests: list[Request]) -> set[str]:
    """Return the names of headers that opencode without any plug-in does not send."""
    return {name for request in requests for name in request.headers} - USUAL


@pytest.fixture
def scene(house: Household, provider: LoopbackProvider) -> Iterator[Scene]:
    """Return a scene in which A is live and no rival is there yet."""
    folder = house.config_folder / "plugin"
    folder.mkdir()
    (folder / "rotator.js").write_bytes(bridge_source())
    house.write_auth({"mock": api(A)})
    with scripted_watcher(house.home, {"mock": A}) as watcher:
        both = [digest_of(key) for key in (A, B)]
        watcher.publish(providers={"mock": {"active": both[0], "known": both, "ready": True}})
        scene = Scene(house, provider, watcher)
        watcher.decide = scene.decide
        yield scene


def test_opencode_alone_sends_the_usual_headers(
    house: Household, provider: LoopbackProvider
) -> None:
    house.write_auth({"mock": api(A)})

    run(house, "hi")

    assert {frozenset(request.headers) for request in provider.requests} == {frozenset(USUAL)}


def test_with_the_bridge_alone_a_request_fails_over_and_no_header_is_added(scene: Scene) -> None:
    ended = scene.ask()

    assert (ended.code, ended.stdout, scene.keys) == (0, HELLO, [A, B])
    assert unusual(scene.provider.requests) == set()


def test_two_that_keep_fetch_and_replace_it_are_both_below_ours(scene: Scene) -> None:
    kind = "keeps fetch at import and replaces it when it starts"
    install_rival(scene.house, kind, BEFORE, "first")
    install_rival(scene.house, kind, AFTER, "second")

    ended = scene.ask()

    assert started(scene.house) == [f"started {order.value}" for order in (BEFORE, AFTER)]
    assert (ended.code, ended.stdout, scene.keys) == (0, HELLO, [A, B])
    # The second kept what there was before the first, and is asked for the title, A and B.
    assert model_requests(scene.house, "second") == 3
    assert unusual(scene.provider.requests) == set()


@each(
    ("wraps fetch at every request", AFTER),
    ("puts back the fetch of its import at every request", AFTER),
)
def test_many_requests_that_each_bring_another_fetch_are_each_sent_once(
    scene: Scene, kind: str, order: Order
) -> None:
    install_rival(scene.house, kind, order)

    with serve(scene.house) as server:
        session = server.create_session()
        said = [server.prompt(session, "hi") for _ in range(TURNS)]

    assert started(scene.house) == [f"started {order.value}"]
    assert [f"{text}\n" for text in said] == [HELLO] * TURNS
    assert scene.keys == [A] * TURNS
    assert scene.blamed == []
    assert unusual(scene.provider.requests) == set()


@each(*SEEN)
def test_a_request_fails_over_whatever_replaces_fetch(
    scene: Scene, kind: str, order: Order
) -> None:
    """Case B3."""
    install_rival(scene.house, kind, order)

    ended = scene.ask()

    assert started(scene.house) == [f"started {order.value}"]
    assert (ended.code, ended.stdout, scene.keys) == (0, HELLO, [A, B])
    assert scene.blamed == [digest_of(A)]
    assert unusual(scene.provider.requests) == set()


@each(*PERHAPS_UNSEEN)
def test_what_our_fetch_may_not_see_is_not_marked(scene: Scene, kind: str, order: Order) -> None:
    """Case B9."""
    install_rival(scene.house, kind, order)

    ended = scene.ask()

    assert started(scene.house) == [f"started {order.value}"]
    assert (ended.code, ended.stdout) == (0, HELLO)
    assert unusual(scene.provider.requests) == set()
    if scene.keys == [A, B]:
        assert scene.blamed == [digest_of(A)]
    else:
        assert scene.keys == [A, A]
        assert {(one["credential"], one["key"]) for one in scene.watcher.signals} == {
            (None, "unseen")
        }


@each(*OWN_KEYS)
def test_nobody_is_blamed_for_keys_of_another_plugin(scene: Scene, kind: str, order: Order) -> None:
    """Case B2."""
    install_rival(scene.house, kind, order)

    ended = scene.ask()

    assert started(scene.house) == [f"started {order.value}"]
    assert (ended.code, ended.stdout, scene.keys) == (0, HELLO, [POOL_KEY, POOL_KEY])
    assert [one for one in scene.blamed if one is not None] == []
    assert unusual(scene.provider.requests) == set()
    assert scene.house.read_auth() == {"mock": api(A)}
