"""Venice: API keys on an account with a day's allowance of DIEM, credits of a plan, and dollars.

Sources: https://docs.venice.ai/api-reference/endpoint/billing/balance and
https://docs.venice.ai/api-reference/error-codes (certainty H), and
https://skills.sh/veniceai/skills/venice-billing (M): the balance is told to keys of the kind
ADMIN alone, and `canConsume` knows nothing of a plan's credits.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import partial

from providers._shared.answers import document, get
from providers._shared.fields import Part, fraction
from providers._shared.keys import ApiKeys
from providers._shared.pieces import Pieces
from providers._shared.resets import next_day
from providers._shared.windows import DAY, window
from rotator.errors import UnexpectedAnswer
from rotator.model import Balance, Credential, Snapshot, Window
from rotator.provider import Reading

_BALANCE = "https://api.venice.ai/api/v1/billing/balance"
_BUNDLED = "BUNDLED_CREDITS"
_UNAUTHORIZED, _FORBIDDEN = 401, 403
_NOT_ACCEPTED = re.compile(r"authentication failed\.?", re.IGNORECASE)
_INACTIVE = re.compile(r"authentication failed - pro subscription is inactive\b", re.IGNORECASE)
_DISABLED = re.compile(r"api access has been disabled for this account\b", re.IGNORECASE)


class Venice(ApiKeys):
    """DIEM is spent first, then the plan's credits, then dollars."""

    ids = ("venice",)

    def read_usage(self, credential: Credential, now: datetime) -> Reading:
        """Return the day's DIEM and the dollars; what is left of a plan's credits is not told."""
        answer = yield get(_BALANCE, credential)
        if answer.status == _UNAUTHORIZED:
            # No word about the key: one that is made for inference gets the same.
            raise UnexpectedAnswer("Venice tells the balance to keys of the kind ADMIN alone")
        body = document(answer, now)
        balances = body.part("balances")
        if balances is None:
            raise body.unusable("balances")
        pieces = Pieces()
        usd, currency = pieces.read(balances.number, "usd"), body.text("consumptionCurrency")
        # Dollars that cannot be read may be there.
        goes_on = currency == _BUNDLED or not pieces.are_whole or (usd is not None and usd > 0)
        how = partial(_day, balances=balances, now=now, blocks=not goes_on)
        windows = pieces.windows([body], how)
        can_go_on = pieces.read(body.flag, "canConsume") is not False or goes_on
        money = None if usd is None else Balance(usd, "USD")
        return pieces.told(Snapshot(now, tuple(windows), money, spent=not can_go_on))


def _day(body: Part, *, balances: Part, now: datetime, blocks: bool) -> Window | None:
    allowance, left = body.number("diemEpochAllocation"), balances.number("diem")
    if allowance is None or left is None or allowance <= 0:
        return None
    used = fraction(allowance - left, allowance)
    return window(DAY, used, next_day(now), about="DIEM", blocks=blocks)


PROVIDERS = (Venice(),)
