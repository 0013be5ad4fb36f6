"""When a failed answer says that it is worth asking again; pure arithmetic on what it states.

Headers, body fields and words are read in every form of one grammar, for every vendor alike.
Each statement becomes seconds from the arrival of the answer, and the latest counts: before
that, some part of the answer says no. Of windows, only those count that are full. What cannot
be is ignored, and so is a time without a zone, unless its vendor is known to mean one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice
from urllib.parse import unquote

from rotator.core.failures.body_windows import of_full, windows_in
from rotator.core.failures.end_names import (
    SECONDS_IN,
    Unit,
    names_a_renewal,
    names_utc,
    unit_named,
    unit_of_field,
    unit_of_header,
)
from rotator.core.failures.error_response import ErrorResponse, number_of, snake
from rotator.core.failures.full_windows import full_in
from rotator.core.failures.moments import as_epoch, exact_moment, read_moment
from rotator.core.failures.spans import whole_span
from rotator.core.failures.words import stated_in_all

# A year; more than that is a mistake of the sender.
LONGEST_SECONDS = 366 * 86_400.0
SHORTEST = timedelta(seconds=1)
# A reset that has just passed means "now"; one long past means nothing.
_LATE_SECONDS = -3_600.0
# Numbers from here on are moments, whatever they stand for.
_FIRST_MOMENT = 1e9
_MOST_MESSAGES = 8
_LONGEST_VALUE = 200
# What an object under one of these names says is said of it: `"retry": {"after_ms": 500}`.
_GROUPS = frozenset({"retry", "reset", "resets", "next_reset", "cooldown", "wait", "try_again"})
_MOST_PARTS = 8
# google.rpc: RetryInfo tells a wait of seconds beside a quota of a day.
_WAITS = frozenset({"retry_delay"})

_REMAINING = re.compile(
    r"(?:(?:x-)?rate-?limit|anthropic-ratelimit)-(?:[\w-]+-)?remaining(?:-[\w-]+)?"
)
_PLAIN_RESET = re.compile(r"(?:x-)?rate-?limit-reset(?:-after|-ms|-at)?")
_FULL_PERCENT = 100.0
_SEVERAL = re.compile(r"\d{1,17}(?:\.\d{1,9})?(?:, ?\d{1,17}(?:\.\d{1,9})?){1,7}", re.ASCII)
_LEFT = (
    "remaining", "percent_remaining", "x_ratelimit_remaining", "x_rate_limit_remaining",
    "ratelimit_remaining", "rate_limit_remaining",
)  # fmt: skip
_SLOT = re.compile(r"(x-[\w-]{1,40}-(?:primary|secondary))-used-percent")
_SNAPSHOT = re.compile(r"x-(?:quota-snapshot|usage-ratelimit)-[\w-]+")
_STRUCTURED = re.compile(r"(?:^|[;, ])(?P<name>r|remaining|t|reset)=(?P<value>\d{1,12})")
_LONG_WINDOW = re.compile(
    r"quota|session|daily|weekly|monthly|day|week|month|hour|(?<![a-z\d])\d{1,3}[hd](?![a-z\d])",
    re.IGNORECASE,
)
_LONG_REMAINING = re.compile(r"x-ratelimit-remaining-(?:[\w-]+-)?(?:day|week|month)")
_MOST_HEADERS = 200


def stated_until(
    answer: ErrorResponse,
    at: datetime,
    now: datetime,
    zone: tzinfo | None = None,
    *,
    waits_count: bool = True,
    renewals_count: bool = True,
) -> datetime | None:
    """Return when the answer says to ask again, or None if it does not say.

    `at` is when the answer arrived. Absolute times are by the server's clock, so its `date`
    header corrects them; without a zone they are in `zone`. Without `waits_count` what is said
    of the next try counts for nothing, and without `renewals_count` when a plan is renewed: it
    does not either where words say when to ask again. The result is at least a second after `now`.
    """
    arrived = min(at, now)
    date = exact_moment(answer.headers.get("date", ""))
    server = arrived.timestamp() if date is None else date
    left_out = frozenset[str]() if waits_count else _WAITS
    words = list(_words(answer, server, zone))
    renewals_count = renewals_count and _latest(words) is None
    fields = _fields(answer, server, zone, left_out, renewals_count=renewals_count)
    said = [fields]
    if fields is None:
        # Beside the fields the headers and the words would only repeat them, rounded.
        said += _full_windows(answer.headers, server)
    if waits_count:
        said += words if fields is None else ()
        said.append(_outright(answer.headers, server))
    seconds = _latest(said)
    if seconds is None and waits_count:
        seconds = _latest(_ratelimit(answer.headers, server))
    if seconds is None:
        return None
    try:
        return max(arrived + timedelta(seconds=seconds), now + SHORTEST).astimezone(UTC)
    except OverflowError:
        return None


def names_a_full_window(headers: Mapping[str, str]) -> bool:
    """Tell whether the headers say that a plan's window, or one of a day or more, is full."""
    return (
        any(True for _ in _full_windows(headers, 0.0))
        or _LONG_WINDOW.search(headers.get("x-ratelimit-exceeded", "")[:_LONGEST_VALUE]) is not None
        or any(
            _LONG_REMAINING.fullmatch(name) and number_of(value) == 0
            for name, value in headers.items()
        )
    )


def _latest(stated: Iterable[float | None]) -> float | None:
    return max((seconds for seconds in stated if seconds is not None), default=None)


def _fields(
    answer: ErrorResponse,
    server: float,
    zone: tzinfo | None,
    left_out: frozenset[str],
    *,
    renewals_count: bool,
) -> float | None:
    """Return the end that fields state, of the windows that are full."""
    ends = [
        (window, end)
        for window in windows_in(answer.objects)
        if not _has_some_left(window.fields)
        and (fields := _that_count(window.fields, renewals_count=renewals_count))
        and (end := _latest(_in_fields(fields, server, zone, left_out))) is not None
    ]
    windows = [window for window, _ in ends]
    if windows[1:]:
        names = {window.name for window in windows} - {""}
        windows = of_full(windows, _told_full(answer) if names else frozenset())
    return _latest(end for window, end in ends if window in windows)


def _that_count(fields: Mapping[str, object], *, renewals_count: bool) -> Mapping[str, object]:
    if renewals_count:
        return fields
    return {name: value for name, value in fields.items() if not names_a_renewal(name)}


def _told_full(answer: ErrorResponse) -> frozenset[str]:
    """Return the windows that codes or words say are full."""
    texts = (code.replace("_", " ") for code in answer.codes[:_MOST_MESSAGES])
    told = (*texts, *answer.messages[:_MOST_MESSAGES])
    return frozenset(name for text in told for name in full_in(text[:_LONGEST_VALUE]))


def _words(answer: ErrorResponse, server: float, zone: tzinfo | None) -> Iterator[float | None]:
    told = stated_in_all(answer.messages[:_MOST_MESSAGES], server, zone)
    return (_ahead(seconds) for seconds in told)


def _outright(headers: Mapping[str, str], server: float) -> float | None:
    told = [
        (unit, _seconds(headers[name], unit, server))
        for name in sorted(headers)[:_MOST_HEADERS]
        if (unit := unit_of_header(name)) is not None and not _is_of_an_open_window(headers, name)
    ]
    # The same wait, more exactly.
    exact = _latest(seconds for unit, seconds in told if unit is Unit.MILLISECONDS)
    return exact if exact is not None else _latest(seconds for _, seconds in told)


def _is_of_an_open_window(headers: Mapping[str, str], name: str) -> bool:
    """Tell whether a reset is of what is allowed by a header beside it: that keeps nobody off."""
    if not name.endswith("-reset"):
        return False
    of = name.removesuffix("reset")
    left = number_of(headers.get(f"{of}remaining"))
    is_allowed = headers.get(f"{of}status", "").strip().lower().startswith("allowed")
    return is_allowed or (left is not None and left > 0)


def _full_windows(headers: Mapping[str, str], server: float) -> Iterator[float | None]:
    """Give the ends of a plan's windows that are full, None for one without an end."""
    for name in sorted(headers)[:_MOST_HEADERS]:
        slot = _SLOT.fullmatch(name)
        if slot is not None and (number_of(headers[name]) or 0.0) >= _FULL_PERCENT:
            after = _seconds(headers.get(f"{slot[1]}-reset-after-seconds"), Unit.SECONDS, server)
            at = _seconds(headers.get(f"{slot[1]}-reset-at"), Unit.MOMENT, server)
            yield after if after is not None else at
        elif _SNAPSHOT.fullmatch(name):
            yield from _snapshot(headers[name], server)


def _snapshot(text: str, server: float) -> Iterator[float | None]:
    """Give the end of a quota by Copilot's headers: `ent=300&rem=0.0&rst=2026-08-01T…`."""
    parts = dict(part.split("=", 1) for part in text[:_LONGEST_VALUE].split("&") if "=" in part)
    left, entitled = number_of(parts.get("rem")), number_of(parts.get("ent"))
    if left is not None and left <= 0 and (entitled is None or entitled >= 0):
        yield _seconds(unquote(parts.get("rst", "")), Unit.MOMENT, server)


def _ratelimit(headers: Mapping[str, str], server: float) -> Iterator[float | None]:
    """Give the resets of the empty windows, which tell when a window is whole again."""
    for name in sorted(headers)[:_MOST_HEADERS]:
        if _REMAINING.fullmatch(name) and number_of(headers[name]) == 0:
            for ending in ("reset", "reset-after", "reset-at", "reset-ms"):
                yield _seconds(headers.get(name.replace("remaining", ending)), _by(ending), server)
        elif _PLAIN_RESET.fullmatch(name) and _is_alone(name, headers):
            yield _seconds(headers[name], _by(name), server)
        elif name in {"ratelimit", "x-ratelimit"}:
            yield _structured(headers[name], server)


def _by(name: str) -> Unit:
    return Unit.MILLISECONDS if name.endswith("-ms") else Unit.SECONDS


def _is_alone(reset: str, headers: Mapping[str, str]) -> bool:
    return re.sub(r"reset(?:-after|-ms|-at)?$", "remaining", reset) not in headers


def _structured(text: str, server: float) -> float | None:
    """Return the end of `"default";r=0;t=8624` or `limit=9, remaining=0, reset=50`, if full."""
    text = text[:_LONGEST_VALUE]
    # The newer form has an item for each window, the older one window in all.
    items = text.split(",") if ";" in text else [text]
    return _latest(_item(dict(_STRUCTURED.findall(item)), server) for item in items)


def _item(told: Mapping[str, str], server: float) -> float | None:
    left = number_of(told.get("r", told.get("remaining")))
    if left is None or left > 0:
        return None
    return _seconds(told.get("t", told.get("reset")), Unit.SECONDS, server)


def _has_some_left(entry: Mapping[str, object]) -> bool:
    """Tell whether what an object says of its window is that it is not full."""
    used = [number_of(entry.get(name)) for name in ("used_percent", "percentage", "percent")]
    left = [number_of(entry.get(name)) for name in _LEFT]
    return (
        any(percent is not None and percent < _FULL_PERCENT for percent in used)
        or any(count is not None and count > 0 for count in left)
        or entry.get("limit_reached") is False
    )


def _in_fields(
    entry: Mapping[str, object], server: float, zone: tzinfo | None, left_out: frozenset[str]
) -> Iterator[float | None]:
    """Give the ends in an object's fields; a length, which needs no clock, before a moment."""
    units = {n: unit for n in entry if n not in left_out and (unit := unit_of_field(n))}
    lengths = {
        n: _seconds(entry[n], unit, server) for n, unit in units.items() if unit is not Unit.MOMENT
    }
    yield from lengths.values()
    if not any(s is not None and _is_of_the_window(n) for n, s in lengths.items()):
        for name, unit in units.items():
            if unit is Unit.MOMENT:
                told = _in_utc(entry[name]) if names_utc(name) else entry[name]
                yield _seconds(told, unit, server, zone)
    for group in _GROUPS.intersection(entry):
        inner = entry[group]
        if isinstance(inner, dict):
            parts = {f"{group}_{snake(n)}": v for n, v in islice(inner.items(), _MOST_PARTS)}
            yield from _in_fields(parts, server, zone, left_out)


def _in_utc(value: object) -> object:
    """Return a time in words with the zone that its name has for it."""
    is_words = isinstance(value, str) and number_of(value) is None and len(value) <= _LONGEST_VALUE
    return f"{value} UTC" if is_words and exact_moment(str(value).strip()) is None else value


def _is_of_the_window(name: str) -> bool:
    return "reset" in name


def _seconds(value: object, unit: Unit, server: float, zone: tzinfo | None = None) -> float | None:
    """Return how far off `value` is: a number of a unit, a length such as `6m0s`, or a moment."""
    if isinstance(value, dict):
        value, unit = _of_parts(value, unit)
    number = number_of(value)
    if number is not None:
        return _by_number(number, unit, server)
    if not isinstance(value, str) or len(value) > _LONGEST_VALUE:
        return None
    text = value.strip()
    if _SEVERAL.fullmatch(text):
        # A header that was given twice.
        return _by_number(max(map(float, text.split(","))), unit, server)
    at = exact_moment(text)
    if at is not None:
        return _ahead(at - server)
    span = whole_span(text)
    if span is not None:
        return _sensible(span.after(server))
    moment = read_moment(text, 0, server, zone)
    is_whole = moment is not None and not text[moment.end :].strip(" .)")
    if moment is None or moment.at is None or not is_whole:
        return None
    return _ahead(moment.at - server)


def _of_parts(value: Mapping[str, object], unit: Unit) -> tuple[object, Unit]:
    """Return what an object counts: `{"seconds": 30, "nanos": 0}`, or a value and its unit."""
    told = {snake(name): part for name, part in islice(value.items(), _MOST_PARTS)}
    if "value" in told:
        named = unit_named(snake(str(told.get("unit"))))
        return told["value"], unit if named is None or unit is Unit.MOMENT else named
    parts = [
        count * SECONDS_IN.get(named, 1.0)
        for name, part in told.items()
        if (named := unit_named(name)) is not None and (count := number_of(part)) is not None
    ]
    return (sum(parts), unit if unit is Unit.MOMENT else Unit.SECONDS) if parts else (None, unit)


def _by_number(number: float, unit: Unit, server: float) -> float | None:
    if unit is Unit.MILLISECONDS and number < _FIRST_MOMENT * 1_000:
        return _sensible(number / 1_000)
    if number >= _FIRST_MOMENT:
        return _ahead(as_epoch(number) - server)
    # A small number is a placeholder, not the year 1970.
    return None if unit is Unit.MOMENT else _sensible(number * SECONDS_IN.get(unit, 1.0))


def _sensible(seconds: float) -> float | None:
    """Return a length that can be meant: not a negative one, nor one of more than a year."""
    return seconds if 0 <= seconds <= LONGEST_SECONDS else None


def _ahead(seconds: float) -> float | None:
    """Return the seconds to a moment; one that has just passed is now."""
    return max(seconds, 0.0) if _LATE_SECONDS <= seconds <= LONGEST_SECONDS else None
