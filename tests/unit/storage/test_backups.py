"""Which copies of the accounts are kept: few, and never only young ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rotator.storage.backups import A_DAY, DAMAGED, damaged_at, stamp_of, to_keep

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def ages_kept(*minutes: int) -> list[int]:
    """Return which of the copies that are so many minutes old are kept, youngest first."""
    kept = to_keep(NOON - age * MINUTE for age in minutes)
    return [(NOON - at) // MINUTE for at in sorted(kept, reverse=True)]


@pytest.mark.parametrize(
    ("made", "kept"),
    [
        pytest.param([], [], id="none"),
        pytest.param([0], [0], id="one"),
        pytest.param([0, 5], [0, 5], id="two"),
        pytest.param([0, 5, 10], [0, 5, 10], id="three"),
        pytest.param([0, 5, 10, 15], [0, 10, 15], id="of young ones the oldest grow old"),
        pytest.param([0, 59, 61, 90], [0, 61, 90], id="one is an hour older"),
        pytest.param([0, 5, 70, 1439], [0, 70, 1439], id="none is a day older yet"),
        pytest.param([0, 5, 70, 1440], [0, 70, 1440], id="one is a day older"),
        pytest.param([0, 70, 1440, 3000], [0, 70, 1440], id="the younger one of a day and more"),
        pytest.param([0, 5, 1441, 9000], [0, 5, 1441], id="the old one is an hour older, too"),
        pytest.param([0, 0, 0, 3], [0, 3], id="two of one time are one"),
    ],
)
def test_few_copies_are_kept_and_not_only_young_ones(made: list[int], kept: list[int]) -> None:
    assert ages_kept(*made) == kept


@pytest.mark.parametrize("minutes", [1, 7, 30, 61, 500, 1500], ids=lambda m: f"every {m} minutes")
def test_however_often_copies_are_made_an_old_one_is_among_those_kept(minutes: int) -> None:
    kept: set[datetime] = set()
    for number in range(6000):
        now = NOON + number * minutes * MINUTE
        kept = to_keep({*kept, now})
        ages = [now - at for at in kept]

        assert len(kept) <= 3
        for age in (timedelta(hours=1), A_DAY):
            assert max(ages) >= age or now - NOON < age


def test_copies_made_all_the_time_leave_none_that_is_very_old() -> None:
    kept: set[datetime] = set()
    for number in range(6000):
        now = NOON + number * MINUTE
        kept = to_keep({*kept, now})

        assert now - min(kept) <= 2 * A_DAY


def test_a_time_in_a_name_has_no_colon_and_is_in_utc() -> None:
    assert stamp_of(NOON) == "2026-11-22T120000.000Z"


def test_what_was_set_aside_says_when_and_what_is_only_called_so_does_not() -> None:
    store = Path("/data/rotator.sqlite")

    assert damaged_at(Path(f"{store}{DAMAGED}2026-11-22T120000Z-wal"), store) == NOON
    assert damaged_at(Path(f"{store}{DAMAGED}mine"), store) is None
