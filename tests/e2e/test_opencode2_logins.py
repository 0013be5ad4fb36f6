"""Many logins in the real OpenCode 2 while accounts are rotated and requests go out.

A build plays a few; by hand, whole:

    ROTATOR_TEST_LOGINS=100 .venv/bin/python -m pytest -s tests/e2e/test_opencode2_logins.py
"""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from rotator.context import open_context
from rotator.model import State
from rotator.system.paths import find_paths
from tests.e2e.scenes import install_bridge
from tests.e2e.test_opencode2_chatgpt import MODEL, chatting, log_in_two, pairs
from tests.support.home import OUTSIDE
from tests.support.household import Household
from tests.support.loopback_provider import LoopbackProvider
from tests.support.opencode2_process import (
    Server2,
    database,
    end_services,
    opencode2,
    serve2,
)
from tests.support.opencode2_table import Table
from tests.support.rotator_process import Ended, rotator, watcher
from tests.support.terminal import terminal
from tests.support.waiting import wait_until

pytestmark = pytest.mark.e2e
__all__ = ["chatting"]

LOGINS = int(OUTSIDE.get("ROTATOR_TEST_LOGINS", "15"))
# One in so many is made in a terminal, and one rotation comes with so many logins.
TYPED, ROTATED = 5, 10 / 3
HELLO = "Hello from the loopback provider."
SCREEN_SECONDS, SETTLED_SECONDS = 60.0, 30.0


@pytest.fixture(autouse=True)
def ended(house: Household) -> Iterator[None]:
    """End whatever a test has left running."""
    yield
    end_services(house)


def key(number: int) -> str:
    return f"KEY-CANARY-login-{number:03}"


def log_in_at_a_terminal(server: Server2, number: int) -> None:
    """Log in as a person does with `opencode auth login`."""
    words: list[str | Path] = [opencode2(), "auth", "login", "--server", server.url, "mock"]
    env = server.house.env() | {"OPENCODE_PASSWORD": server.password}
    with terminal(words, env=env, cwd=server.house.project) as shown:
        shown.wait_for_text("enter API Key", SCREEN_SECONDS)
        shown.type(f"{key(number)}\n")
        assert shown.wait_for_end(SCREEN_SECONDS) == 0, shown.text


@dataclass
class Asking:
    """Somebody who sends messages until it is over, and what was said."""

    server: Server2
    over: threading.Event = field(default_factory=threading.Event)
    said: list[str] = field(default_factory=list)

    def ask(self, model: str) -> None:
        """Send one message after another."""
        session = self.server.create_session(model)
        while not self.over.is_set():
            self.said.append(self.server.prompt(session, "hi"))


@contextlib.contextmanager
def at_once(*works: Callable[[], object]) -> Iterator[list[Future[object]]]:
    """Let all of them work while the block runs."""
    with ThreadPoolExecutor(len(works)) as pool:
        yield [pool.submit(work) for work in works]


@dataclass
class Busy:
    """Somebody logs in by HTTP, somebody at a terminal, and somebody rotates, all at once."""

    server: Server2
    rotations: list[Ended] = field(default_factory=list)
    typed: range = range(0, LOGINS, TYPED)

    def work(self) -> None:
        """Do all of it."""
        with at_once(self._log_in, self._type_keys, self._rotate) as works:
            pass
        for work in works:
            work.result()

    def _log_in(self) -> None:
        for number in sorted(set(range(LOGINS)) - set(self.typed)):
            self.server.add_key("mock", key(number), f"n{number}")

    def _type_keys(self) -> None:
        for number in self.typed:
            log_in_at_a_terminal(self.server, number)

    def _rotate(self) -> None:
        for name in itertools.islice(itertools.cycle(["openai", "mock"]), round(LOGINS / ROTATED)):
            self.rotations.append(rotator(self.server.house, "rotate", name))


@pytest.mark.timeout(120 + 4 * LOGINS)
def test_no_login_is_lost_and_no_request_is_mixed_while_accounts_are_rotated(
    chatting: Household, provider: LoopbackProvider
) -> None:
    house, wanted = chatting, {key(number) for number in range(LOGINS + 1)}
    install_bridge(house)
    log_in_two(house)
    with watcher(house), serve2(house) as server:
        server.connections("openai")
        server.add_key("mock", key(LOGINS), "first")
        asking, busy = Asking(server), Busy(server)

        with at_once(lambda: asking.ask(MODEL), lambda: asking.ask("mock/m1")):
            began = time.monotonic()
            busy.work()
            seconds = time.monotonic() - began
            asking.over.set()
        state = state_with(house, wanted)

    print(f"{LOGINS} logins ({len(busy.typed)} typed), {len(busy.rotations)} rotations and")
    print(f"{len(asking.said)} turns in {seconds:.1f} s")
    assert [run.stderr for run in busy.rotations if run.code] == []
    assert len(state.of("openai")) == 2
    # Each row is there as OpenCode wrote it, and its login an account once.
    assert sorted(str(v["key"]) for v in rows(house, "key")) == sorted(wanted)
    assert len(rows(house, "oauth")) == 2
    assert set(asking.said) == {HELLO}
    assert pairs(provider) == {("ACC-CANARY-a-1", "acct-a"), ("ACC-CANARY-b-1", "acct-b")}
    assert set(provider.keys) <= wanted | {token for token, _ in pairs(provider)}


def state_with(house: Household, wanted: set[str]) -> State:
    """Return what is saved once that is all of these keys, each an account."""
    with open_context(find_paths(house.env())) as context:
        wait_until(
            lambda: keys_of(context.store.state()) == wanted,
            SETTLED_SECONDS,
            lambda: f"these: {sorted(wanted ^ keys_of(context.store.state()))}",
        )
        return context.store.state()


def keys_of(state: State) -> set[str]:
    accounts = state.of("mock")
    keys = {account.credential.secret.reveal() for account in accounts}
    assert len(keys) == len(accounts)
    return keys


def rows(house: Household, kind: str) -> list[dict[str, object]]:
    return [dict(v) for v in Table(database(house)).values().values() if v["type"] == kind]
