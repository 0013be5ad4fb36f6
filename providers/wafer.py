"""Wafer: API keys of a pass with a number of requests in five hours.

Sources, certainty M: steipete/CodexBar (Providers/Wafer),
https://github.com/openchamber/openchamber/blob/main/packages/web/server/lib/quota/providers/wafer.js
and mcowger/plexus (the answer, in its tests), August to November 2026.
"""

from __future__ import annotations

from datetime import datetime

from providers._shared.answers import document, get
from providers._shared.fields import Part, fraction
from providers._shared.keys import ApiKeys
from providers._shared.windows import DAY, FIVE_HOURS, window
from rotator.errors import UnexpectedAnswer
from rotator.model import Credential, Snapshot
from rotator.provider import Reading

_QUOTA = "https://pass.wafer.ai/v1/inference/quota"
_LONGEST = 400 * DAY


class Wafer(ApiKeys):
    """A key does not say whose it is, and neither does the vendor."""

    ids = ("wafer.ai", "wafer", "wafer-ai")

    def read_usage(self, credential: Credential, now: datetime) -> Reading:
        """Return the requests of the window; who pays for more goes on when they are used up."""
        body = document((yield get(_QUOTA, credential)), now)
        used = _used(body)
        over = _number_or_nothing(body, "overage_request_count")
        length, resets_at = _span(body)
        own = window(length, used, resets_at, blocks=not over)
        return Snapshot(now, (own,), plan=body.text("plan_tier"), complete=True)


def _used(body: Part) -> float:
    most = _number_or_nothing(body, "included_request_limit")
    left = _number_or_nothing(body, "remaining_included_requests")
    if most and left is not None and most > 0:
        return fraction(most - left, most)
    percent = body.percent("current_period_used_percent")
    if percent is None:
        raise body.unusable("current_period_used_percent")
    return percent


def _span(body: Part) -> tuple[float, datetime | None]:
    try:
        start, end = body.moment("window_start"), body.moment("window_end")
    except UnexpectedAnswer:
        return FIVE_HOURS, None
    seconds = (end - start).total_seconds() if start and end else 0
    return (seconds if 0 < seconds <= _LONGEST else FIVE_HOURS), end


def _number_or_nothing(body: Part, name: str) -> float | None:
    try:
        told = body.number(name)
    except UnexpectedAnswer:
        return None
    return None if told is None else float(told)


PROVIDERS = (Wafer(),)
