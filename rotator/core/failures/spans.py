"""Lengths of time as vendors write them: `2h23m44s`, `1 day 3 hours`, `02:23:44`, `2 小时 30 分钟`.

Pure. A month is one of the calendar, so a length is counted from a moment.
"""

from __future__ import annotations

import calendar
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from rotator.core.failures.zones import zone_at, zone_before

# The units, in English and Chinese; longer spellings first.
_UNITS = (
    (0.001, r"milliseconds?|msecs?|ms|毫秒"),
    (1.0, r"seconds?|secs?|s|秒[钟鐘]?"),
    (60.0, r"minutes?|mins?|m|分[钟鐘]?"),
    (3_600.0, r"hours?|hrs?|h|[个個]?小[时時]|[个個]?[钟鐘][头頭]"),
    (86_400.0, r"days?|d|天|日"),
    (604_800.0, r"weeks?|wks?|w|[周週]|[个個]?星期"),
)
_MONTH, _YEAR = r"months?|mons?|mths?|[个個]月", r"years?|yrs?|y|年(?! ?\d)"
_NAMED = "|".join(
    f"(?P<u{n}>{names})" for n, names in enumerate([names for _, names in _UNITS] + [_MONTH, _YEAR])
)
_IN_ENGLISH = {
    "half an": 0.5, "half a": 0.5, "an": 1.0, "a": 1.0, "one": 1.0, "two": 2.0, "three": 3.0,
    "four": 4.0, "five": 5.0, "sixty": 60.0, "six": 6.0, "seven": 7.0, "eight": 8.0,
    "ninety": 90.0, "nine": 9.0, "ten": 10.0, "eleven": 11.0, "twelve": 12.0, "fifteen": 15.0,
    "twenty-four": 24.0, "twenty": 20.0, "thirty": 30.0, "forty-five": 45.0, "forty": 40.0,
    "fifty": 50.0,
}  # fmt: skip
# Longer ones before what they begin with.
IN_ENGLISH = "|".join(_IN_ENGLISH)
_WORDS = {
    **_IN_ENGLISH, "半": 0.5, "两": 2.0, "兩": 2.0,
    **{digit: float(n) for n, digit in enumerate("零一二三四五六七八九")},
}  # fmt: skip
_COUNT = (
    r"\d{1,3}(?:,\d{3}){1,3}(?!\d)|\d{1,12}(?:\.\d{1,12})?"
    rf"|(?:{IN_ENGLISH})(?=[ -])"
    "|[半一两兩二三四五六七八九十]{1,3}"
)
# "7m", but not the first letter of "7 moons"; in Chinese a unit runs on into the next word.
_PART = re.compile(
    rf"(?P<count>{_COUNT})[ -]?(?:{_NAMED})(?![a-z])(?:\(s\))?\.?"
    r"(?:[ ,]{0,2}(?:and |& ?|零|又)?)",
    re.IGNORECASE,
)
# "in 3 days, 5-hour limit remains", "in 3 hours. 7d: 40%": the second is no part of the first.
_OF_A_LIMIT = re.compile(
    r"[ -]?(?:limit|window|quota|usage|session|plan|cap)|: ?\d{1,3}(?:\.\d)? ?%", re.IGNORECASE
)
_CLOCK = re.compile(r"(?P<h>\d{1,3}):(?P<m>[0-5]\d)(?::(?P<s>[0-5]\d)(?:\.\d{1,9})?)?(?![\d:])")
_ISO = re.compile(
    r"P(?:(?P<d>\d{1,4})D)?(?:T(?:(?P<h>\d{1,5})H)?(?:(?P<m>\d{1,6})M)?"
    r"(?:(?P<s>\d{1,8}(?:\.\d{1,9})?)S)?)?(?![a-z\d])",
    re.IGNORECASE | re.ASCII,
)
_MOST_PARTS = 8
_YEAR_MONTHS = 12
_ZONE_BEFORE = 30
# A word that follows may be of a clock, or a day: it is then no length.
_DAYTIME = re.compile(
    r"\s?(?:[ap]\.?m\b|utc|gmt|z\b|[+-]\d)"
    r"|[,，]?\s?[(（]?(?:on )?(?:the )?(?:20\d\d|\d{1,2}(?:st|nd|rd|th| ?[月日号號])"
    r"|(?:\d{1,2} )?(?:mon|tue|wed|thu|fri|sat|sun|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
    r"|today|tomorrow|tonight)|[今明]|[周週]|星期)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """A length of so many months of the calendar and so many seconds; `end` is where it ends."""

    months: float
    seconds: float
    end: int

    def after(self, start: float) -> float:
        """Return the seconds from `start`, seconds since 1970, until it is over."""
        whole = math.floor(self.months)
        rest = self.seconds + (self.months - whole) * 30 * 86_400.0
        return _months_after(start, whole) - start + rest if whole else rest


def read_span(text: str, at: int = 0, *, on_a_clock: bool = True) -> TimeSpan | None:
    """Return the length that stands in `text` at `at`, or None.

    Without `on_a_clock` `02:23:44` is none: it may be a time of the day.
    """
    told = _on_a_clock(text, at) if on_a_clock else None
    return _in_words(text, at) or told or _by_iso(text, at)


def whole_span(text: str) -> TimeSpan | None:
    """Return the length that all of `text` is, or None."""
    span = read_span(text)
    return span if span is not None and not text[span.end :].strip(" .") else None


def _in_words(text: str, at: int) -> TimeSpan | None:
    parts = list(_parts(text, at))
    if not parts:
        return None
    months = math.fsum(count * size for count, kind, size, _ in parts if kind == "months")
    seconds = math.fsum(count * size for count, kind, size, _ in parts if kind == "seconds")
    return TimeSpan(months, seconds, parts[-1][3])


def _parts(text: str, at: int) -> Iterator[tuple[float, str, float, int]]:
    parts = 0
    while (match := _PART.match(text, at)) is not None:
        told = match["count"].lower()
        count = count_of(told)
        if count is None or (parts and _OF_A_LIMIT.match(text, match.end())):
            return
        if parts == _MOST_PARTS:
            # Nobody writes so much; it is no length at all.
            yield math.inf, "seconds", 1.0, match.end()
            return
        parts += 1
        unit = int(str(match.lastgroup)[1:])
        at = match.end()
        if unit < len(_UNITS):
            yield count, "seconds", _UNITS[unit][0], at
        else:
            size = 1.0 if unit == len(_UNITS) else float(_YEAR_MONTHS)
            yield count, "months", size, at


def count_of(told: str) -> float | None:
    """Return a count: digits, a word, or one of 十五's kind."""
    if told in _WORDS:
        return _WORDS[told]
    if told[0].isdecimal():
        return float(told.replace(",", ""))
    tens, is_large, ones = told.partition("十")
    known = {"": None, **_WORDS}
    if not is_large or tens not in known or ones not in known:
        return None
    return 10 * (known[tens] or 1.0) + (known[ones] or 0.0)


def _on_a_clock(text: str, at: int) -> TimeSpan | None:
    match = _CLOCK.match(text, at)
    if match is None or _DAYTIME.match(text, match.end()):
        return None
    if match["s"] is None:
        # Hours and minutes, or minutes and seconds: nobody knows.
        return None
    if zone_at(text, match.end())[0] or zone_before(text[max(0, at - _ZONE_BEFORE) : at])[1]:
        # A length has no zone.
        return None
    hours, minutes, seconds = (int(match[name]) for name in "hms")
    return TimeSpan(0.0, hours * 3_600.0 + minutes * 60.0 + seconds, match.end())


def _by_iso(text: str, at: int) -> TimeSpan | None:
    match = _ISO.match(text, at)
    told = {} if match is None else {k: v for k, v in match.groupdict().items() if v}
    if match is None or not told:
        return None
    sizes = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0}
    seconds = math.fsum(float(value) * sizes[name] for name, value in told.items())
    return TimeSpan(0.0, seconds, match.end())


def _months_after(start: float, months: int) -> float:
    """Return that day of a later month, or its last one; infinity beyond what a clock tells."""
    try:
        at = datetime.fromtimestamp(start, UTC)
        years, month = divmod(at.month - 1 + months, _YEAR_MONTHS)
        day = min(at.day, calendar.monthrange(at.year + years, month + 1)[1])
        return at.replace(year=at.year + years, month=month + 1, day=day).timestamp()
    except (ValueError, OverflowError, OSError):
        return math.inf
