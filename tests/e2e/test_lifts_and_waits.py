"""The real opencode: what lifts a limit before its time, and limits of seconds, one server for all.

Each test has a provider of its own with two keys, so that none meets what another was refused.
"""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rotator.secret import digest_of
from tests.e2e.scenes import api, install_bridge, of
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_process import Server, serve
from tests.support.provider_answers import Answer, refusal
from tests.support.provider_request import Request
from tests.support.rotator_process import events, rotator, watcher
from tests.support.vendor import Vendor
from tests.support.waiting import wait_until

pytestmark = pytest.mark.e2e

SECONDS = 20.0
DAYS = timedelta(days=18)
FOR_DAYS = {"retry-after": str(int(DAYS.total_seconds()))}
ONE_SECOND = {"retry-after": "1"}
ANSWER = "It works."
SESSIONS = 50
NOWHERE = "http://127.0.0.1:9"
# Its usage can be read: `usage` plays its vendor.
READ = "kimi-for-coding"
LIFTED = {"answer": "acme", "enable": "beta", "rotate": "calm", "reading": READ}
WAITED = ("dock", "even", "gate")
PROVIDERS = (*LIFTED.values(), *WAITED)
USAGE_HOST, USAGE_PATH = "api.kimi.com", "/coding/v1/usages"


@dataclass(frozen=True)
class VendorHousehold(Household):
    """A household whose vendors are played."""

    vendor: Vendor

    def env(self) -> dict[str, str]:
        """Return the whole environment of every process of this household."""
        return super().env() | self.vendor.environment


@dataclass(frozen=True)
class Scene:
    """A household with a watcher and a server, and the provider behind all others."""

    house: VendorHousehold
    provider: LoopbackProvider
    server: Server

    def told(self, provider: str) -> dict[str, Any]:
        """Return what state.json says of a provider."""
        found: dict[str, Any] = told(self.house)[provider]
        return found

    def begin(self, provider: str) -> str:
        """Return a session with its title and a first answer."""
        self.provider.ok(ANSWER)
        session = self.server.create_session()
        assert self.ask(session, provider) == ANSWER
        self.server.wait_idle()
        return session

    def ask(self, session: str, provider: str) -> str:
        """Send a message and return the answer."""
        return self.server.prompt(session, "hi", model=f"{provider}/m1")

    def account(self, provider: str, alias: str) -> dict[str, Any]:
        """Return how an account stands."""
        return next(a for a in of(self.house, provider) if a["alias"] == f"{provider}-{alias}")

    def happened(self, provider: str) -> list[dict[str, Any]]:
        """Return what happened to a provider, but for its logins."""
        told = [event for event in events(self.house) if event["provider"] == provider]
        return [event for event in told if event["kind"] != "captured"]

    def keys(self, provider: str) -> Sequence[str]:
        """Return which keys of a provider were asked after its first answer, but for titles."""
        names = {live(provider): "live", parked(provider): "parked"}
        asked = [names[str(key)] for key in self.provider.keys if key in names]
        return asked[1:]


def live(provider: str) -> str:
    """Return the key that is live at first: the second account."""
    return f"KEY-CANARY-{provider}-live"


def parked(provider: str) -> str:
    """Return the key that was logged in before that."""
    return f"KEY-CANARY-{provider}-parked"


def told(house: Household) -> dict[str, Any]:
    """Return what state.json says of the providers."""
    state = json.loads((house.state_dir / "bridge" / "state.json").read_bytes())
    providers: dict[str, Any] = state["providers"]
    return providers


def log_in(house: Household, key_of: Callable[[str], str]) -> None:
    """Log in to every provider, and wait until each login is captured."""
    house.write_auth({name: api(key_of(name)) for name in PROVIDERS})
    active = {name: digest_of(key_of(name)) for name in PROVIDERS}

    def is_captured() -> bool:
        found = told(house)
        return all(found.get(name, {}).get("active") == active[name] for name in PROVIDERS)

    wait_until(is_captured, SECONDS, "the logins")


@pytest.fixture
def scene(household: Scene) -> Iterator[Scene]:
    """Return what the tests share, with nobody else's requests and rules."""
    yield household
    household.provider.settled()
    household.provider.begin_anew()


@pytest.fixture(scope="module")
def household(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Return what the tests of this file share, with every login captured."""
    with Vendor(tmp_path_factory.mktemp("vendor")) as vendor, LoopbackProvider() as provider:
        house = VendorHousehold(tmp_path_factory.mktemp("home"), vendor)
        house.configure(provider.url)
        file = house.config_folder / "opencode.json"
        config = json.loads(file.read_text())
        config["provider"] |= dict.fromkeys(PROVIDERS, config["provider"].pop("mock"))
        config |= {"model": f"{READ}/m1", "small_model": f"{READ}/m1"}
        file.write_text(json.dumps(config))
        install_bridge(house)
        with watcher(house):
            log_in(house, parked)
            log_in(house, live)
            # opencode asks others by that proxy, and keeps its connections.
            with serve(house, HTTPS_PROXY=NOWHERE) as server:
                yield Scene(house, provider, server)
    shutil.rmtree(house.temporary, ignore_errors=True)


# -- E1: a quota that is given back early ----------------------------------------------------


def is_used_up(scene: Scene, provider: str) -> None:
    """Let the live account be refused until a day that is far away; the other one takes over."""
    session = scene.begin(provider)
    scene.provider.limit(live(provider), headers=FOR_DAYS, times=1)
    assert scene.ask(session, provider) == ANSWER
    assert scene.keys(provider) == ["live", "parked"]
    account = scene.account(provider, "2")
    left = datetime.fromisoformat(account["until"]) - datetime.now(UTC)
    assert DAYS - timedelta(hours=1) < left <= DAYS
    wait_until(lambda: scene.told(provider)["limited"], SECONDS, "the bridge to be told")


def is_back(scene: Scene, provider: str, why: str) -> None:
    """See that the account is ready again at once, and that an event says why, once."""
    assert scene.account(provider, "2")["state"] == "ready"
    back = [event for event in scene.happened(provider) if event["kind"] == "recovered"]
    assert [(event["account"], event["why"]) for event in back] == [
        (f"{provider}/{provider}-2", f"{why}: it rests no longer")
    ]
    wait_until(lambda: not scene.told(provider)["limited"], SECONDS, "the bridge to be told")


def test_e1_accounts_enable_lifts_a_limit(scene: Scene) -> None:
    provider = LIFTED["enable"]
    is_used_up(scene, provider)

    ended = rotator(scene.house, "accounts", "enable", f"{provider}/{provider}-2")

    assert ended.code == 0
    is_back(scene, provider, "enabled by you")


def test_e1_a_rotation_by_name_lifts_a_limit_and_the_account_serves(scene: Scene) -> None:
    provider = LIFTED["rotate"]
    is_used_up(scene, provider)

    ended = rotator(scene.house, "rotate", provider, f"{provider}-2")

    assert ended.code == 0
    is_back(scene, provider, "asked for by name")
    scene.ask(scene.server.create_session(), provider)
    assert scene.keys(provider)[-1] == "live"


def test_e1_a_good_answer_lifts_a_limit(scene: Scene) -> None:
    """Nobody else is left, so the account that was refused is asked once more."""
    provider = LIFTED["answer"]
    session = scene.begin(provider)
    rotator(scene.house, "accounts", "disable", f"{provider}/{provider}-1")
    # A turn whose account has no credit ends: opencode asks no second time by itself.
    scene.provider.limit(live(provider), status=402, headers=FOR_DAYS, times=1)
    scene.ask(session, provider)
    assert scene.account(provider, "2")["state"] == "exhausted"
    wait_until(lambda: scene.told(provider)["limited"], SECONDS, "the bridge to be told")

    assert scene.ask(session, provider) == ANSWER

    what = f"{provider} to be back"
    wait_until(lambda: scene.account(provider, "2")["state"] == "ready", SECONDS, what)
    is_back(scene, provider, "it has answered a request for m1")


def test_e1_a_newer_whole_reading_lifts_a_limit_and_half_a_reading_does_not(scene: Scene) -> None:
    is_used_up(scene, READ)
    refused_at = time.monotonic()
    week = {"limit": 100, "used": 0, "remaining": 100}
    hours = {"window": {"duration": 300, "timeUnit": "TIME_UNIT_MINUTE"}, "detail": week}

    def reads(**body: object) -> str:
        scene.house.vendor.answer(USAGE_HOST, USAGE_PATH, Answer(body=body))
        assert rotator(scene.house, "usage", READ, "--refresh").code == 0
        return str(scene.account(READ, "2")["state"])

    # What a vendor counts may lag behind what it has just refused.
    assert reads(usage=week, limits=[hours]) == "cooling"
    time.sleep(max(refused_at + 11 - time.monotonic(), 0))
    odd = {"window": {"duration": 1, "timeUnit": "TIME_UNIT_FORTNIGHT"}, "detail": week}
    assert reads(usage=week, limits=[hours, odd]) == "cooling"

    assert reads(usage=week, limits=[hours]) == "ready"

    is_back(scene, READ, "its usage says that there is room again")


# -- E4: limits of seconds -------------------------------------------------------------------


def test_e4_a_second_s_wait_stays_on_the_account_and_a_second_one_moves_on(scene: Scene) -> None:
    provider = "dock"
    session = scene.begin(provider)
    scene.provider.limit(live(provider), headers=ONE_SECOND, times=1)
    began = time.monotonic()

    assert scene.ask(session, provider) == ANSWER

    assert scene.keys(provider) == ["live", "live"]
    assert 1 <= time.monotonic() - began < SECONDS
    (limited,) = [one for one in scene.happened(provider) if one["kind"] == "limited"]
    assert limited["why"].endswith("; waited for")
    assert not [one for one in scene.happened(provider) if one["kind"] == "failover"]

    scene.provider.limit(live(provider), headers=ONE_SECOND, times=1)
    assert scene.ask(session, provider) == ANSWER

    assert scene.keys(provider) == ["live", "live", "live", "parked"]
    assert [one["kind"] for one in scene.happened(provider)].count("failover") == 1


def test_the_person_s_abort_ends_the_wait(scene: Scene) -> None:
    provider = "even"
    session = scene.begin(provider)
    scene.provider.limit(live(provider), headers={"retry-after": "5"}, times=1)
    scene.server.prompt_async(session, "hi", model=f"{provider}/m1")
    wait_until(lambda: scene.told(provider)["limited"], SECONDS, "the limit")
    began = time.monotonic()

    scene.server.abort(session)
    scene.server.wait_idle()

    assert time.monotonic() - began < 3
    time.sleep(max(began + 6 - time.monotonic(), 0))
    assert scene.keys(provider) == ["live"]
    assert not [one for one in scene.happened(provider) if one["kind"] == "failover"]


def test_fifty_sessions_on_one_account_are_refused_once_and_go_on_over_a_second(
    scene: Scene,
) -> None:
    provider = "gate"
    scene.begin(provider)
    barrier = threading.Barrier(SESSIONS)

    def refuse(_: Request) -> Answer:
        barrier.wait(SECONDS)
        return refusal(429, headers={"retry-after": "2"})

    scene.provider.answer(refuse, key=live(provider), title=False, times=SESSIONS)
    sessions = [scene.server.create_session() for _ in range(SESSIONS)]

    with ThreadPoolExecutor(SESSIONS) as pool:
        said = list(pool.map(lambda session: scene.ask(session, provider), sessions))

    titles = len(sessions) + 1
    wait_until(
        lambda: len(scene.provider.asked(title=True)) >= titles, SECONDS, "a title for each session"
    )
    assert said == [ANSWER] * SESSIONS
    asked = [r for r in scene.provider.asked() if r.credential == live(provider)][1:]
    assert scene.keys(provider) == ["live"] * 2 * SESSIONS
    assert [request.status for request in asked].count(429) == SESSIONS
    again = sorted(request.read_ns / 1e9 for request in asked if request.status == 200)
    # Together they would come within some hundredths of a second.
    assert again[-1] - again[0] > 0.5
    assert max(sum(t <= other < t + 0.1 for other in again) for t in again) <= SESSIONS / 2
    assert [one["kind"] for one in scene.happened(provider)].count("limited") == 1
