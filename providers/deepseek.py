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
from providers._shared.pieces import Pieces
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
        if body.values.get("balance_infos") is None:
            raise body.unusable("balance_infos")
        pieces = Pieces()
        told = [pieces.read(_balance, info) for info in pieces.parts(body, "balance_infos")]
        balances = sorted(
            filter(None, told), key=lambda balance: (balance.amount, balance.currency == _PREFERRED)
        )
        is_whole = pieces.are_whole and None not in body.values["balance_infos"]
        # Of several the largest may be the one that cannot be read.
        largest = balances[-1] if balances and is_whole else None
        spent = pieces.read(_is_spent, body)
        if not balances and pieces.faults:
            raise pieces.faults[0]
        return Snapshot(now, balance=largest, spent=spent is True, complete=is_whole)


def _is_spent(body: Part) -> bool:
    return body.flag("is_available") is False


def _balance(info: Part) -> Balance:
    amount, currency = info.number("total_balance"), info.text("currency")
    if amount is None:
        raise info.unusable("total_balance")
    if currency is None or not _CURRENCY.fullmatch(currency):
        raise info.unusable("currency")
    return Balance(amount, currency)


PROVIDERS = (DeepSeek(),)
