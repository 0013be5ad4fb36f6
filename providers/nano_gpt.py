"""NanoGPT: API keys with a subscription, with a balance, or with both.

Sources, certainty H: https://docs.nano-gpt.com/api-reference/endpoint/subscription-usage,
https://docs.nano-gpt.com/api-reference/endpoint/check-balance and
https://docs.nano-gpt.com/api-reference/miscellaneous/rate-limits. The windows that are counted
in tokens and pictures, certainty M: https://github.com/slkiser/opencode-quota.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from providers._shared.answers import bearer, document, get
from providers._shared.fields import Part, fraction
from providers._shared.keys import ApiKeys
from providers._shared.windows import DAY, WEEK, month, window
from rotator.errors import UnexpectedAnswer
from rotator.model import Balance, Credential, Snapshot, Window
from rotator.provider import HttpAnswer, HttpRequest, Reading
from rotator.secret import Secret

_USAGE = "https://nano-gpt.com/api/subscription/v1/usage"
_BALANCE = "https://nano-gpt.com/api/check-balance"
_DAILY = {"daily_rpd_limit_exceeded": "requests", "daily_usd_limit_exceeded": "dollars"}


class NanoGPT(ApiKeys):
    """The subscription covers some models; whatever else is used is paid from the balance."""

    ids = ("nano-gpt",)

    def read_usage(self, credential: Credential, now: datetime) -> Reading:
        """Return the subscription's windows, if one is active, and the balance."""
        usage = document((yield get(_USAGE, credential)), now)
        active = usage.flag("active")
        if active is None:
            raise usage.unusable("active")
        windows = tuple(_windows(usage)) if active else ()
        headers = {"x-api-key": credential.secret, "authorization": bearer(credential)}
        balance = _balance((yield HttpRequest("POST", _BALANCE, headers, Secret("{}"))), now)
        spent = not active and balance is not None and balance.amount <= 0
        plan = usage.text("state") if active else None
        return Snapshot(now, windows, balance, plan, spent=spent)


def _windows(usage: Part) -> Iterator[Window]:
    if (used := _used(daily := usage.part("daily"))) is not None and daily is not None:
        blocks = usage.flag("enforceDailyLimit") is not False
        yield window(DAY, used, daily.moment("resetAt"), blocks=blocks)
    if (used := _used(monthly := usage.part("monthly"))) is not None and monthly is not None:
        yield month(used, monthly.moment("resetAt"))
    for name, length, about, blocks in (
        ("dailyInputTokens", DAY, "input tokens", True),
        ("weeklyInputTokens", WEEK, "input tokens", True),
        ("dailyImages", DAY, "images", False),
    ):
        part = usage.part(name)
        if (used := _used(part)) is not None and part is not None:
            yield window(length, used, part.moment("resetAt"), about=about, blocks=blocks)


def _used(part: Part | None) -> float | None:
    """Return the fraction that is gone, from the counts: `percentUsed` is no percentage."""
    if part is None:
        return None
    used, left, told = part.number("used"), part.number("remaining"), part.number("percentUsed")
    if used is not None and left is not None and used >= 0 and used + left > 0:
        return fraction(used, used + left)
    if told is not None and not 0 <= told <= 1:
        raise part.unusable("percentUsed")
    return None if told is None else float(told)


def _balance(answer: HttpAnswer, now: datetime) -> Balance | None:
    """Return the balance; who has a subscription needs none, so it may be unreadable."""
    try:
        left: Decimal | None = document(answer, now).number("usd_balance")
    except UnexpectedAnswer:
        return None
    return None if left is None else Balance(left, "USD")


PROVIDERS = (NanoGPT(),)
