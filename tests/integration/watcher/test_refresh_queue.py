"""A failover to a login whose tokens have run out: the request waits for its vendor, once."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rotator.clock import to_iso
from rotator.context import Context, open_context
from rotator.core.selection.limits import NOT_CONFIRMED
from rotator.errors import StoreError
from rotator.model import (
    Account,
    AccountState,
    Digest,
    Event,
    EventKind,
    Finding,
    Meaning,
    PendingRefresh,
    Signal,
    Source,
    Tenure,
    Verdict,
    VerdictKind,
)
from rotator.provider import HttpAnswer
from rotator.secret import Secret, digest_of
from rotator.services.failover import Before, Means, carry_out
from rotator.services.refresh import begin, hold_refresh_locks
from rotator.services.refresh_storing import Attempt
from rotator.storage.kept_answers import keep_answer, kept_answers
from rotator.system.files import publish
from rotator.system.paths import find_paths
from rotator.watcher.daemon import Daemon
from rotator.watcher.refresh_queue import RefreshQueue
from tests.support.live import Live, api, full_disk, open_live
from tests.support.renewing import RENEWING, Vendor, broken, cut_off, dead, unreachable
from tests.support.telling import HEADER, TELLING, Teller
from tests.support.waiting import wait_until

ADA, BOB = "ada-acme.example", "bob-acme.example"
LIMITED = Finding(Meaning.EXHAUSTED, "429, used up")
SECONDS = 10.0


def login(person: str, generation: int = 1, *, minutes: float = 60) -> dict[str, Any]:
    """Return an entry whose access token runs out so many minutes from now."""
    expires_at = datetime.now(UTC) + timedelta(minutes=minutes)
    return {
        "type": "oauth",
        "refresh": f"REF-CANARY-{person}-{generation}",
        "access": f"ACC-CANARY-{person}-{generation}",
        "expires": int(expires_at.timestamp() * 1000),
    }


class Slow:
    """Holds an answer of the vendor back until it is let go."""

    def __init__(self, vendor: Vendor) -> None:
        self._vendor = vendor
        self.asked = threading.Event()
        self.go = threading.Event()

    def __call__(self, refresh: str) -> HttpAnswer:
        self.asked.set()
        assert self.go.wait(SECONDS)
        return self._vendor.exchange(refresh)


class World:
    """A watcher in a thread; ada is parked with tokens that have run out, bob is live."""

    def __init__(self, stack: ExitStack, home: Path, vendor: Vendor) -> None:
        self.paths = find_paths()
        self.vendor = vendor
        self.context = stack.enter_context(open_context(self.paths, registry=vendor.registry()))
        self._park(home)
        self._ready = threading.Event()
        self._daemon: Daemon | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        stack.callback(self.stop)
        assert self._ready.wait(SECONDS)

    def _park(self, home: Path) -> None:
        with open_live(home, registry=self.vendor.registry()) as live:
            live.clock.now = datetime.now(UTC) - timedelta(hours=1)
            live.sees({RENEWING: login("ada", minutes=-1)})
            live.clock.pass_time(minutes=50)
            live.sees({RENEWING: login("bob")})

    def _run(self) -> None:
        with open_context(self.paths, registry=self.vendor.registry()) as context:
            self._daemon = Daemon(context)
            self._daemon.run(self._ready.set)

    def stop(self) -> None:
        """End the watcher and wait for it."""
        assert self._daemon is not None
        self._daemon.stop()
        self._thread.join(3 * SECONDS)
        assert not self._thread.is_alive()

    def fails(self, number: int, *, waited: bool = False) -> Path:
        """Report that a request of bob's was limited; return where the verdict will be.

        `waited`: nothing new has failed, the bridge was told to wait and asks anew.
        """
        digest = digest_of("ACC-CANARY-bob-1")
        value = {
            "schema": 1,
            "id": f"s-{number}",
            "request": f"r-{number}",
            "attempt": 1,
            "at": to_iso(datetime.now(UTC)),
            "provider": RENEWING,
            "session": "ses_1",
            "credential": digest,
            "tried": [] if waited else [digest],
            "waited": waited,
            "status": 429,
            "headers": {"retry-after": "3600"},
            "body": "",
        }
        inbox = self.paths.bridge / "inbox"
        if waited:
            value["id"] = f"s-{number}-again"
        publish(inbox / f"{value['id']}.json", json.dumps(value).encode())
        return self.paths.bridge / "outbox" / f"{value['id']}.json"

    def account(self, alias: str) -> Account:
        """Return an account as it is now."""
        return next(a for a in self.context.store.state().of(RENEWING) if a.alias == alias)

    def live(self) -> str:
        """Return the refresh token in auth.json."""
        entry = json.loads(self.paths.auth_file.read_bytes())[RENEWING]
        return str(entry["refresh"])

    def events(self, kind: EventKind) -> list[Event]:
        """Return what happened of a kind."""
        return [n.event for n in self.context.history.read() if n.event.kind is kind]


def verdict_in(path: Path, *kinds: str) -> dict[str, Any]:
    """Wait until the verdict at `path` is of one of these kinds; take it."""

    def said() -> dict[str, Any] | None:
        found: dict[str, Any] | None = json.loads(path.read_bytes()) if path.exists() else None
        return found if found and found["verdict"] in kinds else None

    told = wait_until(said, SECONDS, lambda: f"{kinds} in {path.name}: {said()}") or {}
    if told["verdict"] == "wait":
        path.unlink()
    return told


@pytest.fixture
def vendor() -> Vendor:
    return Vendor()


@pytest.fixture
def world(home: Path, vendor: Vendor) -> Iterator[World]:
    with ExitStack() as stack:
        yield World(stack, home, vendor)


def test_the_request_waits_for_the_vendor_and_goes_on_with_the_new_tokens(
    world: World, vendor: Vendor
) -> None:
    slow = Slow(vendor)
    vendor.instead = [slow]

    path = world.fails(1)
    ack = verdict_in(path, "ack")
    assert slow.asked.wait(SECONDS)
    assert 0 < ack["wait_ms"] <= 20_000
    assert world.live() == "REF-CANARY-bob-1"
    slow.go.set()

    assert verdict_in(path, "retry")["credential"] == digest_of("ACC-CANARY-ada-2")
    assert world.live() == "REF-CANARY-ada-2"
    assert len(world.events(EventKind.LIMITED)) == 1
    wait_until(lambda: world.events(EventKind.FAILOVER), SECONDS, "the event")


def test_many_requests_that_fail_at_once_ask_the_vendor_once(world: World, vendor: Vendor) -> None:
    slow = Slow(vendor)
    vendor.instead = [slow]

    paths = [world.fails(number) for number in range(20)]
    for path in paths:
        verdict_in(path, "ack")
    slow.go.set()

    # Those of one moment go on over a second, so that ada's login is not flooded.
    for number, path in enumerate(paths):
        verdict = verdict_in(path, "retry", "wait")
        while verdict["verdict"] == "wait":
            assert verdict["wait_ms"] < 1000
            verdict = verdict_in(world.fails(number, waited=True), "retry", "wait")
        assert verdict["credential"] == digest_of("ACC-CANARY-ada-2")
    assert vendor.asked == ["REF-CANARY-ada-1"]
    wait_until(lambda: world.events(EventKind.FAILOVER), SECONDS, "the event")
    assert len(world.events(EventKind.FAILOVER)) == 1


@pytest.mark.parametrize("trouble", [dead, cut_off, broken])
def test_without_new_tokens_and_without_another_account_the_request_passes(
    world: World, vendor: Vendor, trouble: Callable[[str], HttpAnswer]
) -> None:
    vendor.instead = [trouble]

    path = world.fails(1)

    verdict_in(path, "pass")
    assert world.live() == "REF-CANARY-bob-1"
    assert world.account(ADA).state_at(datetime.now(UTC)) is not AccountState.READY


def test_with_the_vendor_out_of_reach_opencode_gets_the_chance_to_refresh(
    world: World, vendor: Vendor
) -> None:
    vendor.instead = [unreachable]

    path = world.fails(1)

    verdict_in(path, "pass")
    wait_until(lambda: world.live() == "REF-CANARY-ada-1", SECONDS, "the swap")
    assert vendor.asked == ["REF-CANARY-ada-1"]


def test_a_watcher_that_is_ended_waits_for_the_tokens_that_are_on_their_way(
    world: World, vendor: Vendor
) -> None:
    slow = Slow(vendor)
    vendor.instead = [slow]
    world.fails(1)
    assert slow.asked.wait(SECONDS)
    ending = threading.Thread(target=world.stop)
    ending.start()

    slow.go.set()
    ending.join(SECONDS)

    assert world.account(ADA).credential.secret.digest() == digest_of("ACC-CANARY-ada-2")
    assert world.context.store.state().refreshes == {}


def test_new_tokens_that_a_command_could_not_store_are_taken_in_by_a_running_watcher(
    world: World,
) -> None:
    ada, spent = world.account(ADA), Digest(digest_of("REF-CANARY-ada-1"))
    answer = Secret(json.dumps(login("ada", 2)))
    pending = PendingRefresh(ada.id, spent, datetime.now(UTC), 1, answer)

    assert keep_answer(world.paths.data, pending)

    new = digest_of("ACC-CANARY-ada-2")
    wait_until(lambda: world.account(ADA).credential.secret.digest() == new, SECONDS, "the tokens")
    # It is taken away once the tokens are safe.
    wait_until(lambda: list(kept_answers(world.paths.data)) == [], SECONDS, "the file to be gone")


def test_what_the_bridge_tells_of_good_answers_is_a_reading(home: Path) -> None:
    teller = Teller()
    with ExitStack() as stack:
        context = stack.enter_context(open_context(find_paths(), registry=teller.registry()))
        with open_live(home, registry=teller.registry()) as live:
            live.sees({TELLING: api("a")})
        watching = Watching(context)
        stack.callback(watching.stop)
        account = context.store.state().of(TELLING)[0]
        value = {
            "schema": 1,
            "id": "s-1",
            "at": to_iso(datetime.now(UTC)),
            "provider": TELLING,
            "credential": account.credential.digest,
            "tried": [account.credential.digest],
            "status": 200,
            "headers": {HEADER: "0.25"},
        }
        publish(context.paths.bridge / "inbox" / "s-1.json", json.dumps(value).encode())

        wait_until(lambda: context.history.asked(account.id).snapshot, SECONDS, "the reading")

        assert not (context.paths.bridge / "outbox" / "s-1.json").exists()
        assert teller.asked == []


@contextmanager
def two_keys(home: Path, teller: Teller, used: float) -> Iterator[Context]:
    """Open the context of somebody with two keys, of each of which so much is used for long."""
    for key in ("KEY-CANARY-a", "KEY-CANARY-b"):
        teller.tells(key, ["5h", used, 4_102_444_800, None])
    with open_context(find_paths(), registry=teller.registry()) as context:
        with open_live(home, registry=teller.registry()) as live:
            for name in ("a", "b"):
                live.sees({TELLING: api(name)})
        yield context


def test_while_an_opencode_is_there_the_watcher_reads_by_itself(home: Path) -> None:
    teller = Teller()
    with ExitStack() as stack:
        context = stack.enter_context(two_keys(home, teller, 0.5))
        present = context.paths.bridge / "present"
        present.mkdir(parents=True)
        told = {"schema": 1, "pid": os.getpid(), "auth_file": str(context.paths.auth_file)}
        (present / f"{os.getpid()}.json").write_text(json.dumps(told | {"kind": "run"}))
        watching = Watching(context)
        stack.callback(watching.stop)

        wait_until(lambda: len(teller.asked) == 2, SECONDS, "both questions")
        ids = [account.id for account in context.store.state().accounts]
        wait_until(
            lambda: all(context.history.asked(one).snapshot for one in ids),
            SECONDS,
            "both readings",
        )


def test_whoever_is_refused_without_a_word_until_when_is_asked_about_at_once(home: Path) -> None:
    teller = Teller()
    with ExitStack() as stack:
        context = stack.enter_context(two_keys(home, teller, 1.0))
        watching = Watching(context)
        stack.callback(watching.stop)
        account = context.store.state().active(TELLING)
        assert account is not None
        value = {
            "schema": 1,
            "id": "s-1",
            "at": to_iso(datetime.now(UTC)),
            "provider": TELLING,
            "credential": account.credential.digest,
            "tried": [account.credential.digest],
            "status": 402,
        }
        publish(context.paths.bridge / "inbox" / "s-1.json", json.dumps(value).encode())

        def until() -> datetime | None:
            now = context.store.state().account(account.id)
            return now.until_at(datetime.now(UTC)) if now else None

        wait_until(lambda: (until() or account.captured_at).year == 2100, SECONDS, "its time")

        assert teller.asked == [account.credential.secret.reveal()]


def test_a_watcher_that_starts_sends_a_token_in_doubt_again(home: Path, vendor: Vendor) -> None:
    with open_live(home, registry=vendor.registry()) as live:
        live.clock.now = datetime.now(UTC) - timedelta(hours=1)
        live.sees({RENEWING: login("ada", minutes=-1)})
        live.sees({RENEWING: login("bob")})
        live.clock.pass_time(minutes=58)
        attempt = begin(live.context, live.account(f"{RENEWING}/{ADA}").id)
        assert isinstance(attempt, Attempt)

    with ExitStack() as stack:
        context = stack.enter_context(open_context(find_paths(), registry=vendor.registry()))
        watching = Watching(context)
        stack.callback(watching.stop)

        wait_until(lambda: vendor.asked, SECONDS, "the token to be sent again")
        wait_until(lambda: not context.store.state().refreshes, SECONDS, "its answer to be used")

        assert vendor.asked == ["REF-CANARY-ada-1"]


class Watching:
    """A watcher in a thread, for what it does by itself."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._ready = threading.Event()
        self._daemon: Daemon | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._ready.wait(SECONDS)

    def _run(self) -> None:
        with open_context(self._context.paths, registry=self._context.registry) as context:
            self._daemon = Daemon(context)
            self._daemon.run(self._ready.set)

    def stop(self) -> None:
        """End it."""
        assert self._daemon is not None
        self._daemon.stop()
        self._thread.join(SECONDS)


# -- without a watcher -----------------------------------------------------------------------


@pytest.fixture
def live(home: Path, vendor: Vendor) -> Iterator[Live]:
    with open_live(home, registry=vendor.registry()) as live:
        live.clock.now = datetime.now(UTC) - timedelta(minutes=10)
        live.sees({RENEWING: login("ada", minutes=-11)})
        live.sees({RENEWING: login("bob")})
        live.clock.pass_time(minutes=10)
        yield live


def failed(live: Live) -> Signal:
    digest = live.account(f"{RENEWING}/{BOB}").credential.digest
    return Signal("s-1", live.clock.now, RENEWING, Source.BRIDGE, digest, tried=(digest,))


def test_whoever_acts_without_a_watcher_asks_the_vendor_at_once(live: Live) -> None:
    given: list[Verdict] = []

    carry_out(live.context, failed(live), LIMITED, answer=given.append)

    assert [verdict.kind for verdict in given] == [VerdictKind.ACK, VerdictKind.RETRY]
    assert live.entries()[RENEWING]["refresh"] == "REF-CANARY-ada-2"


def test_for_one_failure_a_vendor_is_asked_once(live: Live, vendor: Vendor) -> None:
    vendor.instead = [unreachable] * 9
    given: list[Verdict] = []

    carry_out(live.context, failed(live), LIMITED, answer=given.append)

    assert [verdict.kind for verdict in given] == [VerdictKind.ACK, VerdictKind.PASS]
    assert vendor.asked == ["REF-CANARY-ada-1"]
    assert live.entries()[RENEWING]["refresh"] == "REF-CANARY-ada-1"


def test_an_account_whose_tokens_were_asked_for_already_is_taken_as_it_is(
    live: Live, vendor: Vendor
) -> None:
    given: list[Verdict] = []

    carry_out(
        live.context,
        failed(live),
        LIMITED,
        answer=given.append,
        before=Before({live.account(f"{RENEWING}/{ADA}").id}),
    )

    assert [verdict.kind for verdict in given] == [VerdictKind.PASS]
    assert vendor.asked == []
    assert live.entries()[RENEWING]["refresh"] == "REF-CANARY-ada-1"


def test_whoever_is_told_later_gets_an_ack_and_no_other_word(live: Live) -> None:
    given: list[Verdict] = []

    verdict = carry_out(
        live.context, failed(live), LIMITED, answer=given.append, means=Means(lambda _: False)
    )

    assert [one.kind for one in given] == [verdict.kind] == [VerdictKind.ACK]
    assert live.state_of(f"{RENEWING}/{BOB}") is AccountState.EXHAUSTED


# -- the list of refreshes under way ---------------------------------------------------------


class Waiter:
    """Counts how often it was told."""

    def __init__(self) -> None:
        self.told = 0

    def __call__(self) -> None:
        self.told += 1


def is_settled(refreshes: RefreshQueue, live: Live) -> bool:
    """Work, and tell whether no refresh is under way or in doubt any more."""
    refreshes.work()
    return not live.state.refreshes


def settle(refreshes: RefreshQueue, waiter: Waiter, count: int = 1) -> None:
    def done() -> bool:
        refreshes.work()
        return waiter.told == count

    wait_until(done, SECONDS, "the waiter to be told")


def test_a_lock_that_somebody_holds_is_waited_for(live: Live, vendor: Vendor) -> None:
    account, waiter = live.account(f"{RENEWING}/{ADA}"), Waiter()
    refreshes = RefreshQueue(live.context, lambda: None)
    held = hold_refresh_locks(live.context, account, patience_seconds=0)
    assert held is not None

    refreshes.want(account, waiter)
    assert (refreshes.is_waiting, waiter.told, vendor.asked) == (True, 0, [])
    held.release()

    settle(refreshes, waiter)
    assert vendor.asked == ["REF-CANARY-ada-1"]


def test_who_waits_too_long_is_told_and_the_answer_is_stored_all_the_same(
    live: Live, vendor: Vendor
) -> None:
    account, waiter = live.account(f"{RENEWING}/{ADA}"), Waiter()
    refreshes = RefreshQueue(live.context, lambda: None, patience_seconds=0)
    slow = Slow(vendor)
    vendor.instead = [slow]

    refreshes.want(account, waiter)
    settle(refreshes, waiter)
    slow.go.set()

    wait_until(lambda: is_settled(refreshes, live), SECONDS, "the answer")
    assert live.saved(f"{RENEWING}/{ADA}")["refresh"] == "REF-CANARY-ada-2"
    assert waiter.told == 1


def test_a_vendor_that_never_answers_keeps_no_process_from_its_end(
    live: Live, vendor: Vendor
) -> None:
    refreshes = RefreshQueue(live.context, lambda: None)
    slow = Slow(vendor)
    vendor.instead = [slow]
    before = set(threading.enumerate())

    refreshes.want(live.account(f"{RENEWING}/{ADA}"), Waiter())
    asking = set(threading.enumerate()) - before
    slow.go.set()
    refreshes.close()

    assert [thread.daemon for thread in asking] == [True]


def test_what_never_came_before_the_end_is_stored_by_nobody(
    live: Live, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The token may have been spent: the intent stays for whoever comes next."""
    monkeypatch.setattr("rotator.watcher.refresh_queue._LONGEST_ASKING_SECONDS", 0.05)
    account, waiter = live.account(f"{RENEWING}/{ADA}"), Waiter()
    refreshes = RefreshQueue(live.context, lambda: None)
    slow = Slow(vendor)
    vendor.instead = [slow]
    before = set(threading.enumerate())

    refreshes.want(account, waiter)
    (asking,) = set(threading.enumerate()) - before
    refreshes.close()
    left = live.state.refreshes
    slow.go.set()
    asking.join(SECONDS)

    assert [one.answer for one in left.values()] == [None]
    assert live.state_of(f"{RENEWING}/{ADA}") is AccountState.READY
    assert live.state.refreshes == left
    held = hold_refresh_locks(live.context, account, patience_seconds=0)
    assert held is not None
    held.release()


def test_who_ends_waits_for_an_answer_and_tells_who_waited(
    live: Live, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    account, waiter = live.account(f"{RENEWING}/{ADA}"), Waiter()
    refreshes = RefreshQueue(live.context, lambda: None)
    slow = Slow(vendor)
    vendor.instead = [slow]
    before = set(threading.enumerate())
    refreshes.want(account, waiter)
    (asking,) = set(threading.enumerate()) - before
    wait_for = asking.join

    def let_go(timeout: float | None = None) -> None:
        slow.go.set()
        wait_for(timeout)

    monkeypatch.setattr(asking, "join", let_go)
    refreshes.close()
    slow.go.set()
    wait_for(SECONDS)

    assert live.saved(f"{RENEWING}/{ADA}")["refresh"] == "REF-CANARY-ada-2"
    assert waiter.told == 1


def test_an_answer_that_the_store_refuses_is_kept_beside_it_meanwhile(
    live: Live, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise StoreError("refused")

    monkeypatch.setattr("rotator.watcher.refresh_queue.finish", refuse)
    woken = threading.Event()
    refreshes = RefreshQueue(live.context, woken.set)
    slow = Slow(vendor)
    vendor.instead = [slow]
    refreshes.want(live.account(f"{RENEWING}/{ADA}"), Waiter())
    slow.go.set()
    assert woken.wait(SECONDS)

    # Whatever lies beside the store is taken in with the same look.
    refreshes.work()

    assert live.saved(f"{RENEWING}/{ADA}")["refresh"] == "REF-CANARY-ada-2"
    refreshes.close()


def test_who_waits_too_long_for_a_lock_is_told(live: Live, vendor: Vendor) -> None:
    account, waiter = live.account(f"{RENEWING}/{ADA}"), Waiter()
    refreshes = RefreshQueue(live.context, lambda: None, patience_seconds=0)
    held = hold_refresh_locks(live.context, account, patience_seconds=0)
    assert held is not None

    refreshes.want(account, waiter)
    settle(refreshes, waiter)

    held.release()
    refreshes.close()
    assert (refreshes.is_waiting, vendor.asked) == (False, [])


def test_who_has_waited_long_enough_already_is_told_at_once(live: Live, vendor: Vendor) -> None:
    account, waiter = live.account(f"{RENEWING}/{ADA}"), Waiter()
    refreshes = RefreshQueue(live.context, lambda: None)
    ended = time.monotonic() - 1

    refreshes.want(account, waiter, ended)

    assert (waiter.told, vendor.asked, refreshes.under_way) == (1, [], frozenset())


def test_of_two_who_wait_each_is_told_when_their_time_is_over(live: Live, vendor: Vendor) -> None:
    account, first, second = live.account(f"{RENEWING}/{ADA}"), Waiter(), Waiter()
    refreshes = RefreshQueue(live.context, lambda: None)
    slow = Slow(vendor)
    vendor.instead = [slow]

    refreshes.want(account, first, time.monotonic() + 0.2)
    refreshes.want(account, second)
    settle(refreshes, first)

    assert (first.told, second.told, set(refreshes.under_way)) == (1, 0, {account.id})
    slow.go.set()
    settle(refreshes, second)
    assert (first.told, second.told, refreshes.under_way) == (1, 1, frozenset())


def test_an_answer_that_cannot_be_stored_yet_is_kept_until_it_can(
    live: Live, vendor: Vendor
) -> None:
    account, waiter = live.account(f"{RENEWING}/{ADA}"), Waiter()
    woken = threading.Event()
    refreshes = RefreshQueue(live.context, woken.set)
    slow = Slow(vendor)
    vendor.instead = [slow]
    refreshes.want(account, waiter)
    slow.go.set()
    assert woken.wait(SECONDS)

    with full_disk():
        refreshes.work()
        assert (waiter.told, refreshes.is_waiting) == (0, True)
    settle(refreshes, waiter)

    assert live.saved(f"{RENEWING}/{ADA}")["refresh"] == "REF-CANARY-ada-2"


def test_a_refresh_that_cannot_be_written_down_is_given_up(live: Live, vendor: Vendor) -> None:
    account, waiter = live.account(f"{RENEWING}/{ADA}"), Waiter()

    with full_disk():
        RefreshQueue(live.context, lambda: None).want(account, waiter)

    assert (waiter.told, vendor.asked) == (1, [])


def test_once_closed_nobody_is_asked_any_more(live: Live, vendor: Vendor) -> None:
    waiter = Waiter()
    refreshes = RefreshQueue(live.context, lambda: None)
    refreshes.close()

    refreshes.want(live.account(f"{RENEWING}/{ADA}"), waiter)

    assert (waiter.told, vendor.asked) == (1, [])


def test_what_is_due_is_sent_again_and_what_is_not_is_left(live: Live, vendor: Vendor) -> None:
    account = live.account(f"{RENEWING}/{ADA}")
    refreshes = RefreshQueue(live.context, lambda: None)
    vendor.instead = [cut_off]
    waiter = Waiter()
    refreshes.want(account, waiter)
    settle(refreshes, waiter)
    refreshes.work()
    assert len(vendor.asked) == 1
    assert live.account(account.name).reason_at(live.clock.now) == NOT_CONFIRMED

    live.clock.pass_time(minutes=1)

    wait_until(lambda: is_settled(refreshes, live), SECONDS, "the token to be sent again")
    assert len(vendor.asked) == 2


def test_a_doubt_about_the_live_account_is_opencode_s(live: Live, vendor: Vendor) -> None:
    bob = live.account(f"{RENEWING}/{BOB}")
    refresh = bob.credential.refresh
    assert refresh is not None
    assert live.state.slot(RENEWING).tenures[-1] == Tenure(
        bob.id, live.state.slot(RENEWING).tenures[-1].since
    )
    with live.context.store.transaction():
        live.context.store.begin_refresh(
            PendingRefresh(bob.id, bob.credential.digest, live.clock.now)
        )
    live.clock.pass_time(hours=2)

    RefreshQueue(live.context, lambda: None).work()

    assert vendor.asked == []
