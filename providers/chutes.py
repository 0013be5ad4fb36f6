"""Chutes: API keys with a subscription, or with a number of requests a day.

Sources, certainty M: https://github.com/steipete/CodexBar/blob/main/Tests/CodexBarTests/ChutesProviderTests.swift
(the subscription) and https://github.com/slkiser/opencode-quota/blob/main/src/lib/chutes.ts (the
day). A 429 names no time: https://github.com/chutesai/chutes-api/issues/56.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from providers._shared.answers import document, get
from providers._shared.fields import Part, fraction
from providers._shared.keys import ApiKeys
from providers._shared.pieces import Pieces
from providers._shared.resets import next_day
from providers._shared.windows import DAY, HOUR, month, window
from rotator.model import Credential, Snapshot, Window
from rotator.provider import Reading

_SUBSCRIPTION = "https://api.chutes.ai/users/me/subscription_usage"
_QUOTA = "https://api.chutes.ai/users/me/quota_usage/me"
_USUAL_MINUTES = 4 * HOUR // 60
_LONGEST = 400 * DAY


class Chutes(ApiKeys):
    """A key does not say whose it is, and neither does the vendor."""

    ids = ("chutes",)

    def read_usage(self, credential: Credential, now: datetime) -> Reading:
        """Return the subscription's windows; who has none is asked for the day's requests."""
        body = document((yield get(_SUBSCRIPTION, credential)), now)
        pieces = Pieces()
        subscription = Pieces().part(body, "subscription")
        plan = None if subscription is None else subscription.text("plan_name")
        windows = (
            *pieces.windows([pieces.part(body, "rolling_window")], _rolling),
            *pieces.windows([pieces.part(body, "monthly")], _monthly),
        )
        if not windows and pieces.are_whole:
            quota = document((yield get(_QUOTA, credential)), now)
            windows = tuple(_day(quota, now))
        complete = pieces.are_whole and bool(windows)
        return pieces.told(Snapshot(now, windows, plan=plan, complete=complete))


def _rolling(rolling: Part) -> Window | None:
    used = _used(rolling, "requests")
    if used is None:
        return None
    minutes = rolling.one_of_several("window_minutes")
    length = 60 * (minutes or 0)
    if minutes is not None and not 0 < length <= _LONGEST:
        rolling.note("window_minutes")
    length = length if 0 < length <= _LONGEST else 60 * _USUAL_MINUTES
    return window(length, used, rolling.moment("reset_at"))


def _monthly(monthly: Part) -> Window | None:
    used = _used(monthly, "used")
    return None if used is None else month(used, monthly.moment("resets_at"))


def _day(quota: Part, now: datetime) -> Iterator[Window]:
    """Yield the day's requests; a quota of 0 is none, for such an account pays for each."""
    if quota.values.get("quota") is None:
        raise quota.unusable("quota")
    if (used := _used(quota, "used", "quota")) is not None:
        yield window(DAY, used, next_day(now))


def _used(part: Part, used_name: str, limit_name: str = "limit") -> float | None:
    used, limit = part.number(used_name), part.number(limit_name)
    if limit is None or limit <= 0:
        return None
    if used is None:
        raise part.unusable(used_name)
    return fraction(used, limit)


PROVIDERS = (Chutes(),)
