"""When a failed answer says that it is worth asking again; pure arithmetic on what it states.

Headers, body fields and text are read in the forms that providers document. Each statement
becomes seconds from the arrival of the answer, and the latest counts: before that, some part
of the answer says no. What cannot be is ignored. Times without a zone are no times (some
vendors mean their own), and obsolete forms of the HTTP date are not read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

from rotator.core.failures.error_response import ErrorResponse

# A year's plan and some slack; more than that is a mistake of the sender.
LONGEST_SECONDS = 400 * 86_400.0
SHORTEST = timedelta(seconds=1)
# A reset that has just passed means "now"; one long past means nothing.
_LATE_SECONDS = -3_600.0
# Numbers from here on are moments: seconds since 1970, and milliseconds.
_FIRST_MOMENT = 1e9
_FIRST_MOMENT_MS = 1e11
_LARGEST = 1e15
_MOST_MESSAGES = 8
_LONGEST_TEXT = 1_000

_LENGTH_FIELDS = (
    "resets_in_seconds",
    "reset_in_seconds",
    "reset_after_seconds",
    "retry_after",
    "retry_after_seconds",
    # google.rpc: RetryInfo.retryDelay, and ErrorInfo.metadata of Cloud Code.
    "retry_delay",
    "quota_reset_delay",
)
_MOMENT_FIELDS = ("resets_at", "reset_at", "reset_time", "quota_reset_time_stamp")
# These say the same as the moment beside them, and need no clock.
_CLOCKLESS = {
    "resets_in_seconds",
    "reset_in_seconds",
    "reset_after_seconds",
    "quota_reset_delay",
}

_COUNT = r"\d{1,12}(?:\.\d{1,12})?"
_UNIT = r"(?:ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d|weeks?|w)(?![a-z])"
_PART = re.compile(rf"({_COUNT})\s*({_UNIT})", re.IGNORECASE)
_LENGTH = rf"(?:{_COUNT}\s*{_UNIT}[\s,]*(?:and\s+)?)+"
_WHOLE_LENGTH = re.compile(_LENGTH, re.IGNORECASE)
_UNIT_SECONDS = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 604_800.0}
_NUMBER = re.compile(r"[+-]?\d{1,20}(?:\.\d{1,20})?", re.ASCII)
_HTTP_DATE = re.compile(
    r"[A-Z][a-z]{2}, (\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT", re.ASCII
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# "Please try again in 41.7s", "Resets in 19hr", "reset after 1h2m3s", "Please wait 5 minutes".
_IN_TEXT = re.compile(
    r"(?:(?:try again|retry|resets?)\b[^.\d\n]{0,40}?\b(?:in|after)|\bwait(?: for)?)"
    rf" (?:about |approximately )?({_LENGTH})",
    re.IGNORECASE,
)
# "resets at 2026-05-15T15:00:00Z", "You will regain access on 2026-04-01 at 00:00 UTC".
_AT_IN_TEXT = re.compile(
    r"(?:resets?|regain access)\b[^.\d\n]{0,40}?\b(?:at|on) (\d{4}-\d\d-\d\d)"
    r"(?:T| at | )(\d\d:\d\d(?::\d\d)?)(?:\.\d+)? ?(Z|UTC|[+-]\d\d:\d\d)",
    re.IGNORECASE,
)


def stated_until(answer: ErrorResponse, at: datetime, now: datetime) -> datetime | None:
    """Return when the answer says to ask again, or None if it does not say.

    `at` is when the answer arrived. Absolute times are by the server's clock, so its `date`
    header corrects them. The result is at least a second after `now`.
    """
    arrived = min(at, now)
    date = _http_date(answer.headers.get("date", ""))
    server = arrived.timestamp() if date is None else date
    seconds = _latest(_stated(answer, server))
    if seconds is None:
        seconds = _latest(_ratelimit(answer.headers, server))
    if seconds is None:
        return None
    try:
        return max(arrived + timedelta(seconds=seconds), now + SHORTEST).astimezone(UTC)
    except OverflowError:
        return None


def _latest(stated: Iterable[float | None]) -> float | None:
    return max((seconds for seconds in stated if seconds is not None), default=None)


def _stated(answer: ErrorResponse, server: float) -> Iterator[float | None]:
    yield _retry_after(answer.headers, server)
    in_body = _latest(s for entry in answer.objects for s in _in_fields(entry, server))
    yield in_body
    if in_body is None:
        # Beside the fields the text would only repeat them, rounded.
        for message in answer.messages[:_MOST_MESSAGES]:
            yield from _in_text(message[:_LONGEST_TEXT], server)


def _retry_after(headers: Mapping[str, str], server: float) -> float | None:
    exact = _number(headers.get("retry-after-ms"))
    if exact is not None:
        return _relative(exact / 1_000)
    return _seconds(headers.get("retry-after"), server)


def _ratelimit(headers: Mapping[str, str], server: float) -> Iterator[float | None]:
    """Give the resets of the empty windows, which tell when a window is whole again."""
    for name, value in headers.items():
        if "ratelimit" in name and "remaining" in name and _number(value) == 0:
            yield _seconds(headers.get(name.replace("remaining", "reset")), server)


def _in_fields(entry: Mapping[str, object], server: float) -> Iterator[float | None]:
    lengths = {name: _seconds(entry.get(name), server) for name in _LENGTH_FIELDS}
    yield from lengths.values()
    milliseconds = _number(entry.get("retry_after_ms"))
    if milliseconds is not None:
        yield _relative(milliseconds / 1_000)
    if all(lengths[name] is None for name in _CLOCKLESS):
        for name in _MOMENT_FIELDS:
            yield _absolute(_moment(entry.get(name)), server)


def _in_text(message: str, server: float) -> Iterator[float | None]:
    for match in _IN_TEXT.finditer(message):
        yield _relative(_length(match[1]))
    for match in _AT_IN_TEXT.finditer(message):
        zone = match[3] if match[3][0] in "+-" else "+00:00"
        yield _absolute(_moment(f"{match[1]}T{match[2]}{zone}"), server)


def _seconds(value: object, server: float) -> float | None:
    """Return how far off `value` is: a number of seconds, a length such as `6m0s`, or a moment."""
    number = _number(value)
    if number is not None and number < _FIRST_MOMENT:
        return _relative(number)
    if isinstance(value, str) and _WHOLE_LENGTH.fullmatch(value):
        return _relative(_length(value))
    return _absolute(_moment(value), server)


def _moment(value: object) -> float | None:
    """Return `value` in seconds since 1970: such a number, ISO 8601 with a zone, an HTTP date."""
    number = _number(value)
    if number is not None:
        # A small number is a placeholder, not the year 1970.
        moment = number / 1_000 if number >= _FIRST_MOMENT_MS else number
        return moment if number >= _FIRST_MOMENT else None
    if not isinstance(value, str):
        return None
    try:
        moment_at = datetime.fromisoformat(value)
    except ValueError:
        return _http_date(value)
    return None if moment_at.tzinfo is None else moment_at.timestamp()


def _http_date(text: str) -> float | None:
    match = _HTTP_DATE.fullmatch(text)
    if match is None or match[2] not in _MONTHS:
        return None
    day, year, hour, minute, second = (int(match[n]) for n in (1, 3, 4, 5, 6))
    try:
        moment = datetime(year, _MONTHS.index(match[2]) + 1, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    return moment.timestamp()


def _number(value: object) -> float | None:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # Neither what is not a number nor what no float can hold says anything.
    return float(value) if abs(value) < _LARGEST else None


def _relative(seconds: float) -> float | None:
    return max(seconds, 0.0) if seconds <= LONGEST_SECONDS else None


def _absolute(moment: float | None, server: float) -> float | None:
    if moment is None or not _LATE_SECONDS <= moment - server <= LONGEST_SECONDS:
        return None
    return max(moment - server, 0.0)


def _length(text: str) -> float:
    """Return the seconds of `1h2m3s`, `2m59.56s`, `5 days 10 hours` or `644ms`."""
    return math.fsum(float(count) * _unit(name.lower()) for count, name in _PART.findall(text))


def _unit(name: str) -> float:
    return 0.001 if name == "ms" else _UNIT_SECONDS[name[0]]
