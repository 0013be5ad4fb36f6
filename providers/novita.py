"""Novita, and PPIO, its Chinese site: API keys on an account with a balance.

Sources: https://novita.ai/docs/api-reference/basic-get-user-balance (H, August 2026) and
CherryHQ/cherry-studio (M, PPIO in yuan). Amounts are in ten thousandths.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from providers._shared.answers import document, get
from providers._shared.keys import ApiKeys
from rotator.model import Balance, Credential, Snapshot
from rotator.provider import Reading

_UNIT = 10_000


@dataclass(frozen=True, slots=True)
class Novita(ApiKeys):
    """One site: its ids, the address of the balance, and the currency that is meant there."""

    ids: tuple[str, ...]
    url: str
    currency: str

    def read_usage(self, credential: Credential, now: datetime) -> Reading:
        """Return what is available: what was paid, and what may be owed."""
        body = document((yield get(self.url, credential)), now)
        left = body.number("availableBalance")
        if left is None:
            raise body.unusable("availableBalance")
        money = Balance(left / _UNIT, self.currency)
        return Snapshot(now, balance=money, spent=left <= 0, complete=True)


PROVIDERS = (
    Novita(("novita-ai",), "https://api.novita.ai/openapi/v1/billing/balance/detail", "USD"),
    Novita(("ppio",), "https://api.ppio.com/openapi/v1/billing/balance/detail", "CNY"),
)
