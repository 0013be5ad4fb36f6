"""Rows of the history as the values that they stand for, None where a row cannot be read.

Every table is STRICT: a value of another type than its column's, a text that is none and a NULL
where none may be are damage that SQLite does not tell. It costs the row.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rotator.clock import from_iso
from rotator.core.poll_schedule import OwnerRecord, UsageRecord
from rotator.core.usage_codec import read_snapshot
from rotator.model import Event, EventKind

Row = Sequence[Any]
# By column: which types it may have.
_Kinds = tuple[tuple[type, ...], ...]
_TEXT, _NUMBER, _SHARE = (str,), (int,), (float,)
_TEXT_OR_NONE = (str, type(None))
_EVENT: _Kinds = (_TEXT, _TEXT, *[_TEXT_OR_NONE] * 4, _TEXT, _TEXT_OR_NONE)
_USAGE: _Kinds = (_TEXT_OR_NONE, _TEXT_OR_NONE, _NUMBER, _TEXT_OR_NONE, _TEXT_OR_NONE)
_READING: _Kinds = (_TEXT, _TEXT_OR_NONE, _TEXT, _SHARE)
_OWNER_QUESTION: _Kinds = (_NUMBER, _NUMBER, _TEXT_OR_NONE)


def event_of(row: Row) -> Event | None:
    """Return the event of at, kind, provider, account, from, to, why and detail."""
    if not _is_written(row, _EVENT):
        return None
    at, kind, *rest = row
    try:
        return Event(from_iso(at), EventKind(kind), *rest)
    except ValueError:
        return None


def usage_of(row: Row) -> UsageRecord:
    """Return the record of snapshot, failure, failures, due and leased; one unread is anew."""
    if not _is_written(row, _USAGE):
        return UsageRecord()
    snapshot, failure, failures, due_at, leased_until = row
    try:
        return UsageRecord(
            snapshot=read_snapshot(snapshot) if snapshot else None,
            failure=failure,
            failures=failures,
            due_at=from_iso(due_at) if due_at else None,
            leased_until=from_iso(leased_until) if leased_until else None,
        )
    except ValueError:
        return UsageRecord()


def reading_of(row: Row) -> tuple[str, str | None, datetime, float] | None:
    """Return window, model, when and how much was used."""
    if not _is_written(row, _READING):
        return None
    window, model, at, used = row
    try:
        return (window, model, from_iso(at), used) if math.isfinite(used) else None
    except ValueError:
        return None


def owner_question_of(row: Row) -> OwnerRecord:
    """Return the record of tries, answered and due; one unread was never asked."""
    if not _is_written(row, _OWNER_QUESTION):
        return OwnerRecord()
    tries, answered, due_at = row
    try:
        return OwnerRecord(tries, bool(answered), from_iso(due_at) if due_at else None)
    except ValueError:
        # The time alone is lost.
        return OwnerRecord(tries, bool(answered))


def is_name(value: object) -> bool:
    """Tell whether a value is text, and one that can be written again."""
    return isinstance(value, str) and (value.isascii() or _is_text(value))


def _is_written(row: Row, kinds: _Kinds) -> bool:
    return all(
        isinstance(value, kind) and (not isinstance(value, str) or is_name(value))
        for value, kind in zip(row, kinds, strict=True)
    )


def _is_text(value: str) -> bool:
    # Bytes that are none were read as single surrogates.
    return not any("\ud800" <= letter <= "\udfff" for letter in value)
