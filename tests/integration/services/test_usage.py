"""Asking vendors for usage: once for all who look, and never more often than is good."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from rotator.core.logins.refresh_policy import HANDS_OFF
from rotator.core.selection.limits import is_ready
from rotator.model import (
    AccountState,
    Balance,
    EventKind,
    Finding,
    Meaning,
    Scope,
    Snapshot,
    Window,
)
from rotator.provider import HttpAnswer
from rotator.services import accounts as ledger
from rotator.services.failover import carry_out
from rotator.services.usage import known, note_headers, read
from rotator.storage.history import Point
from rotator.watcher.usage_poller import UsagePoller
from tests.support.builders import a_finding, a_signal
from tests.support.live import NOON, Live, api, full_disk, oauth, open_live
from tests.support.renewing import dead, says
from tests.support.telling import HEADER, TELLING, Teller, Telling
from tests.support.waiting import wait_until

A, B = f"{TELLING}/{TELLING}-1", f"{TELLING}/{TELLING}-2"
KEY_A, KEY_B = "KEY-CANARY-a", "KEY-CANARY-b"
LATER = (NOON + timedelta(hours=3)).timestamp()
WHOLE = {"complete": True}
MINUTE = timedelta(minutes=1)


@pytest.fixture
def teller() -> Teller:
    teller = Teller()
    teller.tells(
        KEY_A, ["5h", 0.25, LATER, None], plan="plus", balance="1.50", who="ada@acme.example"
    )
    teller.tells(KEY_B, ["5h", 0.5, LATER, None])
    return teller


@pytest.fixture
def live(home: Path, teller: Teller) -> Iterator[Live]:
    """Return a context with two keys, the second one live."""
    with open_live(home, registry=teller.registry()) as live:
        live.sees({TELLING: api("a")})
        live.sees({TELLING: api("b")})
        yield live


def ask(live: Live, *names: str, forced: bool = False) -> int:
    accounts = [live.account(name) for name in names or live.names()]
    return read(live.context, accounts, forced=forced, chance=lambda: 0.0)


def snapshot(live: Live, name: str) -> Snapshot:
    found = live.context.history.asked(live.account(name).id).snapshot
    assert found is not None
    return found


def failure(live: Live, name: str) -> str | None:
    return live.context.history.asked(live.account(name).id).failure


def test_every_account_is_asked_about_and_what_is_said_is_kept(live: Live) -> None:
    assert ask(live) == 2

    window = Window("5h", 0.25, NOON + timedelta(hours=3))
    assert snapshot(live, A) == Snapshot(NOON, (window,), Balance(Decimal("1.50"), "USD"), "plus")
    assert snapshot(live, B).windows[0].used == 0.5


def test_who_and_on_which_plan_is_learned(live: Live) -> None:
    ask(live)

    assert (live.account(A).identity, live.account(A).plan) == ("ada@acme.example", "plus")


def test_a_reading_serves_everybody_for_three_minutes(
    live: Live, home: Path, teller: Teller
) -> None:
    ask(live)
    live.clock.pass_time(seconds=179)
    with open_live(home, clock=live.clock, registry=teller.registry()) as another:
        assert ask(another) == 0

    live.clock.pass_time(seconds=1)
    assert ask(live) == 2


def test_a_reading_is_asked_for_at_once_on_demand(live: Live, teller: Teller) -> None:
    ask(live)
    teller.tells(KEY_A, ["5h", 0.75, LATER, None])

    assert ask(live, A, forced=True) == 1
    assert snapshot(live, A).windows[0].used == 0.75


def test_the_vendor_s_own_pause_is_kept(home: Path, teller: Teller) -> None:
    with open_live(home, registry=teller.registry(Telling(usage_pause_seconds=600))) as live:
        live.sees({TELLING: api("a")})
        ask(live)
        live.clock.pass_time(seconds=599)
        assert ask(live) == 0


def test_two_that_look_at_once_ask_once(live: Live, home: Path, teller: Teller) -> None:
    asked, go = threading.Event(), threading.Event()

    def slow() -> HttpAnswer:
        asked.set()
        assert go.wait(10)
        return says(200, windows=[])

    teller.told[KEY_A] = slow
    first = threading.Thread(target=look_once, args=(home, live, teller))
    first.start()
    assert asked.wait(10)

    assert ask(live, A, forced=True) == 0

    go.set()
    first.join(10)
    assert teller.asked == [KEY_A]


def look_once(home: Path, live: Live, teller: Teller) -> None:
    with open_live(home, clock=live.clock, registry=teller.registry()) as another:
        ask(another, A)


@pytest.mark.parametrize(
    ("status", "why", "pause"),
    [
        (503, "telling answers 503", 0.5 * MINUTE),
        (429, "telling was asked too often", 61 * MINUTE),
        (401, "telling does not accept the login", 60 * MINUTE),
    ],
)
def test_a_failed_question_keeps_the_last_answer_and_backs_off(
    live: Live, teller: Teller, status: int, why: str, pause: timedelta
) -> None:
    ask(live, A)
    live.clock.pass_time(minutes=5)
    teller.refuses(KEY_A, status)
    ask(live, A)

    assert (failure(live, A), snapshot(live, A).read_at) == (why, NOON)
    live.clock.now += pause - timedelta(seconds=1)
    assert ask(live, A) == 0
    live.clock.pass_time(seconds=1)
    assert ask(live, A) == 1


def test_a_module_that_does_not_understand_costs_its_own_account(
    live: Live, teller: Teller
) -> None:
    teller.told[KEY_A] = lambda: says(200, nothing=True)

    assert ask(live) == 2
    assert failure(live, A) is not None
    assert snapshot(live, B).windows[0].used == 0.5


def test_what_cannot_be_asked_about_says_why(live: Live, teller: Teller) -> None:
    live.sees({TELLING: api("mute")})
    account = live.account(f"{TELLING}/{TELLING}-3")

    assert read(live.context, [account]) == 0
    assert [u.why_not for u in known(live.context, [account])] == ["a mute key tells nothing"]
    assert teller.asked == []


def test_an_account_that_needs_a_login_is_not_asked_about(live: Live, teller: Teller) -> None:
    with live.context.store.transaction():
        live.context.store.set_rejected(live.account(A).id, "401")

    assert ask(live, A) == 0
    assert [u.why_not for u in known(live.context, [live.account(A)])] == ["it needs a login: 401"]
    assert teller.asked == []


def logins(live: Live) -> tuple[str, str]:
    """Log ada in with tokens that have run out, and then bob; return their names."""
    live.sees({TELLING: oauth("ada", left=-MINUTE)})
    live.sees({TELLING: oauth("bob")})
    live.clock.pass_time(seconds=HANDS_OFF.total_seconds())
    return f"{TELLING}/ada-acme.example", f"{TELLING}/bob-acme.example"


def test_a_parked_login_is_refreshed_before_it_is_asked_about(live: Live, teller: Teller) -> None:
    ada, _ = logins(live)
    teller.tells("ACC-CANARY-ada-2", ["5h", 0.125, LATER, None])

    ask(live, ada)

    assert (teller.tokens.asked, teller.asked) == (["REF-CANARY-ada-1"], ["ACC-CANARY-ada-2"])
    assert snapshot(live, ada).windows[0].used == 0.125


def test_a_parked_login_that_is_dead_is_not_asked_about(live: Live, teller: Teller) -> None:
    ada, _ = logins(live)
    teller.tokens.instead = [dead]

    assert ask(live, ada) == 0
    assert teller.asked == []


def test_the_live_login_is_left_to_opencode(live: Live, teller: Teller) -> None:
    _, bob = logins(live)
    live.clock.pass_time(hours=2)

    assert ask(live, bob) == 0
    assert failure(live, bob) == (
        "its access token has run out; opencode renews it at its next request"
    )
    assert (teller.tokens.asked, teller.asked) == ([], [])


def test_the_headers_of_an_answer_serve_as_a_reading(live: Live, teller: Teller) -> None:
    ask(live, A)
    live.clock.pass_time(minutes=2)

    assert note_headers(live.context, live.account(A), {HEADER: "0.75"})

    seen = snapshot(live, A)
    assert [(w.name, w.used) for w in seen.windows] == [("5h", 0.75)]
    assert (seen.plan, seen.balance) == ("plus", Balance(Decimal("1.50"), "USD"))
    live.clock.pass_time(minutes=2)
    assert ask(live, A) == 0
    assert teller.asked == [KEY_A]


def test_headers_that_say_nothing_are_no_reading(live: Live) -> None:
    assert not note_headers(live.context, live.account(A), {"x-request-id": "1"})
    assert live.context.history.asked(live.account(A).id).snapshot is None


def fails(live: Live, name: str, finding: Finding) -> None:
    """Let a request of an account fail, as the watcher is told of it."""
    account = live.account(name)
    signal = a_signal(account, provider=TELLING)
    carry_out(live.context, signal, finding, answer=lambda _: None)
    live.clock.pass_time(minutes=1)


def test_a_reading_with_room_lifts_a_limit_that_nobody_stated_a_time_for(
    live: Live, teller: Teller
) -> None:
    fails(live, A, a_finding(Meaning.EXHAUSTED))
    teller.tells(KEY_A, ["5h", 0.25, LATER, None], complete=True)

    ask(live, A)

    assert live.state_of(A) is AccountState.READY
    assert live.events()[-1].kind is EventKind.RECOVERED


def test_missing_money_is_not_shown_by_windows_with_room(live: Live, teller: Teller) -> None:
    fails(live, A, a_finding(Meaning.BILLING))
    teller.tells(KEY_A, ["5h", 0.25, LATER, None], complete=True)

    ask(live, A)

    assert live.state_of(A) is AccountState.EXHAUSTED


def test_e1_a_newer_whole_reading_lifts_a_limit_before_the_time_that_was_stated(
    live: Live, teller: Teller
) -> None:
    fails(live, A, a_finding(Meaning.EXHAUSTED, NOON + timedelta(days=18)))
    teller.tells(KEY_A, ["5h", 0.0, LATER, None], complete=True)

    ask(live, A)

    assert live.state_of(A) is AccountState.READY
    told = live.events()[-1]
    assert (told.kind, told.why) == (
        EventKind.RECOVERED,
        "its usage says that there is room again: it rests no longer",
    )


@pytest.mark.parametrize(
    ("windows", "told"),
    [
        pytest.param([["5h", 0.0, LATER, None]], {}, id="some windows alone"),
        pytest.param([["7d", 0.0, LATER, "Opus"]], WHOLE, id="another model's window"),
        pytest.param([], WHOLE, id="money alone"),
    ],
)
def test_e2_a_reading_that_does_not_cover_what_can_block_lifts_nothing(
    live: Live, teller: Teller, windows: list[list[object]], told: dict[str, bool]
) -> None:
    until = NOON + timedelta(days=18)
    fails(live, A, a_finding(Meaning.SHORT_LIMIT, until))
    teller.tells(KEY_A, *windows, **told, balance="1.50")

    ask(live, A)

    assert live.account(A).until_at(live.clock.now) == until


def test_an_older_reading_lifts_nothing(live: Live, teller: Teller) -> None:
    teller.tells(KEY_A, ["5h", 0.0, LATER, None], complete=True)
    ask(live, A)
    until = NOON + timedelta(days=18)
    fails(live, A, a_finding(Meaning.EXHAUSTED, until))

    ask(live, A)

    assert live.account(A).until_at(live.clock.now) == until


def test_a_reading_says_until_when_a_limit_without_a_time_holds(live: Live, teller: Teller) -> None:
    fails(live, A, a_finding(Meaning.EXHAUSTED))
    teller.tells(KEY_A, ["5h", 1.0, LATER, None])

    ask(live, A)

    assert live.account(A).until_at(live.clock.now) == NOON + timedelta(hours=3)
    assert live.events()[-1].why == (
        "its usage says that it is used up: it rests until 2026-11-22 15:00 UTC"
    )


def test_a_limit_on_a_model_is_lifted_by_a_reading_as_well(live: Live, teller: Teller) -> None:
    fails(live, A, replace(a_finding(Meaning.EXHAUSTED), scope=Scope("Opus")))
    assert [one.model for one in live.account(A).part_limits] == ["Opus"]
    teller.tells(KEY_A, ["5h", 0.25, LATER, None], complete=True)

    ask(live, A)

    assert is_ready(live.account(A), "Opus", live.clock.now)


def test_who_is_counted_together_is_learned_and_then_limited_together(
    live: Live, teller: Teller
) -> None:
    teller.tells(KEY_A, ["5h", 0.25, LATER, None], group="org")
    teller.tells(KEY_B, ["5h", 0.25, LATER, None], group="org")
    ask(live)

    fails(live, B, a_finding(Meaning.EXHAUSTED, NOON + timedelta(hours=2), "used up"))

    assert live.account(A).until_at(live.clock.now) == NOON + timedelta(hours=2)
    assert live.active(TELLING) == B.split("/")[1]


def test_the_past_of_a_window_is_kept(live: Live, teller: Teller) -> None:
    ask(live, A)
    live.clock.pass_time(minutes=3)
    teller.tells(KEY_A, ["5h", 0.5, LATER, None])
    ask(live, A)

    past = live.context.history.past(live.account(A).id)
    assert past == {("5h", None): [Point(NOON, 0.25), Point(NOON + 3 * MINUTE, 0.5)]}


def test_a_removed_account_leaves_no_usage_behind(live: Live) -> None:
    ask(live)
    account = live.account(A)

    ledger.remove(live.context, account)

    assert live.context.history.asked(account.id).snapshot is None


def test_a_full_disk_is_said_and_the_answer_is_used(live: Live) -> None:
    with full_disk():
        assert ask(live) == 2

        assert snapshot(live, A).windows[0].used == 0.25
        assert "not written down for now" in (live.context.history.take_notice() or "")


def test_nothing_of_it_shows_a_key(live: Live, home: Path) -> None:
    ask(live)

    history = home / ".local/share/opencode-rotator/history.sqlite"
    assert "CANARY" not in repr(known(live.context, live.state.accounts))
    for path in history.parent.glob("history.sqlite*"):
        assert b"CANARY" not in path.read_bytes()


# -- the watcher ---------------------------------------------------------------------------------


def settle(readings: UsagePoller) -> None:
    wait_until(readings.work, 10, "an answer")


def test_the_watcher_reads_what_it_has_to_choose_from(live: Live, teller: Teller) -> None:
    with contextlib.closing(UsagePoller(live.context, lambda: None)) as readings:
        readings.begin()
        readings.begin()
        wait_until(lambda: readings.work() or len(teller.asked) == 2, 10, "both answers")
        wait_until(lambda: readings.work() or is_read(live, A, B), 10, "both readings")

    assert sorted(teller.asked) == [KEY_A, KEY_B]


def is_read(live: Live, *names: str) -> bool:
    ids = [live.account(name).id for name in names]
    return all(live.context.history.asked(one).snapshot is not None for one in ids)


def test_the_watcher_is_woken_by_an_answer(live: Live) -> None:
    woken = threading.Event()
    with contextlib.closing(UsagePoller(live.context, woken.set)) as readings:
        readings.begin()

        assert woken.wait(10)
        settle(readings)


def test_with_balancing_off_the_watcher_asks_nobody(live: Live, teller: Teller) -> None:
    with live.context.store.transaction():
        live.context.store.set_balancing(on=False)

    with contextlib.closing(UsagePoller(live.context, lambda: None)) as readings:
        readings.begin()

    assert teller.asked == []


def test_the_watcher_asks_nobody_where_there_is_no_choice(live: Live, teller: Teller) -> None:
    ledger.disable(live.context, live.account(A))

    with contextlib.closing(UsagePoller(live.context, lambda: None)) as readings:
        readings.begin()

    assert teller.asked == []


def test_the_watcher_asks_for_no_tokens_only_to_read(live: Live, teller: Teller) -> None:
    ledger.remove(live.context, live.account(A))
    ledger.remove(live.context, live.account(B))
    logins(live)
    teller.tells("ACC-CANARY-bob-1", ["5h", 0.5, LATER, None])

    with contextlib.closing(UsagePoller(live.context, lambda: None)) as readings:
        readings.begin()
        settle(readings)

    assert (teller.tokens.asked, teller.asked) == ([], ["ACC-CANARY-bob-1"])


def test_whoever_was_refused_is_asked_about_at_once(live: Live, teller: Teller) -> None:
    ask(live)
    teller.asked.clear()
    woken = threading.Event()

    with contextlib.closing(UsagePoller(live.context, woken.set)) as readings:
        readings.want(live.account(A))
        readings.want(live.account(A))
        assert woken.wait(10)
        wait_until(readings.work, 10, "the answer")

    assert teller.asked == [KEY_A]
