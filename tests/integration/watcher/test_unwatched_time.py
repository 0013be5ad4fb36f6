"""What was in auth.json while nobody watched is unknown, and what came then came when it did."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rotator.model import EventKind, Signal
from rotator.opencode.bridge.exchange import Exchange
from rotator.opencode.log import LoggedFailure
from rotator.storage.tables.slots import UnwatchedTime
from rotator.system.regular_files import changed_at, written_at
from rotator.watcher.logged_failures import LoggedFailures
from rotator.watcher.unwatched_time import Unwatched
from tests.support.live import Live, api, open_live, opencode_running

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


def test_until_the_first_watcher_began_anything_may_have_been_in_a_file_that_was_written(
    live: Live,
) -> None:
    live.write({"acme": api("a")})

    ((since, until),) = Unwatched(live.context).times("acme")

    assert since < datetime(2000, 1, 1, tzinfo=UTC)
    written = written_at(live.file)
    assert written is not None
    assert until <= written < until + timedelta(milliseconds=1)


def test_what_a_watcher_has_seen_written_is_known(live: Live) -> None:
    live.write({"acme": api("a")})
    beat(live, datetime.now(UTC) + timedelta(seconds=1))

    assert Unwatched(live.context).times("acme") == []


def test_without_a_file_nothing_was_in_it(live: Live) -> None:
    assert Unwatched(live.context).times("acme") == []


def test_a_time_is_kept_for_later_watchers(live: Live) -> None:
    live.write({"acme": api("a")})
    before = live.clock.now - HOUR
    beat(live, before)
    watcher = Unwatched(live.context)
    watcher.keep()
    watcher.keep()
    beat(live, datetime.now(UTC) + timedelta(seconds=1))

    ((since, until),) = watcher.times("acme")

    assert abs(since - before) < timedelta(seconds=1)
    assert since < until
    assert Unwatched(live.context).times("acme") == watcher.times("acme")


def test_what_was_written_for_another_entry_has_not_touched_this_one(live: Live) -> None:
    live.sees({"acme": api("a"), "zeta": api("y")})
    beat(live, datetime.now(UTC) - HOUR)
    live.write({"acme": api("a"), "zeta": api("z"), "new": api("n")})
    watcher = Unwatched(live.context)
    counts = [len(watcher.times(provider)) for provider in ("acme", "zeta", "new")]
    watcher.keep()

    assert counts == [0, 1, 1]
    assert [len(watcher.times(p)) for p in ("acme", "zeta", "new")] == counts


def test_what_was_written_and_is_all_the_same_may_have_been_put_back(live: Live) -> None:
    live.sees({"acme": api("a"), "zeta": api("y")})
    beat(live, datetime.now(UTC) - HOUR)
    live.write({"acme": api("a"), "zeta": api("y")})

    assert len(Unwatched(live.context).times("acme")) == 1


def old(live: Live) -> None:
    long_ago = datetime.now(UTC) - 10 * HOUR
    os.utime(live.file, (long_ago.timestamp(), long_ago.timestamp()))
    beat(live, datetime.now(UTC) - HOUR)


def test_a_file_that_only_got_other_rights_is_the_same(live: Live) -> None:
    live.sees({"acme": api("a")})
    old(live)
    live.file.chmod(0o600)

    assert Unwatched(live.context).times("acme") == []


def test_another_content_with_an_old_time_was_put_there_since(live: Live) -> None:
    live.sees({"acme": api("a")})
    live.write({"acme": api("b")})
    old(live)

    ((since, until),) = Unwatched(live.context).times("acme")

    changed = changed_at(live.file)
    assert changed is not None
    assert since < until <= changed < until + timedelta(milliseconds=1)


def test_only_the_newest_of_many_are_kept(live: Live) -> None:
    at = live.clock.now
    times = [UnwatchedTime(at, at + number * HOUR, ("acme",)) for number in range(30)]
    for time in times:
        live.context.store.note_unwatched(time)

    assert live.context.store.unwatched() == tuple(times[-20:])


@pytest.mark.parametrize(("seconds", "is_noted"), [(10, False), (30, True)])
def test_a_watcher_that_was_stopped_has_seen_nothing_of_that_time(
    live: Live, seconds: float, *, is_noted: bool
) -> None:
    live.sees({"acme": api("a")})
    beat(live, datetime.now(UTC) + timedelta(seconds=1))
    watcher = Unwatched(live.context)
    watcher.keep()
    before = live.clock.now
    live.clock.pass_time(seconds=seconds)
    written = (before + timedelta(seconds=seconds / 2)).timestamp()
    os.utime(live.file, (written, written))

    times = watcher.times("acme")
    live.clock.pass_time(hours=1)

    assert [since for since, _ in times] == [before] * is_noted
    # What was written before it was stopped again is no news.
    assert watcher.times("acme") == times


def test_who_is_not_blamed_for_what_was_before_a_watcher_is_told_so(
    live: Live, tmp_path: Path
) -> None:
    blamed: list[Signal] = []
    live.write({})
    with opencode_running(live.paths, tmp_path):
        live.sees({"acme": api("a")})
        os.utime(live.file)
        lines = LoggedFailures(live.context, Exchange(live.paths), blamed.append)
        beat(live, datetime.now(UTC) + timedelta(seconds=1))
        watched = LoggedFailures(live.context, Exchange(live.paths), blamed.append)
        at = live.clock.now = datetime.now(UTC)
        line = LoggedFailure(at, "acme", "m1", "ses_1", small=False, message="Rate limit reached")
        watched.hear(line)
        known = len(blamed)
        lines.hear(line)

    assert (known, len(blamed)) == (1, 1)
    (why,) = [event.why for event in live.events() if event.kind is EventKind.PROBLEM]
    assert why.startswith("acme: with which login an opencode began that failed is not known")


def test_a_login_that_came_while_nobody_watched_came_when_the_file_was_written(
    live: Live,
) -> None:
    live.sees({"acme": api("a")})
    live.write({"acme": api("b"), "zeta": api("z")})
    later = (live.clock.now + HOUR).timestamp()
    os.utime(live.file, (later, later))
    written = written_at(live.file)
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
