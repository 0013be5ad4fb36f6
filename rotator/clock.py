"""The one place that reads the clock; everything else gets the time passed in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """**Protocol:** what the watcher and the commands ask for the time."""

    def __call__(self) -> datetime:
        """Return the time now, aware, in UTC."""


def system_clock() -> datetime:
    """Return the time now, aware, in UTC."""
    return datetime.now(UTC)


# Clocks are set right by less than this all the time.
A_MOMENT = timedelta(seconds=1)


def is_ahead(at: datetime, now: datetime) -> bool:
    """Tell whether a time at which something happened is still to come: the clock was set back."""
    return at - now > A_MOMENT


def is_within(span: timedelta, at: datetime, now: datetime) -> bool:
    """Tell whether something happened less than `span` ago.

    One that is ahead by as much was noted by a clock that has been set back since, and is over:
    so no pause lasts longer than its span and the change, or ends early by more than the change.
    """
    return abs(now - at) < span


def to_iso(at: datetime) -> str:
    """Return `at` as ISO 8601 in UTC with milliseconds, as every file and output of ours has it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_iso(text: str) -> datetime:
    """Return the aware UTC time that `to_iso` wrote; raises ValueError for anything else."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        message = f"no time zone in {text!r}"
        raise ValueError(message)
    try:
        return at.astimezone(UTC)
    except OverflowError as exc:
        message = f"{text!r} is before or after every year"
        raise ValueError(message) from exc
