"""Moments as vendors write them; tests/property/test_end_grammar.py prints and reads the rest."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rotator.core.failures.moments import as_epoch, exact_moment, read_moment
from tests.support.failures import NOW


def read(text: str, *, daytime: bool = True) -> str | None:
    """Return the moment at the start of a text."""
    moment = read_moment(text, 0, NOW.timestamp(), daytime=daytime)
    if moment is None or moment.at is None:
        return None
    return f"{datetime.fromtimestamp(moment.at, UTC):%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("22/11/2026 13:00 UTC", "11-22 13:00"),
        ("11/22/2026 13:00 UTC", "11-22 13:00"),
        ("12/12/2026 13:00 UTC", "12-12 13:00"),
        ("05/06/2027 13:00 UTC", None),
        ("noon UTC", "11-22 12:00"),
        ("下午 3:30 (UTC+8)", "11-23 07:30"),
        ("今天 下午 9:30 (UTC+8)", "11-22 13:30"),
        ("11月22日 晚上 10点30分 (北京时间)", "11-22 14:30"),
        ("24:00 UTC", "11-23 00:00"),
        ("25:00 UTC", None),
        ("24:01 UTC", None),
        ("13:00 pm UTC", None),
        ("10点99分 UTC", None),
        ("Feb 29 10:00 UTC", None),
        ("2026-11-31 10:00 UTC", None),
        ("13-45 10:00 UTC", None),
        ("Monday", None),
        ("Thursday 5pm UTC", "11-26 17:00"),
        ("Sunday 11:00 UTC", "11-29 11:00"),
        ("周五 10:00 UTC", "11-27 10:00"),
        ("Nov 22 11:30 UTC", "11-22 11:30"),
        ("2026-11-22 15:00 QQQ", None),
        ("2026-11-22 15:00 UTC+19", None),
        ("17", None),
    ],
)
def test_a_moment_is_read_as_it_is_meant_or_not_at_all(text: str, expected: str | None) -> None:
    assert read(text) == expected


def test_a_time_of_the_day_may_be_a_length_and_then_it_is_none() -> None:
    assert read("13:00 UTC", daytime=False) is None
    assert read("2026-11-22 13:00 UTC", daytime=False) == "11-22 13:00"


@pytest.mark.parametrize("number", [1_795_348_800, 1_795_348_800_000, 1_795_348_800_000_000])
def test_a_moment_may_count_seconds_or_parts_of_them(number: int) -> None:
    assert as_epoch(number) == 1_795_348_800


@pytest.mark.parametrize(
    "text",
    [
        "Sun, 31 Feb 2026 13:00:00 GMT",
        "Sun, 22 Nov 2026 13:00:00",
        "2026-11-22 13:00",
        "",
    ],
)
def test_what_is_no_whole_moment_is_none(text: str) -> None:
    assert exact_moment(text) is None
