"""Another plug-in that replaces fetch, in every order of the two: no mark leaves, nothing is lost.

Cases B2, B3 and B9. A scene is a directory of its own in one opencode, which starts all plug-ins
anew for it; what a rival does at import, or cannot be undone, needs an opencode of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from rotator.opencode.bridge.install import bridge_source
from rotator.secret import digest_of
from tests.e2e.scenes import A, B, api, install_bridge, log_in, of_kind, states
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_process import Server, serve
from tests.support.provider_request import Request
from tests.support.rival_plugin import (
    AT_IMPORT,
    POOL_KEY,
    Order,
    Plan,
    install_rivals,
    model_requests,
    place,
    play,
    started,
)
from tests.support.rotator_process import watcher
from tests.support.scripted_watcher import ScriptedWatcher, Signal, scripted_watcher

pytestmark = pytest.mark.e2e

HELLO = "Hello from the loopback provider."
SOON = {"retry-after-ms": "50"}
BEFORE, AFTER = Order.BEFORE, Order.AFTER
SECONDS = 180.0
TURNS = 10
KEEPS = "keeps fetch at import and replaces it when it starts"
# Our fetch gets to see the request, whatever these do, before it or behind it.
SEEN = (
    KEEPS,
    "replaces fetch when it starts",
    "replaces fetch a moment after its start",
    "replaces fetch when the turn begins",
    "hands the fetch on that it found",
    "wraps fetch at every request",
    "puts its own fetch back wherever it does not find it",
    "gives a Request in place of an init",
    "throws when it starts",
)
PUTS_BACK = "puts back the fetch of its import at every request"
OWN_FETCH = "has a login's own fetch"
SEEN_PLANS: tuple[Plan, ...] = (
    {},
    *({order: kind} for kind in SEEN for order in Order),
    {BEFORE: PUTS_BACK},
    {AFTER: OWN_FETCH},
    {BEFORE: KEEPS, AFTER: KEEPS},
    {BEFORE: "hands the fetch on that it found", AFTER: "wraps fetch at every request"},
)
# Here it may not, and must not have marked what it does not see.
PERHAPS_UNSEEN_PLANS: tuple[Plan, ...] = (
    {AFTER: PUTS_BACK},
    {AFTER: "has a login's own fetch, kept at import"},
)
OWN_KEYS_PLANS: tuple[Plan, ...] = (
    {AFTER: "has keys of its own in a login's fetch"},
    {AFTER: "has keys of its own in a login's fetch, kept at import"},
    *(
        {order: kind}
        for kind in (
            "puts a key of its own into the headers",
            "has keys of its own in the fetch that it replaces when it starts",
            "has keys of its own in the fetch that it kept at import",
            "has keys of its own at another place",
            "has keys of its own and sends from a queue",
        )
        for order in Order
    ),
)
# Its login goes along in a header that opencode never sends.
COPIES = "has keys of its own and keeps the login in another header"
# Below our fetch these send past ours, or nothing, so that the watcher has to judge by their text.
UNPROVEN_PLANS: tuple[Plan, ...] = tuple(
    {order: kind}
    for kind in (
        "has keys of its own in another fetch of the runtime",
        "has keys of its own in a fetch from before the bridge",
        "has keys of its own and refuses by itself",
    )
    for order in Order
)
SENDS_ITSELF = """
export const Other = async () => {
  globalThis.fetch = (input, init) => {
    const headers = new Headers(init?.headers)
    if (String(input).endsWith("/chat/completions")) { GIVE }
    return Bun.fetch(input, { ...init, headers })
  }
  return {}
}
"""
GIVES = f'headers.set("authorization", "Bearer {POOL_KEY}")'
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


@dataclass(frozen=True)
class Ended:
    """What came of a scene."""

    started: dict[Order, str]
    said: Sequence[str]
    keys: Sequence[str | None]
    blamed: Sequence[str | None]
    unusual: set[str]

    @classmethod
    def well(cls, plan: Plan, keys: Sequence[str], *blamed: str) -> Ended:
        """Return how a scene has to end whose turn is answered with the last of `keys`."""
        return cls({one: one.value for one in plan}, [HELLO], list(keys), list(blamed), set())


@dataclass
class Scenes:
    """One HOME with the bridge, and a stand-in for the watcher, which swaps A for B."""

    house: Household
    provider: LoopbackProvider
    watcher: ScriptedWatcher
    has_pool: bool = False

    def begin(self, plan: Plan) -> None:
        """Log A in, and let each key but B be refused once."""
        play(self.house, plan)
        self.has_pool = any("keys of its own" in kind for kind in plan.values())
        self.house.write_auth({"mock": api(A)})
        for key in (A, POOL_KEY):
            self.provider.lift(key)
            self.provider.limit(key, headers=SOON, times=1)

    def play(self, server: Server, plan: Plan, *, turns: int = 1) -> Ended:
        """Let opencode start its plug-ins for a new directory and answer messages there."""
        self.begin(plan)
        requests, signals = len(self.provider.requests), len(self.watcher.signals)
        directory = self.house.project / f"scene-{requests}"
        directory.mkdir()
        session = server.create_session(directory=directory)
        said = [server.prompt(session, "hi", directory=directory) for _ in range(turns)]
        # A title comes beside the turn: it has to be of this scene, too.
        of = [one for one in self.provider.requests[requests:] if is_of(one, session)]
        told = [one for one in self.watcher.signals[signals:] if one["session"] == session]
        return Ended(
            started(self.house),
            said,
            [one.credential for one in of if not one.is_title],
            [one["credential"] for one in told if not self.leaves(one)],
            unusual(self.provider.requests[requests:]),
        )

    def leaves(self, signal: Signal) -> bool:
        """Tell whether a signal blames nobody, as the real watcher sees by a plug-in's text."""
        return signal.get("unproven") is True and self.has_pool

    def decide(self, signal: Signal) -> tuple[str, dict[str, Any]]:
        """Swap B in when A is limited."""
        if signal["credential"] != digest_of(A) or self.leaves(signal):
            return "pass", {}
        self.house.replace_auth({"mock": api(B)})
        return "retry", {"credential": digest_of(B)}


def is_of(request: Request, session: str) -> bool:
    """Tell whether the request is of that session."""
    return request.headers.get("x-session-id") == session


def unusual(requests: Sequence[Request]) -> set[str]:
    """Return the names of headers that opencode without any plug-in does not send."""
    return {name for request in requests for name in request.headers} - USUAL


def named(plan: Plan) -> str:
    """Return a scene in words."""
    return ", ".join(f"{kind} {order.value}" for order, kind in plan.items())


@pytest.fixture
def scenes(house: Household, provider: LoopbackProvider) -> Iterator[Scenes]:
    """Return scenes in which A is live and no rival does anything yet."""
    folder = house.config_folder / "plugin"
    folder.mkdir()
    (folder / "rotator.js").write_bytes(bridge_source())
    install_rivals(house)
    with scripted_watcher(house.home, {"mock": A}) as watcher:
        both = [digest_of(key) for key in (A, B)]
        watcher.publish(providers={"mock": {"active": both[0], "known": both, "ready": True}})
        scenes = Scenes(house, provider, watcher)
        watcher.decide = scenes.decide
        scenes.begin({})
        yield scenes


def is_right(plan: Plan, ended: Ended) -> bool:
    """Tell whether a scene ended as it does where our fetch may not have seen the request."""
    seen, unseen = Ended.well(plan, [A, B], digest_of(A)), Ended.well(plan, [A, A])
    return ended in (seen, unseen)


@pytest.mark.timeout(SECONDS)
def test_a_request_that_our_fetch_sees_fails_over_and_one_that_it_may_not_is_not_marked(
    scenes: Scenes,
) -> None:
    """Cases B3 and B9."""
    ended, asked = {}, {}
    with serve(scenes.house) as server:
        for plan in (*SEEN_PLANS, *PERHAPS_UNSEEN_PLANS):
            ended[named(plan)] = scenes.play(server, plan)
            asked[named(plan)] = [model_requests(scenes.house, order) for order in plan]

    # The first scene has no rival: what opencode itself calls is the runtime's own fetch.
    assert "unproven" not in scenes.watcher.signals[0]
    unseen = {named(plan): ended.pop(named(plan)) for plan in PERHAPS_UNSEEN_PLANS}
    assert ended == {named(plan): Ended.well(plan, [A, B], digest_of(A)) for plan in SEEN_PLANS}
    # Who keeps fetch and replaces it is asked for A and B at least; a title comes beside them.
    assert min(asked[named({order: KEEPS})][0] for order in Order) >= 2
    wrong = [
        name for plan in PERHAPS_UNSEEN_PLANS if not is_right(plan, unseen[name := named(plan)])
    ]
    assert wrong == []


@pytest.mark.timeout(SECONDS)
def test_nobody_is_blamed_for_keys_of_another_plugin_and_each_request_is_sent_once(
    scenes: Scenes,
) -> None:
    """Case B2; and rivals that bring another fetch with each of many requests."""
    many: list[Plan] = [{AFTER: "wraps fetch at every request"}, {AFTER: PUTS_BACK}]
    copies: list[Plan] = [{order: COPIES} for order in Order]
    with serve(scenes.house) as server:
        ended = {named(plan): scenes.play(server, plan) for plan in OWN_KEYS_PLANS}
        copied = [scenes.play(server, plan) for plan in copies]
        left = scenes.house.read_auth()
        turns = [scenes.play(server, plan, turns=TURNS) for plan in many]

    keys = [POOL_KEY] * 2
    assert ended == {named(plan): Ended.well(plan, keys) for plan in OWN_KEYS_PLANS}
    header = {"x-original-authorization"}
    assert copied == [replace(Ended.well(plan, keys), unusual=header) for plan in copies]
    assert left == {"mock": api(A)}
    # The first of them is refused once.
    assert [(one.said, len(one.keys), one.unusual) for one in turns] == [
        ([HELLO] * TURNS, TURNS + 1, set())
    ] * 2


@pytest.mark.timeout(SECONDS)
def test_of_a_request_that_goes_past_our_fetch_below_it_is_said_that_nothing_is_proven(
    scenes: Scenes,
) -> None:
    """Case B2."""
    with serve(scenes.house) as server:
        ended = {named(plan): scenes.play(server, plan) for plan in UNPROVEN_PLANS}

    keys = [POOL_KEY] * 2
    assert ended == {named(plan): Ended.well(plan, keys) for plan in UNPROVEN_PLANS}
    assert scenes.house.read_auth() == {"mock": api(A)}


@pytest.mark.timeout(SECONDS)
@pytest.mark.parametrize("order", list(Order))
@pytest.mark.parametrize("gives_own", [True, False], ids=["its own key", "what it got"])
def test_the_watcher_blames_an_account_unless_a_plug_in_may_have_sent_its_own_key(
    house: Household, provider: LoopbackProvider, order: Order, *, gives_own: bool
) -> None:
    """Cases B2 and B3: whichever it sends, our fetch does not see it."""
    place(house, "other-canary.js", SENDS_ITSELF.replace("GIVE", GIVES if gives_own else ""), order)
    install_bridge(house)
    provider.limit(POOL_KEY, headers=SOON, times=1)
    provider.limit(A, headers={"retry-after": "3600"}, times=None)

    with watcher(house):
        log_in(house, "mock", api(B), api(A))
        with serve(house) as server:
            said = server.prompt(server.create_session(), "hi")
        left = (states(house), house.read_auth()["mock"])
        told = [event["why"] for event in of_kind(house, "problem")]

    assert said == HELLO
    asked = [one.credential for one in provider.requests if not one.is_title]
    if not gives_own:
        # The title may have been refused before.
        assert (provider.requests[0].credential, asked[-1]) == (A, B)
        assert (left, told) == ((["ready", "cooling"], api(B)), [])
        return
    assert asked == [POOL_KEY] * 2
    assert left == (["ready", "ready"], api(A))
    (why,) = told
    assert "other-canary.js (by its text) may have sent a request that failed" in why


@pytest.mark.timeout(SECONDS)
@pytest.mark.parametrize(
    "plan",
    [
        {BEFORE: AT_IMPORT, AFTER: "nails its fetch down"},
        {BEFORE: "lets nobody see what it does with fetch", AFTER: AT_IMPORT},
    ],
    ids=named,
)
def test_what_cannot_be_undone_loses_nothing_and_is_not_marked(scenes: Scenes, plan: Plan) -> None:
    scenes.begin(plan)
    with serve(scenes.house) as server:
        ended = scenes.play(server, plan)

    assert is_right(plan, ended), ended
