"""The real watcher and the real opencode: which provider and account a turn has, and what then.

Each test has providers of its own, all of them one loopback provider, and names them in the
settings, so that none meets what another has used up.
"""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from rotator.secret import digest_of
from tests.e2e.scenes import api, install_bridge
from tests.support.config_files import write_config
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_process import Server, run, serve
from tests.support.provider_answers import refusal, tool_call
from tests.support.provider_request import Request
from tests.support.rotator_process import events, rotator, status, watcher
from tests.support.waiting import wait_until

pytestmark = pytest.mark.e2e

ASKED, ANSWER = "please read the note", "The note is read."
HOUR = {"retry-after": "3600"}
RESET_SECONDS = 5
SECONDS = 20.0
TOOL = tool_call(
    "bash", command="echo ran >> ran; echo what-the-tool-said", description="read the note"
)
BROKE = {"error": {"message": "Insufficient balance", "type": "billing_error"}}
# Of opencode's own choice; nobody is sent there.
USUAL = "mock"
# The providers of each test. Some have a second key, which was logged in before the live one.
PAIRS = {"run": ("anthropic", "zeta"), "spent": ("acme", "beta"), "held": ("dock", "gate")}
PAIRS |= {"off": ("calm", "quiet"), "turn": ("even", "odd")}
TWICE = ("anthropic", "calm", "even")
MODELS = {"anthropic": "claude-sonnet-5"}


def key_of(provider: str) -> str:
    """Return the key that is live at first."""
    return f"KEY-CANARY-{provider}-live"


def other_of(provider: str) -> str:
    """Return the key that was logged in before that."""
    return f"KEY-CANARY-{provider}-parked"


@dataclass(frozen=True)
class Scene:
    """A household with a watcher, and the provider behind all others."""

    house: Household
    provider: LoopbackProvider

    def told(self) -> Any:
        """Return state.json."""
        return json.loads((self.house.state_dir / "bridge" / "state.json").read_bytes())

    def wants(self, pair: Sequence[str], failover: str = "") -> None:
        """Write the settings with that order of providers; wait until they are taken up."""
        order = [(one, MODELS.get(one, "m1")) for one in pair]
        lines = [f'[[priority]]\nprovider = "{one}"\nmodel = "{model}"\n' for one, model in order]
        # A setting that state.json shows tells whether these are taken up.
        turned = not self.told()["routing_overrides_explicit"]
        routing = f"[routing]\noverride_explicit_model = {str(turned).lower()}\n"
        file = self.house.home / ".config" / "opencode-rotator" / "config.toml"
        write_config(file, f"[failover]\n{failover}\n{routing}{''.join(lines)}")
        wait_until(
            lambda: self.told()["routing_overrides_explicit"] == turned, SECONDS, "the settings"
        )

    def wait_for_login(self, provider: str, key: str) -> None:
        """Wait until that key is the active one of its provider."""

        def is_there() -> bool:
            told = self.told()["providers"].get(provider)
            return told is not None and told["active"] == digest_of(key)

        wait_until(is_there, SECONDS, f"the login of {provider}")

    def asked(self) -> list[str]:
        """Return the keys that were asked, but for titles."""
        return [str(key) for key in self.provider.keys]

    def live_key(self, provider: str) -> str:
        """Return the key in auth.json."""
        return str(self.house.read_auth()[provider]["key"])


def configure(house: Household, url: str) -> None:
    """Let opencode know the providers of all tests; what costs a login is made before a watcher."""
    house.configure(url)
    file = house.config_folder / "opencode.json"
    config = json.loads(file.read_text())
    named = {one for pair in PAIRS.values() for one in pair} - {"anthropic"}
    config["provider"] |= dict.fromkeys(named, config["provider"][USUAL])
    file.write_text(json.dumps(config))
    house.install_reroute_plugin(url)


@pytest.fixture(scope="module")
def household(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Return what the tests of this file share, with every login captured."""
    house = Household(tmp_path_factory.mktemp("home"))
    with LoopbackProvider() as provider:
        configure(house, provider.url)
        install_bridge(house)
        scene = Scene(house, provider)
        every = [USUAL, *(one for pair in PAIRS.values() for one in pair)]
        house.write_auth({one: api(other_of(one)) for one in TWICE})
        with watcher(house):
            for one in TWICE:
                scene.wait_for_login(one, other_of(one))
            house.write_auth({one: api(key_of(one)) for one in every})
            for one in every:
                scene.wait_for_login(one, key_of(one))
            yield scene
    shutil.rmtree(house.temporary, ignore_errors=True)


@pytest.fixture
def scene(household: Scene) -> Iterator[Scene]:
    """Return a household in which nobody has asked for anything yet."""
    yield household
    household.provider.begin_anew()


@pytest.fixture(scope="module")
def server(household: Scene) -> Iterator[Server]:
    """Return a server; its default is a provider that is in nobody's order."""
    with serve(household.house) as server:
        yield server


def shown_errors(server: Server, session: str) -> list[str]:
    """Return the errors that a person sees in a session."""
    infos = [message["info"] for message in server.messages(session)]
    return [info["error"]["data"]["message"] for info in infos if info.get("error")]


def happened(scene: Scene, provider: str) -> list[dict[str, Any]]:
    """Return what happened to a provider, but for the logins."""
    told = [one for one in events(scene.house) if one["provider"] == provider]
    return [one for one in told if one["kind"] != "captured"]


def test_a_run_goes_where_the_order_says_and_on_when_the_last_account_is_used_up(
    scene: Scene,
) -> None:
    first, second = PAIRS["run"]
    scene.wants(PAIRS["run"])
    scene.provider.script(TOOL, refusal(429, headers=HOUR), key=key_of(first))
    scene.provider.limit(other_of(first), headers=HOUR)
    scene.provider.ok(ANSWER, key=key_of(second))

    ended = run(scene.house, ASKED)

    assert (ended.code, ended.stdout.strip()) == (0, ANSWER)
    assert scene.asked() == [key_of(first)] * 2 + [other_of(first), key_of(second)]
    assert (scene.house.project / "ran").read_text() == "ran\n"
    told = happened(scene, first)
    assert [one["kind"] for one in told] == ["limited", "failover", "limited", "rerouted"]
    assert told[-1]["detail"] == f"to {second}/m1"
    assert "0 of 2 accounts ready" in told[-1]["why"]
    (shown,) = [one for one in status(scene.house)["providers"] if one["id"] == first]
    assert (shown["accounts"], shown["ready"]) == (2, 0)
    assert rotator(scene.house, "explain", first).stdout.count("rests until") >= 2


def test_new_messages_go_to_who_is_ready_and_with_nobody_left_the_person_gets_the_error(
    scene: Scene, server: Server
) -> None:
    first, second = PAIRS["spent"]
    scene.wants(PAIRS["spent"])
    session = server.create_session()
    server.prompt(session, ASKED)
    scene.provider.limit(key_of(first), status=402, body=BROKE)
    server.prompt(session, "and now")
    server.prompt(server.create_session(), "somewhere else")
    scene.provider.limit(key_of(second), status=402, body=BROKE)

    last = server.create_session()
    said = server.prompt(last, "is anybody there?", seconds=SECONDS)

    spent, left = key_of(first), key_of(second)
    assert scene.asked() == [spent, spent, left, left, left]
    assert (shown_errors(server, session), said) == ([], "")
    assert shown_errors(server, last) == ["Insufficient balance"]
    assert [one["kind"] for one in happened(scene, first)] == ["limited", "rerouted"]
    assert [one["kind"] for one in happened(scene, second)] == ["limited"]


def test_a_turn_is_held_until_the_first_account_is_free_and_then_answered(
    scene: Scene, server: Server
) -> None:
    spent, first_back = PAIRS["held"]
    scene.wants(PAIRS["held"], "wait_for_reset = true")
    soon = {"retry-after": str(RESET_SECONDS)}
    scene.provider.limit(key_of(spent), headers=HOUR)
    scene.provider.script(refusal(429, headers=soon), key=key_of(first_back))
    session, started = server.create_session(), time.monotonic()

    server.prompt_async(session, ASKED)
    scene.provider.wait_for(2, SECONDS)
    wait_until(lambda: waits(scene), SECONDS, "the turn to be held")
    server.wait_idle()

    assert time.monotonic() - started > RESET_SECONDS - 1
    assert scene.asked() == [key_of(spent), key_of(first_back), key_of(first_back)]
    assert shown_errors(server, session) == []
    assert "Hello from the loopback provider." in texts(server, session)


def waits(scene: Scene) -> bool:
    """Tell whether `rotator status` says that a turn waits."""
    return any(
        "wait for an account that frees up" in one for one in status(scene.house)["problems"]
    )


def texts(server: Server, session: str) -> list[str]:
    """Return the texts of a session."""
    parts = [part for message in server.messages(session) for part in message["parts"]]
    return [part["text"] for part in parts if part["type"] == "text"]


def test_with_balancing_off_everything_is_as_opencode_wants_it(
    scene: Scene, server: Server
) -> None:
    first, _ = PAIRS["off"]
    scene.wants(PAIRS["off"])
    scene.provider.limit(key_of(first), status=402, body=BROKE)
    try:
        rotator(scene.house, "balance", "off")
        wait_until(lambda: not scene.told()["balancing"], SECONDS, "balancing to be off")
        usual, picked = server.create_session(), server.create_session()

        server.prompt(usual, ASKED)
        server.prompt(picked, ASKED, model=f"{first}/m1")
    finally:
        rotator(scene.house, "balance", "on")
        wait_until(lambda: scene.told()["balancing"], SECONDS, "balancing to be on")

    assert scene.asked() == [key_of(USUAL), key_of(first)]
    assert shown_errors(server, picked) == ["Insufficient balance"]
    assert [one["kind"] for one in happened(scene, first)] == ["limited"]


def test_an_account_that_works_is_not_left_before_the_turn_is_over(
    scene: Scene, server: Server
) -> None:
    first, _ = PAIRS["turn"]
    scene.wants(PAIRS["turn"])
    go_on = threading.Event()

    def answer_then(_: Request) -> None:
        go_on.wait(SECONDS)

    scene.provider.answer(answer_then, title=False, times=1)
    session = server.create_session()
    server.prompt_async(session, ASKED)
    scene.provider.wait_for(1, SECONDS)

    # Now the account that was logged in first comes first.
    # The accounts of the other tests' providers stay as they are.
    only = f'strategies = {{ {first} = "ordered" }}\nmin_swap_seconds = 0'
    scene.wants(PAIRS["turn"], only)
    during = scene.live_key(first)
    go_on.set()
    server.wait_idle()
    scene.wait_for_login(first, other_of(first))
    server.prompt(session, "and now")

    assert during == key_of(first)
    assert scene.asked() == [key_of(first), other_of(first)]
    (swapped,) = happened(scene, first)
    assert (swapped["kind"], swapped["to"]) == ("swapped", f"{first}-1")
