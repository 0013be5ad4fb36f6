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


# A limit in an answer's headers, whoever sends it; as written in the bridge.
LIMIT_HEADERS = re.compile(
    r"^(?:(?:x-)?rate-?limit(?:-|$)|anthropic-ratelimit-|x-codex-|x-quota-|x-usage-ratelimit-"
    r"|x-[\w-]{1,40}-(?:primary|secondary)-(?:used-percent|reset-at|reset-after-seconds)$"
    r"|x-[\w-]{0,40}(?:retry-after|reset)(?:-ms|-at|-after|-seconds|-in)?$)"
)
# What an answer says outright.
_OUTRIGHT = (
    (re.compile(r"(?:x-)?(?:[a-z-]{0,60}-)?retry-after-?(?:ms|millis(?:econds)?)"), Unit.MILLISECONDS),
    (re.compile(r"(?:x-)?(?:[a-z-]{0,60}-)?retry-after(?:-seconds|-s)?"), Unit.SECONDS),
    (re.compile(r"anthropic-ratelimit-unified-reset"), Unit.SECONDS),
    (re.compile(r"x-reset-(?:at|time)|x-quota-reset(?:-at|-time)?"), Unit.SECONDS),
    (re.compile(r"x-(?:quota-)?reset-(?:after|in)(?:-seconds)?"), Unit.SECONDS),
)
# How long until a window begins anew, and when; the vendor counts both for one window.
_SPANS = {
    "retry_after", "retry_after_seconds", "retry_after_secs", "retry_after_s", "retry_in",
    "retry_in_seconds", "retry", "retry_delay", "retry_delay_seconds", "retry_seconds", "wait",
    "wait_seconds", "wait_time", "wait_for", "reset_after", "reset_after_seconds",
    "reset_in_seconds", "resets_in_seconds", "reset_in", "resets_in", "resets_after",
    "reset_seconds", "seconds_until_reset", "seconds_to_reset", "time_until_reset",
    "time_to_reset", "quota_reset_delay", "cooldown", "cooldown_seconds", "backoff",
    "try_again_in", "available_in",
}  # fmt: skip
_MOMENTS = {
    "reset", "resets", "reset_at", "resets_at", "reset_on", "resets_on", "reset_time",
    "reset_times", "reset_timestamp", "reset_time_stamp", "reset_date", "reset_date_utc",
    "reset_datetime", "quota_reset_time_stamp", "quota_reset_timestamp", "quota_reset_time",
    "quota_reset_at", "quota_reset_date", "quota_reset_date_utc", "next_reset", "next_reset_at",
    "next_reset_time", "next_reset_date", "window_reset_at", "window_resets_at", "window_end",
    "window_ends_at", "retry_at", "retry_after_time", "retry_after_date", "retry_time",
    "available_at", "available_after", "next_available_at", "next_available_time", "unlock_at",
    "blocked_until", "limited_until", "rate_limited_until", "cooldown_until", "until",
    "renews_at", "renew_at", "renewal_at", "refresh_at", "refreshes_at", "refresh_time",
    "recover_at", "recovery_time", "resume_at", "resumes_at", "period_end", "current_period_end",
    "limit_reset_at", "limit_reset_time", "limit_resets_at", "rate_limit_reset",
    "rate_limit_reset_at", "usage_reset_at", "restores_at",
}  # fmt: skip
_SUFFIXES = (
    (re.compile(r"(.+?)_?(?:in_)?(?:ms|millis|milliseconds|msec)"), Unit.MILLISECONDS),
    (re.compile(r"(.+?)_?(?:in_)?(?:minutes|mins|min)"), Unit.MINUTES),
    (re.compile(r"(.+?)_?(?:in_)?(?:hours|hrs)"), Unit.HOURS),
    (re.compile(r"(.+?)_?(?:in_)?(?:seconds|secs|sec)"), Unit.SECONDS),
    (re.compile(r"(.+?)_?(?:utc|epoch|unix|timestamp|iso|date|time)"), Unit.MOMENT),
)


def unit_of_header(name: str) -> Unit | None:
    """Return what a header counts that states an end outright, or None."""
    return next((unit for pattern, unit in _OUTRIGHT if pattern.fullmatch(name)), None)


def unit_of_field(name: str) -> Unit | None:
    """Return what a field counts that states an end, or None for one that does not."""
    if name in _SPANS:
        return Unit.SECONDS
    if name in _MOMENTS:
        return Unit.MOMENT
    for pattern, unit in _SUFFIXES:
        found = pattern.fullmatch(name)
        if found is None:
            continue
        stem = found[1]
        if stem in _SPANS or (unit is Unit.MOMENT and stem in _MOMENTS):
            return unit
        if unit is not Unit.MOMENT and stem in _MOMENTS:
            return Unit.MOMENT if unit in {Unit.MILLISECONDS, Unit.SECONDS} else None
    return None
