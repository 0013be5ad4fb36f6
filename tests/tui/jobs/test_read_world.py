"""What the dashboard reads: the real store and history, and no secret of them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from rotator.clock import system_clock
from rotator.context import Context, open_context
from rotator.model import AccountState, Balance, Limit, Snapshot, Window
from rotator.storage.database import open_database
from rotator.storage.history import History
from rotator.storage.migrations import STORE
from rotator.storage.store import Store
from rotator.system.locks import watch_lock
from rotator.tui.jobs.environment import look_around
from rotator.tui.jobs.read_only import ReadOnlyView, Sources, glance_or
from rotator.tui.jobs.read_world import Environment, read_past, read_world
from tests.support.live import NOON, Live, api, oauth, open_live

WEEK = Window("7d", 0.5, NOON)


@pytest.fixture
def live(home: Path) -> Iterator[Live]:
    with open_live(home) as live:
        # They run out one after the other: the second cannot have been made from the first.
        live.sees({"acme": oauth("a", left=timedelta(hours=2)), "zeta": api("z")})
        live.sees({"acme": oauth("b"), "zeta": api("z")})
        yield live


def test_the_rows_are_the_accounts_in_order_with_who_is_live(live: Live) -> None:
    world = read_world(live.context, None)

    assert [(row.name, row.active, row.type) for row in world.rows] == [
        ("acme/acme-1", False, "oauth"),
        ("acme/acme-2", True, "oauth"),
        ("zeta/zeta-1", True, "api"),
    ]
    assert [one.event.kind.value for one in world.events] == ["captured"] * 3
    assert world.balancing
    assert world.watcher_pid is None
    assert not world.scouted


def test_no_secret_is_in_what_is_read(live: Live) -> None:
    world = read_world(live.context, look_around(live.context))

    assert "CANARY" not in repr(world)


def test_a_row_holds_what_is_known_of_the_usage(live: Live) -> None:
    account = live.account("acme/acme-1")
    read = Snapshot(NOON, (WEEK,), Balance(Decimal("12.40"), "USD"), plan="Pro", spent=True)
    live.context.history.keep_reading(account.id, read, NOON)
    live.context.history.keep_failure(account.id, "no answer", NOON)

    row = read_world(live.context, None).rows[0]

    assert (row.balance, row.plan, row.spent, row.read_at) == ("12.40 USD", "Pro", True, NOON)
    assert [(gauge.name, gauge.used) for gauge in row.gauges] == [("7d", 0.5)]
    assert row.unread == "no answer"


def test_a_row_holds_why_and_until_when_it_rests(live: Live) -> None:
    account = live.account("acme/acme-1")
    limit = Limit(AccountState.COOLING, NOON.replace(hour=13), "429")
    part = replace(limit, model="opus")
    with live.context.store.transaction():
        live.context.store.set_limit(account.id, limit)
        live.context.store.set_limit(account.id, part)

    row = read_world(live.context, None).rows[0]

    assert (row.state, row.until, row.reason) == (AccountState.COOLING, limit.until, "429")
    assert [one.model for one in row.parts] == ["opus"]


def test_the_past_of_a_window_goes_back_half_a_day(live: Live) -> None:
    account = live.account("acme/acme-1")
    for hour, used in ((-24, 0.1), (-3, 0.2), (0, 0.3)):
        at = NOON.replace(day=NOON.day - 1) if hour < -20 else NOON.replace(hour=12 + hour)
        window = replace(WEEK, used=used)
        live.context.history.keep_reading(account.id, Snapshot(at, (window,)), at)

    past = read_past(live.context, [account.id])

    assert past == {account.id: {("7d", None): (0.2, 0.3)}}


def test_the_order_of_providers_is_that_of_the_settings(live: Live) -> None:
    file = live.context.paths.config_file
    file.parent.mkdir(parents=True)
    file.write_text('[[priority]]\nprovider = "acme"\nmodel = "m1"\n')

    world = read_world(live.context, None)

    assert [(one.provider, one.model) for one in world.priorities] == [("acme", "m1")]
    assert world.unsettled is None


def test_settings_that_are_wrong_are_said(live: Live) -> None:
    file = live.context.paths.config_file
    file.parent.mkdir(parents=True)
    file.write_text("[[priority]\n")

    assert "config.toml: line 1" in str(read_world(live.context, None).unsettled)


def test_a_running_watcher_is_seen(live: Live) -> None:
    with watch_lock(live.context.paths.watch_lock):
        world = read_world(live.context, None)

    assert world.watcher_pid is not None


def test_what_is_around_says_what_status_says(live: Live) -> None:
    around = look_around(live.context)

    assert around == Environment(bridge=None, bridge_current=False)


# -- opening for a glance --------------------------------------------------------------------------


class Opener:
    """Opens the context and counts how often."""

    def __init__(self, live: Live) -> None:
        self.opened = 0
        self._paths = live.context.paths

    @contextlib.contextmanager
    def __call__(self) -> Iterator[Context]:
        self.opened += 1
        with open_context(self._paths) as context:
            yield context


def test_a_sound_store_is_opened_alone(live: Live) -> None:
    opener = Opener(live)

    with glance_or(live.context.paths, opener) as sources:
        rows = read_world(sources, None).rows

    assert len(rows) == 3
    assert isinstance(sources, ReadOnlyView)
    assert opener.opened == 0


@pytest.mark.parametrize("damage", ["missing", "damaged", "older"])
def test_a_store_that_needs_more_is_left_to_the_books(home: Path, damage: str) -> None:
    with open_live(home) as live:
        live.sees({"acme": api("a")})
        paths, opener = live.context.paths, Opener(live)
        live.context.backups.back_up_if_due(live.context.store, NOON)
    if damage == "missing":
        paths.store.unlink()
    elif damage == "damaged":
        paths.store.write_bytes(b"no database")
        for ending in ("-wal", "-shm"):
            paths.store.with_name(paths.store.name + ending).unlink(missing_ok=True)
    else:
        make_older(paths.store)

    with glance_or(paths, opener) as sources:
        read_world(sources, None)

    assert opener.opened == 1


def make_older(path: Path) -> None:
    """Put an empty store of an older version in its place."""
    for ending in ("", "-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
    open_database(path, STORE[:1], durable=False).close()


def test_a_glance_and_the_books_are_read_alike(live: Live) -> None:
    glances: Sources = ReadOnlyView(
        live.context.paths, Store(live.context.paths.store), History(live.context.paths.history)
    )

    try:
        assert read_world(glances, None).rows == read_world(live.context, None).rows
    finally:
        glances.store.close()
        glances.history.close()
    assert glances.clock is system_clock


def test_all_usage_is_read_anew_when_somebody_has_written(live: Live) -> None:
    account = live.account("acme/acme-1")
    mine = live.context.history
    mine.keep_failure(account.id, "first", NOON)
    before = mine.all_asked()

    with contextlib.closing(History(live.context.paths.history)) as theirs:
        theirs.keep_failure(account.id, "second", NOON)
    after = mine.all_asked()
    mine.keep_failure(account.id, "third", NOON)

    assert before[account.id].failure == "first"
    assert after[account.id].failure == "second"
    assert mine.all_asked()[account.id].failure == "third"
    mine.forget_usage(account.id)
    assert mine.all_asked() == {}
