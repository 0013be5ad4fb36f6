"""Venice: API keys on an account with a day's allowance of DIEM, credits of a plan, and dollars.

Sources: https://docs.venice.ai/api-reference/endpoint/billing/balance and
https://docs.venice.ai/api-reference/error-codes (certainty H), and
https://skills.sh/veniceai/skills/venice-billing (M): the balance is told to keys of the kind
ADMIN alone, and `canConsume` knows nothing of a plan's credits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from providers._shared.answers import document, get
from providers._shared.fields import Part, fraction
from providers._shared.keys import ApiKeys
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
        usd, currency = balances.number("usd"), body.text("consumptionCurrency")
        goes_on = currency == _BUNDLED or (usd is not None and usd > 0)
        return Snapshot(
            now,
            tuple(_day(body, balances, now, blocks=not goes_on)),
            None if usd is None else Balance(usd, "USD"),
            spent=body.flag("canConsume") is False and not goes_on,
        )


def _day(body: Part, balances: Part, now: datetime, *, blocks: bool) -> Iterator[Window]:
    allowance, left = body.number("diemEpochAllocation"), balances.number("diem")
    if allowance is not None and left is not None and allowance > 0:
        used = fraction(allowance - left, allowance)
        yield window(DAY, used, next_day(now), about="DIEM", blocks=blocks)


PROVIDERS = (Venice(),)
