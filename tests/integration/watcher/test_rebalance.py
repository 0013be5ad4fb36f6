"""Swaps that nobody has asked for: by the user's strategy between turns, or before the wall."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from rotator.clock import to_iso
from rotator.model import EventKind, Snapshot, Window
from rotator.model.preferences import Failover, Preferences, Priority, Strategy
from rotator.opencode.bridge.exchange import Exchange
from rotator.opencode.bridge.fields import SCHEMA
from rotator.services.sync import sync
from rotator.watcher.rebalance import Rebalance
from rotator.watcher.refresh_queue import RefreshQueue
from tests.support.descents import seen_refresh
from tests.support.live import NOON, Live, api, oauth, open_live, opencode_running
from tests.support.opencode2_table import Table
from tests.support.renewing import RENEWING, Vendor

A, B = "acme/acme-1", "acme/acme-2"
LATER = NOON + timedelta(hours=3)
MINUTE = timedelta(minutes=1)


@dataclass
class Wishes:
    """What the user wants, as it can be changed."""

    preferences: Preferences = field(default_factory=Preferences)

    def __call__(self) -> Preferences:
        return self.preferences

    def are(self, strategy: Strategy, **fields: Any) -> None:
        self.preferences = Preferences(Failover(strategy, **fields))


@pytest.fixture
def wishes() -> Wishes:
    wishes = Wishes()
    wishes.are(Strategy.HEADROOM)
    return wishes


@dataclass
class World:
    """Two keys, the second one live, and whoever rebalances."""

    live: Live
    exchange: Exchange
    rebalance: Rebalance

    def reads(self, name: str, used: float, **fields: Any) -> None:
        """Let a vendor have said how much is used."""
        now = self.live.clock.now
        told = Snapshot(now, (Window("5h", used, LATER, **fields),))
        self.live.context.history.keep_reading(self.live.account(name).id, told, now)

    def works(self) -> str | None:
        """Rebalance; return who is live then."""
        self.rebalance.work()
        return self.live.active("acme")

    def runs_opencode(self, *, busy: bool) -> None:
        """Let an opencode with the bridge be there (this process), in a turn or not."""
        pid = os.getpid()
        value = {
            "schema": SCHEMA,
            "bridge": "1",
            "opencode": "1.18.33",
            "auth_file": str(self.live.paths.auth_file),
            "directories": [],
            "started_at": "2026-11-22T12:00:00Z",
            "kind": "tui",
            "pid": pid,
        }
        present = self.exchange.folder / "present" / f"{pid}.json"
        present.write_text(json.dumps(value))
        if busy:
            present.with_suffix(".busy").touch()
        else:
            present.with_suffix(".busy").unlink(missing_ok=True)


@pytest.fixture
def world(home: Path, wishes: Wishes) -> Iterator[World]:
    with open_live(home) as live:
        live.sees({"acme": api("a")})
        live.sees({"acme": api("b")})
        live.clock.pass_time(minutes=6)
        live.context = replace(live.context, preferences=wishes)
        exchange = Exchange(live.paths)
        with contextlib.closing(RefreshQueue(live.context, lambda: None)) as refreshes:
            yield World(live, exchange, Rebalance(live.context, exchange, refreshes))


def test_the_account_with_more_left_takes_over_and_an_event_says_why(world: World) -> None:
    world.reads(A, 0.1)
    world.reads(B, 0.5)

    assert world.works() == "acme-1"

    event = world.live.events()[-1]
    assert (event.kind, event.from_alias, event.to_alias) == (
        EventKind.SWAPPED,
        "acme-2",
        "acme-1",
    )
    assert event.why.startswith("acme-1 is ready, 5h 10 % used, resets 2026-11-22 15:00 UTC")
    assert world.live.entries()["acme"] == api("a")


def test_by_default_whoever_works_stays(world: World, wishes: Wishes) -> None:
    wishes.are(Strategy.STICKY)
    world.reads(A, 0.1)
    world.reads(B, 0.99)

    assert world.works() == "acme-2"


def test_with_balancing_off_nobody_is_swapped(world: World) -> None:
    world.reads(A, 0.1)
    world.reads(B, 0.5)
    with world.live.context.store.transaction():
        world.live.context.store.set_balancing(on=False)

    assert world.works() == "acme-2"


def test_two_such_swaps_are_five_minutes_apart(world: World) -> None:
    world.reads(A, 0.1)
    world.reads(B, 0.5)
    world.works()
    world.reads(A, 0.9)

    assert world.works() == "acme-1"
    world.live.clock.pass_time(minutes=5)
    assert world.works() == "acme-2"


def test_a_turn_is_not_disturbed_by_a_wish(world: World) -> None:
    world.reads(A, 0.1)
    world.reads(B, 0.5)
    world.runs_opencode(busy=True)

    during = (world.works(), world.rebalance.is_waiting)
    world.runs_opencode(busy=False)
    after = (world.works(), world.rebalance.is_waiting)

    assert (during, after) == (("acme-2", True), ("acme-1", False))


def test_an_opencode_without_the_bridge_may_be_in_a_turn(world: World, tmp_path: Path) -> None:
    world.reads(A, 0.1)
    world.reads(B, 0.5)

    with opencode_running(world.live.paths, tmp_path):
        assert world.works() == "acme-2"
    assert world.works() == "acme-1"


def test_before_the_wall_it_is_swapped_in_the_middle_of_a_turn(
    world: World, wishes: Wishes
) -> None:
    wishes.are(Strategy.STICKY, swap_before_wall=True)
    world.reads(A, 0.5)
    world.reads(B, 0.96)
    world.runs_opencode(busy=True)

    assert world.works() == "acme-1"
    assert "acme-2 is about to be used up" in world.live.events()[-1].why


def test_what_binds_the_model_that_serves_is_what_counts(world: World, wishes: Wishes) -> None:
    world.reads(A, 0.1)
    world.reads(B, 0.9, model="Opus")
    assert world.works() == "acme-2"

    served = (Priority("other", "big-1"), Priority("acme", "claude-opus-4-5"))
    wishes.preferences = replace(wishes.preferences, priorities=served)

    assert world.works() == "acme-1"


def test_a_successor_gets_new_tokens_first(home: Path, wishes: Wishes) -> None:
    vendor = Vendor()
    with open_live(home, registry=vendor.registry()) as live:
        for person in ("ada", "bob"):
            expires = int((NOON + 30 * MINUTE).timestamp() * 1000)
            live.sees(
                {
                    RENEWING: {
                        "type": "oauth",
                        "refresh": f"REF-CANARY-{person}-1",
                        "access": f"ACC-CANARY-{person}-1",
                        "expires": expires,
                    }
                }
            )
        live.clock.pass_time(minutes=40)
        wishes.are(Strategy.ORDERED, order={RENEWING: ("ada-acme.example",)})
        live.context = replace(live.context, preferences=wishes)
        with contextlib.closing(RefreshQueue(live.context, lambda: None)) as refreshes:
            rebalance = Rebalance(live.context, Exchange(live.paths), refreshes)

            assert not rebalance.work()
        assert live.saved(f"{RENEWING}/ada-acme.example")["access"] == "ACC-CANARY-ada-2"
        assert rebalance.work()
        assert live.active(RENEWING) == "ada-acme.example"


@dataclass
class Spent:
    """Two logins; the live one, bob's, was exchanged by somebody who keeps what came for it."""

    live: Live
    rebalance: Rebalance

    def works(self) -> str | None:
        self.rebalance.work()
        return self.live.active(RENEWING)

    def needed(self) -> list[str]:
        """Return of whom it was told that a login is needed."""
        events = self.live.events()
        return [str(one.account) for one in events if one.kind is EventKind.REJECTED]


@pytest.fixture
def spent(home: Path, wishes: Wishes) -> Iterator[Spent]:
    wishes.are(Strategy.STICKY)
    with open_live(home, registry=Vendor().registry()) as live:
        for person in ("ada", "bob"):
            live.sees({RENEWING: oauth(person, left=timedelta(hours=1))})
            live.clock.pass_time(minutes=3)
        live.context = replace(live.context, preferences=wishes)
        seen_refresh(live, oauth("bob"), oauth("bob", 2), at=to_iso(live.clock.now))
        live.look()
        exchange = Exchange(live.paths)
        with contextlib.closing(RefreshQueue(live.context, lambda: None)) as refreshes:
            yield Spent(live, Rebalance(live.context, exchange, refreshes))


def test_a_login_that_opencode_may_not_refresh_is_left_for_another_one(spent: Spent) -> None:
    assert (spent.works(), spent.needed()) == ("bob-acme.example", [])
    spent.live.clock.pass_time(minutes=3)

    assert spent.works() == "ada-acme.example"

    assert spent.needed() == [f"{RENEWING}/bob-acme.example"]
    why = spent.live.events()[-1].why
    assert why.startswith("bob-acme.example needs a login (its refresh token was exchanged")


def test_it_stays_and_is_told_of_where_balancing_is_off(spent: Spent) -> None:
    with spent.live.context.store.transaction():
        spent.live.context.store.set_balancing(on=False)
    spent.live.clock.pass_time(minutes=3)

    assert spent.works() == "bob-acme.example"
    assert spent.needed() == [f"{RENEWING}/bob-acme.example"]


def test_it_stays_once_what_came_for_its_token_is_in_auth_json(spent: Spent) -> None:
    spent.live.clock.pass_time(minutes=3)
    spent.live.sees({RENEWING: oauth("bob", 2, left=timedelta(hours=3))})

    assert (spent.works(), spent.needed()) == ("bob-acme.example", [])


def test_it_stays_where_the_other_one_s_was_exchanged_too(spent: Spent) -> None:
    seen_refresh(spent.live, oauth("ada"), oauth("ada", 2))
    spent.live.look()
    spent.live.clock.pass_time(minutes=3)

    assert spent.works() == "bob-acme.example"
    assert sorted(spent.needed()) == [f"{RENEWING}/{one}-acme.example" for one in ("ada", "bob")]


def test_an_auth_json_that_cannot_be_written_disturbs_nobody(world: World) -> None:
    world.reads(A, 0.1)
    world.reads(B, 0.5)
    world.live.file.write_bytes(b'{"acme": {"type": "ap')

    assert world.works() == "acme-2"
    assert world.live.file.read_bytes() == b'{"acme": {"type": "ap'


def test_a_login_that_stands_in_the_other_home_alone_is_not_copied_for_a_wish(
    home: Path, wishes: Wishes
) -> None:
    wishes.are(Strategy.ORDERED, order={"acme": ("bob", "ada")})
    with open_live(home) as live:
        table = Table(live.paths.opencode_database)
        table.make()
        live.sees({"acme": oauth("ada")})
        table.log_in("acme", {"methodID": "oauth", **oauth("bob")}, "bob")
        sync(live.context)
        live.clock.pass_time(minutes=6)
        live.context = replace(live.context, preferences=wishes)
        with contextlib.closing(RefreshQueue(live.context, lambda: None)) as refreshes:
            is_swapped = Rebalance(live.context, Exchange(live.paths), refreshes).work()

        assert not is_swapped
        assert b"REF-CANARY-bob" not in live.paths.auth_file.read_bytes()
        table.close()
