"""Days as vendors write them, in English and Chinese: dates, days of the week and of the month.

Pure. What is not said of a day, its year or its month, is the next one that is ahead.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date, timedelta

from rotator.core.failures.spans import count_of

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CHINESE_DAYS = {**{c: n for n, c in enumerate("一二三四五六")}, "日": 6, "天": 6}
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?(?![\d:])"
_YEAR_BEHIND = r"(?:(?:,? |-)(?P<year>20\d\d)(?![\d:])|-(?P<yy>\d\d)(?![\d:]))?"
WEEKDAY = r"(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:days?)?\.?"
ZHOU = "(?:[周週]|星期|[礼禮]拜)"
# A time that follows: what stands before it is then a day, and no count of days.
_TIME_FOLLOWS = r"(?= ?(?:\d{1,2} ?[:点點时時]|[凌上早中下晚零午傍正]))"
_COUNT = "[一二两兩三四五六七八九十]{1,3}"
_IN_DAYS = (
    rf"(?P<on>\d{{1,2}}|{_COUNT}) ?[天日](?:之|以)?[后後]的?{_TIME_FOLLOWS}"
    r"|(?P<later>\d{1,2}) days?(?: from now| later)?,? at (?=\d{1,2}(?::| ?[ap]\.?m)|mid|noon)"
)
_NTH = r"(?P<nth>\d{1,2})"
_BY_NUMBER = rf"{_DAY}(?: of)?[ -]{_MONTH}{_YEAR_BEHIND}"
# Of the month that is told, or of the next one.
_OF_A_MONTH = (
    r"(?: day)? of (?:the |each |every )?"
    r"(?:(?P<then>next|following|coming|new) |this |current )?(?:calendar )?month(?![a-z])"
)
_NEAR_DAYS = (
    r"(?P<near>today|tonight|tomorrow|day after tomorrow|(?:next|following) day"
    r"|今[天日晚]|明[天日晚]|大?[后後]天|[次翌]日|第二[天日])(?:'s)?(?![a-z])"
)
_CHINESE_MONTH = (
    r"(?P<which>[每下本当當这這次翌])[个個]?月(?:的|份)?第? ?"
    rf"(?:(?:{_NTH}|(?P<word>{_COUNT})) ?[日号號天]|(?P<begins>初))"
)


_FLAGS = re.IGNORECASE | re.ASCII
# In the order in which they are tried; each from its first character.
_FROM_A_DIGIT = tuple(
    re.compile(text, _FLAGS)
    for text in (
        r"(?P<year>20\d\d)(?P<cut>[-/.])(?P<mm>\d{1,2})(?P=cut)(?P<day>\d{1,2})(?!\d)",
        r"(?P<year>20\d\d) ?年 ?(?P<mm>\d{1,2}) ?月 ?(?P<day>\d{1,2}) ?[日号號]",
        r"(?P<mm>\d{1,2}) ?月 ?(?P<day>\d{1,2}) ?[日号號]",
        _BY_NUMBER,
        r"(?P<first>\d{1,2})(?P<cut>[/.])(?P<second>\d{1,2})(?P=cut)(?P<year>20\d\d)(?!\d)",
        r"(?P<first>\d{1,2})/(?P<second>\d{1,2})/(?P<yy>\d\d)(?![\d:/])",
        r"(?P<first>\d{1,2})/(?P<second>\d{1,2})(?![/\d]|\.\d)",
        r"(?P<first>\d{1,2})\.(?P<second>\d{1,2})\.(?= )",
        r"(?P<mm>\d{2})-(?P<day>\d{2})(?![-\d])",
        rf"{_NTH}(?:st|nd|rd|th)(?:{_OF_A_MONTH}|(?![a-z]))",
        _IN_DAYS,
        rf"{_NTH} ?[日号號]{_TIME_FOLLOWS}",
    )
)
_FROM_A_LETTER = tuple(
    re.compile(text, _FLAGS)
    for text in (
        rf"(?:{WEEKDAY},? )?{_MONTH} {_DAY}(?:,? (?P<year>20\d\d)(?![\d:]))?",
        rf"{WEEKDAY},? {_BY_NUMBER}",
        _NEAR_DAYS,
        rf"(?:(?:(?P<coming>next|(?:up)?coming|following)|this) )?(?P<weekday>{WEEKDAY})(?![a-z])",
        rf"(?P<week>下+|本|这|這)?[个個]?{ZHOU}(?P<zhou>[一二三四五六日天])",
        rf"(?P<edge>first|last|beginning|start|end){_OF_A_MONTH}",
        rf"(?P<then>next|following) month,? (?:on )?(?:the )?{_NTH}(?:st|nd|rd|th)(?![a-z])",
        _CHINESE_MONTH,
        _IN_DAYS,
    )
)
# What is read as a day before it is read as a length: `26 日 08:00`, `3 天后 00:00`.
_COUNTED = re.compile(rf"(?:{_IN_DAYS}|\d{{1,2}} ?[日号號]{_TIME_FOLLOWS})", re.IGNORECASE)
# With less work than it takes to try every date: a time, and a word that no day begins with.
_IS_NO_DAY = re.compile(
    r"\d\d?:|(?!ja|fe|ma|ap|ju|au|se|oc|no|de|mo|tu|we|th|fr|sa|su|to|ne|fo|co|up|fi|la|be|st|en|da)"
    r"[a-z ]",
    _FLAGS,
)
_CENTURY = 2000
_DECEMBER, _WEEK = 12, 7
_NEAR = {
    **dict.fromkeys(("today", "tonight", "今天", "今日", "今晚"), 0),
    **dict.fromkeys(("day after tomorrow", "后天", "後天"), 2),
    **dict.fromkeys(("大后天", "大後天"), 3),
}


@dataclass(frozen=True, slots=True)
class Day:
    """A day as it is written: a date, or what is near, or one of a week or a month.

    `month` is 0 where none is said. `months_on` and `weeks_on` are counted from the month and
    the week of today; None is the first that is ahead. `is_later`: `next Monday` is not today.
    """

    year: int | None = None
    month: int = 0
    day: int = 0
    days_on: int | None = None
    weekday: int | None = None
    weeks_on: int | None = None
    months_on: int | None = None
    is_later: bool = False
    is_last: bool = False


def read_day(text: str, at: int) -> tuple[Day | None, int]:
    """Return the day that stands in `text` at `at`, and where it ends."""
    if _IS_NO_DAY.match(text, at):
        return None, at
    for pattern in _FROM_A_DIGIT if text[at : at + 1].isdecimal() else _FROM_A_LETTER:
        match = pattern.match(text, at)
        if match is not None and (day := _as_day(match.groupdict())) is not None:
            return day, match.end()
    return None, at


def is_counted(text: str, at: int) -> bool:
    """Tell whether what looks like a length there is a day with a time."""
    return _COUNTED.match(text, at) is not None


def candidates(day: Day, today: date) -> list[date]:
    """Return the days that may be meant, the next one first."""
    if day.days_on is not None:
        return [today + timedelta(days=day.days_on)]
    if day.weekday is not None:
        return _of_the_week(day, today)
    if not day.month:
        return _of_the_month(day, today) if day.day else [today, today + timedelta(days=1)]
    if day.year is not None:
        return [date(day.year, day.month, day.day)]
    # The 29th of February is not in every year.
    years = (today.year, today.year + 1)
    return [near for y in years if (near := _date(y, day.month, day.day)) is not None]


def _of_the_week(day: Day, today: date) -> list[date]:
    weekday = day.weekday or 0
    if day.weeks_on is not None:
        monday = today - timedelta(days=today.weekday())
        return [monday + timedelta(days=weekday + _WEEK * day.weeks_on)]
    first = today + timedelta(days=(weekday - today.weekday()) % _WEEK)
    days = [first, first + timedelta(days=_WEEK)]
    return days[1:] if day.is_later and first == today else days


def _of_the_month(day: Day, today: date) -> list[date]:
    # Not every month has a 31st, but one of two has.
    months = range(3) if day.months_on is None else [day.months_on]
    dates = []
    for later in months:
        years, month = divmod(today.month - 1 + later, _DECEMBER)
        year, month = today.year + years, month + 1
        last = calendar.monthrange(year, month)[1]
        if (near := _date(year, month, last if day.is_last else day.day)) is not None:
            dates.append(near)
    return dates


def _as_day(told: dict[str, str | None]) -> Day | None:
    if near := told.get("near"):
        return Day(days_on=_NEAR.get(near.lower(), 1))
    if on := told.get("on") or told.get("later"):
        return Day(days_on=_counted(on))
    if weekday := told.get("weekday"):
        is_later = told["coming"] is not None
        return Day(weekday=_WEEKDAYS.index(weekday[:3].lower()), is_later=is_later)
    if zhou := told.get("zhou"):
        weeks_on = None if told["week"] is None else told["week"].count("下")
        return Day(weekday=_CHINESE_DAYS[zhou], weeks_on=weeks_on)
    return _date_of(told) or _day_of_month(told)


def _date_of(told: dict[str, str | None]) -> Day | None:
    """Return a day that has its month."""
    yy = told.get("yy")
    year = _CENTURY + int(yy) if yy else int(told.get("year") or "0") or None
    if first := told.get("first"):
        return _either_way(int(first), int(told["second"] or "0"), year)
    name, number, day = (told.get(part) for part in ("month", "mm", "day"))
    if day is None:
        return None
    month = _MONTHS.index(name[:3].lower()) + 1 if name else int(number or "0")
    return Day(year, month, int(day))


def _day_of_month(told: dict[str, str | None]) -> Day | None:
    which, edge = told.get("which"), (told.get("edge") or "").lower()
    is_next = told.get("then") is not None or (which is not None and which in "下次翌")
    months_on = 1 if is_next else 0 if which is not None and which in "本当當这這" else None
    if edge == "last":
        return Day(day=1, months_on=months_on, is_last=True)
    if edge == "end":
        # It is over when the next one begins.
        return Day(day=1, months_on=2 if is_next else 1)
    if edge or told.get("begins"):
        return Day(day=1, months_on=months_on)
    day = _counted(told.get("nth") or told.get("word") or "")
    return Day(day=day, months_on=months_on) if day else None


def _counted(told: str) -> int | None:
    count = count_of(told) if told else None
    return None if count is None else int(count)


def _either_way(first: int, second: int, year: int | None) -> Day | None:
    """Return a day that is written with the month first in some countries, last in others."""
    month, day = sorted((first, second))
    # Of two that may both be months nobody knows which is.
    return Day(year, month, day) if day > _DECEMBER or day == month else None


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
