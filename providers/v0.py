"""v0 (Vercel): API keys with credits of a billing cycle, or with a quota of an older plan.

Source, certainty H: https://v0.app/docs/api/v1/reference/user/get-billing (November 2026). The
unit of the credits is not told. What stands under `/rate-limits` is of chats, not of models.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial

from providers._shared.answers import document, get
from providers._shared.fields import Part, fraction
from providers._shared.keys import ApiKeys
from providers._shared.pieces import Pieces
from providers._shared.windows import month
from rotator.model import Balance, Credential, Snapshot, Window
from rotator.provider import Reading

_BILLING = "https://api.v0.dev/v1/user/billing"
_CREDITS = "credits"
# Of an older plan it is not told how long the quota lasts.
_UNNAMED = "quota"


class V0(ApiKeys):
    """A key does not say whose it is, and neither does the vendor."""

    ids = ("v0",)

    def read_usage(self, credential: Credential, now: datetime) -> Reading:
        """Return what is used of the cycle, and what was bought beside it."""
        body = document((yield get(_BILLING, credential)), now)
        data = body.part("data")
        if data is None:
            raise body.unusable("data")
        pieces = Pieces()
        bought = pieces.read(_bought, data)
        blocks = bought is None or bought.amount <= 0
        ends_at = pieces.read(_end, data)
        windows = pieces.windows([data], partial(_cycle, ends_at=ends_at, blocks=blocks))
        complete = pieces.are_whole and bool(windows)
        plan = data.text("plan")
        return pieces.told(Snapshot(now, tuple(windows), bought, plan, complete=complete))


def _bought(data: Part) -> Balance | None:
    part = data.part("onDemand")
    left = part.number("balance") if part else None
    return None if left is None else Balance(left, _CREDITS)


def _end(data: Part) -> datetime | None:
    cycle = data.part("billingCycle")
    return cycle.moment("end") if cycle else None


def _cycle(data: Part, *, ends_at: datetime | None, blocks: bool) -> Window | None:
    balance = data.part("balance")
    if balance is None:
        return _older(data)
    most, left = balance.number("total"), balance.number("remaining")
    if most is None or left is None:
        raise balance.unusable("total" if most is None else "remaining")
    if most <= 0:
        # Nothing is included.
        return None
    return month(fraction(most - left, most), ends_at, blocks=blocks)


def _older(data: Part) -> Window:
    most, left = data.number("limit"), data.number("remaining")
    if most is None or left is None or most <= 0:
        raise data.unusable("balance")
    return Window(_UNNAMED, fraction(most - left, most), data.moment("reset"))


PROVIDERS = (V0(),)
