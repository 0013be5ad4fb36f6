"""Three providers of one household, each of another wire protocol, and a stand-in for the watcher.

All of them are one loopback provider; who is asked is told by the secret that a request carries.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rotator.opencode.bridge.install import bridge_source
from tests.e2e.scenes import api, login
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.provider_request import Request
from tests.support.scripted_watcher import ScriptedWatcher, scripted_watcher


@dataclass(frozen=True)
class Side:
    """A provider of one wire protocol, with its model and the secret that its requests carry."""

    name: str
    secret: str

    @property
    def provider(self) -> str:
        """The provider's id."""
        return self.name.partition("/")[0]

    @property
    def route(self) -> dict[str, str]:
        """The provider and the model as state.json has them."""
        provider, _, model = self.name.partition("/")
        return {"provider": provider, "model": model}

    @property
    def model(self) -> dict[str, str]:
        """The provider and the model as opencode has them."""
        return {"providerID": self.route["provider"], "modelID": self.route["model"]}


CHAT = Side("mock/m1", "KEY-CANARY-CHAT")
RESPONSES = Side("openai/gpt-5.5", "ACC-CANARY-A")
MESSAGES = Side("anthropic/claude-sonnet-5", "KEY-CANARY-MESSAGES")
SIDES = (CHAT, RESPONSES, MESSAGES)


def move_in(house: Household, provider: LoopbackProvider) -> None:
    """Log in at each of the three, and put the bridge where `rotator bridge install` does."""
    house.install_reroute_plugin(provider.url)
    folder = house.config_folder / "plugin"
    folder.mkdir()
    (folder / "rotator.js").write_bytes(bridge_source())
    keys = {side.provider: api(side.secret) for side in (CHAT, MESSAGES)}
    house.write_auth({**keys, "openai": login("A")})


@contextlib.contextmanager
def three_sides(home: Path) -> Iterator[tuple[Household, LoopbackProvider, ScriptedWatcher]]:
    """Keep a household with all three, a stand-in for the watcher, and nobody who asks yet."""
    house = Household(home)
    with LoopbackProvider() as provider:
        house.configure(provider.url)
        move_in(house, provider)
        with scripted_watcher(home, {side.provider: side.secret for side in SIDES}) as watcher:
            yield house, provider, watcher
    # The TUI's libraries are 20 MB.
    shutil.rmtree(house.temporary, ignore_errors=True)


def turn(provider: LoopbackProvider, before: int = 0) -> list[str | None]:
    """Return who was asked since `before` requests, but for titles."""
    return [one.credential for one in requests(provider, before)]


def requests(provider: LoopbackProvider, before: int = 0) -> list[Request]:
    """Return what was asked since `before` requests, but for titles."""
    return [request for request in provider.requests[before:] if not request.is_title]
