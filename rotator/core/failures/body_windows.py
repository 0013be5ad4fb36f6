"""Which windows of a limit an answer's body tells of, and which of them are full.

Pure, and one grammar for every vendor: a window is an object of a list or under its own name, or
some fields with its name in theirs; that it is full is told by a share, by what is used of how
much, by what is left, by a truth or by a status.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import islice

from rotator.core.failures.error_response import number_of, snake
from rotator.core.failures.full_windows import name_of_window

_MOST_WINDOWS, _MOST_FIELDS = 64, 64
_MOST_CHILDREN = 8
# What windows stand in, by their names or in a list.
_CONTAINERS = (
    "limits", "windows", "quota", "quotas", "usage", "rate_limit", "rate_limits", "limit",
    "window_limits", "limit_windows", "usage_windows", "usage_limits", "quota_windows",
    "plan_limits", "buckets",
)  # fmt: skip
_NAMES = (
    "name", "window", "type", "kind", "period", "limit_type", "limit_name", "window_type",
    "window_name", "interval", "bucket", "label", "id",
)  # fmt: skip
_IN_A_NAME = re.compile(
    r"(?:^|_)(?:(?P<count>\d{1,2}|one|five|seven|thirty|twenty_four)_?"
    r"(?P<unit>h|hrs?|hours?|d|days?|w|weeks?|months?)"
    r"|(?P<plain>session|hourly|daily|weekly|monthly|primary|secondary|rolling))(?=_|$)"
)
_WHOLE = {"hour": "1h", "day": "1d", "week": "7d", "month": "30d"}
_NUMBERS = {"one": "1", "five": "5", "seven": "7", "thirty": "30", "twenty_four": "24"}
_SECONDS = {3_600: "1h", 18_000: "5h", 86_400: "1d", 604_800: "7d", 2_592_000: "30d"}
_LENGTHS = {
    "window_seconds": 1, "limit_window_seconds": 1, "window_minutes": 60, "window_hours": 3_600,
    "window_days": 86_400,
}  # fmt: skip

_FULL_PERCENT = 100.0
_PERCENT = frozenset({"percent", "percentage", "pct"})
_SHARE = frozenset({"fraction", "ratio"})
_USED = frozenset({"used", "usage", "utilization", "utilisation", "utilized", "consumed", "spent"})
# Of these the name does not say whether 1 is all or a hundredth.
_EITHER = frozenset({"utilization", "utilisation", "usage", "used", "usage_rate"})
_LEFT = frozenset({"remaining", "left"})
# What is left of these is of no window.
_OF_SOMETHING_ELSE = frozenset({
    "time", "ms", "seconds", "secs", "minutes", "hours", "days", "attempts", "retries", "tries",
    "reset", "in", "until",
})  # fmt: skip
_AT_MOST = (
    "limit", "cap", "max", "maximum", "total", "quota", "allowance", "entitlement", "budget",
    "capacity",
)  # fmt: skip
_OF_ALL = ("used", "usage", "consumed", "spent", "current", "current_usage", "count")
_IS_FULL = frozenset({
    "exceeded", "limit_reached", "limit_exceeded", "reached", "exhausted", "is_exceeded",
    "is_exhausted", "is_limited", "limited", "rate_limited", "blocked", "is_blocked", "over_limit",
    "is_over_limit", "depleted", "full", "is_full", "throttled", "at_limit",
})  # fmt: skip
_IS_OPEN = frozenset({"allowed", "within_limit", "has_quota", "has_remaining", "is_allowed"})
_STATUSES = ("status", "state")
_FULL_STATUSES = frozenset({
    "exhausted", "exceeded", "rate_limited", "rejected", "blocked", "limited", "full", "depleted",
    "reached", "limit_reached", "limit_exceeded", "over_limit", "throttled", "denied", "used_up",
    "hit",
})  # fmt: skip
_OPEN_STATUSES = frozenset({
    "ok", "okay", "allowed", "allowed_warning", "available", "normal", "healthy", "under_limit",
    "within_limit", "within_limits", "open", "warning", "good", "active", "not_exceeded",
    "not_reached", "not_limited",
})  # fmt: skip


class Fullness(Enum):
    """Whether a window is full, by what is said of it."""

    FULL = auto()
    # It is not, where another one is.
    OPEN = auto()
    UNKNOWN = auto()


# Two that say the same are two.
@dataclass(frozen=True, slots=True, eq=False)
class BodyWindow:
    """What an answer says of one window, whose name may be unknown: empty then."""

    fields: Mapping[str, object] = field(repr=False)
    name: str
    fullness: Fullness


def windows_in(objects: Sequence[Mapping[str, object]]) -> list[BodyWindow]:
    """Return what each object says of one window, and of each window inside."""
    told = list(islice(_all(objects), _MOST_WINDOWS))
    in_percent = {
        name
        for fields, _ in told
        for name in _EITHER.intersection(fields)
        if (share := number_of(fields[name])) is not None and share > 1
    }
    return [BodyWindow(fields, name, _fullness(fields, in_percent)) for fields, name in told]


def of_full(windows: list[BodyWindow], full: frozenset[str]) -> list[BodyWindow]:
    """Return those that are full, or of which nobody knows; `full` are told to be by their name."""
    if full.intersection(window.name for window in windows):
        return [window for window in windows if window.name in {"", *full}]
    if any(window.fullness is Fullness.FULL for window in windows):
        return [window for window in windows if _may_be_full(window)]
    return windows


def _may_be_full(window: BodyWindow) -> bool:
    if window.fullness is Fullness.UNKNOWN:
        return not window.name
    return window.fullness is Fullness.FULL


def _all(objects: Sequence[Mapping[str, object]]) -> Iterator[tuple[Mapping[str, object], str]]:
    for entry in objects:
        yield from _parts(entry, _own_name(entry))
        for key, value in entry.items():
            if isinstance(value, dict) and (name := _name_of_key(key)):
                yield _snaked(value), name
            elif key in _CONTAINERS:
                yield from _contained(value)


def _contained(value: object) -> Iterator[tuple[Mapping[str, object], str]]:
    """Give the objects of a container that nobody else reads: those under a name of their own."""
    if not isinstance(value, dict):
        return
    for key, inner in islice(value.items(), _MOST_CHILDREN):
        if isinstance(inner, dict):
            fields = _snaked(inner)
            yield fields, _name_of_key(snake(key)) or _own_name(fields) or snake(key)


def _parts(entry: Mapping[str, object], own: str) -> Iterator[tuple[Mapping[str, object], str]]:
    """Give the fields of an object, those with a window's name in theirs apart and without it."""
    parts: dict[str, dict[str, object]] = {own: {}}
    for key, value in entry.items():
        match = _IN_A_NAME.search(key)
        rest = "" if match is None else (key[: match.start()] + key[match.end() :]).strip("_")
        if match is None or not rest:
            parts[own][key] = value
        else:
            parts.setdefault(_name(match), {})[rest] = value
    for name, fields in parts.items():
        yield fields, name


def _snaked(value: Mapping[str, object]) -> dict[str, object]:
    return {snake(key): item for key, item in islice(value.items(), _MOST_FIELDS)}


def _name_of_key(key: str) -> str:
    match = _IN_A_NAME.search(key)
    return _WHOLE.get(key, "") if match is None else _name(match)


def _name(match: re.Match[str]) -> str:
    count = match["count"]
    if count is None:
        return name_of_window(match["plain"])
    return name_of_window(f"{_NUMBERS.get(count, count)}{match['unit'][0]}")


def _own_name(entry: Mapping[str, object]) -> str:
    """Return the name of the window that an object says it is, or none."""
    for key in _NAMES:
        value = entry.get(key)
        if isinstance(value, str) and (name := _name_of_key(snake(value))):
            return name
    for key, unit in _LENGTHS.items():
        length = number_of(entry.get(key)) or 0.0
        if named := _SECONDS.get(int(length * unit)):
            return named
    return ""


def _fullness(fields: Mapping[str, object], in_percent: set[str]) -> Fullness:
    for verdicts in (_by_numbers(fields, in_percent), _by_truths(fields), _by_statuses(fields)):
        told = list(verdicts)
        if told:
            return Fullness.FULL if any(told) else Fullness.OPEN
    return Fullness.UNKNOWN


def _by_numbers(fields: Mapping[str, object], in_percent: set[str]) -> Iterator[bool]:
    """Give for each number whether the window is full by it."""
    numbers = {key: n for key, value in fields.items() if (n := number_of(value)) is not None}
    most = next((n for key in _AT_MOST if (n := numbers.get(key, 0.0)) > 0), None)
    used = next((n for key in _OF_ALL if (n := numbers.get(key)) is not None), None)
    if most is not None and used is not None:
        yield used >= most
    for key, number in numbers.items():
        words = set(key.split("_"))
        if words & _LEFT:
            if not words & _OF_SOMETHING_ELSE:
                yield number <= 0
        elif words & _SHARE and words & _USED:
            yield number >= 1
        elif words & _PERCENT and (words & _USED or len(words) == 1):
            yield number >= _FULL_PERCENT
        elif key in _EITHER and most is None:
            yield number >= (_FULL_PERCENT if key in in_percent else 1.0)


def _by_truths(fields: Mapping[str, object]) -> Iterator[bool]:
    for key, value in fields.items():
        if isinstance(value, bool) and key in _IS_FULL | _IS_OPEN:
            yield value is (key in _IS_FULL)


def _by_statuses(fields: Mapping[str, object]) -> Iterator[bool]:
    for key in _STATUSES:
        value = fields.get(key)
        status = snake(value) if isinstance(value, str) else ""
        if status in _FULL_STATUSES | _OPEN_STATUSES:
            yield status in _FULL_STATUSES
