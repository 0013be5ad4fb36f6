"""Days as vendors write them, and which one is meant."""

from __future__ import annotations

from datetime import date

import pytest

from rotator.core.failures.days import Day, candidates, is_counted, read_day

# A Sunday.
TODAY = date(2026, 11, 22)


def first(text: str, today: date = TODAY) -> str | None:
    """Return the first day that the words at the start of a text may mean."""
    day, _ = read_day(text, 0)
    found = [] if day is None else candidates(day, today)
    return str(found[0]) if found else None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-26", "2026-11-26"),
        ("2026/11/26", "2026-11-26"),
        ("2026.11.26", "2026-11-26"),
        ("2026年11月26日", "2026-11-26"),
        ("11月26号", "2026-11-26"),
        ("11月26號", "2026-11-26"),
        ("26 Nov", "2026-11-26"),
        ("26 Nov 2027", "2027-11-26"),
        ("26-Nov-28", "2028-11-26"),
        ("26/11/2026", "2026-11-26"),
        ("11/26/2026", "2026-11-26"),
        ("26/11", "2026-11-26"),
        ("11/26", "2026-11-26"),
        ("13/12", "2026-12-13"),
        ("12/13", "2026-12-13"),
        ("12/12", "2026-12-12"),
        ("11/12", None),
        ("12/11", None),
        ("12/11/2026", None),
        ("1/2.5", None),
        ("1/2/3", None),
        ("26.11. at", "2026-11-26"),
        ("11-26", "2026-11-26"),
        ("26th of November", "2026-11-26"),
        ("Nov 26th, 2026", "2026-11-26"),
        ("Thu, November 26", "2026-11-26"),
        ("Thursday, 26 November", "2026-11-26"),
        ("22:23", None),
        ("8:00", None),
        ("today", "2026-11-22"),
        ("tonight", "2026-11-22"),
        ("tomorrow's", "2026-11-23"),
        ("day after tomorrow", "2026-11-24"),
        ("Day after tomorrow", "2026-11-24"),
        ("next day", "2026-11-23"),
        ("following day", "2026-11-23"),
        ("next days", None),
        *((word, "2026-11-22") for word in ("今天", "今日", "今晚")),
        *(
            (word, "2026-11-23")
            for word in ("明天", "明日", "明晚", "次日", "翌日", "第二天", "第二日")
        ),
        *((word, "2026-11-24") for word in ("后天", "後天")),
        *((word, "2026-11-25") for word in ("大后天", "大後天")),
        ("Thursday", "2026-11-26"),
        ("Thursdays", "2026-11-26"),
        ("this Thursday", "2026-11-26"),
        ("Sunday", "2026-11-22"),
        ("this Sunday", "2026-11-22"),
        *((f"{word} Sunday", "2026-11-29") for word in ("next", "following", "coming", "upcoming")),
        ("next Monday", "2026-11-23"),
        ("Monday2", "2026-11-23"),
        ("mondayish", None),
        ("周日", "2026-11-22"),
        ("星期天", "2026-11-22"),
        ("周六", "2026-11-28"),
        ("本周一", "2026-11-16"),
        ("这周日", "2026-11-22"),
        ("這個星期六", "2026-11-21"),
        ("下周一", "2026-11-23"),
        ("下个星期日", "2026-11-29"),
        ("下周天", "2026-11-29"),
        ("下下周一", "2026-11-30"),
        ("下禮拜三", "2026-11-25"),
        ("3天后 00:00", "2026-11-25"),
        ("3 天之后的零点", "2026-11-25"),
        ("三天後 8点", "2026-11-25"),
        ("十五天后 早上", "2026-12-07"),
        ("3 days at 8:00", "2026-11-25"),
        ("3 days from now, at 8 am", "2026-11-25"),
        ("1 day later at noon", "2026-11-23"),
        ("3 days at midnight", "2026-11-25"),
        ("3 days at 8 sites", None),
        ("3 days", None),
        ("3天后", None),
        ("1st", "2026-11-01"),
        ("22nd", "2026-11-22"),
        ("31st", "2026-12-31"),
        ("0th", None),
        ("32nd", None),
        ("3rdly", None),
        ("1st of next month", "2026-12-01"),
        ("1st day of the following month", "2026-12-01"),
        ("15th of each month", "2026-11-15"),
        ("first of every month", "2026-11-01"),
        ("first day of the new month", "2026-12-01"),
        ("first day of the coming calendar month", "2026-12-01"),
        ("beginning of the month", "2026-11-01"),
        ("start of next month", "2026-12-01"),
        ("end of the month", "2026-12-01"),
        ("End of this month", "2026-12-01"),
        ("end of next month", "2027-01-01"),
        ("last day of the month", "2026-11-30"),
        ("last day of next month", "2026-12-31"),
        ("first month", None),
        ("first of the monthly", None),
        ("next month on the 3rd", "2026-12-03"),
        ("following month, 3rd", "2026-12-03"),
        ("next month", None),
        ("每月1日", "2026-11-01"),
        ("每个月的第 3 天", "2026-11-03"),
        ("每月二十五号", "2026-11-25"),
        ("本月30號", "2026-11-30"),
        ("当月30日", "2026-11-30"),
        ("这个月3日", "2026-11-03"),
        ("下月1号", "2026-12-01"),
        ("下个月 15 日", "2026-12-15"),
        ("次月一日", "2026-12-01"),
        ("翌月1日", "2026-12-01"),
        ("下月初", "2026-12-01"),
        ("每月初", "2026-11-01"),
        ("每月32日", None),
        ("每月额度", None),
        ("26 日 16:00", "2026-11-26"),
        ("26号下午", "2026-11-26"),
        ("26 日", None),
    ],
)
def test_a_day_is_the_one_that_is_meant(text: str, expected: str | None) -> None:
    assert first(text) == expected


@pytest.mark.parametrize(
    ("text", "today", "expected"),
    [
        ("31st", date(2026, 12, 5), ["2026-12-31", "2027-01-31"]),
        ("31st", date(2027, 1, 31), ["2027-01-31", "2027-03-31"]),
        ("1st", date(2026, 12, 5), ["2026-12-01", "2027-01-01", "2027-02-01"]),
        ("last day of next month", date(2027, 1, 31), ["2027-02-28"]),
        ("1st of next month", date(2026, 12, 31), ["2027-01-01"]),
        ("end of the month", date(2026, 12, 31), ["2027-01-01"]),
        ("Feb 29", date(2027, 3, 1), ["2028-02-29"]),
        ("Nov 30", date(2026, 11, 22), ["2026-11-30", "2027-11-30"]),
        ("Monday", date(2026, 11, 23), ["2026-11-23", "2026-11-30"]),
        ("next Monday", date(2026, 11, 23), ["2026-11-30"]),
        ("next Monday", date(2026, 11, 24), ["2026-11-30", "2026-12-07"]),
        ("下周一", date(2026, 11, 23), ["2026-11-30"]),
        ("本周一", date(2026, 11, 23), ["2026-11-23"]),
    ],
)
def test_what_is_not_said_of_a_day_is_the_next_one(
    text: str, today: date, expected: list[str]
) -> None:
    day, _ = read_day(text, 0)

    assert day is not None
    assert [str(found) for found in candidates(day, today)] == expected


def test_no_day_is_today_or_tomorrow() -> None:
    assert [str(day) for day in candidates(Day(), TODAY)] == ["2026-11-22", "2026-11-23"]


@pytest.mark.parametrize(
    ("text", "is_day"),
    [
        ("3 天后 00:00", True),
        ("26 日 16:00", True),
        ("3 days at 8:00", True),
        ("3 天", False),
        ("26 日", False),
        ("3 days", False),
    ],
)
def test_a_day_with_its_time_is_no_length(text: str, is_day: bool) -> None:  # noqa: FBT001  # a table's column
    assert is_counted(text, 0) is is_day
