"""Moments as vendors write them, in English and Chinese: dates, times of a day, numbers.

Pure. A moment is seconds since 1970. What names no zone has the vendor's own, if that is known,
else it is none; what names one that nobody knows is none either.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from email.utils import parsedate_to_datetime

from rotator.core.failures.zones import zone_at, zone_before

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CHINESE_DAYS = {**{c: n for n, c in enumerate("一二三四五六")}, "日": 6, "天": 6}
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?(?![\d:])"
_YEAR_BEHIND = r"(?:(?:,? |-)(?P<year>20\d\d)(?![\d:])|-(?P<yy>\d\d)(?![\d:]))?"
_WEEKDAY = r"(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\.?"
# In the order in which they are tried; each from its first character.
_DATES = tuple(
    re.compile(text, re.IGNORECASE | re.ASCII)
    for text in (
        r"(?P<year>20\d\d)(?P<cut>[-/.])(?P<mm>\d{1,2})(?P=cut)(?P<day>\d{1,2})(?!\d)",
        r"(?P<year>20\d\d) ?年 ?(?P<mm>\d{1,2}) ?月 ?(?P<day>\d{1,2}) ?[日号]",
        r"(?P<mm>\d{1,2}) ?月 ?(?P<day>\d{1,2}) ?[日号]",
        rf"(?:{_WEEKDAY},? )?{_MONTH} {_DAY}(?:,? (?P<year>20\d\d)(?![\d:]))?",
        rf"(?:{_WEEKDAY},? )?{_DAY}(?: of)?[ -]{_MONTH}{_YEAR_BEHIND}",
        r"(?P<first>\d{1,2})(?P<cut>[/.])(?P<second>\d{1,2})(?P=cut)(?P<year>20\d\d)(?!\d)",
        r"(?P<mm>\d{2})-(?P<day>\d{2})(?![-\d])",
        r"(?P<near>today|tonight|tomorrow|今天|今日|今晚|明天|明日|明晚)(?:'s)?",
        rf"(?:next )?(?P<weekday>{_WEEKDAY})(?![a-z])",
        r"(?:下|本|这)?(?:周|星期)(?P<zhou>[一二三四五六日天])",
    )
)
_GAP = re.compile(
    r"(?:,|T| ?at)?[ ]?(?:at |凌晨|上午|早上|中午)?(?P<late>下午|晚上)?[ ]?", re.IGNORECASE
)
_TIME = re.compile(
    r"(?P<ch>\d{1,2}) ?[时点](?: ?(?P<cm>\d{1,2}) ?分)?(?: ?(?P<cs>\d{1,2}) ?秒)?(?:整)?"
    r"|(?P<h>\d{1,2})(?::(?P<m>[0-5]\d)(?::(?P<s>[0-5]\d)(?:[.,]\d{1,9})?)?)?"
    r"(?: ?(?P<half>[ap])\.?m\b\.?)?(?![\d:])"
    r"|(?P<zero>midnight|零点|零时|午夜)|(?P<noon>noon|正午)",
    re.IGNORECASE | re.ASCII,
)
_HTTP_DATE = re.compile(
    r"[A-Z][a-z]{2,8}, \d{1,2}[ -][A-Z][a-z]{2}[ -](?:\d{4}|\d{2}) \d{1,2}:\d\d:\d\d"
    r"(?: GMT| UTC| [+-]\d{4})?",
    re.ASCII,
)
_ISO = re.compile(
    r"(?:20\d\d-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?|20\d{6}T\d{6})"
    r" ?(?:Z|[+-]\d\d:?\d\d)(?![\d:])",
    re.IGNORECASE | re.ASCII,
)
# What may stand behind a zone: `GMT+0800 (China Standard Time)`, `UTC 2026`.
_BEHIND = re.compile(r" 20\d\d(?![\d:-])| ?[(（][^()（）\n]{1,40}[)）]")
_EPOCH = re.compile(r"(?:1\d{9}(?:\.\d{1,9})?|1\d{12}|1\d{15})(?!\d)", re.ASCII)
_TEN, _THIRTEEN = 1e11, 1e14
_CENTURY = 2000
_NOON, _MOST_HOURS, _MOST_MINUTES = 12, 24, 59
_ENDS_TODAY = {"today", "tonight", "今天", "今日", "今晚"}


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment, None if no zone is known for it, and where it ends in the text."""

    at: float | None
    end: int


@dataclass(frozen=True, slots=True)
class _Day:
    """A day as it is written: a year, or none, and a month and a day, or what is near."""

    year: int | None = None
    month: int = 0
    day: int = 0
    days_on: int | None = None
    weekday: int | None = None


def read_moment(
    text: str, at: int, now: float, zone: tzinfo | None = None, *, daytime: bool = True
) -> Moment | None:
    """Return the moment that stands in `text` at `at`; `zone` is what its vendor means by none.

    A day without a year, and a time without a day, is the next one after `now`. Without
    `daytime` a bare time of the day is none: it may be a length.
    """
    epoch = _EPOCH.match(text, at)
    if epoch is not None:
        return Moment(as_epoch(float(epoch[0])), epoch.end())
    exact = _ISO.match(text, at)
    if exact is not None and (told := _iso(exact[0])) is not None:
        return Moment(told, exact.end())
    return _written(text, at, now, zone, daytime=daytime)


def as_epoch(number: float) -> float:
    """Return seconds since 1970 of a number that may count thousandths or millionths."""
    if number >= _THIRTEEN:
        return number / 1_000_000
    return number / 1_000 if number >= _TEN else number


def exact_moment(text: str) -> float | None:
    """Return the moment that all of `text` is, in ISO 8601 with a zone or as an HTTP date."""
    if _HTTP_DATE.fullmatch(text):
        try:
            at = parsedate_to_datetime(text)
        except (ValueError, OverflowError):
            return None
        return at.timestamp() if at.tzinfo is not None else None
    return _iso(text)


def _iso(text: str) -> float | None:
    try:
        at = datetime.fromisoformat(text.replace(" ", "T", 1).replace(" ", ""))
    except ValueError:
        return None
    return None if at.tzinfo is None else at.timestamp()


def _written(
    text: str, at: int, now: float, zone: tzinfo | None, *, daytime: bool
) -> Moment | None:
    day, end = _day(text, at)
    gap = _GAP.match(text, end)
    begins = gap.end() if gap is not None and day is not None else at
    late = gap is not None and bool(gap["late"])
    if day is None and (alone := _GAP.match(text, at)) and alone["late"]:
        begins, late = alone.end(), True
    time, ends = _time(text, begins, late=late)
    if time is None and day is None:
        return None
    if time is None:
        ends = end
    if day is None and not daytime:
        return None
    named, stop, is_named = zone_at(text, ends)
    stop = _behind(text, stop) if is_named else ends
    if not is_named:
        named, is_named = zone_before(text[max(0, at - 30) : at])
    if time is None and not is_named:
        # A day alone begins and ends nobody knows when.
        return Moment(None, stop)
    meant = named if is_named else zone
    if meant is None:
        return Moment(None, stop)
    return Moment(_seconds(day or _Day(days_on=None), time or (0, 0, 0), meant, now), stop)


def _behind(text: str, at: int) -> int:
    """Return where what says the zone once more ends, or the year."""
    match = _BEHIND.match(text, at)
    return at if match is None else match.end()


def _day(text: str, at: int) -> tuple[_Day | None, int]:
    for pattern in _DATES:
        match = pattern.match(text, at)
        if match is not None and (day := _as_day(match.groupdict())) is not None:
            return day, match.end()
    return None, at


def _as_day(told: dict[str, str | None]) -> _Day | None:
    year = int(told.get("year") or "0") or None
    if yy := told.get("yy"):
        year = _CENTURY + int(yy)
    if near := told.get("near"):
        return _Day(days_on=0 if near.lower() in _ENDS_TODAY else 1)
    if weekday := told.get("weekday"):
        return _Day(weekday=_WEEKDAYS.index(weekday[:3].lower()))
    if zhou := told.get("zhou"):
        return _Day(weekday=_CHINESE_DAYS[zhou])
    if first := told.get("first"):
        return _either_way(int(first), int(told["second"] or "0"), year)
    if name := told.get("month"):
        return _Day(year, _MONTHS.index(name[:3].lower()) + 1, int(told["day"] or "0"))
    return _Day(year, int(told["mm"] or "0"), int(told["day"] or "0"))


def _either_way(first: int, second: int, year: int | None) -> _Day | None:
    """Return a day that is written with the month first in some countries, last in others."""
    if first > _NOON or first == second:
        return _Day(year, second, first)
    return _Day(year, first, second) if second > _NOON else None


def _time(text: str, at: int, *, late: bool) -> tuple[tuple[int, int, int] | None, int]:
    match = _TIME.match(text, at)
    if match is None:
        return None, at
    if match["zero"] or match["noon"]:
        return (0 if match["zero"] else _NOON, 0, 0), match.end()
    hour, minute, second = (int(match[n] or match[f"c{n}"] or "0") for n in ("h", "m", "s"))
    if match["h"] and match["m"] is None and match["half"] is None:
        # A number is no time.
        return None, at
    if (half := (match["half"] or "").lower()) and not 1 <= hour <= _NOON:
        return None, at
    if half:
        hour = hour % _NOON + (_NOON if half == "p" else 0)
    elif late and hour < _NOON:
        hour += _NOON
    if (hour, minute, second) > (_MOST_HOURS, 0, 0) or max(minute, second) > _MOST_MINUTES:
        return None, at
    return (hour, minute, second), match.end()


def _seconds(day: _Day, time: tuple[int, int, int], zone: tzinfo, now: float) -> float | None:
    """Return the moment in seconds; a part that is not said is the next one that is ahead."""
    try:
        today = datetime.fromtimestamp(now, zone)
        for candidate in _candidates(day, today.date()):
            at = _on(candidate, time, zone)
            if day.year is not None or day.days_on is not None or at >= now - _late(day):
                return at
    except (ValueError, OverflowError, OSError):
        return None
    return None


def _late(day: _Day) -> float:
    # What has just passed is meant, not the same day of next year.
    return 3_600.0 if day.month else 0.0


def _on(day: date, time: tuple[int, int, int], zone: tzinfo) -> float:
    hour, minute, second = time
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    if hour == _MOST_HOURS:
        return (midnight + timedelta(days=1)).astimezone(UTC).timestamp()
    return midnight.replace(hour=hour, minute=minute, second=second).timestamp()


def _candidates(day: _Day, today: date) -> list[date]:
    if day.days_on is not None:
        return [today + timedelta(days=day.days_on)]
    if day.weekday is not None:
        first = today + timedelta(days=(day.weekday - today.weekday()) % 7)
        return [first, first + timedelta(days=7)]
    if not day.month:
        return [today, today + timedelta(days=1)]
    if day.year is not None:
        return [date(day.year, day.month, day.day)]
    # The 29th of February is not in every year.
    years = (today.year, today.year + 1)
    return [near for y in years if (near := _date(y, day.month, day.day)) is not None]


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
