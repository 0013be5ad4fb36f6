"""When a sentence says to ask again: a moment or a length, beside a word that says what it is.

Pure, and bounded: only so many places of a text are looked at, each with so much around it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import tzinfo

from rotator.core.failures.cues import (
    AFTER,
    BEFORE,
    FIRST_LETTERS,
    TROUBLE,
    Cues,
    is_a_length_s_end,
    is_a_moment_s_end,
    is_said_in_chinese,
)
from rotator.core.failures.days import Day, is_counted
from rotator.core.failures.end_names import SECONDS_IN, Unit, unit_of_field
from rotator.core.failures.error_response import snake
from rotator.core.failures.full_windows import of_full_windows
from rotator.core.failures.moments import as_epoch, read_moment
from rotator.core.failures.spans import IN_ENGLISH, read_span
from rotator.core.failures.zones import without_zone, zone_of_all

_LONGEST_TEXT = 1_000
_MOST_PLACES = 16
# Of all texts of an answer.
_MOST_LETTERS, _MOST_PLACES_IN_ALL = 1_200, 24

# What a moment or a length begins with. The first sign of each is looked for alone, so that a
# text without them costs little.
_NUMBER = re.compile(r"\d(?:(?<![\w.]\d)|(?<=[\u4e00-\u9fff]\d))")
_WORD = re.compile(r"[a-z]++", re.IGNORECASE | re.ASCII)
_COUNTED = re.compile(r" (?:second|minute|hour|day|week|month|year)", re.IGNORECASE)
# Each begins with a letter that is quickly looked for.
_IN_CHINESE_SIGNS = re.compile(
    "零[点點时時]|午夜|(?:[本这這][个個]?|下[下个個]{0,3})(?:[周週]|星期|[礼禮]拜)[一二三四五六日天]"
    "|(?:[周週]|星期|[礼禮]拜)[一二三四五六日天]|下午|晚上|今[天日晚]|明[天日晚]|大[后後]天|[后後]天"
    "|[次翌]日|第二[天日]"
    r"|[每下本当當这這次翌][个個]?月(?=[的份]?第? ?[初\d一二三四五六七八九十])"
    "|[半一两兩二三四五六七八九十]{1,3}+(?= ?(?:秒|分|[个個]|小[时時]|天|日|[周週]|星期|年))"
)
_MONTHS = frozenset({
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "sept", "oct", "nov",
    "dec", "january", "february", "march", "april", "june", "july", "august", "september",
    "october", "november", "december",
})  # fmt: skip
_WEEKDAYS = (
    "mon", "tue", "tues", "wed", "wednes", "thu", "thurs", "fri", "sat", "satur", "sun",
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
)  # fmt: skip
_DAYS = frozenset({
    *_WEEKDAYS, *(f"{day}s" for day in _WEEKDAYS if day.endswith("day")),
    "midnight", "noon", "today", "tomorrow", "tonight",
})  # fmt: skip
# What begins before the day's own name, or is no name of a day by itself.
_NEXT = ("next ", "following ")
_BEFORE_A_DAY = (*_NEXT, "upcoming ", "coming ", "day after ")
_EDGES = frozenset({"first", "last", "beginning", "start", "end"})
_OF_A_MONTH = re.compile(r"(?: day)? of (?:[a-z]++ ){0,3}month", re.IGNORECASE)
_ON_THE_NTH = re.compile(r",? (?:on )?(?:the )?\d", re.IGNORECASE)
_COUNTS = frozenset(re.split(r"[|-]", IN_ENGLISH))
_SIGNS = _DAYS | _MONTHS | _COUNTS | _EDGES | {"day", "month", "p", "pt"}
_FIRST_WORDS = ("half ", "twenty-", "forty-")
_BARE_SECONDS = re.compile(
    r"retry[-_ ]?after(?:[-_ ]?(?:(?P<ms>ms|milliseconds?|millis)|seconds?|secs?))?[ :=\"']{1,4}"
    r"(?P<count>\d{1,12}(?:\.\d{1,9})?)(?![\w:/.-]*\d)",
    re.IGNORECASE,
)
_UNIT_FOLLOWS = re.compile(r" ?(?:ms|millis|min|m\b|h|d|w|秒|分)", re.IGNORECASE)
# A field of an answer, written into a sentence: `resets_in_seconds=8624`, `"resetAt": "2026-…"`.
_FIELD = re.compile(
    r"(?<![\w-])(?P<name>[A-Za-z]++(?:[_-]?[A-Za-z0-9]++){0,7})[\"']? ?[:=] ?[\"']?(?=[\dP])"
)
# How a word is written that is one.
_IS_A_NAME = re.compile(r"[a-z][A-Z]|[_-]")
_COUNT = re.compile(
    r"\d{1,17}(?:\.\d{1,9})?(?![\w:/.-]*\d|[ -]?[a-z\u4e00-\u9fff%])", re.IGNORECASE
)
_SENTENCE = re.compile(r"[.;。\uff1b!?\n]")
_FIRST_MOMENT = 1e9


def stated_in(text: str, now: float, zone: tzinfo | None) -> list[float]:
    """Return the seconds from `now` to each end that `text` states of what is full."""
    return _stated(text[:_LONGEST_TEXT], now, zone, _MOST_PLACES)[0]


def stated_in_all(texts: Iterable[str], now: float, zone: tzinfo | None) -> list[float]:
    """Return the ends that several texts state, for little more work than one of them is."""
    letters, places, seconds = _MOST_LETTERS, _MOST_PLACES_IN_ALL, list[float]()
    for text in dict.fromkeys(texts):
        part = text[: min(letters, _LONGEST_TEXT)]
        ends, looked_at = _stated(part, now, zone, min(places, _MOST_PLACES))
        letters, places = letters - len(part), places - looked_at
        seconds += ends
    return seconds


def _stated(text: str, now: float, zone: tzinfo | None, most: int) -> tuple[list[float], int]:
    """Return the seconds to each end, and at how many places it was looked for."""
    marks = _marks(text)
    zone = zone_of_all(text) or zone
    reader = _Reader(text, Cues(text, marks.cues, marks.troubles), now, zone)
    ends: list[tuple[int, float]] = []
    at = looked_at = 0
    for start in marks.starts:
        if start < at or looked_at == most:
            continue
        looked_at += 1
        is_named = start in marks.fields
        seconds, at = (
            reader.of_field(marks.fields[start], start) if is_named else reader.at_place(start)
        )
        if seconds is not None:
            ends.append((start, seconds))
    bare = _bare(text)
    known = of_full_windows(text, ends)
    return (known if bare is None or bare in known else [*known, bare]), looked_at


class _Reader:
    """Reads what stands at places of one text, from the first to the last."""

    def __init__(self, text: str, cues: Cues, now: float, zone: tzinfo | None) -> None:
        self._text, self._cues, self._now, self._zone = text, cues, now, zone
        # A day that no cue belongs to, and where it ends.
        self._day: tuple[Day, int] | None = None

    def at_place(self, at: int) -> tuple[float | None, int]:
        """Return the seconds to what stands there, if a cue says what it is, and where it ends."""
        text, begin = self._text, max(0, at - BEFORE)
        before = without_zone(text[begin:at])
        by = self._cues.before(begin, begin + len(before))
        chinese = is_said_in_chinese(before)
        span = None
        if by not in {"at", "on", "every", "each"} and not is_counted(text, at):
            span = read_span(text, at, on_a_clock=by not in {"time", "date"})
        if span is not None:
            rest = text[span.end : span.end + AFTER]
            is_end = is_a_length_s_end(by, rest, chinese=chinese)
            return (span.after(self._now) if is_end else None), span.end
        is_time = by not in {"in", "within", "for"}
        day = self._day_of_the_sentence(at)
        moment = read_moment(text, at, self._now, self._zone, daytime=is_time, day=day)
        if moment is None:
            return None, at
        rest = text[moment.end : moment.end + AFTER]
        is_end = is_a_moment_s_end(by, before, rest, chinese=chinese)
        if moment.day is not None and not is_end:
            self._day = moment.day, moment.end
        return (moment.at - self._now if moment.at is not None and is_end else None), moment.end

    def _day_of_the_sentence(self, at: int) -> Day | None:
        """Return the day that is told before, apart: `On November 26 it resets at 08:00 UTC`."""
        if self._day is None or _SENTENCE.search(self._text, self._day[1], at):
            return None
        return self._day[0]

    def of_field(self, unit: Unit | None, at: int) -> tuple[float | None, int]:
        """Return the seconds that a field of that unit states, and where its value ends."""
        if unit is None:
            # Another one: `last_reset_at`.
            return None, at
        count = _COUNT.match(self._text, at)
        if count is not None:
            return self._counted(float(count[0]), unit), count.end()
        span = read_span(self._text, at, on_a_clock=unit is not Unit.MOMENT)
        if span is not None:
            return span.after(self._now), span.end
        moment = read_moment(self._text, at, self._now, self._zone)
        if moment is None or moment.at is None:
            return None, at
        return moment.at - self._now, moment.end

    def _counted(self, number: float, unit: Unit) -> float | None:
        if number >= _FIRST_MOMENT and unit is not Unit.MILLISECONDS:
            return as_epoch(number) - self._now
        return None if unit is Unit.MOMENT else number * SECONDS_IN.get(unit, 1.0)


@dataclass(frozen=True, slots=True)
class _Marks:
    """Where moments and lengths may begin, those of fields, and where words for them do."""

    starts: list[int]
    fields: dict[int, Unit | None]
    cues: list[int]
    troubles: list[int]


def _marks(text: str) -> _Marks:
    starts = {match.start() for match in _NUMBER.finditer(text)}
    cues, troubles = [], []
    small = text.lower()
    if not text.isascii():
        starts.update(match.start() for match in _IN_CHINESE_SIGNS.finditer(text))
    for match in _WORD.finditer(text):
        word, start, end = match[0].lower(), match.start(), match.end()
        letters = word[:4]
        if letters in FIRST_LETTERS:
            cues.append(start)
        if letters in TROUBLE:
            troubles.append(start)
        if word in _SIGNS and (begins := _begins(small, word, start, end)) is not None:
            starts.add(begins)
    fields = {
        match.end(): unit_of_field(snake(match["name"]))
        for match in (_FIELD.finditer(text) if ":" in text or "=" in text else ())
        if _IS_A_NAME.search(match["name"])
    }
    return _Marks(sorted(starts.union(fields)), fields, cues, troubles)


def _begins(small: str, word: str, start: int, end: int) -> int | None:
    """Return where a moment or a length begins that has this word, or None for another word."""
    if word in _DAYS:
        first = (start - len(b) for b in _BEFORE_A_DAY if small.startswith(b, start - len(b)))
        return next(first, start)
    if word in _MONTHS:
        return start if _is_before_a_number(small, end) else None
    if word in _COUNTS and _COUNTED.match(small, end):
        firsts = (start - len(w) for w in _FIRST_WORDS if small.startswith(w, start - len(w)))
        return next(firsts, start)
    if word in _EDGES:
        return start if _OF_A_MONTH.match(small, end) else None
    if word in {"day", "month"}:
        nexts = (start - len(b) for b in _NEXT if small.startswith(b, start - len(b)))
        return next(nexts, None) if word == "day" or _ON_THE_NTH.match(small, end) else None
    return start if word in {"p", "pt"} and small[end : end + 1].isdecimal() else None


def _is_before_a_number(text: str, at: int) -> bool:
    at += text[at : at + 1] == "."
    return text[at : at + 1] == " " and text[at + 1 : at + 2].isdecimal()


def _bare(text: str) -> float | None:
    """Return the seconds of `retry after 60`, the one length whose unit nobody needs to say."""
    match = _BARE_SECONDS.search(text)
    if match is None or _UNIT_FOLLOWS.match(text, match.end()):
        return None
    seconds = float(match["count"]) / (1_000 if match["ms"] else 1)
    return seconds if seconds < _FIRST_MOMENT else None
