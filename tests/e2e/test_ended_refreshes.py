"""A refresh of opencode's ends once the person has logged in as somebody else, or logged out.

The vendor keeps its answer back until then. What opencode writes over auth.json at last is no
login, for the bridge has told where the tokens came from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.scenes import install_bridge, log_in, login, of, of_kind, wait_for_accounts
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_process import Server, serve
from tests.support.rotator_process import watcher
from tests.support.token_endpoint import Grant, Hold
from tests.support.waiting import wait_until

MODEL = "openai/gpt-5.5"
HELLO = "Hello from the loopback provider."
SECONDS = 10.0


@dataclass(frozen=True)
class Race:
    """A server of opencode's with the bridge, A live with tokens that have run out."""

    house: Household
    provider: LoopbackProvider
    server: Server

    def refresh_around(self, act: Callable[[], None]) -> None:
        """Begin a refresh of A's, do something else, and let it end."""
        session = self.server.create_session()
        with Hold() as hold, ThreadPoolExecutor(1) as pool:
            grant = Grant("ACC-CANARY-A-1", "REF-CANARY-A-1", hold=hold)
            self.provider.tokens.grant("REF-CANARY-A-0", grant)
            turn = pool.submit(self.server.prompt, session, "hi", model=MODEL)
            hold.wait_for_request()
            act()
            hold.let_go()
            assert turn.result() == HELLO
        wait_until(lambda: of_kind(self.house, "reverted") != [], SECONDS, "the end to be told")

    def entry(self) -> dict[str, Any] | None:
        """Return what auth.json has of openai."""
        entry: dict[str, Any] | None = self.house.read_auth().get("openai")
        return entry

    def asked_with(self) -> str | None:
        """Return the token of a message that is sent now."""
        assert self.server.prompt(self.server.create_session(), "hi", model=MODEL) == HELLO
        return self.provider.asked("/backend-api/codex/responses")[-1].credential


@pytest.fixture
def race(house: Household, provider: LoopbackProvider) -> Iterator[Race]:
    house.install_reroute_plugin(provider.url)
    install_bridge(house)
    with watcher(house):
        expired = {**login("A", expires_in_seconds=-60), "refresh": "REF-CANARY-A-0"}
        log_in(house, "openai", expired)
        with serve(house) as server:
            yield Race(house, provider, server)


def test_somebody_else_who_has_logged_in_meanwhile_stays(race: Race) -> None:
    def somebody_logs_in() -> None:
        race.server.set_auth("openai", login("B"))
        wait_for_accounts(race.house, "openai", 2)

    race.refresh_around(somebody_logs_in)

    entry = race.entry()
    assert entry is not None
    assert entry["refresh"] == "REF-CANARY-B"
    first, second = of(race.house, "openai")
    assert (first["active"], second["active"]) == (False, True)
    assert [first["state"], second["state"]] == ["ready", "ready"]
    assert race.asked_with() == "ACC-CANARY-B"


def test_a_logout_meanwhile_stays_one(race: Race) -> None:
    def somebody_logs_out() -> None:
        race.server.delete_auth("openai")
        wait_until(lambda: of_kind(race.house, "logged-out") != [], SECONDS, "the logout")

    race.refresh_around(somebody_logs_out)

    assert race.entry() is None
    (account,) = of(race.house, "openai")
    assert (account["state"], account["active"]) == ("disabled", False)
