"""One server, one watcher and one provider for several tests, which have logins of their own.

What a test limits, swaps or removes is of its own providers in opencode.json; all of them are one
loopback provider, which tells them apart by their keys.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.scenes import Entry, api, install_bridge, of, of_kind, stream_errors
from tests.support.household import Household
from tests.support.leaks import LASTING
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_process import Server, serve
from tests.support.provider_request import Request
from tests.support.rotator_process import watcher
from tests.support.waiting import wait_until

_CAPTURED_SECONDS = 15.0
_MODEL = "m1"


def key(provider: str, name: str) -> str:
    """Return a key that is one provider's alone."""
    return f"KEY-CANARY-{provider}-{name}"


def two_keys(providers: Iterable[str]) -> dict[str, tuple[Entry, ...]]:
    """Return the keys 2 and 1 of each provider; 1 is the live one."""
    return {one: (api(key(one, "2")), api(key(one, "1"))) for one in providers}


@dataclass(frozen=True)
class Scene:
    """A household with a watcher and a server, and the provider behind all others."""

    house: Household
    provider: LoopbackProvider
    server: Server

    def ask(self, provider: str, text: str = "hi") -> str:
        """Send a message of a new session to a provider; return the answer."""
        return self.turn(provider, text)[0]

    def turn(self, provider: str, text: str = "hi") -> tuple[str, list[Any]]:
        """Send a message of a new session; return the answer and the errors that are shown."""
        session = self.server.create_session()
        said = self.server.prompt(session, text, model=f"{provider}/{_MODEL}")
        infos = [message["info"] for message in self.server.messages(session)]
        return said, [info["error"] for info in infos if info.get("error")]

    def ask_in(
        self, provider: str, session: str, text: str, *, directory: Path | None = None
    ) -> str:
        """Send a message of a session that there is; return the answer."""
        model = f"{provider}/{_MODEL}"
        return self.server.prompt(session, text, model=model, directory=directory)

    def requests_of(self, provider: str) -> list[Request]:
        """Return the requests with a key of the provider, those for a title too."""
        return [r for r in self.provider.requests if f"-{provider}-" in str(r.credential)]

    def keys_of(self, provider: str) -> list[str]:
        """Return the provider's keys that were asked."""
        return [str(one) for one in self.provider.keys if f"-{provider}-" in str(one)]

    def events_of(self, provider: str, kind: str) -> list[dict[str, Any]]:
        """Return the events of a kind about the provider, oldest first."""
        return [one for one in of_kind(self.house, kind) if one["provider"] == provider]

    def errors_of(self, provider: str) -> list[str]:
        """Return the lines of opencode's log that say that a request of the provider failed."""
        return [line for line in stream_errors(self.house) if f"providerID={provider} " in line]


@contextlib.contextmanager
def one_server(
    home: Path,
    logins: Mapping[str, Sequence[Entry]],
    *,
    bridge: bool = True,
    prepare: Callable[[Household], object] = lambda _: None,
    **more: str,
) -> Iterator[Scene]:
    """Run them with these logins captured, the last one of each provider live.

    `prepare` changes what opencode is configured to, and `more` is in its environment.
    """
    house = Household(home)
    with LoopbackProvider(f"{LASTING}loopback") as provider:
        configure(house, provider, logins)
        prepare(house)
        if bridge:
            install_bridge(house)
        with watcher(house):
            log_in_all(house, logins)
            with serve(house, **more) as server:
                yield Scene(house, provider, server)
    shutil.rmtree(house.temporary, ignore_errors=True)


def configure(
    house: Household, provider: LoopbackProvider, names: Iterable[str], *, has_library: bool = False
) -> None:
    """Let opencode know these providers, each of which answers for its own titles too.

    Without a library of its own it is the usual one, and of a vendor's name that vendor's; OpenCode
    2 needs one.
    """
    house.configure(provider.url)
    file = house.config_folder / "opencode.json"
    config = json.loads(file.read_text())
    del config["small_model"]
    place = {"options": config["provider"]["mock"]["options"], "models": {_MODEL: {}}}
    if has_library:
        place["npm"] = config["provider"]["mock"]["npm"]
    config["provider"] = dict.fromkeys(names, place) | config["provider"]
    file.write_text(json.dumps(config))


def with_place(house: Household, provider: LoopbackProvider, vendor: str, **options: str) -> None:
    """Let a vendor's requests reach the loopback, with these options of opencode.json."""
    file = house.config_folder / "opencode.json"
    config = json.loads(file.read_text())
    told = config["provider"].setdefault(vendor, {}).setdefault("options", {})
    told |= {"baseURL": f"{provider.url}/v1"} | options
    file.write_text(json.dumps(config))


def log_in_all(house: Household, logins: Mapping[str, Sequence[Entry]]) -> None:
    """Log in with the first entry of each provider, then the second of each that has one."""
    for count in range(1, max(map(len, logins.values())) + 1):
        now = {one: entries[min(count, len(entries)) - 1] for one, entries in logins.items()}
        house.write_auth({**house.read_auth(), **now})
        wait_until(
            lambda count=count: all(  # type: ignore[misc]  # as in the loop
                len(of(house, one)) == min(count, len(entries)) for one, entries in logins.items()
            ),
            _CAPTURED_SECONDS,
            f"login {count} of each provider",
        )
