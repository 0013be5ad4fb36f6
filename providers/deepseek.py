"""DeepSeek: API keys on an account with a balance.

Sources, certainty H: https://api-docs.deepseek.com/api/get-user-balance and
https://api-docs.deepseek.com/quick_start/error_codes, whose texts the usual rules know. There
are no windows and no headers.
"""

from __future__ import annotations

import re
from datetime import datetime

from providers._shared.answers import document, get
from providers._shared.fields import Part
from providers._shared.keys import ApiKeys
from rotator.model import Balance, Credential, Snapshot
from rotator.provider import Reading

_BALANCE = "https://api.deepseek.com/user/balance"
_PREFERRED = "USD"
_CURRENCY = re.compile(r"[A-Z]{3}")


class DeepSeek(ApiKeys):
    """A key does not say whose it is, and neither does the vendor."""

    ids = ("deepseek",)

    def read_usage(self, credential: Credential, now: datetime) -> Reading:
        """Return the largest of the account's balances; it may hold one for each currency."""
        body = document((yield get(_BALANCE, credential)), now)
        infos = body.values.get("balance_infos")
        if not isinstance(infos, list) or None in infos:
            raise body.unusable("balance_infos")
        balances = [_balance(info) for info in body.parts("balance_infos")]
        balances.sort(key=lambda one: (one.amount, one.currency == _PREFERRED))
        largest = balances[-1] if balances else None
        return Snapshot(
            now, balance=largest, spent=body.flag("is_available") is False, complete=True
        )


def _balance(info: Part) -> Balance:
    amount, currency = info.number("total_balance"), info.text("currency")
    if amount is None:
        raise info.unusable("total_balance")
    if currency is None or not _CURRENCY.fullmatch(currency):
        raise info.unusable("currency")
    return Balance(amount, currency)


PROVIDERS = (DeepSeek(),)
