"""What xAI says of a SuperGrok plan.

Certainty M/H: the proxy of the Grok command line, as steipete/CodexBar
(GrokCreditsProxyFetcher and its tests), robinebers/openusage (Grok) and slkiser/opencode-quota
(src/lib/xai.ts) read it. Amounts of money are in cents.

What is 0 is left out. So a week that names no percentage is unused, but not a month: of some
accounts this view knows nothing (stablyai/orca, its reader of Grok).
"""

from __future__ import annotations

from datetime import datetime

from providers._shared.fields import Part, fraction
from providers._shared.pieces import Pieces
from providers._shared.windows import DAY, MONTH, WEEK, month, window
from rotator.model import Balance, Window

_CENTS = 100
_LONGEST_SECONDS = 400 * DAY
_WEEKLY = "USAGE_PERIOD_TYPE_WEEKLY"
_PERIODS = {_WEEKLY: WEEK, "USAGE_PERIOD_TYPE_MONTHLY": MONTH}


def read_billing(config: Part, pieces: Pieces) -> tuple[Window, ...]:
    """Return what is used of the period, and of what may be spent beyond the plan."""
    return tuple(
        window for how in (_of_period, _on_demand) for window in pieces.windows([config], how)
    )


def read_balance(config: Part) -> Balance | None:
    """Return what was paid in advance and is left; without it nothing is wrong."""
    prepaid = config.part("prepaidBalance")
    cents = prepaid.number("val") if prepaid else None
    return Balance(cents / _CENTS, "USD") if cents is not None and cents > 0 else None


def _of_period(config: Part) -> Window | None:
    period = config.part("currentPeriod")
    ends_at = period.moment("end") if period else None
    used = config.percent("creditUsagePercent")
    if used is None:
        if period is None or period.text("type") != _WEEKLY:
            return None
        if any(product.number("usagePercent") for product in config.parts("productUsage")):
            # A part of it is used, so it is not unused.
            raise config.unusable("creditUsagePercent")
        used = 0.0
    if period is None:
        raise config.unusable("currentPeriod")
    return window(_length(period, ends_at), used, ends_at)


def _length(period: Part, ends_at: datetime | None) -> float:
    starts_at = period.moment("start")
    if starts_at is None or ends_at is None:
        length = _PERIODS.get(period.text("type") or "")
        if length is None:
            raise period.unusable("type")
        return length
    seconds = (ends_at - starts_at).total_seconds()
    if not DAY <= seconds <= _LONGEST_SECONDS:
        raise period.unusable("end")
    return seconds


def _on_demand(config: Part) -> Window | None:
    cap, spent = config.part("onDemandCap"), config.part("onDemandUsed")
    most, gone = cap.number("val") if cap else None, spent.number("val") if spent else None
    if most is None or most <= 0 or gone is None:
        return None
    resets_at = config.moment("billingPeriodEnd")
    return month(fraction(gone, most), resets_at, about="on demand", blocks=False)
