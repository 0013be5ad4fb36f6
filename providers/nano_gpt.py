"""NanoGPT: API keys with a subscription, with a balance, or with both.

Sources, certainty H: https://docs.nano-gpt.com/api-reference/endpoint/subscription-usage,
https://docs.nano-gpt.com/api-reference/endpoint/check-balance and
https://docs.nano-gpt.com/api-reference/miscellaneous/rate-limits. The windows that are counted
in tokens and pictures, certainty M: https://github.com/slkiser/opencode-quota.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import partial

from providers._shared.answers import bearer, document, get
from providers._shared.fields import Part, fraction
from providers._shared.keys import ApiKeys
from providers._shared.pieces import Pieces
from providers._shared.windows import DAY, WEEK, month, window
from rotator.errors import UnexpectedAnswer
from rotator.model import Balance, Credential, Snapshot, Window
from rotator.provider import HttpAnswer, HttpRequest, Reading
from rotator.secret import Secret

_USAGE = "https://nano-gpt.com/api/subscription/v1/usage"
_BALANCE = "https://nano-gpt.com/api/check-balance"
_DAY = "daily"
# How long each part lasts, a month if it is not told, what it is about, and whether it stops work.
_COUNTED: Mapping[str, tuple[int | None, str, bool]] = {
    _DAY: (DAY, "", True),
    "monthly": (None, "", True),
    "dailyInputTokens": (DAY, "input tokens", True),
    "weeklyInputTokens": (WEEK, "input tokens", True),
    "dailyImages": (DAY, "images", False),
}
_DAILY = {"daily_rpd_limit_exceeded": "requests", "daily_usd_limit_exceeded": "dollars"}


class NanoGPT(ApiKeys):
    """The subscription covers some models; whatever else is used is paid from the balance."""

    ids = ("nano-gpt",)

    def read_usage(self, credential: Credential, now: datetime) -> Reading:
        """Return the subscription's windows, if one is active, and the balance."""
        usage = document((yield get(_USAGE, credential)), now)
        pieces = Pieces()
        active = pieces.read(partial(Part.flag, name="active"), usage)
        # Where that is not told, whoever has windows has a plan.
        windows = () if active is False else tuple(_windows(usage, pieces))
        if active is None and not windows:
            raise usage.unusable("active")
        headers = {"x-api-key": credential.secret, "authorization": bearer(credential)}
        balance = _balance((yield HttpRequest("POST", _BALANCE, headers, Secret("{}"))), now)
        spent = active is False and balance is not None and balance.amount <= 0
        plan = None if active is False else usage.text("state")
        return pieces.told(Snapshot(now, windows, balance, plan, spent=spent))


def _windows(usage: Part, pieces: Pieces) -> list[Window]:
    is_enforced = pieces.read(usage.flag, "enforceDailyLimit") is not False
    parts = [pieces.part(usage, name) for name in _COUNTED]
    return pieces.windows(parts, partial(_window, is_enforced=is_enforced))


def _window(part: Part, *, is_enforced: bool) -> Window | None:
    used = _used(part)
    if used is None:
        return None
    length, about, blocks = _COUNTED[part.path]
    resets_at = part.moment("resetAt")
    if length is None:
        return month(used, resets_at)
    blocks = is_enforced if part.path == _DAY else blocks
    return window(length, used, resets_at, about=about, blocks=blocks)


def _used(part: Part) -> float | None:
    """Return the fraction that is gone, from the counts: `percentUsed` is no percentage."""
    used, left = part.one_of_several("used"), part.one_of_several("remaining")
    told = part.one_of_several("percentUsed")
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
