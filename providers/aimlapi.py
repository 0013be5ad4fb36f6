"""AI/ML API: API keys on an account with a balance.

Source, certainty H: https://docs.aimlapi.com/api-references/service-endpoints/account-balance
(November 2026).
"""

from __future__ import annotations

import re
from datetime import datetime

from providers._shared.answers import document, get
from providers._shared.keys import ApiKeys
from rotator.model import Balance, Credential, Snapshot
from rotator.provider import Reading

_BILLING = "https://api.aimlapi.com/v2/billing"
_CURRENCY = re.compile(r"[A-Z]{3}")


class AiMlApi(ApiKeys):
    """A key does not say whose it is, and neither does the vendor."""

    ids = ("aimlapi",)

    def read_usage(self, credential: Credential, now: datetime) -> Reading:
        """Return what is left, in the currency that the answer names."""
        body = document((yield get(_BILLING, credential)), now)
        left, currency = body.number("current_balance"), body.text("currency")
        if left is None:
            raise body.unusable("current_balance")
        # An amount of an unknown currency is none, but it says whether something is left.
        named = currency is not None and _CURRENCY.fullmatch(currency)
        money = Balance(left, currency) if named and currency else None
        return Snapshot(now, balance=money, spent=left <= 0, complete=True)


PROVIDERS = (AiMlApi(),)
