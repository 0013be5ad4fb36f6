"""A refresh of opencode's that is under way while its account is swapped out.

opencode asks the vendor with A's refresh token, `rotate` puts B in, the vendor answers, and
opencode writes A's new tokens over B. A build plays five rounds; by hand thirty, with figures:

    ROTATOR_TEST_ROUNDS=30 .venv/bin/python -m pytest -s tests/e2e/test_refresh_race.py
"""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pytest

from rotator.context import Context, open_context
from rotator.model import EventKind
from rotator.services.rotate import find_account
from rotator.system.paths import find_paths
from tests.e2e.scenes import (
    api,
    install_bridge,
    log_in,
    login,
    states,
    stream_errors,
    wait_for_accounts,
)
from tests.support.home import OUTSIDE, places
from tests.support.household import COLLECTS, Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode_process import Server, serve
from tests.support.rotator_process import rotator, watcher
from tests.support.token_endpoint import Grant, Hold
from tests.support.waiting import wait_until

ROUNDS = int(OUTSIDE.get("ROTATOR_TEST_ROUNDS", "5"))
MODEL = "openai/gpt-5.5"
RESPONSES, TOKEN = "/backend-api/codex/responses", "/oauth/token"
HELLO = "Hello from the loopback provider."
A, B = "openai-2", "openai-1"
OTHER = "KEY-CANARY-other"
MOST_SECONDS_AWAY = 1.0
PATIENCE_SECONDS = 10.0


class Replaced:
    """A file that was auth.json, kept open: it shows what was put over it last, and when."""

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_RDONLY)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        os.close(self._handle)

    def is_still(self, path: Path) -> bool:
        return path.stat().st_ino == os.fstat(self._handle).st_ino

    def entry(self, provider: str) -> dict[str, Any]:
        content = os.pread(self._handle, os.fstat(self._handle).st_size, 0)
        entry: dict[str, Any] = json.loads(content)[provider]
        return entry

    def seconds_until(self, path: Path) -> float:
        """Return how long what was written last was live before `path` took its name."""
        return (path.stat().st_ctime_ns - os.fstat(self._handle).st_mtime_ns) / 1e9


@dataclass(frozen=True)
class Race:
    """One session of one server, in which A's tokens have always run out."""

    house: Household
    provider: LoopbackProvider
    context: Context
    server: Server
    session: str

    def play(self, number: int) -> float:
        """Swap A out in the middle of its refresh; return for how long opencode undid that."""
        self.rotate(A)
        spent, new = f"REF-CANARY-A-{number}", f"REF-CANARY-A-{number + 1}"
        with Hold() as hold, ThreadPoolExecutor(1) as pool:
            grant = Grant(f"ACC-CANARY-A-{number + 1}", new, expires_in_seconds=0, hold=hold)
            self.provider.tokens.grant(spent, grant)
            turn = pool.submit(self.ask)
            hold.wait_for_request()
            self.rotate(B)
            with Replaced(self.house.auth_file) as swapped:
                hold.let_go()
                self.wait_for_repair(swapped)
                # Saved before it was replaced, not at some time after.
                assert self.saved(A) == swapped.entry("openai")["refresh"] == new
                away_seconds = swapped.seconds_until(self.house.auth_file)
            assert turn.result() == HELLO
        return away_seconds

    def rotate(self, alias: str) -> None:
        """Rotate by hand."""
        ended = rotator(self.house, "rotate", "openai", alias)
        assert ended.code == 0, ended.stderr

    def ask(self) -> str:
        """Send a message and return the answer."""
        return self.server.prompt(self.session, "hi", model=MODEL)

    def wait_for_repair(self, swapped: Replaced) -> None:
        """Wait until another file is auth.json; it has to hold B."""
        path = self.house.auth_file
        wait_until(lambda: not swapped.is_still(path), PATIENCE_SECONDS, "auth.json to be mended")
        assert self.house.read_auth()["openai"]["refresh"] == "REF-CANARY-B"

    def saved(self, alias: str) -> str | None:
        """Return the refresh token that the store has for an account."""
        refresh = find_account(self.context.store.state(), "openai", alias).credential.refresh
        return None if refresh is None else refresh.reveal()

    def asked_with(self) -> tuple[str | None, str]:
        """Return the token and the account of the last request to the model."""
        asked = self.provider.asked(RESPONSES)[-1]
        return asked.credential, asked.headers["chatgpt-account-id"]

    def count(self, kind: EventKind) -> int:
        """Return how many events of a kind there are."""
        return sum(one.event.kind is kind for one in self.context.history.read(most=1000))

    def wait_for(self, kind: EventKind, count: int) -> None:
        """Wait until there are that many; more are too many."""
        what = f"event {kind.value} number {count}"
        wait_until(lambda: self.count(kind) >= count, PATIENCE_SECONDS, what)
        assert self.count(kind) == count


@pytest.fixture
def race(house: Household, provider: LoopbackProvider) -> Iterator[Race]:
    """Return a session with a watcher and the bridge beside it, B captured and A live."""
    house.install_reroute_plugin(provider.url)
    install_bridge(house)
    with watcher(house), open_context(find_paths(places(house.home))) as context:
        expired = {**login("A", expires_in_seconds=-60), "refresh": "REF-CANARY-A-0"}
        log_in(house, "openai", login("B"), expired)
        with serve(house, **COLLECTS) as server:
            yield Race(house, provider, context, server, server.create_session())


@pytest.mark.timeout(60 + 10 * ROUNDS)
def test_tokens_that_arrive_after_a_swap_are_saved_and_the_swap_is_done_again(race: Race) -> None:
    away_seconds = []
    for number in range(ROUNDS):
        away_seconds.append(race.play(number))

        assert race.ask() == HELLO
        assert race.asked_with() == ("ACC-CANARY-B", "acct-B")
        race.wait_for(EventKind.REVERTED, number + 1)

    told = f"median {statistics.median(away_seconds):.3f} s, worst {max(away_seconds):.3f} s"
    print(f"{ROUNDS} rounds: B was away for {told}")
    assert max(away_seconds) < MOST_SECONDS_AWAY, told
    assert {request.status for request in race.provider.asked(TOKEN)} == {200}
    assert race.count(EventKind.PROBLEM) == 0
    assert states(race.house, "openai") == ["ready", "ready"]
    assert stream_errors(race.house) == []


def test_a_refresh_and_a_logout_right_after_a_swap_are_no_reverts(race: Race) -> None:
    race.rotate(B)
    race.rotate(A)
    race.provider.tokens.grant("REF-CANARY-A-0", Grant("ACC-CANARY-A-1", "REF-CANARY-A-1"))

    said = race.ask()
    race.wait_for(EventKind.REFRESHED, 1)
    refreshed = race.saved(A)
    race.rotate(B)
    race.server.delete_auth("openai")
    race.wait_for(EventKind.LOGGED_OUT, 1)
    # Whatever else opencode writes then leaves the slot as the user wanted it.
    race.server.set_auth("mock", api(OTHER))
    wait_for_accounts(race.house, "mock", 1)

    assert said == HELLO
    assert race.asked_with() == ("ACC-CANARY-A-1", "acct-A")
    assert (refreshed, race.saved(A)) == ("REF-CANARY-A-1", "REF-CANARY-A-1")
    assert race.house.read_auth() == {"mock": api(OTHER)}
    assert states(race.house, "openai") == ["disabled", "ready"]
    assert (race.count(EventKind.REVERTED), race.count(EventKind.RESTORED)) == (0, 0)
