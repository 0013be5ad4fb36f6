"""Lengths of time as vendors write them."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest

from rotator.core.failures.spans import read_span, whole_span
from tests.support.failures import NOW


def length(text: str, start: datetime = NOW) -> float | None:
    """Return the seconds of the length that a text is."""
    span = whole_span(text)
    return None if span is None else span.after(start.timestamp())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("二十五分钟", 1_500),
        ("十分钟", 600),
        ("十五分钟", 900),
        ("半小时", 1_800),
        ("五五分钟", None),
        ("1.5 months", 45 * 86_400),
        ("1 year", 365 * 86_400),
        ("1,200 seconds", 1_200),
        ("2:00:01", 7_201),
        ("2:01", None),
        ("2:00:01 UTC", None),
        ("P1DT1H", 90_000),
        ("P", None),
        ("5", None),
        ("5 moons", None),
        ("5 hours or so", None),
        ("999999999999 months", math.inf),
    ],
)
def test_a_length_is_read_as_it_is_meant_or_not_at_all(text: str, expected: float | None) -> None:
    assert length(text) == expected


def test_a_month_ends_on_the_same_day_or_on_the_last_one() -> None:
    end_of_january = datetime(2027, 1, 31, tzinfo=UTC)

    assert length("1 month", end_of_january) == 28 * 86_400


def test_nobody_writes_a_length_of_nine_parts() -> None:
    assert length("1s" * 8) == 8
    assert length("1s" * 9) == math.inf
    assert length("1 month" * 9) == math.inf


def test_a_length_ends_where_it_ends() -> None:
    span = read_span("in 5 hours.", 3)

    assert span is not None
    assert span.end == len("in 5 hours.")


@pytest.mark.parametrize(
    ("count", "seconds"),
    [
        *(("a", 1), ("an", 1), ("one", 1), ("half an", 0.5), ("two", 2), ("three", 3), ("four", 4)),
        *(("five", 5), ("six", 6), ("seven", 7), ("eight", 8), ("nine", 9), ("ten", 10)),
        ("twelve", 12),
    ],
)
def test_a_count_may_be_a_word(count: str, seconds: float) -> None:
    assert length(f"{count} hours") == seconds * 3_600


@pytest.mark.parametrize(
    ("count", "seconds"),
    [
        *(("半", 0.5), ("一", 1), ("二", 2), ("两", 2), ("三", 3), ("四", 4), ("五", 5), ("六", 6)),
        *(("七", 7), ("八", 8), ("九", 9)),
    ],
)
def test_a_count_may_be_a_chinese_digit(count: str, seconds: float) -> None:
    assert length(f"{count}小时") == seconds * 3_600


@pytest.mark.parametrize(
    ("text", "seconds"), [("PT5S", 5), ("PT7M", 420), ("PT2H", 7_200), ("P3D", 259_200)]
)
def test_each_part_of_a_length_of_iso_8601_counts_as_it_should(text: str, seconds: float) -> None:
    assert length(text) == seconds
