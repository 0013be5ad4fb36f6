"""Moments as vendors write them; tests/property/test_end_grammar.py prints and reads the rest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rotator.core.failures.days import Day
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


@pytest.mark.parametrize("month", range(1, 13))
def test_a_day_of_each_month_is_read_by_its_name(month: int) -> None:
    at = datetime(2027, month, 3, 10, tzinfo=UTC)

    assert read(f"{at:%b %d, %Y} 10:00 UTC") == f"{at:%m-%d} 10:00"


@pytest.mark.parametrize("days", range(1, 8))
def test_each_day_of_the_week_is_the_next_one(days: int) -> None:
    """The clock of the tests stands on a Sunday, at noon."""
    at = NOW + timedelta(days=days)

    assert read(f"{at:%A} 10:00 UTC") == f"{at:%m-%d} 10:00"
    assert read(f"周{'一二三四五六日'[at.weekday()]} 10:00 UTC") == f"{at:%m-%d} 10:00"


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        *((word, "11-22 23:00") for word in ("today", "tonight", "今天", "今日", "今晚")),
        *((word, "11-23 23:00") for word in ("tomorrow", "明天", "明日", "明晚")),
    ],
)
def test_a_day_may_be_called_by_how_near_it_is(word: str, expected: str) -> None:
    assert read(f"{word} 23:00 UTC") == expected


def test_a_day_without_a_time_begins_at_midnight_to_the_second() -> None:
    moment = read_moment("2026-11-23 UTC", 0, NOW.timestamp())

    assert moment is not None
    assert moment.at == datetime(2026, 11, 23, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Nov 22 11:00 UTC", "11-22 11:00"),
        ("Nov 22 10:59 UTC", "11-22 10:59"),
        ("11:59 UTC", "11-23 11:59"),
    ],
)
def test_what_has_just_passed_is_meant_with_its_day_alone(text: str, expected: str) -> None:
    moment = read_moment(text, 0, NOW.timestamp())

    assert moment is not None
    assert moment.at is not None
    year = 2027 if text == "Nov 22 10:59 UTC" else 2026
    assert f"{datetime.fromtimestamp(moment.at, UTC):%Y-%m-%d %H:%M}" == f"{year}-{expected}"


def test_a_year_that_is_named_is_meant() -> None:
    moment = read_moment("November 23, 2027 10:00 UTC", 0, NOW.timestamp())

    assert moment is not None
    assert moment.at == datetime(2027, 11, 23, 10, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    "text", ["2026-11-22T14:00:00+0100", "2026-11-22 14:00:00 +0100", "2026-11-22 13:00:00Z"]
)
def test_iso_8601_is_read_whole_with_spaces_as_people_write_them(text: str) -> None:
    assert exact_moment(text) == datetime(2026, 11, 22, 13, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "hours"), [("1 am", 13), ("1 pm", 1), ("12 pm", 0), ("12 am", 12), ("11 am", 23)]
)
def test_the_hours_of_half_a_day_begin_with_one(text: str, hours: int) -> None:
    moment = read_moment(f"{text} UTC", 0, NOW.timestamp())

    assert moment is not None
    assert moment.at == NOW.timestamp() + hours * 3_600


def test_a_day_without_a_year_is_next_year_s_once_it_is_an_hour_over() -> None:
    just, over = (
        read_moment(f"Nov 22 {at} UTC", 0, NOW.timestamp()) for at in ("11:00:00", "10:59:59")
    )

    assert just is not None
    assert just.at == NOW.timestamp() - 3_600
    assert over is not None
    assert over.at == NOW.timestamp() - 3_601 + 365 * 86_400


@pytest.mark.parametrize(
    ("text", "expected", "rest"),
    [
        *((f"08:00 UTC{joint}November 26", "11-26 08:00", "") for joint in (
            " on ", ", ", " ", ", on ", " of ", " on the ", " this ", "，", " (", "（",
        )),
        ("08:00 UTC (Nov 26), go", "11-26 08:00", ", go"),
        ("08:00 UTC（周四）重置", "11-26 08:00", "重置"),
        ("08:00 on 2026-11-26 UTC go", "11-26 08:00", " go"),
        ("8 am on Thursday (UTC)", "11-26 08:00", ""),
        ("08:00 (UTC+8), Nov 26 go", "11-26 00:00", " go"),
        ("08:00 UTC (Coordinated Universal Time) go", "11-23 08:00", " go"),
        ("08:00 UTC, Nov 26 9:00 UTC", "11-23 08:00", ", Nov 26 9:00 UTC"),
        ("08:00 UTC, Nov 26 at noon", "11-23 08:00", ", Nov 26 at noon"),
        ("下午 3 点 (UTC) 周四", "11-26 15:00", ""),
        ("晚上 8:00 UTC", "11-22 20:00", ""),
        ("08:00 UTC on all", "11-23 08:00", " on all"),
        *((f"08:00 UTC on {words}", None, f" on {words}") for words in (
            "your billing day", "the date", "each week", "every month", "a new cycle", "the period",
            "my own special anniversary", "holiday", "date",
        )),
        ("08:00 UTC, on the date", None, ", on the date"),
        ("08:00 UTC on the one two three four day", "11-23 08:00", None),
        ("08:00 UTC on dates", "11-23 08:00", None),
        ("2026-11-26 (Thu) 08:00 UTC", "11-26 08:00", ""),
        ("2026-11-26 (Thursday), 08:00 UTC", "11-26 08:00", ""),
        ("11月26日（周四）08:00 UTC", "11-26 08:00", ""),
        ("11月26日 (礼拜四) 08:00 UTC", "11-26 08:00", ""),
        *((f"次日{word}8:00 UTC", "11-23 08:00", "") for word in (
            "", "的", "，", "凌晨", "清晨", "早晨", "上午", "早上", "中午", " at ", " ",
        )),
        *((f"次日{word}8点 UTC", "11-23 20:00", "") for word in ("下午", "晚上")),
        ("次日8點30分 UTC", "11-23 08:30", ""),
        ("次日8時 UTC", "11-23 08:00", ""),
        *((f"次日{word} UTC", "11-23 00:00", "") for word in (
            "零点", "零时", "零點", "零時", "午夜",
        )),
        ("Nov 26 UTC go", "11-26 00:00", " go"),
    ],
)  # fmt: skip
def test_a_day_may_stand_behind_its_time_and_be_told_twice(
    text: str, expected: str | None, rest: str | None
) -> None:
    moment = read_moment(text, 0, NOW.timestamp())

    assert moment is not None
    assert read(text) == expected
    assert rest is None or text[moment.end :] == rest


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (Day(month=11, day=26), "11-26 08:00"),
        (Day(month=12, day=23), "12-23 08:00"),
        (Day(month=12, day=24), "11-23 08:00"),
        (Day(month=12, day=22), "12-22 08:00"),
        (Day(2026, 11, 1), "11-23 08:00"),
        (Day(2026, 11, 31), "11-23 08:00"),
        (None, "11-23 08:00"),
    ],
)
def test_a_day_that_is_told_elsewhere_is_meant_unless_it_is_far_off(
    day: Day | None, expected: str
) -> None:
    moment = read_moment("08:00 UTC", 0, NOW.timestamp(), day=day)

    assert moment is not None
    assert moment.at is not None
    assert f"{datetime.fromtimestamp(moment.at, UTC):%m-%d %H:%M}" == expected


def test_a_day_that_is_told_elsewhere_may_begin_now_or_a_month_ahead_to_the_second() -> None:
    def at(day: Day, time: str) -> float | None:
        moment = read_moment(f"{time} UTC", 0, NOW.timestamp(), day=day)
        return None if moment is None else moment.at

    now, month = NOW.timestamp(), 31 * 86_400
    assert at(Day(2026, 11, 22), "12:00") == now
    assert at(Day(2026, 12, 23), "12:00:00") == now + month
    assert at(Day(2026, 12, 23), "12:00:01") == now + 1


def test_a_day_alone_is_told_as_what_it_is() -> None:
    moment = read_moment("November 26, you", 0, NOW.timestamp())

    assert moment is not None
    assert (moment.at, moment.end, moment.day) == (None, 11, Day(month=11, day=26))
    assert read_moment("November 26 8:00 UTC", 0, NOW.timestamp()) != moment


def test_a_time_that_has_passed_by_a_second_is_tomorrow_s() -> None:
    moment = read_moment("11:59:59 UTC", 0, NOW.timestamp())

    assert moment is not None
    assert moment.at == NOW.timestamp() + 86_399
    assert read("10点30分99秒 UTC") is None
