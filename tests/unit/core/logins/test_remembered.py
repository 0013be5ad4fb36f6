"""Which accounts the history remembers: those that the store lacks, and those of late."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from rotator.core.logins.remembered import accounts_of_late, lost_captures
from rotator.model import Event, EventKind
from tests.support.builders import ACME, HOUR, NOW, SECOND, an_account

ONE, TWO = f"{ACME}/one", f"{ACME}/two"


def event(kind: EventKind, account: str | None, why: str = "", at: datetime = NOW) -> Event:
    return Event(at, kind, ACME, account, why=why)


def captured(account: str, at: datetime = NOW) -> Event:
    return event(EventKind.CAPTURED, account, at=at)


def changed(account: str | None, why: str) -> Event:
    return event(EventKind.CHANGED, account, why)


PRESENT = replace(an_account("one", provider=ACME), captured_at=NOW - HOUR)


@pytest.mark.parametrize(
    ("events", "lost"),
    [
        ([], ()),
        ([captured(ONE)], ()),
        ([captured(TWO)], (TWO,)),
        ([captured(TWO, NOW - HOUR)], ()),
        ([captured("other/two", NOW - HOUR)], ("other/two",)),
        ([captured(TWO), captured(f"{ACME}/three")], (TWO, f"{ACME}/three")),
        ([captured(TWO), event(EventKind.REMOVED, TWO)], ()),
        ([event(EventKind.REMOVED, TWO)], ()),
        ([event(EventKind.REMOVED, TWO), captured(TWO)], (TWO,)),
        ([captured(TWO), changed(TWO, "disabled")], (TWO,)),
        ([captured(TWO), changed(ONE, "renamed from two to one")], ()),
        ([captured(ONE), changed(TWO, "renamed from one to two")], (TWO,)),
        ([captured(TWO), changed(f"{ACME}/x", "renamed from y to x")], (TWO,)),
        ([captured(TWO), event(EventKind.SWAPPED, ONE, "renamed from two to one")], (TWO,)),
        ([captured(TWO), changed(ONE, "two was merged into it")], ()),
        ([captured(TWO), changed(ONE, "two was joined into it: why")], ()),
        ([captured(TWO), changed(ONE, f"{TWO} was joined into it: why")], ()),
        ([changed(ONE, "two was joined into it: why")], ()),
        ([captured(TWO), event(EventKind.SWAPPED, ONE, "two was joined into it")], (TWO,)),
        ([captured(TWO), event(EventKind.PROBLEM, None, "the store was damaged")], ()),
        ([captured(TWO), event(EventKind.PROBLEM, None, "auth.json is gone")], (TWO,)),
        ([captured(TWO), event(EventKind.CHANGED, None, "the store is new")], (TWO,)),
        ([event(EventKind.CAPTURED, None)], ()),
    ],
)
def test_what_was_captured_and_is_neither_there_nor_removed_is_lost(
    events: list[Event], lost: tuple[str, ...]
) -> None:
    assert lost_captures(events, [PRESENT]) == lost


AHEAD = NOW + 1000 * HOUR


@pytest.mark.parametrize(
    ("events", "names"),
    [
        ([], []),
        ([captured(ONE, NOW - 2 * HOUR)], []),
        ([captured(ONE, NOW - HOUR)], [ONE]),
        ([captured(TWO, NOW), captured(ONE, NOW)], [ONE, TWO]),
        ([captured(ONE, AHEAD), captured(TWO, NOW)], [TWO]),
        ([captured(ONE, AHEAD)], []),
        ([captured(TWO, NOW), captured(ONE, AHEAD)], [ONE, TWO]),
        ([captured(TWO, NOW + SECOND)], [TWO]),
        ([event(EventKind.PROBLEM, None), captured(TWO)], [TWO]),
        ([captured(ONE), changed(TWO, "renamed from one to two")], [TWO]),
        ([changed(TWO, "renamed from one to two")], [TWO]),
        ([captured(ONE), changed(TWO, "disabled")], [ONE, TWO]),
    ],
)
def test_an_account_of_late_is_one_with_an_event_since_as_it_is_called_by_now(
    events: list[Event], names: list[str]
) -> None:
    assert accounts_of_late(events, NOW - HOUR, NOW) == names
