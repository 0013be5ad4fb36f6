"""The grammar of ends: each moment, printed in each form and zone, is read as that moment."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from email.utils import format_datetime
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import given
from hypothesis import strategies as st

from rotator.core.failures.classify import classify
from rotator.core.failures.words import stated_in
from tests.support.failures import NOW, failure

YEAR = timedelta(days=366)
DAY = timedelta(days=1)
Form = Callable[[datetime], str]


def offset(at: datetime, colon: str = "", sign: str = "") -> str:
    """Return a zone's offset: `+0800`, `+08:00`."""
    text = f"{at:%z}"
    return f"{sign}{text[:3]}{colon}{text[3:5]}"


def short(at: datetime) -> str:
    """Return a zone as people write it: `+8`, `+5:30`."""
    text = f"{at:%z}"
    hours = f"{text[0]}{int(text[1:3])}"
    return hours if text[3:5] == "00" else f"{hours}:{text[3:5]}"


def nth(day: int) -> str:
    """Return what is written behind a day's number: 1st, 22nd."""
    return "th" if 4 <= day <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


# Of any zone that is an offset.
DATED: tuple[Form, ...] = (
    lambda at: at.isoformat(),
    lambda at: f"{at:%Y-%m-%d %H:%M:%S} {offset(at)} CST",
    lambda at: f"{at:%Y-%m-%d %H:%M:%S} {offset(at)}",
    lambda at: f"{at:%Y-%m-%dT%H:%M:%S}{offset(at, ':')}",
    lambda at: f"{at:%Y/%m/%d %H:%M:%S} {offset(at, ':')}",
    lambda at: f"{at:%Y-%m-%d %H:%M:%S} UTC{short(at)}",
    lambda at: f"{at:%Y-%m-%d %H:%M:%S} (UTC{offset(at, ':')})",
    lambda at: f"{at:%Y-%m-%d} at {at:%H:%M:%S} GMT{short(at)}",
    lambda at: f"{at:%B} {at.day}, {at.year} at {at:%H:%M:%S} UTC{short(at)}",
    lambda at: f"{at:%b} {at.day}, {at.year}, {at:%I:%M:%S %p} UTC{short(at)}",
    lambda at: f"{at.day} {at:%B} {at.year} {at:%H:%M:%S} {offset(at)}",
    lambda at: f"{at.year}年{at.month}月{at.day}日 {at:%H:%M:%S} (UTC{short(at)})",
    lambda at: f"{at:%Y年%m月%d日%H时%M分%S秒} UTC{short(at)}",
)
WITHOUT_YEAR: tuple[Form, ...] = (
    lambda at: f"{at:%m-%d %H:%M:%S} UTC{short(at)}",
    lambda at: f"{at:%b} {at.day} at {at:%H:%M:%S} UTC{short(at)}",
    lambda at: f"{at:%B} {at.day} {at:%I:%M:%S%p} ({offset(at, ':')})",
    lambda at: f"{at.month}月{at.day}日 {at:%H:%M:%S} UTC{short(at)}",
)
WITHOUT_DAY: tuple[Form, ...] = (
    lambda at: f"{at:%H:%M:%S} UTC{short(at)}",
    lambda at: f"{at:%I:%M:%S %p} (UTC{short(at)})",
    lambda at: f"{at:%H:%M:%S} {offset(at)}",
)
IN_UTC: tuple[Form, ...] = (
    lambda at: f"{at:%Y-%m-%dT%H:%M:%S}Z",
    lambda at: f"{at:%Y-%m-%d %H:%M:%S} UTC",
    lambda at: f"{at:%Y-%m-%d %H:%M:%S} GMT",
    lambda at: format_datetime(at.astimezone(UTC), usegmt=True),
    lambda at: f"{at.day} {at:%b} {at.year} {at:%H:%M:%S} UTC",
    lambda at: str(int(at.timestamp())),
    lambda at: str(int(at.timestamp()) * 1_000),
)
IN_PLACES: tuple[Form, ...] = (
    lambda at: f"{at:%Y-%m-%d %H:%M:%S} ({at.tzinfo})",
    lambda at: f"{at:%b} {at.day}, {at.year} {at:%I:%M:%S %p} {at.tzinfo}",
    lambda at: f"{at.day} {at:%B} {at.year} at {at:%H:%M:%S} {at.tzinfo}",
)
WITH_WEEKDAY: tuple[Form, ...] = (
    lambda at: f"{at:%A} at {at:%H:%M:%S} UTC{short(at)}",
    lambda at: f"{at:%a}, {at:%I:%M:%S %p} (UTC{offset(at, ':')})",
    lambda at: f"周{'一二三四五六日'[at.weekday()]} {at:%H:%M:%S} UTC{short(at)}",
    lambda at: f"星期{'一二三四五六日'[at.weekday()]}{at:%H点%M分%S秒} (UTC{short(at)})",
)
# The time before its day.
TIME_FIRST: tuple[Form, ...] = (
    lambda at: f"{at:%H:%M:%S} UTC{short(at)} on {at:%B} {at.day}, {at.year}",
    lambda at: f"{at:%I:%M:%S %p} (UTC{short(at)}) on {at.day} {at:%b} {at.year}",
    lambda at: f"{at:%H:%M:%S} on {at:%Y-%m-%d} UTC{short(at)}",
    lambda at: f"{at:%H:%M:%S} {offset(at)} ({at:%Y/%m/%d})",
    lambda at: f"{at:%H:%M:%S} (UTC{short(at)})，{at.year}年{at.month}月{at.day}日",
)
# A day of this month or of the next one.
OF_MONTH: tuple[Form, ...] = (
    lambda at: f"the {at.day}{nth(at.day)} at {at:%H:%M:%S} UTC{short(at)}",
    lambda at: f"{at:%H:%M:%S} UTC{short(at)} on the {at.day}{nth(at.day)}",
    lambda at: f"每月{at.day}日 {at:%H:%M:%S} (UTC{short(at)})",
    lambda at: f"{at.day}号 {at:%H:%M:%S} UTC{short(at)}",
)
# The day of the month first or last, as countries have it; told apart by a day beyond the 12th.
EITHER_WAY: tuple[Form, ...] = (
    lambda at: f"{at:%d/%m/%Y %H:%M:%S} {offset(at)}",
    lambda at: f"{at:%m/%d/%Y %H:%M:%S} {offset(at)}",
    lambda at: f"{at:%d.%m.%Y %H:%M:%S} UTC{short(at)}",
)
NEAR: tuple[tuple[str, str], ...] = (
    ("today at {}", "tomorrow at {}"),
    ("today {}", "tomorrow {}"),
    ("今天 {}", "明天 {}"),
    ("今日{}", "明日{}"),
    ("today, {}", "the next day at {}"),
    ("今天{}", "次日 {}"),
)
# A name and what it is before or after UTC.
NAMED = st.sampled_from(
    [
        *(("UTC", 0.0), ("GMT", 0.0), ("Z", 0.0), ("CET", 1.0), ("CEST", 2.0), ("EET", 2.0)),
        *(("MSK", 3.0), ("SGT", 8.0), ("HKT", 8.0), ("JST", 9.0), ("KST", 9.0), ("AEST", 10.0)),
        *(("EST", -5.0), ("EDT", -4.0), ("CDT", -5.0), ("MST", -7.0), ("PST", -8.0)),
        *(("PDT", -7.0), ("HST", -10.0), ("Beijing time", 8.0), ("北京时间", 8.0)),
    ]
)
SENTENCES = st.sampled_from(
    [
        "Your limit will reset at {}.",
        "Resets at {}",
        "Please try again after {}",
        "You can use it again on {}",
        "Quota reached, next reset: {}",
        "您的限额将在 {} 重置",
        "重置时间：{}",
    ]
)
# Every quarter of an hour that a zone of the world is off by, and those between.
OFFSETS = st.integers(-12 * 4, 14 * 4).map(
    lambda quarters: timezone(timedelta(minutes=15 * quarters))
)
# All of the world's that have an area before them: others could be any word.
PLACES = st.sampled_from(
    sorted(name for name in available_timezones() if "/" in name and "posix" not in name)
).map(ZoneInfo)


def seconds(most: timedelta) -> st.SearchStrategy[timedelta]:
    return st.integers(60, int(most.total_seconds())).map(lambda n: timedelta(seconds=n))


def is_read(form: Form, sentence: str, later: timedelta, zone: tzinfo) -> bool:
    at = (NOW + later).astimezone(zone)
    told = list(stated_in(sentence.format(form(at)), NOW.timestamp(), None))
    # The hour that summer's end repeats has one name for two moments.
    is_twice = at.replace(fold=0).utcoffset() != at.replace(fold=1).utcoffset()
    return is_twice or told == [later.total_seconds()]


@given(st.sampled_from(DATED), SENTENCES, seconds(YEAR - DAY), OFFSETS)
def test_a_date_is_read_in_every_form_and_zone(
    form: Form, sentence: str, later: timedelta, zone: timezone
) -> None:
    assert is_read(form, sentence, later, zone)


@given(st.sampled_from(WITHOUT_YEAR), SENTENCES, seconds(timedelta(days=360)), OFFSETS)
def test_a_date_without_a_year_is_the_next_one(
    form: Form, sentence: str, later: timedelta, zone: timezone
) -> None:
    assert is_read(form, sentence, later, zone)


@given(st.sampled_from(WITHOUT_DAY), SENTENCES, seconds(timedelta(hours=23)), OFFSETS)
def test_a_time_without_a_day_is_the_next_one(
    form: Form, sentence: str, later: timedelta, zone: timezone
) -> None:
    assert is_read(form, sentence, later, zone)


@given(st.sampled_from(IN_UTC), SENTENCES, seconds(YEAR - DAY))
def test_a_moment_of_utc_is_read_in_every_form(form: Form, sentence: str, later: timedelta) -> None:
    assert is_read(form, sentence, later, UTC)


@given(st.sampled_from(IN_PLACES), SENTENCES, seconds(YEAR - DAY), PLACES)
def test_a_zone_may_be_called_by_its_place(
    form: Form, sentence: str, later: timedelta, zone: ZoneInfo
) -> None:
    assert is_read(form, sentence, later, zone)


@given(st.sampled_from(WITH_WEEKDAY), SENTENCES, seconds(timedelta(days=6)), OFFSETS)
def test_a_day_of_the_week_is_the_next_one(
    form: Form, sentence: str, later: timedelta, zone: timezone
) -> None:
    assert is_read(form, sentence, later, zone)


@given(st.sampled_from(TIME_FIRST), SENTENCES, seconds(YEAR - DAY), OFFSETS)
def test_a_time_may_stand_before_its_day(
    form: Form, sentence: str, later: timedelta, zone: timezone
) -> None:
    assert is_read(form, sentence, later, zone)


@given(st.sampled_from(OF_MONTH), SENTENCES, seconds(timedelta(days=27)), OFFSETS)
def test_a_day_of_the_month_is_the_next_one(
    form: Form, sentence: str, later: timedelta, zone: timezone
) -> None:
    assert is_read(form, sentence, later, zone)


@given(st.sampled_from(EITHER_WAY), SENTENCES, seconds(YEAR - DAY), OFFSETS)
def test_a_day_may_stand_before_its_month_or_behind_it(
    form: Form, sentence: str, later: timedelta, zone: timezone
) -> None:
    day = (NOW + later).astimezone(zone).day

    assert day <= 12 or is_read(form, sentence, later, zone)


@given(st.sampled_from(NEAR), SENTENCES, seconds(timedelta(hours=40)), OFFSETS)
def test_today_and_tomorrow_are_those_of_the_zone(
    words: tuple[str, str], sentence: str, later: timedelta, zone: timezone
) -> None:
    days = ((NOW + later).astimezone(zone).date() - NOW.astimezone(zone).date()).days

    def near(at: datetime) -> str:
        return words[days].format(f"{at:%H:%M:%S} UTC{short(at)}")

    assert days > 1 or is_read(near, sentence, later, zone)


@given(NAMED, SENTENCES, seconds(YEAR - DAY))
def test_a_zone_may_have_a_name(named: tuple[str, float], sentence: str, later: timedelta) -> None:
    name, hours = named

    def told(at: datetime) -> str:
        return f"{at:%Y-%m-%d %H:%M:%S} {name}"

    assert is_read(told, sentence, later, timezone(timedelta(hours=hours)))


@given(
    st.lists(st.integers(0, 99), min_size=4, max_size=4).filter(any),
    st.sampled_from(
        [
            ("d", "h", "m", "s"),
            (" days ", " hours ", " minutes ", " seconds"),
            ("d ", "hr ", "min ", "sec"),
            (" day, ", " hours, ", " mins and ", " secs"),
            ("天", "小时", "分钟", "秒"),
            (" 天 ", " 个小时 ", " 分 ", " 秒"),
        ]
    ),
)
def test_a_length_is_read_in_every_spelling(counts: list[int], units: tuple[str, ...]) -> None:
    told = "".join(f"{n}{unit}" for n, unit in zip(counts, units, strict=True) if n).strip(" ,")
    length = sum(n * u for n, u in zip(counts, (86_400, 3_600, 60, 1), strict=True))
    is_chinese = units[0].strip() == "天"
    text = (
        f"请在 {told}后重试" if is_chinese else f"Please try again in {told.removesuffix(' and')}."
    )

    assert list(stated_in(text, NOW.timestamp(), None)) == [length]


PIECES = st.sampled_from(
    [
        "reset ", "resets at ", "try again in ", "retry after ", "until ", "wait ", "in ", "after ",
        "2026-11-23 ", "1999-01-01T00:00:00Z", "22:23:44 ", "25:99 ", "UTC", "+0800", "UTC+99",
        "(America/New_York) ", "(Asia/Nowhere)", "1795357424000 ", "9" * 40, "-5 ", "5 hours ",
        "1d2h3m", "999999999 days", "Nov 22 ", "Feb 30 ", "13-45 ", "11-22 ", "monday ",
        "tomorrow ", "on the 31st ", "first of next month ", "每月", "下周", "后天 ", "banned for ",
        "window ends ", "resets_at=", "in_seconds: ", "local time ", "东九区 ", "JST ", " on ",
        "midnight ", "重置", "后重试", "143 分钟", "十五", "一", "a ", "half an hour", "PT2H", ":",
        ".",         "\u0660", "\ud800", " ", "\n",
    ]
)  # fmt: skip
TEXTS = st.lists(PIECES | st.text(max_size=8), max_size=60).map("".join)


@given(TEXTS, st.sampled_from(["message", "resets_at", "retry_after", "reset_in_ms", "wait_time"]))
def test_no_text_gives_a_time_in_the_past_or_more_than_a_year_away(text: str, field: str) -> None:
    body = json.dumps({"error": {"code": "quota_exceeded", field: text}})
    headers = {"retry-after": text[:60].encode("ascii", "ignore").decode()}

    for until in (
        classify(failure(429, body), NOW).until,
        classify(failure(429, headers=headers), NOW).until,
    ):
        assert until is None or NOW < until <= NOW + YEAR
