"""CrofAI: API keys with requests of a day, with credits, or with both.

Sources, certainty M: steipete/CodexBar (Providers/Crof, docs/crof.md: the day begins at midnight
in Chicago) and robinebers/openusage (docs/providers/crofai.md), both August 2026.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from providers._shared.answers import document, get
from providers._shared.fields import Part, fraction
from providers._shared.keys import ApiKeys
from providers._shared.windows import DAY, window
from rotator.errors import UnexpectedAnswer
from rotator.model import Balance, Credential, Snapshot, Window
from rotator.provider import Reading

_USAGE = "https://crof.ai/usage_api/"
_ZONE = "America/Chicago"


class Crof(ApiKeys):
    """A key does not say whose it is, and neither does the vendor."""

    ids = ("crof",)

    def read_usage(self, credential: Credential, now: datetime) -> Reading:
        """Return the day's requests, which a plan has, and the credits."""
        body = document((yield get(_USAGE, credential)), now)
        if not body.values.keys() & {"credits", "usable_requests"}:
            raise body.unusable("credits")
        left, is_told = _credits(body)
        day, is_whole = _day(body, now, blocks=left is None or left.amount <= 0)
        if day is None and left is None:
            raise body.unusable("credits")
        spent = day is None and is_whole and left is not None and left.amount <= 0
        windows = (day,) if day else ()
        return Snapshot(now, windows, left, spent=spent, complete=is_whole and is_told)


def _credits(body: Part) -> tuple[Balance | None, bool]:
    try:
        left = body.number("credits")
    except UnexpectedAnswer:
        return None, False
    return (None if left is None else Balance(left, "USD")), True


def _day(body: Part, now: datetime, *, blocks: bool) -> tuple[Window | None, bool]:
    """Return the day, and whether all that is told of it is understood."""
    try:
        most, left = body.number("requests_plan"), body.number("usable_requests")
    except UnexpectedAnswer:
        return None, False
    if not most and left is None:
        # No plan.
        return None, True
    if left is None or most is None or most <= 0:
        return None, False
    return window(DAY, fraction(most - left, most), _midnight(now), blocks=blocks), True


def _midnight(now: datetime) -> datetime | None:
    try:
        there = datetime.fromtimestamp(now.timestamp(), ZoneInfo(_ZONE))
    except (ZoneInfoNotFoundError, OSError):
        return None
    day = (there + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return day.astimezone(UTC)


PROVIDERS = (Crof(),)
