"""Case I5: the clock is set back, while a watcher runs and between two runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rotator.clock import to_iso
from rotator.context import Context, open_context
from rotator.live.clock_change import follow_clock
from rotator.model import SPENT_ELSEWHERE, AccountState, EventKind, Limit
from rotator.services.refresh import ensure_fresh
from rotator.services.rotate import plan_rotation, rotate
from rotator.services.sync import sync
from rotator.system.locks import swap_lock
from rotator.system.paths import find_paths
from rotator.watcher.daemon import Daemon
from tests.support.descents import seen_refresh
from tests.support.live import Live, api, oauth, open_live
from tests.support.renewing import RENEWING, Vendor
from tests.support.waiting import wait_until

SECONDS = 20.0
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
ADA = "named/ada-acme.example"
BACK = [MINUTE * 2, 8 * HOUR, timedelta(days=365)]


@pytest.fixture
def live(home: Path) -> Iterator[Live]:
    with open_live(home) as live:
        live.sees({"acme": api("a")})
        live.sees({"acme": api("b")})
        yield live


def let_rest(context: Context, alias: str, length: timedelta) -> None:
    now = context.clock()
    limit = Limit(AccountState.COOLING, now + length, "limited", since=now)
    (account,) = (a for a in context.store.state().accounts if a.alias == alias)
    with context.store.transaction():
        context.store.set_limit(account.id, limit)


@pytest.mark.parametrize("change", BACK)
def test_between_two_runs_a_rest_begins_anew_and_ends(live: Live, change: timedelta) -> None:
    let_rest(live.context, "acme-1", MINUTE)
    live.clock.now -= change

    sync(live.context)
    at_first = live.state_of("acme/acme-1")
    live.clock.pass_time(seconds=61)

    assert (at_first, live.state_of("acme/acme-1")) == (AccountState.COOLING, AccountState.READY)
    assert not follow_clock(live.context)


@pytest.mark.parametrize("change", BACK)
def test_tokens_that_were_got_with_the_clock_ahead_are_renewed_before_they_are_put_in(
    home: Path, change: timedelta
) -> None:
    vendor = Vendor()
    with open_live(home, registry=vendor.registry()) as live:
        ada = {**oauth("ada", left=-MINUTE), "accountId": "ada"}
        live.sees({RENEWING: ada})
        live.sees({RENEWING: {**oauth("bob", left=change + 9 * HOUR), "accountId": "bob"}})
        live.clock.pass_time(minutes=3)
        live.clock.now += change
        ensure_fresh(live.context, live.account(f"{RENEWING}/ada-acme.example"))
        # The vendor's clock was right all the time.
        live.clock.now -= change

        sync(live.context)
        rotate(
            live.context, plan_rotation(live.state, RENEWING, "ada-acme.example", live.clock.now)
        )

        assert vendor.asked == ["REF-CANARY-ada-1", "REF-CANARY-ada-2"]
        assert live.entries()[RENEWING]["refresh"] == "REF-CANARY-ada-3"
        assert not follow_clock(live.context)


def ends_in(live: Live, entry: dict[str, Any]) -> timedelta:
    return datetime.fromtimestamp(entry["expires"] / 1000, UTC) - live.clock.now


@pytest.mark.parametrize("change", BACK)
def test_tokens_that_we_got_with_the_clock_ahead_are_renewed_where_they_are_live(
    home: Path, change: timedelta
) -> None:
    vendor = Vendor()
    with open_live(home, registry=vendor.registry()) as live:
        live.sees({RENEWING: {**oauth("ada", left=-MINUTE), "accountId": "ada"}})
        live.sees({RENEWING: {**oauth("bob", left=change + 9 * HOUR), "accountId": "bob"}})
        live.clock.pass_time(minutes=3)
        live.clock.now += change
        ensure_fresh(live.context, live.account(f"{RENEWING}/ada-acme.example"))
        rotate(
            live.context, plan_rotation(live.state, RENEWING, "ada-acme.example", live.clock.now)
        )
        live.clock.now -= change

        sync(live.context)

        entry = live.entries()[RENEWING]
        assert (entry["refresh"], entry["accountId"]) == ("REF-CANARY-ada-2", "ada")
        assert ends_in(live, entry) <= timedelta(0)
        assert live.saved(f"{RENEWING}/ada-acme.example") == entry
        assert vendor.asked == ["REF-CANARY-ada-1"]
        assert not follow_clock(live.context)


@pytest.mark.parametrize("change", BACK)
@pytest.mark.parametrize("is_live", [True, False])
def test_a_first_login_that_came_with_the_clock_ahead_is_renewed(
    home: Path, change: timedelta, *, is_live: bool
) -> None:
    vendor = Vendor()
    with open_live(home, registry=vendor.registry()) as live:
        bob = {**oauth("bob", left=change + 9 * HOUR), "accountId": "bob"}
        live.sees({RENEWING: bob, "acme": api("a")})
        live.clock.now += change
        ada = {**oauth("ada", left=change + HOUR), "accountId": "ada"}
        live.sees({RENEWING: ada, "acme": api("a")})
        if not is_live:
            live.clock.pass_time(minutes=1)
            live.sees({RENEWING: bob, "acme": api("a")})
        live.clock.now -= change

        sync(live.context)
        at_once = live.entries()
        rotate(
            live.context, plan_rotation(live.state, RENEWING, "ada-acme.example", live.clock.now)
        )

        if is_live:
            assert ends_in(live, at_once[RENEWING]) <= timedelta(0)
            assert at_once | {RENEWING: ada} == {RENEWING: ada, "acme": api("a")}
        else:
            assert at_once == {RENEWING: bob, "acme": api("a")}
            assert vendor.asked == ["REF-CANARY-ada-1"]
            assert live.entries()[RENEWING]["refresh"] == "REF-CANARY-ada-2"


@pytest.mark.parametrize(
    "entry",
    [
        api("a"),
        oauth("ada", left=HOUR) | {"refresh": "none"},
        oauth("ada", left=HOUR) | {"refresh": "ACC-CANARY-ada-1"},
        oauth("ada", left=-HOUR),
        oauth("ada") | {"expires": 0},
    ],
)
def test_what_nothing_can_renew_and_what_is_over_stays_as_it_was(
    home: Path, entry: dict[str, Any]
) -> None:
    with open_live(home) as live:
        live.clock.now += 2 * HOUR
        live.sees({"acme": oauth("bob", left=-HOUR)})
        live.sees({"acme": entry})
        live.clock.now -= 2 * HOUR
        before = live.file.read_bytes()

        sync(live.context)

        assert live.file.read_bytes() == before
        assert not follow_clock(live.context)


def exchanged_ahead(live: Live, change: timedelta) -> None:
    """Let a bridge see ada's live token exchanged while the clock is ahead, then set it right."""
    live.sees({"named": oauth("ada", left=change + 9 * HOUR)})
    at = to_iso(live.clock.now + change)
    seen_refresh(live, oauth("ada"), oauth("ada", 2), at=at)
    live.look()


@pytest.mark.parametrize("change", BACK)
def test_a_token_that_was_exchanged_with_the_clock_ahead_is_spent_after_two_minutes(
    home: Path, change: timedelta
) -> None:
    with open_live(home) as live:
        exchanged_ahead(live, change)

        sync(live.context)
        at_first = live.account(ADA).why_login_at(live.clock.now)
        live.clock.pass_time(minutes=2)
        sync(live.context)

        assert (at_first, live.account(ADA).rejected) == (None, SPENT_ELSEWHERE)
        assert not follow_clock(live.context)


@pytest.mark.parametrize("change", BACK)
def test_what_came_for_it_has_two_minutes_to_be_saved(home: Path, change: timedelta) -> None:
    with open_live(home) as live:
        exchanged_ahead(live, change)

        sync(live.context)
        live.clock.pass_time(minutes=1)
        live.sees({"named": oauth("ada", 2, left=change + 9 * HOUR)})
        live.clock.pass_time(minutes=9)
        sync(live.context)

        assert live.account(ADA).why_login_at(live.clock.now) is None


def test_a_clock_that_is_set_right_by_less_than_a_second_changes_nothing(home: Path) -> None:
    with open_live(home) as live:
        exchanged_ahead(live, timedelta(seconds=1))

        assert not follow_clock(live.context)


def test_whoever_died_after_auth_json_was_written_is_followed_by_the_next(home: Path) -> None:
    with open_live(home) as live:
        live.clock.now += 2 * HOUR
        live.sees({"named": oauth("ada", left=3 * HOUR)})
        live.clock.now -= 2 * HOUR
        live.write({"named": oauth("ada", left=timedelta(0))})

        sync(live.context)

        assert live.saved("named/ada-acme.example") == live.entries()["named"]
        assert ends_in(live, live.saved("named/ada-acme.example")) <= timedelta(0)
        assert not follow_clock(live.context)


@pytest.mark.parametrize("content", [b'{"named": {"type": "oa', b"", b"{}"])
def test_an_auth_json_that_is_not_whole_or_has_another_login_is_left_as_it_is(
    home: Path, content: bytes
) -> None:
    with open_live(home) as live:
        live.clock.now += 2 * HOUR
        live.sees({"named": oauth("ada", left=3 * HOUR)})
        live.clock.now -= 2 * HOUR
        live.write(content)

        assert not follow_clock(live.context)
        assert live.file.read_bytes() == content


def test_while_another_has_the_lock_it_is_left_for_the_next_look(home: Path) -> None:
    with open_live(home) as live:
        live.clock.now += 2 * HOUR
        live.sees({"named": oauth("ada", left=3 * HOUR)})
        live.clock.now -= 2 * HOUR

        with swap_lock(live.paths.swap_lock):
            assert not follow_clock(live.context)

        assert follow_clock(live.context)
        assert not follow_clock(live.context)


@pytest.mark.parametrize("change", [HOUR, timedelta(days=365)])
def test_set_forward_a_rest_is_over_and_nothing_is_touched(live: Live, change: timedelta) -> None:
    let_rest(live.context, "acme-1", MINUTE)
    live.clock.now += change

    assert not follow_clock(live.context)
    assert live.state_of("acme/acme-1") is AccountState.READY


@pytest.mark.parametrize("change", BACK)
@pytest.mark.parametrize("looked_between", [True, False])
def test_the_user_s_own_login_stands(
    live: Live, change: timedelta, *, looked_between: bool
) -> None:
    rotate(live.context, plan_rotation(live.state, "acme", "acme-1", live.clock.now))
    live.clock.now -= change

    if looked_between:
        sync(live.context)
    live.sees({"acme": api("b")})

    assert live.active("acme") == "acme-2"
    assert EventKind.REVERTED not in live.kinds()
    assert live.entries() == {"acme": api("b")}


class Shifted:
    """The real clock, set by hand."""

    def __init__(self) -> None:
        self.change = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.change


@pytest.fixture
def clock(home: Path) -> Iterator[Shifted]:
    """Yield the clock of a running watcher."""
    with open_live(home) as live:
        live.sees({"acme": api("a")})
    clock, ready = Shifted(), threading.Event()
    started: list[Daemon] = []

    def run() -> None:
        with open_context(find_paths(), clock=clock) as context:
            started.append(Daemon(context))
            started[0].run(ready.set)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert ready.wait(SECONDS)
        yield clock
    finally:
        started[0].stop()
        thread.join(SECONDS)


def hint() -> None:
    """Let the watcher look: its clock says nothing of the time that it waits.

    The file beside has no name of ours: a watcher takes away what has one.
    """
    file = find_paths().auth_file
    beside = file.with_name("auth.json.new")
    beside.write_bytes(file.read_bytes())
    beside.replace(file)


def test_while_a_watcher_runs_a_rest_begins_anew(clock: Shifted) -> None:
    with open_context(find_paths(), clock=clock) as context:
        let_rest(context, "acme-1", MINUTE)
        clock.change = -8 * HOUR
        hint()

        def ends_in() -> timedelta:
            limit = context.store.state().accounts[0].limit
            assert limit is not None
            return limit.until - clock()

        wait_until(lambda: ends_in() <= MINUTE, SECONDS, "the rest to begin anew")


def test_a_watcher_goes_on_telling_the_bridge_that_it_is_there(clock: Shifted) -> None:
    state = find_paths().bridge / "state.json"
    # What was begun is told first: news of today would be the clock's of today.
    wait_until(lambda: time.time() - state.stat().st_mtime > 1, SECONDS, "the beginning's end")
    before = state.stat().st_ino
    clock.change = -8 * HOUR

    def is_renewed() -> bool:
        # Time goes by faster here, but not by hours.
        clock.change += timedelta(seconds=1)
        hint()
        return state.stat().st_ino != before

    wait_until(is_renewed, SECONDS, "news for the bridge", poll_seconds=0.05)
