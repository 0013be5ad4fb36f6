"""opencode itself got no new tokens for the live login: another one takes its place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rotator.clock import to_iso
from rotator.core.logins.refresh_policy import REFUSED
from rotator.live.capture_content import take_descents
from rotator.model import AccountState, EventKind, Finding, Signal
from rotator.opencode.bridge.descent import REFUSALS_KEPT_FOR
from rotator.secret import digest_of
from rotator.services.failover import carry_out
from rotator.watcher.refresh_queue import RefreshQueue
from rotator.watcher.refused_refreshes import GRACE, TOLD_WITHIN, RefusedRefreshes
from tests.support.descents import seen_refresh, write
from tests.support.live import Live, oauth, open_live
from tests.support.renewing import RENEWING, TERMS, Renewing, Vendor, dead
from tests.support.waiting import wait_until

ADA, BOB = "ada-acme.example", "bob-acme.example"
OVER = timedelta(minutes=-1)
SOON = GRACE + timedelta(seconds=1)


class World:
    """ada is live with an access token that has run out, bob is parked."""

    def __init__(self, live: Live, vendor: Vendor) -> None:
        self.live = live
        self.vendor = vendor
        self.queue = RefreshQueue(live.context, lambda: None)
        self.unsent: dict[str, datetime] = {}
        self.refused = RefusedRefreshes(live.context, self.blame, self.unsent.get, self.queue)
        live.sees({RENEWING: oauth("bob")})
        live.sees({RENEWING: oauth("ada", left=OVER)})
        live.clock.pass_time(minutes=10)

    def blame(self, signal: Signal, finding: Finding) -> None:
        """Work it off as the watcher does."""
        carry_out(self.live.context, signal, finding, answer=lambda _: None)

    def refuse(self, name: str = "ada", *, ends_a_turn: bool = True, **more: Any) -> Path:
        """Let a bridge have seen that an opencode got no new tokens, and its turn fail by that."""
        if ends_a_turn:
            self.unsent[RENEWING] = self.live.clock.now
        told = {
            "grant": "refresh",
            "from": digest_of(oauth(name)["refresh"]),
            "to": [],
            "ok": False,
            "at": to_iso(self.live.clock.now),
        }
        return write(self.live.paths, told | more)

    def later(self, span: timedelta = SOON) -> bool:
        """Let time pass, and let the watcher look."""
        self.live.clock.pass_time(seconds=span.total_seconds())
        return self.refused.work()

    def state_of(self, alias: str) -> AccountState:
        return self.live.state_of(f"{RENEWING}/{alias}")

    def settle(self) -> None:
        """Let answers that are on their way come."""

        def is_over() -> bool:
            self.queue.work()
            return not self.live.state.refreshes

        wait_until(is_over, 10, "the vendor's answer to be stored")


@pytest.fixture
def world(home: Path) -> Iterator[World]:
    vendor = Vendor()
    with open_live(home, registry=vendor.registry()) as live:
        world = World(live, vendor)
        yield world
        world.queue.close()


@pytest.fixture
def unasked(home: Path) -> Iterator[World]:
    """Of a vendor that we do not ask for new tokens."""
    vendor = Vendor()
    with open_live(home, registry=vendor.registry(Renewing(consent=TERMS))) as live:
        world = World(live, vendor)
        yield world
        world.queue.close()


DEAD = [
    {"error": "invalid_grant", "error_description": "it was revoked"},
    {"error": {"code": "refresh_token_reused", "message": "used already"}},
    {"code": "invalid_refresh_token"},
    {"dead": "the grant was revoked"},
]


@pytest.mark.parametrize("said", DEAD, ids=json.dumps)
def test_a_login_that_we_may_not_refresh_is_dead_by_what_opencode_was_answered(
    unasked: World, said: dict[str, Any]
) -> None:
    unasked.refuse(status=400, said=said)
    unasked.later()

    assert unasked.state_of(ADA) is AccountState.REJECTED
    assert unasked.live.active(RENEWING) == BOB
    unasked.later(timedelta(hours=9))
    assert unasked.state_of(ADA) is AccountState.REJECTED
    assert unasked.vendor.asked == []
    (event,) = [e for e in unasked.live.events() if e.kind is EventKind.REJECTED]
    assert event.why.startswith(REFUSED)
    assert event.why.endswith("; it needs a login")


def test_new_tokens_lift_what_opencode_was_answered(unasked: World) -> None:
    unasked.refuse(status=400, said=DEAD[0])
    unasked.later()

    unasked.live.sees({RENEWING: oauth("ada", 7)})

    assert unasked.state_of(ADA) is AccountState.READY


@pytest.mark.parametrize(
    ("status", "said"),
    [(500, DEAD[0]), (503, {}), (429, DEAD[0]), (403, {}), (400, {"error": "invalid_client"})],
)
def test_what_does_not_say_that_the_login_is_dead_lets_it_rest(
    unasked: World, status: int, said: dict[str, Any]
) -> None:
    unasked.refuse(status=status, said=said)
    unasked.later()

    assert unasked.state_of(ADA) is AccountState.COOLING


@pytest.mark.parametrize(("status", "last"), [(403, 480), (None, 480), (503, 30), (429, 30)])
def test_a_login_that_is_refused_again_and_again_rests_twice_as_long_each_time(
    unasked: World, status: int | None, last: int
) -> None:
    without_bob(unasked)
    rests = [minutes_after_a_refusal(unasked, status) for _ in range(9)]

    assert rests == [min(3 * 2**n, last) for n in range(9)]
    # Whoever had new tokens once begins anew.
    unasked.live.sees({RENEWING: oauth("ada", 7, left=timedelta(days=9))})
    unasked.refused.work()
    unasked.live.clock.pass_time(days=9)
    assert minutes_after_a_refusal(unasked, status, generation=7) == 3


def minutes_after_a_refusal(world: World, status: int | None, generation: int = 1) -> float:
    """Let the live login be refused; return how long it rests, and let that pass."""
    more: dict[str, Any] = {"from": digest_of(oauth("ada", generation)["refresh"])}
    world.refuse(**more | ({} if status is None else {"status": status}))
    world.later()
    until = world.live.account(f"{RENEWING}/{ADA}").until_at(world.live.clock.now)
    assert until is not None
    left = until - world.live.clock.now
    world.later(left)
    return left / timedelta(minutes=1)


def without_bob(world: World) -> None:
    with world.live.context.store.transaction():
        world.live.context.store.set_disabled(
            world.live.account(f"{RENEWING}/{BOB}").id, "disabled by you"
        )


def test_another_login_takes_over_and_the_refused_one_rests(world: World) -> None:
    path = world.refuse()

    assert not world.refused.work()
    assert world.refused.is_waiting
    assert world.live.active(RENEWING) == ADA
    assert world.later()

    assert world.live.active(RENEWING) == BOB
    assert world.state_of(ADA) is AccountState.COOLING
    assert not path.exists()
    limited = [event for event in world.live.events() if event.kind is EventKind.LIMITED]
    assert [REFUSED in event.why for event in limited] == [True]


def test_its_vendor_is_asked_once_no_opencode_may_be_asking_and_ends_it(world: World) -> None:
    world.vendor.instead = [dead]
    world.refuse()
    world.later()

    world.later(timedelta(minutes=1))
    assert world.vendor.asked == []
    world.later(timedelta(minutes=1))
    world.settle()

    assert world.vendor.asked == [oauth("ada")["refresh"]]
    assert world.state_of(ADA) is AccountState.REJECTED
    world.later(timedelta(minutes=5))
    assert len(world.vendor.asked) == 1


def test_a_login_whose_vendor_was_only_in_trouble_gets_its_tokens(world: World) -> None:
    world.refuse()
    world.later()
    world.later(timedelta(minutes=2, seconds=1))
    world.settle()

    world.later(timedelta(minutes=2))
    assert world.state_of(ADA) is AccountState.READY
    expires_at = world.live.account(f"{RENEWING}/{ADA}").credential.expires_at
    assert expires_at is not None
    assert expires_at > world.live.clock.now


def test_a_token_that_somebody_else_exchanged_just_before_blames_nobody(world: World) -> None:
    world.refuse()
    seen_refresh(world.live, oauth("ada"), oauth("ada", 2))
    world.live.sees({RENEWING: oauth("ada", 2)})

    assert not world.later()

    assert world.live.active(RENEWING) == ADA
    assert world.state_of(ADA) is AccountState.READY


@pytest.mark.parametrize("name", ["bob", "cem"])
def test_a_refusal_of_a_login_that_is_not_live_swaps_nobody(world: World, name: str) -> None:
    world.refuse(name)
    world.later()

    assert world.live.active(RENEWING) == ADA
    assert world.state_of(ADA) is AccountState.READY


def test_a_refusal_that_ended_no_turn_is_somebody_else_s(world: World) -> None:
    """Another plug-in sends the token to whomever it likes, and is refused there."""
    path = world.refuse(ends_a_turn=False)

    assert not world.later()
    assert path.exists()
    assert not world.later(TOLD_WITHIN)

    assert not path.exists()
    assert world.live.active(RENEWING) == ADA
    assert world.state_of(ADA) is AccountState.READY


@pytest.mark.parametrize("seconds", [-3600, 3600])
def test_a_turn_that_failed_at_another_time_says_nothing_of_it(world: World, seconds: int) -> None:
    world.refuse(ends_a_turn=False)
    world.unsent[RENEWING] = world.live.clock.now + timedelta(seconds=seconds)

    assert not world.later()

    assert world.live.active(RENEWING) == ADA


def test_a_login_with_new_tokens_rests_no_longer(world: World) -> None:
    world.refuse()
    world.later()
    assert world.state_of(ADA) is AccountState.COOLING

    world.live.sees({RENEWING: oauth("ada", 7)})
    world.later()

    assert world.state_of(ADA) is AccountState.READY
    assert EventKind.RECOVERED in world.live.kinds()


def test_a_login_whose_tokens_are_good_is_not_left(world: World) -> None:
    world.live.sees({RENEWING: oauth("ada", 3)})
    more: dict[str, Any] = {"from": digest_of(oauth("ada", 3)["refresh"])}
    world.refuse(**more)

    assert not world.later()

    assert world.state_of(ADA) is AccountState.READY


def test_without_another_login_the_live_one_stays(world: World) -> None:
    without_bob(world)
    world.refuse()
    world.later()

    assert world.live.active(RENEWING) == ADA
    assert world.state_of(ADA) is AccountState.COOLING


def test_a_command_leaves_a_refusal_to_the_watcher_until_it_is_old(world: World) -> None:
    path = world.refuse()
    take_descents(world.live.context)
    assert path.exists()

    world.live.clock.pass_time(seconds=REFUSALS_KEPT_FOR.total_seconds() + 1)
    take_descents(world.live.context)
    assert not path.exists()


@pytest.mark.parametrize(
    "fields",
    [{"status": "400"}, {"status": 7}, {"status": True}, {"said": "invalid_grant"}, {"said": None}],
    ids=json.dumps,
)
def test_what_is_not_understood_of_an_answer_is_no_evidence(
    unasked: World, fields: dict[str, Any]
) -> None:
    told: dict[str, Any] = {"status": 400, "said": DEAD[0]}
    unasked.refuse(**told | fields)
    unasked.later()

    assert unasked.state_of(ADA) is AccountState.COOLING


@pytest.mark.parametrize(
    "fields",
    [
        {"from": None},
        {"from": "no digest"},
        {"from": ["a"]},
        {"at": "yesterday"},
        {"at": 7},
        {"schema": 2},
        {"grant": "login"},
        {"ok": None},
        {"ok": "no"},
    ],
    ids=json.dumps,
)
def test_what_is_not_understood_says_nothing_and_goes(world: World, fields: dict[str, Any]) -> None:
    path = world.refuse(**fields)

    assert not world.later()
    take_descents(world.live.context)

    assert not path.exists()
    assert world.live.active(RENEWING) == ADA


def test_a_look_costs_nothing_while_nothing_new_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.refuse("cem")
    world.refused.look()
    # That took the file away.
    world.refused.look()
    read: list[object] = []
    monkeypatch.setattr("rotator.watcher.refused_refreshes.read_descents", read.append)

    assert not world.refused.look()
    assert read == []
