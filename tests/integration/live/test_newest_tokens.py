"""One login in two homes: what one of them has newer is used, wherever the account is used next."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from rotator.live.homes import capture_home, prepare, switch
from rotator.live.swap import SwapRequest, swap
from rotator.opencode.database.home import DatabaseHome
from rotator.plugins.registry import Registry
from rotator.provider import HttpAnswer, HttpRequest
from rotator.secret import Secret
from rotator.services.refresh import ensure_fresh
from rotator.services.sync import sync
from rotator.system.locks import swap_lock
from tests.support.descents import seen_refresh
from tests.support.live import NOON, Entry, HandClock, Live, Rotating, oauth_until, open_live
from tests.support.opencode2_table import Table, Value
from tests.support.token_vendor import Refreshing, Vendor, owner_of_token

ADA = "named/ada-acme.example"
HOUR = timedelta(hours=1)


def row(entry: Entry) -> Value:
    """Return a login of auth.json as OpenCode 2's table has it."""
    return {"methodID": "oauth", **entry}


@dataclass
class Both:
    """One person's auth.json, table and store, and the vendor of their logins."""

    live: Live
    table: Table
    vendor: Vendor
    sent: list[tuple[str, int]]

    @property
    def home(self) -> DatabaseHome:
        return DatabaseHome(self.live.paths, servers=lambda _: [])

    def look(self, *, watched: bool = True) -> None:
        with swap_lock(self.live.paths.swap_lock):
            capture_home(self.live.context, self.home, watched=watched)

    def log_in(self, entry: Entry, provider: str = "named") -> str:
        slot = self.table.log_in(provider, row(entry))
        self.look()
        return slot

    def refresh_in(self, slot: str) -> Entry:
        """Let OpenCode 2 refresh a row, which nobody sees yet."""
        person, generation = owner_of_token(str(self.table.values()[slot]["refresh"]))
        entry = self.vendor.refresh(person, generation)
        self.table.rewrite(slot, row(entry))
        return entry


Trouble = Callable[[Table], contextlib.AbstractContextManager[None]]


@contextlib.contextmanager
def locked(table: Table) -> Iterator[None]:
    """Let another program keep the database for itself."""
    other = table.hold()
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN IMMEDIATE")
    other.execute("UPDATE credential SET label = label")
    yield
    other.execute("ROLLBACK")
    table.close()


@contextlib.contextmanager
def another_schema(table: Table) -> Iterator[None]:
    """Let a version of OpenCode that is not known here have the table."""
    table.do("ALTER TABLE credential RENAME COLUMN value TO content")
    yield
    table.do("ALTER TABLE credential RENAME COLUMN content TO value")


@pytest.fixture
def both(home: Path) -> Iterator[Both]:
    clock = HandClock()
    vendor = Vendor(clock)
    sent: list[tuple[str, int]] = []

    def send(request: HttpRequest) -> HttpAnswer:
        assert request.body is not None
        sent.append(owner_of_token(json.loads(request.body.reveal())["refresh_token"]))
        return vendor.send(request)

    registry = Registry({"named": Refreshing(), "rotating": Rotating()}, send=send)
    with open_live(home, clock=clock, registry=registry) as live:
        table = Table(live.paths.opencode_database)
        table.make()
        answer = Both(live, table, vendor, sent)
        answer.look()
        yield answer
        table.close()


def test_what_a_home_has_newer_is_seen_before_a_refresh_token_is_sent(both: Both) -> None:
    slot = both.log_in(both.vendor.log_in("ada"))
    both.log_in(both.vendor.log_in("bob"))
    both.live.clock.pass_time(hours=2)
    old = both.live.account(ADA)
    newest = both.refresh_in(slot)

    ensure_fresh(both.live.context, old)

    assert both.sent == []
    assert both.live.saved(ADA)["refresh"] == newest["refresh"]


@pytest.mark.parametrize("trouble", [locked, another_schema])
def test_no_refresh_token_is_sent_while_a_home_that_may_have_a_newer_one_cannot_be_read(
    both: Both, trouble: Trouble
) -> None:
    slot = both.log_in(both.vendor.log_in("ada"))
    both.log_in(both.vendor.log_in("bob"))
    both.live.clock.pass_time(hours=2)
    old = both.live.account(ADA)
    newest = both.refresh_in(slot)
    with trouble(both.table):
        ensure_fresh(both.live.context, old)
        sent = list(both.sent)

    ensure_fresh(both.live.context, old)

    assert sent == both.sent == []
    assert both.live.saved(ADA)["refresh"] == newest["refresh"]


def test_a_home_that_is_gone_keeps_nobody_from_new_tokens(both: Both) -> None:
    both.log_in(both.vendor.log_in("ada"))
    both.log_in(both.vendor.log_in("bob"))
    both.live.clock.pass_time(hours=2)
    both.table.path.unlink()

    ensure_fresh(both.live.context, both.live.account(ADA))

    assert both.sent == [("ada", 1)]


def test_what_the_table_has_newer_goes_into_auth_json(both: Both) -> None:
    bob, ada = both.vendor.log_in("bob"), both.vendor.log_in("ada")
    both.live.sees({"named": bob})
    slot = both.log_in(ada)
    newest = both.refresh_in(slot)

    put = swap(both.live.context, SwapRequest(both.live.account(ADA).id, "a test"))

    assert put is not None
    assert both.live.entries()["named"]["refresh"] == newest["refresh"]


def test_what_auth_json_has_newer_goes_into_the_table(both: Both) -> None:
    ada = both.vendor.log_in("ada")
    both.live.sees({"named": ada})
    slot = both.log_in(ada)
    both.log_in(both.vendor.log_in("bob"))
    newest = both.vendor.refresh("ada", 1)
    both.live.write({"named": newest})

    account, where = prepare(both.live.context, both.home, both.live.account(ADA).id)

    assert (where, account.credential.refresh) == (slot, Secret(newest["refresh"]))
    assert both.table.values()[slot]["refresh"] == newest["refresh"]


def test_a_switch_in_the_table_hears_of_auth_json_first(both: Both) -> None:
    ada = both.vendor.log_in("ada")
    both.live.sees({"named": ada})
    slot = both.log_in(ada)
    both.log_in(both.vendor.log_in("bob"))
    newest = both.vendor.refresh("ada", 1)
    both.live.write({"named": newest})

    switch(both.live.context, both.home, SwapRequest(both.live.account(ADA).id, "a test"))

    assert both.table.active("named") == slot
    assert both.table.values()[slot]["refresh"] == newest["refresh"]


def test_an_auth_json_that_is_torn_keeps_nobody_from_a_switch(both: Both) -> None:
    both.live.sees({"named": both.vendor.log_in("ada")})
    slot = both.log_in(both.vendor.log_in("ada"))
    both.log_in(both.vendor.log_in("bob"))
    both.live.write(b"{")

    switch(both.live.context, both.home, SwapRequest(both.live.account(ADA).id, "a test"))

    assert both.table.active("named") == slot


@pytest.mark.parametrize("is_seen", [True, False], ids=["seen by a bridge", "by its times"])
def test_tokens_of_nobody_s_name_go_on_in_both_homes(both: Both, *, is_seen: bool) -> None:
    """OpenCode 2 refreshed them, which only their place tells; then an opencode 1 did."""
    first, second, third = (oauth_until("x", n, NOON + n * HOUR) for n in (1, 2, 3))
    both.live.sees({"rotating": first})
    slot = both.log_in(first, "rotating")
    both.live.clock.pass_time(minutes=61)
    both.table.rewrite(slot, row(second))
    sync(both.live.context)
    in_auth_json = both.live.entries()["rotating"]["refresh"]
    both.live.clock.pass_time(hours=1)
    if is_seen:
        seen_refresh(both.live.paths, second, third)

    both.live.sees({"rotating": third})
    both.look()

    assert len(both.live.state.of("rotating")) == 1
    assert in_auth_json == second["refresh"]
    assert both.table.values()[slot]["refresh"] == third["refresh"]


def test_a_refresh_in_a_row_is_newer_though_it_lives_shorter(both: Both) -> None:
    first, later = oauth_until("ada", 1, NOON + HOUR), oauth_until("ada", 2, NOON - HOUR)
    slot = both.log_in(first)

    both.table.rewrite(slot, row(later))
    both.look()

    assert both.live.saved(ADA)["refresh"] == later["refresh"]
    assert both.table.values()[slot]["refresh"] == later["refresh"]


def test_older_tokens_that_come_while_nobody_watches_are_told_by_their_times(both: Both) -> None:
    first, older = oauth_until("ada", 2, NOON + HOUR), oauth_until("ada", 1, NOON - HOUR)
    slot = both.log_in(first)

    both.table.rewrite(slot, row(older))
    both.look(watched=False)

    assert both.table.values()[slot]["refresh"] == first["refresh"]


@pytest.mark.parametrize("known", [False, True], ids=["new to the store", "known to the store"])
def test_what_was_given_last_is_the_newest_in_whichever_home_it_stands(
    both: Both, *, known: bool
) -> None:
    first, copied, newest = (
        oauth_until("ada", generation, NOON + generation * HOUR) for generation in (1, 2, 3)
    )
    slot = both.table.log_in("named", row(first if known else copied))
    if known:
        both.live.sees({"named": first})
        both.look()
        both.table.rewrite(slot, row(copied))
    both.live.sees({"named": newest})

    both.look(watched=False)
    sync(both.live.context)

    assert both.table.values()[slot]["refresh"] == newest["refresh"]
    assert both.live.saved(ADA)["refresh"] == newest["refresh"]
    assert newest["refresh"].encode() in both.live.paths.auth_file.read_bytes()
