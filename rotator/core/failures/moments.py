"""Moments as vendors write them, in English and Chinese: dates, times of a day, numbers.

Pure. A moment is seconds since 1970. What names no zone has the vendor's own, if that is known,
else it is none; what names one that nobody knows is none either.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from email.utils import parsedate_to_datetime

from rotator.core.failures.days import WEEKDAY, ZHOU, Day, candidates, read_day
from rotator.core.failures.zones import zone_apart, zone_at, zone_before

# Between a day and its time; the day may be told once more: `2026-11-26 (Thu) 08:00`.
_GAP = re.compile(
    rf"(?: ?[(（](?:{WEEKDAY}|{ZHOU}[一二三四五六日天])[)）])?(?:,|，|T| ?at|的)?[ ]?"
    r"(?:at |凌晨|清晨|早晨|上午|早上|中午)?(?P<late>下午|晚上)?[ ]?",
    re.IGNORECASE,
)
# Between a time and its day, and what says that it is of a day that nobody can read.
_ON = re.compile(r"(?:,|，)? ?[(（]?(?:on |of )?(?:the |this )?", re.IGNORECASE)
_ON_SOME_DAY = re.compile(
    r",? on (?:the |your |each |every )?(?:[a-z]++ ){0,3}"
    r"(?:day|date|week|month|cycle|period|anniversary|holiday)(?![a-z])",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"(?P<ch>\d{1,2}) ?[时点時點](?: ?(?P<cm>\d{1,2}) ?分)?(?: ?(?P<cs>\d{1,2}) ?秒)?(?:整)?"
    r"|(?P<h>\d{1,2})(?::(?P<m>[0-5]\d)(?::(?P<s>[0-5]\d)(?:[.,]\d{1,9})?)?)?"
    r"(?: ?(?P<half>[ap])\.?m\b\.?)?(?![\d:])"
    r"|(?P<zero>midnight|零[点时點時]|午夜)|(?P<noon>noon|正午)",
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
_NOON, _MOST_HOURS = 12, 24
_SHUT = {")", "）"}
_BEFORE = 30
# A day of another sentence that is further off is of something else.
_FAR_OFF = 31 * 86_400.0


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment, None if no zone is known for it, and where it ends in the text.

    `day` is what is told where it is no more than a day: when that begins and ends nobody knows.
    """

    at: float | None
    end: int
    day: Day | None = None


def read_moment(
    text: str,
    at: int,
    now: float,
    zone: tzinfo | None = None,
    *,
    daytime: bool = True,
    day: Day | None = None,
) -> Moment | None:
    """Return the moment that stands in `text` at `at`; `zone` is what its vendor means by none.

    A day without a year, and a time without a day, is the next one after `now`. Without
    `daytime` a bare time of the day is none: it may be a length. A time that has no day is of
    `day`, where that is told elsewhere and is not far off.
    """
    epoch = _EPOCH.match(text, at)
    if epoch is not None:
        return Moment(as_epoch(float(epoch[0])), epoch.end())
    exact = _ISO.match(text, at)
    if exact is not None and (told := _iso(exact[0])) is not None:
        return Moment(told, exact.end())
    return _written(text, at, now, zone, day) if daytime else _dated(text, at, now, zone)


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


def _dated(text: str, at: int, now: float, zone: tzinfo | None) -> Moment | None:
    """Return a moment that begins with its day."""
    day, end = read_day(text, at)
    if day is None:
        return None
    time, ends = _time_of(text, end)
    zoned = _zone_of(text, at, ends)
    if time is None and not zoned.is_named:
        return Moment(None, end, day)
    return _at(day, time or (0, 0, 0), zoned, now, zone)


def _written(
    text: str, at: int, now: float, zone: tzinfo | None, elsewhere: Day | None
) -> Moment | None:
    """Return a moment that begins with its day or with its time, which may be all of it."""
    if (dated := _dated(text, at, now, zone)) is not None:
        return dated
    begins, is_late = _gap(text, at)
    time, ends = _time(text, begins if is_late else at, late=is_late)
    if time is None:
        return None
    zoned = _zone_of(text, at, ends)
    day, end = _day_behind(text, zoned.ends)
    if day is not None:
        zoned = replace(zoned, stop=end) if zoned.is_named else _zone_of(text, at, end)
        return _at(day, time, zoned, now, zone)
    if _ON_SOME_DAY.match(text, zoned.ends):
        return Moment(None, zoned.ends)
    if elsewhere is not None:
        moment = _at(elsewhere, time, zoned, now, zone)
        if moment.at is not None and 0 <= moment.at - now <= _FAR_OFF:
            return moment
    return _at(Day(), time, zoned, now, zone)


def _time_of(text: str, at: int) -> tuple[tuple[int, int, int] | None, int]:
    """Return the time that follows a day, and where it ends, or the day where there is none."""
    begins, is_late = _gap(text, at)
    time, ends = _time(text, begins, late=is_late)
    return (None, at) if time is None else (time, ends)


def _gap(text: str, at: int) -> tuple[int, bool]:
    """Return where the words between a day and its time end, and whether it is in the evening."""
    gap = _GAP.match(text, at)
    return (gap.end(), gap["late"] is not None) if gap else (at, False)


def _day_behind(text: str, at: int) -> tuple[Day | None, int]:
    """Return the day that follows its time: `08:00 UTC on November 26`."""
    joint = _ON.match(text, at)
    day, end = read_day(text, joint.end() if joint else at)
    if day is None or _time_of(text, end)[0] is not None:
        # It is the day of another time.
        return None, at
    return day, end + (text[end : end + 1] in _SHUT)


@dataclass(frozen=True, slots=True)
class _Zoned:
    """The zone that is named beside a time, where its name ends, and all that is of it."""

    zone: tzinfo | None
    is_named: bool
    ends: int
    stop: int


def _zone_of(text: str, begins: int, ends: int) -> _Zoned:
    named, end, is_named = zone_at(text, ends)
    if is_named:
        return _Zoned(named, is_named, end, _behind(text, end))
    named, is_named = zone_before(text[max(0, begins - _BEFORE) : begins])
    if not is_named:
        named, is_named = zone_apart(text, ends)
    return _Zoned(named, is_named, ends, ends)


def _at(
    day: Day, time: tuple[int, int, int], zoned: _Zoned, now: float, own: tzinfo | None
) -> Moment:
    meant = zoned.zone if zoned.is_named else own
    return Moment(None if meant is None else _seconds(day, time, meant, now), zoned.stop)


def _behind(text: str, at: int) -> int:
    """Return where what says the zone once more ends, or the year."""
    match = _BEHIND.match(text, at)
    return at if match is None else match.end()


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
    if (hour, minute, second) > (_MOST_HOURS, 0, 0):
        return None, at
    return (hour, minute, second), match.end()


def _seconds(day: Day, time: tuple[int, int, int], zone: tzinfo, now: float) -> float | None:
    """Return the moment in seconds; a part that is not said is the next one that is ahead."""
    try:
        today = datetime.fromtimestamp(now, zone)
        for candidate in candidates(day, today.date()):
            at = _on(candidate, time, zone)
            if day.year is not None or day.days_on is not None or at >= now - _late(day):
                return at
    except (ValueError, OverflowError, OSError):
        return None
    return None


def _late(day: Day) -> float:
    # What has just passed is meant, not the same day of next year.
    return 3_600.0 if day.month else 0.0


def _on(day: date, time: tuple[int, int, int], zone: tzinfo) -> float:
    hour, minute, second = time
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    if hour == _MOST_HOURS:
        return (midnight + timedelta(days=1)).astimezone(UTC).timestamp()
    return midnight.replace(hour=hour, minute=minute, second=second).timestamp()
