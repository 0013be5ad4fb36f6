"""The rate-limit headers that most vendors of API keys send with a good answer.

OpenAI's and its followers' (https://platform.openai.com/docs/guides/rate-limits, H),
Anthropic's for API keys (https://docs.anthropic.com/en/api/rate-limits, H), Cerebras' with its
lengths in the name (https://inference-docs.cerebras.ai/support/rate-limits, H), Mistral's
(https://github.com/mistralai/client-ts/issues/169, M) and the plain X-RateLimit ones. They come
from anybody's server, so what is not understood is passed over.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from providers._shared.windows import DAY, HOUR, MONTH, month, window
from rotator.model import Window

_NAME = re.compile(
    r"x-ratelimit-remaining(?:-(?P<openai>[a-z]+(?:-[a-z]+){0,3}))?"
    r"|anthropic-ratelimit-(?P<anthropic>[a-z]+(?:-[a-z]+)?)-remaining"
)
# The plans of OAuth logins are counted by windows of their own.
_UNIFIED = "unified"
_LENGTHS = {"minute": 60, "hour": HOUR, "day": DAY, "month": MONTH}
_COUNTED = {"req": "requests"}
_MOST_HEADERS = 200

_NUMBER = re.compile(r"\d{1,15}(?:\.\d{1,12})?", re.ASCII)
_PART = re.compile(r"(\d{1,12}(?:\.\d{1,12})?)(ms|s|m|h|d)", re.ASCII)
_DURATION = re.compile(rf"(?:{_PART.pattern}){{1,5}}", re.ASCII)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
# Numbers from here on are moments: seconds since 1970, and milliseconds.
_FIRST_MOMENT = 1e9
_FIRST_MOMENT_MS = 1e11
_LONGEST_SECONDS = 400 * 86_400
# Clocks differ; a reset that is long past says nothing.
_LATEST_SECONDS = -3_600


def read_ratelimit(headers: Mapping[str, str], now: datetime) -> tuple[Window, ...]:
    """Return the windows that the headers (names in lower case) tell, in order of their names.

    Only one that says its length, and is at least a day long, blocks: the others fill up again
    all the time (`reset` is when they are full), and may bind a model that nobody names.
    """
    windows = {window.name: window for window in _windows(headers, now)}
    return tuple(windows[name] for name in sorted(windows))


def _windows(headers: Mapping[str, str], now: datetime) -> Iterator[Window]:
    for name in sorted(headers)[:_MOST_HEADERS]:
        match = _NAME.fullmatch(name)
        what = "" if match is None else match["openai"] or match["anthropic"] or ""
        if match is None or what.startswith(_UNIFIED):
            continue
        used = _used(headers.get(name.replace("remaining", "limit")), headers[name])
        if used is None:
            continue
        resets_at = _moment(headers.get(name.replace("remaining", "reset")), now)
        yield _window(what, used, resets_at)


def _used(limit: str | None, remaining: str) -> float | None:
    """Return the fraction that is gone; None where the two do not tell one."""
    left, most = _number(remaining), _number(limit)
    if left is None or most is None or most <= 0:
        return None
    return min(max((most - left) / most, 0.0), 1.0)


def _window(what: str, used: float, resets_at: datetime | None) -> Window:
    """Return a window by what is counted and the length in its name: `requests-day`."""
    counted, _, length = what.rpartition("-")
    if length not in _LENGTHS:
        counted, length = what, ""
    about = _COUNTED.get(counted, counted).replace("-", " ") or "requests"
    if not length:
        return Window(about, used, resets_at, blocks=False)
    if length == "month":
        return month(used, resets_at, about=about)
    blocks = _LENGTHS[length] >= DAY
    return window(_LENGTHS[length], used, resets_at, about=about, blocks=blocks)


def _moment(text: str | None, now: datetime) -> datetime | None:
    """Return the moment of a reset: a number or a length from now on, or a moment itself."""
    value = (text or "").strip()
    number = _number(value)
    if number is not None and number >= _FIRST_MOMENT:
        seconds = number / 1_000 if number >= _FIRST_MOMENT_MS else number
        return _from_now(seconds - now.timestamp(), now)
    if number is not None:
        return _from_now(number, now)
    if _DURATION.fullmatch(value):
        parts = (float(count) * _SECONDS[unit] for count, unit in _PART.findall(value))
        return _from_now(math.fsum(parts), now)
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return None
    return None if at.tzinfo is None else _from_now(at.timestamp() - now.timestamp(), now)


def _from_now(seconds: float, now: datetime) -> datetime | None:
    """Return that moment; None for one that is too far off to be meant."""
    meant = _LATEST_SECONDS <= seconds <= _LONGEST_SECONDS
    return now + timedelta(seconds=seconds) if meant else None


def _number(text: str | None) -> float | None:
    value = (text or "").strip()
    return float(value) if _NUMBER.fullmatch(value) else None
