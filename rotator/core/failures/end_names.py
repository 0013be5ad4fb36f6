"""The names under which answers state when a limit ends, in headers and in bodies, with units.

Pure, and one list for every vendor. The bridge lets exactly these headers through: a test
compares the two. Names of fields are in snake case, as `error_response` makes them.
"""

from __future__ import annotations

import re
from enum import StrEnum


class Unit(StrEnum):
    """What a number under a name counts."""

    # Seconds from now; a large number is a moment all the same.
    SECONDS = "seconds"
    MILLISECONDS = "milliseconds"
    MINUTES = "minutes"
    HOURS = "hours"
    # Seconds since 1970, or thousandths of them; a small number is a placeholder.
    MOMENT = "moment"


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
# How long until a window begins anew, and when; the vendor counts both for one window. What
# `_SUFFIX` says of an end (`reset_in_seconds`, `reset_at_utc`) is not repeated.
_SPANS = {
    "retry_after", "retry_after_s", "retry_in", "retry", "retry_delay", "wait", "wait_time",
    "wait_for", "reset_after", "reset_in", "resets_in", "resets_after", "reset_seconds",
    "seconds_until_reset", "seconds_to_reset", "time_until_reset", "time_to_reset",
    "quota_reset_delay", "cooldown", "backoff", "try_again_in", "available_in",
}  # fmt: skip
_MOMENTS = {
    "reset", "resets", "reset_at", "resets_at", "reset_on", "resets_on", "reset_times",
    "reset_time_stamp", "reset_date_utc", "reset_datetime", "quota_reset_time_stamp",
    "quota_reset_timestamp", "quota_reset_time", "quota_reset_at", "quota_reset_date",
    "next_reset", "next_reset_at", "window_reset_at", "window_resets_at", "window_end",
    "window_ends_at", "retry_at", "available_at", "available_after", "next_available_at",
    "next_available_time", "unlock_at", "blocked_until", "limited_until", "rate_limited_until",
    "cooldown_until", "until", "renews_at", "renew_at", "renewal_at", "refresh_at",
    "refreshes_at", "refresh_time", "recover_at", "recovery_time", "resume_at", "resumes_at",
    "period_end", "current_period_end", "limit_reset_at", "limit_reset_time", "limit_resets_at",
    "rate_limit_reset", "rate_limit_reset_at", "usage_reset_at", "restores_at",
}  # fmt: skip
_SUFFIX = re.compile(
    r"(?P<stem>.+?)_?(?P<unit>ms|millis|milliseconds|msec|minutes|mins?|hours|hrs|seconds|secs?"
    r"|utc|epoch|unix|timestamp|iso|date|time)"
)
_UNITS = {
    "ms": Unit.MILLISECONDS, "mi": Unit.MINUTES, "ho": Unit.HOURS, "hr": Unit.HOURS,
    "se": Unit.SECONDS,
}  # fmt: skip


def unit_of_header(name: str) -> Unit | None:
    """Return what a header counts that states an end outright, or None."""
    if _MILLISECONDS.fullmatch(name):
        return Unit.MILLISECONDS
    return Unit.SECONDS if _OUTRIGHT.fullmatch(name) else None


def unit_of_field(name: str) -> Unit | None:
    """Return what a field counts that states an end, or None for one that does not."""
    if name in _SPANS:
        return Unit.SECONDS
    if name in _MOMENTS:
        return Unit.MOMENT
    match = _SUFFIX.fullmatch(name)
    if match is None:
        return None
    unit = _unit(match["unit"])
    if match["stem"] in _SPANS:
        return unit
    is_moment = unit in {Unit.MOMENT, Unit.MILLISECONDS, Unit.SECONDS}
    return Unit.MOMENT if is_moment and match["stem"] in _MOMENTS else None


def _unit(word: str) -> Unit:
    if word.startswith("milli"):
        return Unit.MILLISECONDS
    return _UNITS.get(word[:2], Unit.MOMENT)
