"""The names under which answers state when a limit ends, in headers and in bodies, with units.

Pure, and one list for every vendor. The bridge lets exactly these headers through: a test
compares the two. Names of fields are in snake case, as `error_response` makes them.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache


class Unit(StrEnum):
    """What a number under a name counts."""

    # Seconds from now; a large number is a moment all the same.
    SECONDS = "seconds"
    MILLISECONDS = "milliseconds"
    MICROSECONDS = "microseconds"
    NANOSECONDS = "nanoseconds"
    MINUTES = "minutes"
    HOURS = "hours"
    DAYS = "days"
    # Seconds since 1970, or thousandths of them; a small number is a placeholder.
    MOMENT = "moment"


SECONDS_IN = {
    Unit.NANOSECONDS: 1e-9, Unit.MICROSECONDS: 1e-6, Unit.MILLISECONDS: 0.001,
    Unit.MINUTES: 60.0, Unit.HOURS: 3_600.0, Unit.DAYS: 86_400.0,
}  # fmt: skip

# The headers that tell of limits, as the bridge's patterns of the same names have them.
LIMIT_HEADERS = re.compile(
    r"^(?:(?:x-)?rate-?limit(?:-|$)|anthropic-ratelimit-|x-codex-|x-quota-|x-usage-ratelimit-)"
)
WINDOW_HEADERS = re.compile(
    r"^x-[\w-]{1,40}-(?:primary|secondary)-(?:used-percent|reset-at|reset-after-seconds)$"
)
END_HEADERS = re.compile(
    r"^(?:[\w-]{1,60}-)?(?:retry-after|reset)(?:-(?:after|at|in|time))?(?:-(?:ms|seconds))?$"
)
_MILLISECONDS = re.compile(r"(?:[\w-]{1,60}-)?retry-after-ms")
_OUTRIGHT = re.compile(
    r"(?:[\w-]{1,60}-)?retry-after(?:-seconds|-in|-at|-time)?|anthropic-ratelimit-unified-reset"
    r"|x-(?:quota-)?reset(?:-(?:after|at|in|time))?(?:-seconds)?"
)
# The grammar of the names of fields, in the words that snake case has: of what (`_NOUNS`), what
# comes back, when or after how long (`_WHEN`, `_HOW_LONG`), in which form and unit. A word that
# is not listed makes something else of it: `last_reset_at`, `reset_interval`, `refresh_token`.
_NOUNS = frozenset({
    "x", "api", "rate", "ratelimit", "limit", "limits", "quota", "usage", "window", "next",
    "current", "plan", "request", "requests", "tokens", "credit", "credits", "daily",
    "weekly", "monthly", "hourly", "session", "primary", "secondary", "rolling", "billing",
    "period", "cycle", "hour", "hours", "day", "days", "week", "weeks", "month", "months",
    "five", "seven", "5h", "7d", "24h", "estimated", "expected", "free", "tier", "premium",
    "soft", "hard", "the", "utc", "gmt", "unix", "attempt", "try", "call", "message"
})  # fmt: skip
_COMES_BACK = frozenset({
    "reset", "resets", "retry", "retryable", "can_retry", "renew", "renews", "renewal",
    "refresh", "refreshes", "refill", "refills", "replenish", "replenishes", "recover",
    "recovers", "recovery", "restore", "restores", "resume", "resumes", "unlock", "unlocks",
    "unblock", "unblocks", "unban", "available", "flush"
})  # fmt: skip
# Where a name has nothing else, it is when, or how long.
_ALONE = {"reset": True, "resets": True, "retry": False}
_ALONE_IF_NEXT = frozenset({"refresh", "refill", "renewal", "retry", "available", "flush"})
_WAITS = frozenset({"wait", "cooldown", "cool_down", "backoff", "back_off"})
_WHEN = frozenset({"at", "on", "from", "by"})
_HOW_LONG = frozenset({"after", "in", "delay", "wait", "countdown"})
_OF_A_WAIT = frozenset({"for", "time", "period", "duration", "remaining", "left"})
_ENDS = frozenset({"end", "ends", "expires", "expiry"})
_WHAT_ENDS = frozenset({"window", "period", "cycle", "limit"})
_PERIODS = frozenset({"period", "cycle"})
_PLANS = frozenset({"plan", "billing", "credit", "credits"})
_BLOCKS = frozenset({"cooldown", "ban", "block", "lockout", "suspension", "throttle", "penalty"})
_HELD = frozenset({
    "blocked", "limited", "banned", "throttled", "locked", "locked_out", "suspended",
    "paused", "unavailable", "exhausted", "cooldown", "cooling", "cooling_down", "backoff",
    "wait", "retry"
})  # fmt: skip
_NEXT = frozenset({"request", "attempt", "window"})
_UNTIL = frozenset({"until", "till", "to", "before"})
_FORMS = frozenset({
    "utc", "gmt", "iso", "iso8601", "str", "string", "epoch", "unix", "timestamp", "time",
    "times", "stamp", "ts", "date", "datetime", "instant"
})  # fmt: skip
_UNITS = {
    **dict.fromkeys(("ms", "millis", "milliseconds", "msec", "msecs"), Unit.MILLISECONDS),
    **dict.fromkeys(("us", "micros", "microseconds"), Unit.MICROSECONDS),
    **dict.fromkeys(("ns", "nanos", "nanoseconds"), Unit.NANOSECONDS),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), Unit.SECONDS),
    **dict.fromkeys(("min", "mins", "minutes"), Unit.MINUTES),
    **dict.fromkeys(("h", "hr", "hrs", "hours"), Unit.HOURS),
    **dict.fromkeys(("d", "days"), Unit.DAYS),
}
# Of these an epoch may be counted.
_OF_EPOCHS = frozenset({Unit.SECONDS, Unit.MILLISECONDS, Unit.MICROSECONDS, Unit.NANOSECONDS})
# In a body as in a header: a length, or a moment if the number is large.
_AS_A_HEADER = re.compile(r"x_rate_?limit_reset")
_LONGEST_NAME = 60


def unit_of_header(name: str) -> Unit | None:
    """Return what a header counts that states an end outright, or None."""
    if _MILLISECONDS.fullmatch(name):
        return Unit.MILLISECONDS
    return Unit.SECONDS if _OUTRIGHT.fullmatch(name) else None


@lru_cache(maxsize=1_024)
def unit_of_field(name: str) -> Unit | None:
    """Return what a field counts that states an end, or None for one that does not."""
    if len(name) > _LONGEST_NAME:
        return None
    if _AS_A_HEADER.fullmatch(name):
        return Unit.SECONDS
    words = name.replace("try_again", "retry").split("_")
    unit, has_form = None, False
    while len(words) > 1 and (words[-1] in _FORMS or (unit is None and words[-1] in _UNITS)):
        last = words.pop()
        unit, has_form = _UNITS.get(last, unit), has_form or last in _FORMS
    joint = next((n for n, word in enumerate(words) if word in _UNTIL), None)
    if joint is not None:
        return _until(words[:joint], words[joint], words[joint + 1 :], unit)
    of, words = _parted(words)
    is_when = _is_when(of, words, unit, has_form=has_form)
    if is_when is None:
        return None
    if not is_when:
        return unit or Unit.SECONDS
    return Unit.MOMENT if unit is None or unit in _OF_EPOCHS else None


def names_utc(name: str) -> bool:
    """Tell whether a field's name says that its time is UTC."""
    return not {"utc", "gmt"}.isdisjoint(name.split("_"))


def names_a_renewal(name: str) -> bool:
    """Tell whether a field says when a plan or what was bought begins anew: `current_period_end`.

    A limit of minutes is over long before that.
    """
    words = set(name.split("_"))
    is_of_period = not _PERIODS.isdisjoint(words) and not _ENDS.isdisjoint(words)
    return is_of_period or not _PLANS.isdisjoint(words)


def unit_named(word: str) -> Unit | None:
    """Return the unit of time that a word is."""
    return _UNITS.get(word)


def _parted(words: list[str]) -> tuple[list[str], list[str]]:
    """Return the words that say what it is the end of, and the others; at least one of those."""
    rest = next((n for n, word in enumerate(words[:-1]) if word not in _NOUNS), len(words) - 1)
    return words[:rest], words[rest:]


def _until(held: list[str], joint: str, what: list[str], unit: Unit | None) -> Unit | None:
    """Read `blocked_until`, and `hours_until_reset`."""
    if not what:
        name = "_".join(_parted(held)[1]) if held else ""
        return Unit.MOMENT if joint in {"until", "till"} and name in {"", *_HELD} else None
    count = [word for word in held if word not in {"left", "remaining", "time"}]
    _, back = _parted(what)
    if len(count) > 1 or "_".join(back) not in _COMES_BACK | _WAITS | _NEXT:
        return None
    return (_UNITS.get(count[0]) if count else unit) or (None if count else Unit.SECONDS)


def _is_when(of: list[str], words: list[str], unit: Unit | None, *, has_form: bool) -> bool | None:
    """Tell whether a moment is stated, or how long it is until then; None for neither."""
    name, last, before = "_".join(words), words[-1], "_".join(words[:-1])
    is_next = "next" in of
    while words[1:] and words[-1] in _OF_A_WAIT:
        words = words[:-1]
    if "_".join(words) in _WAITS or (words[0] == "remaining" and "_".join(words[1:]) in _WAITS):
        return False
    if name in _COMES_BACK:
        if has_form or (is_next and name in _ALONE_IF_NEXT and unit is None):
            return True
        is_length = unit in _OF_EPOCHS or (unit is not None and name == "retry")
        return False if is_length and name in _ALONE else _ALONE.get(name) if unit is None else None
    if last in _HOW_LONG and before in _COMES_BACK:
        return has_form
    if last in _WHEN:
        return True if before in _COMES_BACK or _is_end(of, words[:-1]) else None
    return True if _is_end(of, words) else None


def _is_end(of: list[str], words: list[str]) -> bool:
    """Tell whether that is when a window or a ban ends, or when the next request may come."""
    if words in ([], ["allowed"], ["starts"]):
        return "next" in of and (words == ["allowed"] or of[-1] != "next")
    if words[-1] not in _ENDS:
        return False
    return words[0] in _BLOCKS if words[1:] else bool(of) and of[-1] in _WHAT_ENDS
