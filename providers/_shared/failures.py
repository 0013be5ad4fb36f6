"""What a failed answer says of itself, for vendors whose codes and texts are their own.

Only the usual places are read, `{"error": {"code", "type", "message"}}` of a body or of a line
of a stream, and the text of a line of opencode's log; never the whole body, for an answer may
echo what the user wrote. Bodies come from outside and may be anything, so nothing here raises.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from providers._shared.answers import retry_at
from rotator.model import Finding, Meaning, Signal

# Twice what the bridge sends of a body.
_LONGEST_BODY = 32_768
_LONGEST_TEXT = 2_000
_MOST_LINES = 64
_MOST_DIGITS = 10
# How opencode logs an error: "AI_APICallError: …", "AI_RetryError: … Last error: …".
_LOGGED = re.compile(r"^\w{0,40}Error:\s*(?:Failed after \d{1,3} attempts\. Last error: )?")
# Some vendors state their own wait beside the usual one, as `x-ratelimit-user-retry-after`.
_RETRY = re.compile(r"(?:[\w-]{1,60}-)?retry-after(-ms)?", re.ASCII)
_MOST_HEADERS = 8
_SHORTEST = timedelta(seconds=1)
_LONGEST = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Failure:
    """The evidence: `whole` is the object around `error`; both are empty where there is none."""

    whole: Mapping[str, Any] = field(repr=False)
    error: Mapping[str, Any] = field(repr=False)
    message: str = field(repr=False)


def code_in(entry: Mapping[str, Any], *names: str) -> str:
    """Return the first of an object's fields that holds a code, a number as its digits."""
    return next((code for name in names if (code := _code(entry.get(name)))), "")


def part_of(entry: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return an object inside another one, or an empty one."""
    return _object(entry.get(name))


def read_failure(signal: Signal) -> Failure:
    """Return what the signal's body says, or where it says nothing the text of the log."""
    whole = next((entry for entry in _objects(signal.body or signal.error or "")), {})
    error = whole.get("error")
    inside = _object(error)
    message = inside.get("message") or error or whole.get("message")
    if not whole:
        message = _LOGGED.sub("", (signal.error or "")[:_LONGEST_TEXT])
    return Failure(
        whole, inside, message[:_LONGEST_TEXT].strip() if isinstance(message, str) else ""
    )


def found(signal: Signal, meaning: Meaning, why: str, until: datetime | None = None) -> Finding:
    """Return the finding; `why` is in our own words, never a text of the answer's."""
    status = [] if signal.status is None else [str(signal.status)]
    return Finding(meaning, ", ".join([*status, why]), until)


def until(signal: Signal, now: datetime, told: datetime | None = None) -> datetime | None:
    """Return the latest of the headers' moments and `told`, and no earlier than in a second."""
    named = sorted(name for name in signal.headers if _RETRY.fullmatch(name))[:_MOST_HEADERS]
    waits = ({_RETRY.sub(r"retry-after\1", name): signal.headers[name]} for name in named)
    said = (*(retry_at(wait, now) for wait in waits), told)
    meant = [at for at in said if at is not None and abs(at - now) <= _LONGEST]
    return max(now + _SHORTEST, *meant) if meant else None


def _objects(text: str) -> Iterator[Mapping[str, Any]]:
    """Yield the objects of a body, of the lines of a stream, or of a text that ends in one."""
    text = text[:_LONGEST_BODY].strip()
    lines = [line[5:] for line in text.splitlines() if line.startswith("data:")]
    start = text.find("{")
    for candidate in (*lines[:_MOST_LINES], text[max(start, 0) :]):
        try:
            value = json.JSONDecoder().raw_decode(candidate.strip())[0]
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) and value:
            yield value


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _code(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) < 10**_MOST_DIGITS else ""
    return value.strip()[:_LONGEST_TEXT] if isinstance(value, str) else ""
