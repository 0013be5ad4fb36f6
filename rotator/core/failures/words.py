"""When a sentence says to ask again: a moment or a length, beside a word that says what it is.

Pure, and bounded: only so many places of a text are looked at, each with so much around it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from datetime import tzinfo

from rotator.core.failures.full_windows import of_full_windows
from rotator.core.failures.moments import read_moment
from rotator.core.failures.spans import IN_ENGLISH, read_span
from rotator.core.failures.zones import without_zone

_LONGEST_TEXT = 1_000
_MOST_PLACES = 16
_BEFORE, _AFTER = 64, 48

# What a moment or a length begins with. The first sign of each is looked for alone, so that a
# text without them costs little.
_NUMBER = re.compile(r"\d(?:(?<![\w.]\d)|(?<=[\u4e00-\u9fff]\d))")
_WORD = re.compile(r"[a-z]++", re.IGNORECASE | re.ASCII)
_COUNTED = re.compile(r" (?:second|minute|hour|day|week|month|year)", re.IGNORECASE)
_IN_CHINESE_SIGNS = re.compile(
    "零[点时]|午夜|(?:周|星期)[一二三四五六日天]|下午|晚上|今[天日晚]|明[天日晚]"
    "|[半一两兩二三四五六七八九十]{1,3}+(?= ?(?:秒|分|[个個]|小[时時]|天|日|[周週]|星期|年))"
)
_MONTHS = frozenset({
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "sept", "oct", "nov",
    "dec", "january", "february", "march", "april", "june", "july", "august", "september",
    "october", "november", "december",
})  # fmt: skip
_DAYS = frozenset({
    "mon", "tue", "tues", "wed", "wednes", "thu", "thurs", "fri", "sat", "satur", "sun",
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "midnight",
    "noon", "today", "tomorrow", "tonight",
})  # fmt: skip
_COUNTS = frozenset(re.split(r"[|-]", IN_ENGLISH)) - {"half an", "half a"}
_FIRST_WORDS = ("half ", "twenty-", "forty-")
# The first letters of every cue.
_CUES = frozenset({
    "try", "tryi", "retr", "rese", "rene", "refr", "repl", "refi", "rest", "rega", "avai",
    "resu", "unlo", "unbl", "lift", "cool", "wait", "back", "agai", "reco", "rege", "reac",
    "unav", "limi", "paus", "next", "unti", "till", "afte",
})  # fmt: skip
_CUE = (
    r"(?<![a-z])(?:try(?:ing)?(?: \w+){0,4}? again|retr(?:y|ies|ied|ying)\w*|resets?|resetting"
    r"|renew(?:s|ed|al)?|refresh(?:es|ed)?|replenish\w*|refills?|restor\w+|regains?|available"
    r"|resumes?|unlock\w*|unblock\w*|lift(?:s|ed)|cool[- ]?down|wait|back|again|recover\w*"
    r"|regenerat\w+|reactivat\w+|unavailable|limited|paused|next (?:request|attempt|window))"
    r"(?![a-z])"
)
_NEARLY = (
    r"(?:(?:about|around|approximately|approx\.?|roughly|another|the next|at least|less than|up to)"
    r" ?|[~≈])?"
)
_JOIN = r"[ :=(~*_\"'`]{0,4}"
_IN_ENGLISH = re.compile(
    rf"(?:{_CUE}(?:[ _-]?(?P<near>time|date|at|in|after))?{_JOIN}"
    rf"|{_CUE}[^.\d\n]{{0,40}}? (?P<by>in|after|within|for|at|on|by|until|till|from|is|every|each)"
    rf"{_JOIN}|\b(?P<until>until|till|after){_JOIN}|\breached\|){_NEARLY}",
    re.IGNORECASE,
)
_UNTIL_RESET = re.compile(
    r" ?(?:left |remaining )?(?:until|till|before) (?:(?:the|your|you|it|next|quota|limit) )*"
    r"(?:resets?|retry|can|try|renew|refresh|next|request)",
    re.IGNORECASE,
)
_CHINESE = (
    "重置|重試|重试|再试|再試|再次|恢复|恢復|刷新|解封|解除|解禁|可用|继续|繼續|更新|续期|冷却|冷卻"
)
_IN_CHINESE = re.compile(rf"(?:{_CHINESE}|等待|等|剩余)[^0-9。，,\n每周期隔]{{0,10}}$")
_LATER = re.compile(rf" ?(?:之|以)?(?:后|後)[^0-9。，,\n]{{0,10}}(?:{_CHINESE}|使用|访问|请求)")
_THEN = re.compile(rf" ?(?:之后|以后|后|後|时|起)?[^0-9。，,\n]{{0,8}}(?:{_CHINESE})")
_BARE_SECONDS = re.compile(
    r"retry[-_ ]?after(?:[-_ ]?(?:(?P<ms>ms|milliseconds?|millis)|seconds?|secs?))?[ :=\"']{1,4}"
    r"(?P<count>\d{1,12}(?:\.\d{1,9})?)(?![\w:/.-]*\d)",
    re.IGNORECASE,
)
_UNIT_FOLLOWS = re.compile(r" ?(?:ms|millis|min|m\b|h|d|w|秒|分)", re.IGNORECASE)


def stated_in(text: str, now: float, zone: tzinfo | None) -> list[float]:
    """Return the seconds from `now` to each end that `text` states of what is full."""
    text = text[:_LONGEST_TEXT]
    ends: list[tuple[int, float]] = []
    starts, cues = _marks(text)
    at = looked_at = 0
    for start in starts:
        if start < at or looked_at == _MOST_PLACES:
            continue
        looked_at += 1
        seconds, at = _at_place(text, start, cues, now, zone)
        if seconds is not None:
            ends.append((start, seconds))
    bare = _bare(text)
    return of_full_windows(text, ends) + ([] if bare is None else [bare])


def _marks(text: str) -> tuple[list[int], list[int]]:
    """Return where moments and lengths may begin, and where the words for what they are do."""
    starts, cues = {match.start() for match in _NUMBER.finditer(text)}, []
    small = text.lower()
    if not text.isascii():
        starts.update(match.start() for match in _IN_CHINESE_SIGNS.finditer(text))
    for match in _WORD.finditer(text):
        word, start, end = match[0].lower(), match.start(), match.end()
        if word[:4] in _CUES:
            cues.append(start)
        if word in _DAYS or (word in _MONTHS and _is_before_a_number(text, end)):
            starts.add(start)
        elif word in _COUNTS and _COUNTED.match(text, end):
            starts.add(_begin(small, start))
        elif word in {"p", "pt"} and text[end : end + 1].isdecimal():
            starts.add(start)
    return sorted(starts), cues


def _is_before_a_number(text: str, at: int) -> bool:
    at += text[at : at + 1] == "."
    return text[at : at + 1] == " " and text[at + 1 : at + 2].isdecimal()


def _begin(small: str, at: int) -> int:
    """Return where a count of several words begins: `half an`, `twenty-four`."""
    firsts = (at - len(word) for word in _FIRST_WORDS if small.startswith(word, at - len(word)))
    return next(firsts, at)


def _at_place(
    text: str, at: int, cues: list[int], now: float, zone: tzinfo | None
) -> tuple[float | None, int]:
    """Return the seconds to what stands there, if a cue says what it is, and where it ends."""
    before = without_zone(text[max(0, at - _BEFORE) : at])
    end = max(0, at - _BEFORE) + len(before)
    near = cues[bisect_left(cues, at - _BEFORE) : bisect_left(cues, end)]
    cue = next((c for start in near if (c := _IN_ENGLISH.fullmatch(text, start, end))), None)
    by = "" if cue is None else (cue["near"] or cue["by"] or cue["until"] or "").lower()
    chinese = not before.isascii() and _IN_CHINESE.search(before) is not None
    span = None
    if by not in {"at", "on", "every", "each"}:
        span = read_span(text, at, on_a_clock=by not in {"time", "date"})
    if span is not None:
        rest = text[span.end : span.end + _AFTER]
        is_meant = (cue is not None and by not in {"until", "till"}) or chinese
        if is_meant or _LATER.match(rest) or _UNTIL_RESET.match(rest):
            return span.after(now), span.end
        return None, span.end
    moment = read_moment(text, at, now, zone, daytime=by not in {"in", "within", "for"})
    if moment is None:
        return None, at
    rest = text[moment.end : moment.end + _AFTER]
    is_meant = cue is not None or chinese or _THEN.match(rest) is not None
    if moment.at is None or not is_meant:
        return None, moment.end
    return moment.at - now, moment.end


def _bare(text: str) -> float | None:
    """Return the seconds of `retry after 60`, the one length whose unit nobody needs to say."""
    match = _BARE_SECONDS.search(text)
    if match is None or _UNIT_FOLLOWS.match(text, match.end()):
        return None
    return float(match["count"]) / (1_000 if match["ms"] else 1)
