"""Two opencode servers of one HOME that log in at once, with a watcher and rotations beside them.

Neither locks auth.json: each reads it all, changes one entry and writes it all. So one of them can
undo the other's login before anybody else could read it; that login is lost in opencode, with us
or without. What is promised is said by the assertions; how it went is counted and printed. A build
plays twelve rounds; by hand more:

    ROTATOR_TEST_ROUNDS=120 .venv/bin/python -m pytest -s tests/e2e/test_two_servers.py
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from rotator.context import Context, open_context
from rotator.model import EventKind
from rotator.opencode.auth.file import Reading, Torn, Whole, read_live
from rotator.system.paths import find_paths
from tests.e2e.scenes import A, B, api, log_in
from tests.support.home import OUTSIDE, places
from tests.support.household import Household
from tests.support.opencode_process import Server, serve
from tests.support.rotator_process import Ended, rotator, watcher
from tests.support.waiting import wait_until

ROUNDS = int(OUTSIDE.get("ROTATOR_TEST_ROUNDS", "12"))
# What two writers have torn for good is written anew after ten seconds.
REST_SECONDS = 20.0
CAPTURE_SECONDS = 5.0
DONE, TORN_BY_OTHERS = 0, 6


@dataclass(frozen=True)
class Put:
    """A login that one of the servers is told of."""

    provider: str
    key: str


@dataclass(frozen=True)
class Servers:
    """Both servers, and the context beside them."""

    house: Household
    context: Context
    both: tuple[Server, Server]
    pool: ThreadPoolExecutor

    def at_once(self, *logins: Put) -> Reading:
        """Tell each server of a login in the same moment; return what auth.json holds after it."""
        start = threading.Barrier(len(logins))

        def put(server: Server, login: Put) -> None:
            start.wait()
            server.set_auth(login.provider, api(login.key))

        running = [self.pool.submit(put, *one) for one in zip(self.both, logins, strict=True)]
        for one in running:
            one.result()
        return read_live(self.house.auth_file)

    def one_by_one(self, *logins: Put) -> Reading:
        """Tell one server of a login, and the other one when that is done."""
        for server, login in zip(self.both, logins, strict=True):
            server.set_auth(login.provider, api(login.key))
        return read_live(self.house.auth_file)

    def rotate(self) -> Future[Ended]:
        """Begin to rotate by hand."""
        return self.pool.submit(rotator, self.house, "rotate", "mock")

    def wait_for_rest(self) -> None:
        """Wait until auth.json is whole and the watcher has seen it."""

        def is_at_rest() -> bool:
            now = read_live(self.house.auth_file)
            return isinstance(now, Whole) and now.digest == self.context.store.live_digest()

        wait_until(is_at_rest, REST_SECONDS, "auth.json to be at rest")

    def saved(self) -> set[str]:
        """Return the keys of all accounts."""
        found = self.context.store.state().accounts
        return {account.credential.secret.reveal() for account in found}

    def wait_until_saved(self, *logins: Put) -> None:
        """Wait until all of them are accounts."""
        keys = {login.key for login in logins}
        wait_until(lambda: keys <= self.saved(), CAPTURE_SECONDS, "logins to be accounts")

    def is_kept(self, login: Put) -> bool:
        """Tell whether it is an account, or stands in what was torn and is kept for its owner."""
        asides = self.context.store.unclaimed_contents()
        return login.key in self.saved() or any(stands_in(login, a.content) for a in asides)

    def see_kept(self, left: Reading, *logins: Put) -> str:
        """See that what was left in auth.json is kept; return in words how much of `logins` is."""
        self.wait_for_rest()
        if isinstance(left, Whole):
            # One that went into a file without a name is found a little later.
            wait_until(lambda: any(map(self.is_kept, logins)), CAPTURE_SECONDS, "one of two logins")
        content = left.content if isinstance(left, Whole | Torn) else b""
        assert all(self.is_kept(login) for login in logins if stands_in(login, content))
        saved = sum(login.key in self.saved() for login in logins)
        return f"{saved} of {len(logins)} saved, {type(left).__name__.lower()}"

    def events(self) -> Counter[EventKind]:
        """Return how many events of each kind there are."""
        return Counter(one.event.kind for one in self.context.history.read(most=10_000))


def stands_in(login: Put, content: bytes) -> bool:
    return json.dumps(login.key).encode() in content


@pytest.fixture
def servers(house: Household) -> Iterator[Servers]:
    """Return two servers that were started while A was live, with B captured and a watcher."""
    with watcher(house), open_context(find_paths(places(house.home))) as context:
        log_in(house, "mock", api(B), api(A))
        with serve(house) as one, serve(house) as two, ThreadPoolExecutor(3) as pool:
            yield Servers(house, context, (one, two), pool)


def logins_of(number: int) -> tuple[Put, Put]:
    """Return two logins of a round: of one provider or of two, as long as each other or not."""
    mine, yours = ("ours", "ours") if number % 2 else ("mine", "yours")
    longer = "-and-more" * 5 if number % 4 >= 2 else ""
    return (
        Put(f"{mine}-{number}", f"KEY-CANARY-{number}-mine"),
        Put(f"{yours}-{number}", f"KEY-CANARY-{number}-your{longer}"),
    )


@pytest.mark.timeout(120 + 25 * ROUNDS)
def test_logins_of_two_servers_are_saved_as_far_as_anybody_could_read_them(
    servers: Servers,
) -> None:
    told: Counter[str] = Counter()
    written: set[str] = {A, B}
    for number in range(ROUNDS):
        rotating = servers.rotate() if number % 3 == 0 else None
        logins = logins_of(number)

        left = servers.at_once(*logins)

        told[servers.see_kept(left, *logins)] += 1
        orderly = [Put(f"{n}-{number}", f"KEY-CANARY-{number}-{n}") for n in ("first", "second")]
        # Each of them writes alone, so that nobody but us could tear it.
        assert isinstance(servers.one_by_one(*orderly), Whole)
        servers.wait_until_saved(*orderly)
        assert rotating is None or rotating.result().code in {DONE, TORN_BY_OTHERS}
        written |= {login.key for login in (*logins, *orderly)}
    servers.wait_for_rest()

    print(f"{ROUNDS} rounds: {dict(told)}, {servers.events()[EventKind.RESTORED]} times restored")
    state, live = servers.context.store.state(), servers.house.read_auth()
    # An empty slot is an entry that is not there.
    active = {p: a for p in state.slots if (a := state.active(p)) is not None}
    assert {p: json.loads(a.credential.entry.reveal()) for p, a in active.items()} == live
    assert servers.saved() <= written
    assert not {EventKind.LOGGED_OUT, EventKind.PROBLEM} & set(servers.events())
    assert [f.name for f in servers.house.auth_file.parent.glob("*auth*")] == ["auth.json"]
