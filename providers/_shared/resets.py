"""When a limit of a calendar day, week or month by UTC begins anew."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def next_day(now: datetime) -> datetime:
    """Return the next midnight."""
    return _midnight(now) + timedelta(days=1)


def next_week(now: datetime) -> datetime:
    """Return the next midnight that begins a Monday."""
    return _midnight(now) + timedelta(days=7 - now.astimezone(UTC).weekday())


def next_month(now: datetime) -> datetime:
    """Return the next midnight that begins a month."""
    # The 28th and four days are always in the next month.
    return (_midnight(now).replace(day=28) + timedelta(days=4)).replace(day=1)


def _midnight(now: datetime) -> datetime:
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
