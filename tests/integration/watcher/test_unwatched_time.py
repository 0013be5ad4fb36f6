"""What was in auth.json while nobody watched is unknown, and what came then came when it did."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rotator.opencode.bridge.exchange import Exchange
from rotator.system.regular_files import changed_at
from rotator.watcher.unwatched_time import Unwatched
from tests.support.live import Live, api, open_live

HOUR = timedelta(hours=1)


@pytest.fixture
def live(home: Path) -> Iterator[Live]:
    with open_live(home) as live:
        # Files have the true time.
        live.clock.now = datetime.now(UTC).replace(microsecond=0)
        yield live


def beat(live: Live, at: datetime) -> None:
    """Let a watcher have shown last then that it works."""
    Exchange(live.paths).beat()
    os.utime(live.paths.beat, (at.timestamp(), at.timestamp()))


def test_until_the_first_watcher_began_anything_may_have_been_in_a_file_that_was_changed(
    live: Live,
) -> None:
    live.write({"acme": api("a")})

    ((since, until),) = Unwatched(live.context).times()

    assert since < datetime(2000, 1, 1, tzinfo=UTC)
    assert until == changed_at(live.file)


def test_what_a_watcher_has_seen_written_is_known(live: Live) -> None:
    live.write({"acme": api("a")})
    beat(live, datetime.now(UTC) + timedelta(seconds=1))

    assert Unwatched(live.context).times() == ()


def test_without_a_file_nothing_was_in_it(live: Live) -> None:
    assert Unwatched(live.context).times() == ()


def test_a_time_is_kept_for_later_watchers(live: Live) -> None:
    live.write({"acme": api("a")})
    before = live.clock.now - HOUR
    beat(live, before)
    watcher = Unwatched(live.context)
    watcher.keep()
    watcher.keep()
    beat(live, datetime.now(UTC) + timedelta(seconds=1))

    ((since, until),) = watcher.times()

    assert abs(since - before) < timedelta(seconds=1)
    assert since < until
    assert Unwatched(live.context).times() == watcher.times()


def test_a_copy_with_its_old_time_was_put_there_now(live: Live) -> None:
    live.write({"acme": api("a")})
    long_ago = datetime.now(UTC) - 10 * HOUR
    os.utime(live.file, (long_ago.timestamp(), long_ago.timestamp()))
    beat(live, datetime.now(UTC) - HOUR)

    assert len(Unwatched(live.context).times()) == 1


def test_only_the_newest_of_many_are_kept(live: Live) -> None:
    at = live.clock.now
    for number in range(30):
        live.context.store.note_unwatched((at + number * HOUR, at + (number + 1) * HOUR))

    kept = live.context.store.unwatched()

    assert len(kept) == 20
    assert kept[-1][1] == at + 30 * HOUR


def test_a_login_that_came_while_nobody_watched_came_when_the_file_was_written(
    live: Live,
) -> None:
    live.sees({"acme": api("a")})
    live.write({"acme": api("b"), "zeta": api("z")})
    written = changed_at(live.file)
    live.clock.pass_time(hours=2)
    live.look()

    tenures = live.state.slot("acme").tenures

    assert written is not None
    assert [abs(t.since - written) < timedelta(seconds=0.01) for t in tenures] == [False, True]
    assert live.state.slot("zeta").tenures[0].since == tenures[1].since
    # The accounts themselves are known since now.
    assert live.account("zeta/zeta-1").captured_at == live.clock.now


def test_a_file_that_is_older_than_the_login_before_says_nothing_of_when_this_one_came(
    live: Live,
) -> None:
    live.clock.pass_time(hours=3)
    live.sees({"acme": api("a")})
    first = live.state.slot("acme").tenures[0].since
    live.clock.pass_time(hours=3)
    live.sees({"acme": api("b")})

    # By the file it came before the other, whose time was no better known.
    assert live.state.slot("acme").tenures[1].since >= first


def test_what_stays_in_its_slot_is_not_moved(live: Live) -> None:
    live.sees({"acme": api("a")})
    before = live.state.slot("acme").tenures
    live.clock.pass_time(hours=2)
    live.sees({"acme": api("a"), "zeta": api("z")})

    assert live.state.slot("acme").tenures == before
