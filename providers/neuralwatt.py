"""Neuralwatt: API keys with kilowatt hours of a plan, with credits, or with both.

Sources, certainty M: steipete/CodexBar (docs/neuralwatt.md), slkiser/opencode-quota
(src/lib/neuralwatt.ts) and openchamber/openchamber (providers/neuralwatt.js), November 2026.
When the plan's hours are used up the credits are spent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial

from providers._shared.answers import document, get
from providers._shared.fields import Part, fraction
from providers._shared.keys import ApiKeys
from providers._shared.pieces import Pieces
from providers._shared.resets import next_day, next_month, next_week
from providers._shared.windows import DAY, WEEK, distinct, month, window
from rotator.model import Balance, Credential, Snapshot, Window
from rotator.provider import Reading

_QUOTA = "https://api.neuralwatt.com/v1/quota"
_LONGEST = 400 * DAY
_PLAN, _KEY = "subscription", "key"
_PERIODS: Mapping[str, tuple[int | None, Callable[[datetime], datetime]]] = {
    "daily": (DAY, next_day),
    "weekly": (WEEK, next_week),
    "monthly": (None, next_month),
}


class Neuralwatt(ApiKeys):
    """A key may have an allowance of its own beside the account's plan."""

    ids = ("neuralwatt",)

    def read_usage(self, credential: Credential, now: datetime) -> Reading:
        """Return the plan's hours, the key's allowance and the credits."""
        body = document((yield get(_QUOTA, credential)), now)
        if not body.values.keys() & {"balance", _PLAN}:
            raise body.unusable("balance")
        pieces = Pieces()
        money = pieces.read(_balance, body)
        goes_on = money is not None and money.amount > 0
        plan = pieces.part(body, _PLAN)
        period = pieces.read(_period, plan) if plan else None
        hours = partial(_hours, period=period or (None, None), blocks=not goes_on)
        windows = distinct(
            (
                *pieces.windows([plan], hours),
                *pieces.windows([pieces.part(body, _KEY)], partial(_allowance, now)),
            )
        )
        if not windows and money is None and pieces.are_whole:
            raise body.unusable("balance")
        spent = money is not None and not goes_on and body.values.get(_PLAN) is None
        complete = pieces.are_whole and money is not None
        name = plan.text("plan") if plan else None
        return pieces.told(Snapshot(now, windows, money, name, spent=spent, complete=complete))


def _balance(body: Part) -> Balance | None:
    purse = body.part("balance")
    left = purse.number("credits_remaining_usd") if purse else None
    return None if left is None else Balance(left, "USD")


def _period(plan: Part) -> tuple[float | None, datetime | None]:
    """Return how long the plan's period lasts, and when it ends."""
    start, end = plan.moment("current_period_start"), plan.moment("current_period_end")
    seconds = (end - start).total_seconds() if start and end else 0
    return (seconds if 0 < seconds <= _LONGEST else None), end


def _hours(
    plan: Part, *, period: tuple[float | None, datetime | None], blocks: bool
) -> Window | None:
    most, used = plan.number("kwh_included"), plan.number("kwh_used")
    if most is None or most <= 0:
        return None
    if used is None:
        raise plan.unusable("kwh_used")
    gone = 1.0 if plan.flag("in_overage") else fraction(used, most)
    length, end = period
    if length is None:
        return month(gone, end, about="energy", blocks=blocks)
    return window(length, gone, end, about="energy", blocks=blocks)


def _allowance(now: datetime, key: Part) -> Window | None:
    allowance = key.part("allowance")
    most = allowance.number("limit_usd") if allowance else None
    if allowance is None or most is None:
        return None
    left = allowance.number("remaining_usd")
    if left is None:
        raise allowance.unusable("remaining_usd")
    full = allowance.flag("blocked") or most <= 0
    used = 1.0 if full else fraction(most - left, most)
    period = allowance.text("period") or ""
    if period not in _PERIODS:
        # How long it lasts is not known.
        return Window(f"total {_KEY}", used)
    length, ends = _PERIODS[period]
    if length is None:
        return month(used, ends(now), about=_KEY)
    return window(length, used, ends(now), about=_KEY)


PROVIDERS = (Neuralwatt(),)
