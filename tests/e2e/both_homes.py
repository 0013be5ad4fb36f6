"""opencode 1 and OpenCode 2 behind the same verbs: a server of each, with the same logins.

One server, one watcher and one provider for all tests; what a test limits or swaps is of a
provider of its own, or of ChatGPT, where it begins with `chatgpt`.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rotator.context import open_context
from rotator.system.paths import find_paths
from tests.e2e.failover_table import LOGINS, ONE, TWO
from tests.e2e.one_server import configure, key
from tests.e2e.scenes import CAPTURE_SECONDS, api, install_bridge, log_in, of, of_kind
from tests.e2e.scenes import stream_errors as lines_of_errors
from tests.e2e.test_opencode2_chatgpt import REROUTE
from tests.support.household import COLLECTS, Household
from tests.support.leaks import LASTING
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode2_process import (
    Server2,
    command2,
    database,
    end_service,
    end_services,
    free_port,
    serve2,
)
from tests.support.opencode2_table import Table, chatgpt
from tests.support.opencode_process import Server, run, serve
from tests.support.opencode_tui import tui, tui2
from tests.support.provider_request import Request
from tests.support.rotator_process import Watching, rotator, status, watcher
from tests.support.terminal import Terminal
from tests.support.waiting import wait_until

CHATGPT_MODEL = "openai/gpt-5.5"
FAR_MS = 4_000_000_000_000
_MODEL = "m1"
_OPENAI = "openai"


@dataclass(frozen=True, slots=True)
class Said:
    """What became of a turn: the text that was said last, and the error that is shown, if any."""

    text: str
    error: str = ""


def secret(provider: str, alias: str) -> str:
    """Return the credential that a login sends."""
    return f"ACC-CANARY-{alias}-1" if provider == _OPENAI else key(provider, alias)


class Side(ABC):
    """One of the two, with every login captured, the bridge in it and a watcher beside it."""

    name: str

    def __init__(self, house: Household, provider: LoopbackProvider) -> None:
        self.house = house
        self.provider = provider
        self._watching = ExitStack()
        self.watcher = self._begin_to_watch()

    # What differs.

    @abstractmethod
    def create_session(self, model: str, *, title: bool = True) -> str:
        """Begin a session; without a title the first turn asks for one beside it."""

    @abstractmethod
    def prompt(self, session: str, text: str, model: str, *, seconds: float = 60.0) -> Said:
        """Send a message and wait until its turn is over."""

    @abstractmethod
    def run(self, way: str, model: str) -> tuple[int, str]:
        """Let a command ask in one of the ways; return its exit code and all that it said."""

    @abstractmethod
    def terminal(self) -> AbstractContextManager[Terminal]:
        """Show it to a person."""

    @abstractmethod
    def live(self, provider: str) -> str:
        """Return the alias of the login that it uses, as it says itself."""

    @abstractmethod
    def alias(self, provider: str, alias: str) -> str:
        """Return what we call that login."""

    @abstractmethod
    def told_errors(self, provider: str) -> Sequence[str]:
        """Return what its log says of requests that failed."""

    # What is the same.

    def turn(self, provider: str, text: str = "hi", *, title: bool = True) -> Said:
        """Send a message of a new session."""
        model = model_of(provider)
        return self.prompt(self.create_session(model, title=title), text, model)

    def requests(self, provider: str, *, title: bool | None = False) -> list[Request]:
        """Return the requests to a provider, but for titles."""
        own = {secret(provider, alias) for alias in "abc"}
        return [r for r in self.provider.asked(title=title) if r.credential in own]

    def asked(self, provider: str, *, title: bool | None = False) -> str:
        """Return the aliases of the logins that were asked, in their order."""
        of_secret = {secret(provider, alias): alias for alias in "abc"}
        return "".join(of_secret[str(r.credential)] for r in self.requests(provider, title=title))

    def states(self, provider: str) -> dict[str, str]:
        """Return how each login of a provider stands."""
        said = {str(a["alias"]): str(a["state"]) for a in of(self.house, provider)}
        return {one: said[self.alias(provider, one)] for one in LOGINS.get(provider, "ba")}

    def events(self, provider: str, kind: str) -> list[dict[str, Any]]:
        """Return the events of a kind about a provider, oldest first."""
        return [one for one in of_kind(self.house, kind) if one["provider"] == provider]

    def is_waiting(self) -> bool:
        """Whether a turn waits for an account that frees up."""
        return any("wait for an account" in text for text in status(self.house)["problems"])

    def rotate(self, provider: str, alias: str) -> None:
        """Put a login in by hand, whatever it was refused for."""
        ended = rotator(self.house, "rotate", provider, self.alias(provider, alias))
        assert ended.code == 0, ended.stderr

    def chatgpt(self) -> str:
        """Let both ChatGPT logins be ready, a live; return their provider."""
        with open_context(find_paths(self.house.env())) as context:
            # A second overload within the minute is passed on.
            context.store.note_overload_swap(_OPENAI, datetime.now(UTC) - timedelta(hours=1))
        for alias in "ba":
            self.rotate(_OPENAI, alias)
        return _OPENAI

    @contextlib.contextmanager
    def without_watcher(self, how: str) -> Iterator[None]:
        """Let none run (`none`), one that was killed, or one that is stopped, meanwhile."""
        if how == "stopped":
            self.watcher.stop()
            try:
                yield
            finally:
                self.watcher.cont()
            return
        if how == "killed":
            self.watcher.kill()
        self._watching.close()
        try:
            yield
        finally:
            self.watcher = self._begin_to_watch()

    def close(self) -> None:
        """End the watcher."""
        self._watching.close()

    def _begin_to_watch(self) -> Watching:
        with lasting():
            return self._watching.enter_context(watcher(self.house))


@contextlib.contextmanager
def lasting() -> Iterator[None]:
    """Let the threads that begin in the block outlive the test that begins them."""
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        thread.name = f"{LASTING}{thread.name}"


def model_of(provider: str) -> str:
    """Return the model that is asked of a provider."""
    return CHATGPT_MODEL if provider == _OPENAI else f"{provider}/{_MODEL}"


class First(Side):
    """opencode 1, whose logins stand in auth.json."""

    name = ONE

    def __init__(self, house: Household, provider: LoopbackProvider, server: Server) -> None:
        super().__init__(house, provider)
        self.server = server

    def create_session(self, model: str, *, title: bool = True) -> str:
        """Begin a session; the model is said with each message."""
        del model
        return str(self.server.ask("POST", "/session", {"title": "a title"} if title else {})["id"])

    def prompt(self, session: str, text: str, model: str, *, seconds: float = 60.0) -> Said:
        """Send a message and wait until its turn is over."""
        said = self.server.prompt(session, text, model=model, seconds=seconds)
        *_, last = self.server.messages(session)
        error = last["info"].get("error")
        return Said(said, json.dumps(error) if error else "")

    def run(self, way: str, model: str) -> tuple[int, str]:
        """Let `opencode run` ask."""
        assert way == "run"
        ended = run(self.house, "hi", "--model", model)
        return ended.code, ended.stdout + ended.stderr

    def terminal(self) -> AbstractContextManager[Terminal]:
        """Show it to a person."""
        return tui(self.house)

    def live(self, provider: str) -> str:
        """Return whose entry stands in auth.json."""
        entry = self.house.read_auth()[provider]
        return next(
            a for a in "abc" if secret(provider, a) in {entry.get("key"), entry.get("access")}
        )

    def alias(self, provider: str, alias: str) -> str:
        """Return its provider and which of its logins it was: nobody gave it a name."""
        return f"{provider}-{LOGINS.get(provider, 'ba').index(alias) + 1}"

    def told_errors(self, provider: str) -> Sequence[str]:
        """Return its lines about failed requests of a provider."""
        return [one for one in lines_of_errors(self.house) if f"providerID={provider} " in one]


class Second(Side):
    """OpenCode 2, whose logins stand in its database."""

    name = TWO

    def __init__(self, house: Household, provider: LoopbackProvider, server: Server2) -> None:
        super().__init__(house, provider)
        self.server = server

    def create_session(self, model: str, *, title: bool = True) -> str:
        """Begin a session of a model."""
        if title:
            return self.server.create_session(model)
        provider, _, name = model.partition("/")
        body = {"model": {"providerID": provider, "id": name}}
        return str(self.server.ask("POST", "/api/session", body)[1]["data"]["id"])

    def prompt(self, session: str, text: str, model: str, *, seconds: float = 60.0) -> Said:
        """Send a message and wait until its turn is over; the session has its model."""
        del model
        said = self.server.prompt(session, text, seconds=seconds)
        # It returns the error in place of a text.
        return Said("", said) if said.startswith('{"type"') else Said(said)

    def run(self, way: str, model: str) -> tuple[int, str]:
        """Let `opencode run` ask, and end the service that it begins for that."""
        more = {
            "run": [],
            "attached": ["--server", self.server.url],
            "standalone": ["--standalone"],
        }[way]
        password = {"OPENCODE_PASSWORD": self.server.password} if way == "attached" else {}
        command2(self.house, "service", "set", "port", str(free_port()))
        ended = command2(self.house, "run", *more, "--model", model, "hi", **password)
        end_service(self.house)
        return ended.returncode, ended.stdout + ended.stderr

    def terminal(self) -> AbstractContextManager[Terminal]:
        """Show it to a person."""
        return tui2(self.server)

    def live(self, provider: str) -> str:
        """Return the label that it lists first."""
        return str(self.server.connections(provider)[0]["label"])

    def alias(self, provider: str, alias: str) -> str:
        """Return the label, by which we call it."""
        del provider
        return alias

    def told_errors(self, provider: str) -> Sequence[str]:
        """Return nothing: its log says of no request that it failed."""
        del provider
        return []


@contextlib.contextmanager
def first(home: Path) -> Iterator[Side]:
    """Run opencode 1 with every login of the table."""
    with _household(home) as (house, provider):
        house.install_reroute_plugin(provider.url)
        with watcher(house):
            for count in range(max(map(len, LOGINS.values()))):
                _log_in_one_more(house, count)
            log_in(house, _OPENAI, _tokens("b"), _tokens("a"))
        with ExitStack() as stack:
            with lasting():
                server = stack.enter_context(serve(house, **COLLECTS))
            side = First(house, provider, server)
            stack.callback(side.close)
            yield side


def _log_in_one_more(house: Household, count: int) -> None:
    """Log in at each provider with the login of that number, where it has one."""
    now = {one: api(key(one, all_[count])) for one, all_ in LOGINS.items() if count < len(all_)}
    house.write_auth({**house.read_auth(), **now})
    expected = sum(min(count + 1, len(all_)) for all_ in LOGINS.values())
    wait_until(
        lambda: sum(len(of(house, one)) for one in LOGINS) == expected,
        CAPTURE_SECONDS,
        f"login {count + 1} of each provider",
    )


def _tokens(name: str) -> dict[str, object]:
    """Return an entry of auth.json with what OpenCode 2's table has of a ChatGPT login."""
    value = chatgpt(name, expires=FAR_MS)
    kept = {word: value[word] for word in ("type", "access", "refresh", "expires")}
    return {**kept, "accountId": f"acct-{name}"}


@contextlib.contextmanager
def second(home: Path) -> Iterator[Side]:
    """Run OpenCode 2 with every login of the table."""
    with _household(home) as (house, provider):
        reroute = house.config_folder / "plugin" / "reroute.js"
        reroute.write_text(REROUTE.replace("URL_HERE", json.dumps(provider.url)))
        with serve2(house) as server:
            server.connections(_OPENAI)
        table = Table(database(house))
        for one, all_ in LOGINS.items():
            for alias in all_:
                table.log_in(one, {"type": "key", "key": key(one, alias)}, alias)
        for alias in "ba":
            table.log_in(_OPENAI, chatgpt(alias, expires=FAR_MS), alias)
        with ExitStack() as stack:
            with lasting():
                server = stack.enter_context(serve2(house))
            side = Second(house, provider, server)
            stack.callback(side.close)
            expected = sum(map(len, LOGINS.values())) + len("ba")
            wait_until(
                lambda: sum(len(of(house, one)) for one in (*LOGINS, _OPENAI)) == expected,
                CAPTURE_SECONDS,
                "every login to be captured",
            )
            server.connections("mock")
            yield side
        end_services(house)


@contextlib.contextmanager
def _household(home: Path) -> Iterator[tuple[Household, LoopbackProvider]]:
    house = Household(home)
    with LoopbackProvider(f"{LASTING}loopback") as provider:
        configure(house, provider, LOGINS, has_library=True)
        install_bridge(house)
        yield house, provider
    shutil.rmtree(house.temporary, ignore_errors=True)
