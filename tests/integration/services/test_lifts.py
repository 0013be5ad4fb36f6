"""E1: whatever shows that a limit is over lifts it at once, with an event, for all who share it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from rotator.core.selection.limits import NOT_CONFIRMED, is_ready
from rotator.errors import NothingToRotateTo
from rotator.model import (
    NOBODY,
    AccountState,
    EventKind,
    Finding,
    Meaning,
    Scope,
    Signal,
    Snapshot,
    Window,
)
from rotator.opencode.bridge.exchange import Exchange
from rotator.services import accounts as ledger
from rotator.services.failover import carry_out
from rotator.services.lifts import lift_by_answer
from rotator.services.rotate import plan_rotation, rotate
from rotator.services.usage import keep_answer
from rotator.watcher.recovered_accounts import say_who_is_back
from rotator.watcher.refresh_queue import RefreshQueue
from rotator.watcher.signals import SignalHandler
from rotator.watcher.usage_poller import UsagePoller
from tests.support.builders import a_finding, a_limit, a_signal
from tests.support.live import NOON, Live, api, open_live

A, B = "acme/acme-1", "acme/acme-2"
DAYS = timedelta(days=18)
LARGE, SMALL = "opus-4", "haiku-4"


@pytest.fixture
def live(home: Path) -> Iterator[Live]:
    """Return a context with the keys A and B, of which A was refused for 18 days."""
    with open_live(home) as live:
        live.sees({"acme": api("b")})
        live.sees({"acme": api("a")})
        fails(live, a_finding(Meaning.EXHAUSTED, NOON + DAYS))
        assert live.state_of(A) is AccountState.EXHAUSTED
        yield live


def fails(live: Live, finding: Finding, name: str = A, model: str | None = LARGE) -> None:
    """Let a request of an account fail, as the watcher is told of it."""
    signal = a_signal(live.account(name), model=model, at=live.clock.now)
    carry_out(live.context, signal, finding, answer=lambda _: None)
    live.clock.pass_time(minutes=1)


def an_answer(live: Live, name: str = A, **fields: Any) -> Signal:
    """Return what the bridge tells of a good answer to a request of a moment ago."""
    values = {"status": 200, "answered": True, "model": LARGE, "at": live.clock.now}
    sent = {"sent_at": live.clock.now - timedelta(seconds=1)}
    return a_signal(live.account(name), **(values | sent | fields))


def answers(live: Live) -> None:
    lift_by_answer(live.context, an_answer(live))


def is_enabled(live: Live) -> None:
    ledger.enable(live.context, live.account(A))


def is_asked_for_by_name(live: Live) -> None:
    rotate(live.context, plan_rotation(live.state, "acme", "acme-1", live.clock.now))


def is_read(live: Live) -> None:
    windows = (Window("5h", 0.0), Window("7d", 0.0))
    keep_answer(live.context, live.account(A), Snapshot(live.clock.now, windows, complete=True), 0)


WAYS = [
    pytest.param(answers, "it has answered a request for opus-4", id="a good answer"),
    pytest.param(is_enabled, "enabled by you", id="accounts enable"),
    pytest.param(is_asked_for_by_name, "asked for by name", id="rotate by name"),
    pytest.param(is_read, "its usage says that there is room again", id="a newer whole reading"),
]


@pytest.mark.parametrize(("lift", "why"), WAYS)
def test_e1_a_quota_that_is_given_back_early_is_used_at_once(
    live: Live, lift: Callable[[Live], None], why: str
) -> None:
    lift(live)

    assert live.state_of(A) is AccountState.READY
    told = [event for event in live.events() if event.kind is EventKind.RECOVERED]
    assert [(event.account, event.why) for event in told] == [(A, f"{why}: it rests no longer")]


@pytest.mark.parametrize(("lift", "why"), WAYS)
def test_it_is_told_once_also_where_the_limit_was_new(
    live: Live, lift: Callable[[Live], None], why: str
) -> None:
    looked_at = NOON - timedelta(seconds=1)
    lift(live)

    say_who_is_back(live.context, looked_at, live.clock.now)

    assert live.kinds().count(EventKind.RECOVERED) == 1, why


@pytest.mark.parametrize(("lift", "why"), WAYS)
def test_the_bridge_need_not_tell_of_it_any_more(
    live: Live, lift: Callable[[Live], None], why: str
) -> None:
    def published() -> dict[str, str]:
        exchange = Exchange(live.paths)
        exchange.write_state(live.state, started_at=NOON, now=live.clock.now)
        return state_of(exchange)["limited"]

    assert published() == {live.account(A).credential.digest: "2026-11-22T12:00:00.000Z"}
    lift(live)

    assert published() == {}, why


def state_of(exchange: Exchange) -> dict[str, dict[str, str]]:
    state: dict[str, dict[str, dict[str, dict[str, str]]]] = json.loads(
        (exchange.folder / "state.json").read_bytes()
    )
    return state["providers"]["acme"]


@pytest.mark.parametrize(("lift", "why"), WAYS)
def test_whoever_is_counted_together_with_it_is_back_as_well(
    live: Live, lift: Callable[[Live], None], why: str
) -> None:
    lift_group(live)
    fails(live, a_finding(Meaning.EXHAUSTED, NOON + DAYS), B)
    assert {live.state_of(A), live.state_of(B)} == {AccountState.EXHAUSTED}

    lift(live)

    assert {live.state_of(A), live.state_of(B)} == {AccountState.READY}, why


def lift_group(live: Live) -> None:
    """Let both accounts be counted together, and none rest."""
    for name in (A, B):
        ledger.enable(live.context, live.account(name))
        answer = Snapshot(live.clock.now, identity=replace(NOBODY, group="org"))
        keep_answer(live.context, live.account(name), answer, 0)
    live.clock.pass_time(minutes=1)


@pytest.mark.parametrize(("lift", "why"), WAYS)
def test_a_limit_on_a_model_is_lifted_as_well(
    live: Live, lift: Callable[[Live], None], why: str
) -> None:
    ledger.enable(live.context, live.account(A))
    scoped = replace(a_finding(Meaning.EXHAUSTED, NOON + DAYS), scope=Scope("Opus"))
    fails(live, scoped)
    assert not is_ready(live.account(A), LARGE, live.clock.now)

    lift(live)

    assert is_ready(live.account(A), LARGE, live.clock.now)
    assert live.events()[-1 if lift is not is_enabled else -2].why == (
        f"{why}: it rests no longer for Opus"
    )


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"sent_at": NOON - timedelta(seconds=1)}, id="sent before the limit"),
        pytest.param({"sent_at": None}, id="nobody knows when it was sent"),
        pytest.param({"answered": False}, id="an answer that told of limits alone"),
        pytest.param({"credential": "0" * 64}, id="another login"),
    ],
)
def test_any_other_answer_lifts_nothing(live: Live, changes: dict[str, Any]) -> None:
    lift_by_answer(live.context, an_answer(live, **changes))

    assert live.account(A).until_at(live.clock.now) == NOON + DAYS


def test_another_model_s_answer_leaves_the_refused_model_alone_limited(live: Live) -> None:
    lift_by_answer(live.context, an_answer(live, model=SMALL, aside=True))

    account = live.account(A)
    assert live.state_of(A) is AccountState.READY
    assert is_ready(account, SMALL, live.clock.now)
    assert not is_ready(account, LARGE, live.clock.now)
    why = "it has answered a request for haiku-4: it rests"
    assert [event.why for event in live.events()[-2:]] == [
        f"{why} no longer",
        f"{why} until 2026-12-10 12:00 UTC for opus-4 alone",
    ]


def test_a_limit_that_comes_again_after_that_is_the_next_in_a_row(live: Live) -> None:
    answers(live)
    fails(live, a_finding(Meaning.EXHAUSTED))

    limit = live.account(A).limit
    assert limit is not None
    assert (limit.strikes, limit.until) == (2, NOON + timedelta(minutes=61))


@pytest.mark.parametrize(
    ("lift", "why"), [way for way in WAYS if way.values[0] in {is_enabled, answers}]
)
def test_tokens_that_may_be_spent_are_not_sent_for_anybody_s_word(
    live: Live, lift: Callable[[Live], None], why: str
) -> None:
    ledger.enable(live.context, live.account(A))
    with live.context.store.transaction():
        unconfirmed = replace(a_limit(NOON + DAYS, reason=NOT_CONFIRMED), since=NOON)
        live.context.store.set_limit(live.account(A).id, unconfirmed)

    lift(live)

    assert live.state_of(A) is AccountState.COOLING, why


def test_a_rotation_to_the_best_other_account_lifts_nothing(live: Live) -> None:
    with pytest.raises(NothingToRotateTo):
        rotate(live.context, plan_rotation(live.state, "acme", None, live.clock.now))

    assert live.state_of(A) is AccountState.EXHAUSTED


def test_the_watcher_hears_of_it_from_the_bridge(live: Live) -> None:
    exchange = Exchange(live.paths)
    with (
        closing(RefreshQueue(live.context, lambda: None)) as refreshes,
        closing(UsagePoller(live.context, lambda: None)) as readings,
    ):
        handler = SignalHandler(live.context, exchange, refreshes, readings)

        handler.on_bridge_signal(an_answer(live))

    assert live.state_of(A) is AccountState.READY
