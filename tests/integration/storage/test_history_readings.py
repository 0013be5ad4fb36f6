"""What vendors said of usage: the newest of each account, a lease, and a past that thins out."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from rotator.core.poll_schedule import LEASE, OwnerRecord, UsageRecord
from rotator.model import AccountId, Digest, Snapshot, Window
from rotator.storage.history import A_DAY, A_MONTH, History, Point
from tests.support.builders import MINUTE, NOW

ONE, OTHER = AccountId("acc_one"), AccountId("acc_other")


@pytest.fixture
def where(tmp_path: Path) -> Path:
    return tmp_path / "history.sqlite"


@pytest.fixture
def history(where: Path) -> Iterator[History]:
    with contextlib.closing(History(where)) as history:
        yield history


def a_reading(at: datetime, *used: float) -> Snapshot:
    return Snapshot(at, tuple(Window(f"{n}h", share) for n, share in enumerate(used, start=1)))


def test_the_newest_reading_of_an_account_comes_back_with_when_it_has_served(
    history: History,
) -> None:
    read = a_reading(NOW, 0.25)
    history.keep_reading(ONE, read, NOW + MINUTE)

    assert history.asked(ONE) == UsageRecord(read, due_at=NOW + MINUTE)
    assert history.asked(OTHER) == UsageRecord()


def test_a_failure_keeps_the_last_good_reading_and_is_counted(history: History) -> None:
    read = a_reading(NOW, 0.25)
    history.keep_reading(ONE, read, NOW)
    for number in (1, 2):
        history.keep_failure(ONE, "no answer came", NOW + number * MINUTE)

    assert history.asked(ONE) == UsageRecord(read, "no answer came", 2, NOW + 2 * MINUTE)

    history.keep_reading(ONE, read, NOW)
    assert history.asked(ONE).failures == 0


def test_one_asks_and_the_others_wait_until_the_lease_is_over(history: History) -> None:
    assert history.lease(ONE, NOW)
    assert not history.lease(ONE, NOW)
    assert not history.lease(ONE, NOW, forced=True)
    assert history.lease(OTHER, NOW)
    assert history.lease(ONE, NOW + LEASE)


def test_a_reading_that_serves_is_asked_for_again_only_on_demand(history: History) -> None:
    history.keep_reading(ONE, a_reading(NOW, 0.5), NOW + MINUTE)

    assert not history.lease(ONE, NOW)
    assert history.lease(ONE, NOW, forced=True)
    assert history.asked(ONE).snapshot == a_reading(NOW, 0.5)


def test_the_past_is_thinned_with_its_age(history: History) -> None:
    """Every reading of a day, one an hour of a month, one a day of a year."""
    for minutes in range(0, 400 * 24 * 60, 720):
        history.keep_reading(ONE, a_reading(NOW + minutes * MINUTE, 0.5), NOW)
    last = NOW + (400 * 24 * 60 - 720) * MINUTE
    for minutes in range(5):
        history.keep_reading(ONE, a_reading(last + minutes * MINUTE, 0.5), NOW)

    times = [point.at for point in history.past(ONE)["1h", None]]
    end = times[-1]
    young = [at for at in times if at >= end - A_DAY]
    middle = [at for at in times if end - A_MONTH <= at < end - A_DAY]
    old = [at for at in times if at < end - A_MONTH]

    assert times == sorted(times)
    assert len(young) == 2 + 5
    assert len({(at.date(), at.hour) for at in middle}) == len(middle) == 29 * 2
    assert len({at.date() for at in old}) == len(old)
    assert 334 <= len(old) <= 337


def test_the_past_is_of_each_window_and_account(history: History) -> None:
    history.keep_reading(ONE, a_reading(NOW, 0.25, 0.75), NOW)
    history.keep_reading(OTHER, a_reading(NOW, 0.5), NOW)

    assert history.past(ONE) == {("1h", None): [Point(NOW, 0.25)], ("2h", None): [Point(NOW, 0.75)]}


def test_a_forgotten_account_has_no_usage(history: History) -> None:
    for account in (ONE, OTHER):
        history.keep_reading(account, a_reading(NOW, 0.25), NOW)

    history.forget_usage(ONE)

    assert (history.asked(ONE), history.past(ONE)) == (UsageRecord(), {})
    assert history.past(OTHER) != {}


@pytest.mark.parametrize("column", ["snapshot", "due_at", "leased_until"])
def test_a_reading_that_cannot_be_read_is_none(history: History, where: Path, column: str) -> None:
    history.keep_reading(ONE, a_reading(NOW, 0.25), NOW)
    with contextlib.closing(sqlite3.connect(where, isolation_level=None)) as connection:
        connection.execute(f"UPDATE usage SET {column} = 'oops'")  # noqa: S608  # ours
        connection.execute("INSERT INTO reading VALUES (NULL, 'acc_one', 'oops', '1h', NULL, 0.5)")

    assert history.asked(ONE) == UsageRecord()
    assert history.past(ONE) == {("1h", None): [Point(NOW, 0.25)]}


def test_a_question_of_another_kind_gives_the_lease_back_and_moves_the_next_reading(
    history: History,
) -> None:
    history.keep_reading(ONE, a_reading(NOW, 0.25), NOW)
    assert history.lease(ONE, NOW)
    history.postpone(ONE, NOW + MINUTE)
    history.postpone(ONE, NOW)

    assert history.asked(ONE) == UsageRecord(a_reading(NOW, 0.25), due_at=NOW + MINUTE)


def test_whom_a_vendor_was_asked_about_is_kept(history: History, where: Path) -> None:
    digest = Digest("d")
    assert history.owner_asked(digest) == OwnerRecord()

    for asked in (OwnerRecord(1, due_at=NOW), OwnerRecord(2, is_answered=True)):
        history.keep_owner_asked(digest, asked)
        with contextlib.closing(History(where)) as another:
            assert another.owner_asked(digest) == asked


def test_a_time_that_cannot_be_read_keeps_nobody_from_asking(history: History, where: Path) -> None:
    history.keep_owner_asked(Digest("d"), OwnerRecord(3, due_at=NOW))
    with contextlib.closing(sqlite3.connect(where, isolation_level=None)) as connection:
        connection.execute("UPDATE owner_question SET due_at = 'oops'")

    assert history.owner_asked(Digest("d")) == OwnerRecord(3)
