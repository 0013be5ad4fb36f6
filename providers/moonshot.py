"""Moonshot: API keys on an account with a balance, of the open platform's two sites.

Sources, certainty H: https://platform.moonshot.cn/docs/api/balance (in yuan),
https://platform.moonshot.ai/docs/api/balance (in dollars; the answer names no currency), and
https://platform.moonshot.ai/docs/api/errors. A key of one site is none at the other, nor for
Kimi Code. Its 429s and its headers are understood by the usual rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from providers._shared.answers import document, get
from providers._shared.keys import ApiKeys
from rotator.model import Balance, Credential, Snapshot
from rotator.provider import Reading

_UNAUTHORIZED = 401
_DEAD = {"invalid_authentication_error", "incorrect_api_key_error"}


@dataclass(frozen=True, slots=True)
class Moonshot(ApiKeys):
    """One site: its id, the address of the balance, and the currency that is meant there."""

    ids: tuple[str, ...]
    url: str
    currency: str

    def read_usage(self, credential: Credential, now: datetime) -> Reading:
        """Return what is available: vouchers and cash, or the vouchers alone beside a debt."""
        body = document((yield get(self.url, credential)), now)
        data = body.part("data")
        if body.number("code") != 0 or data is None:
            raise body.unusable("code" if data is not None else "data")
        left = data.number("available_balance")
        if left is None:
            raise data.unusable("available_balance")
        return Snapshot(now, balance=Balance(left, self.currency), spent=left <= 0, complete=True)


PROVIDERS = (
    Moonshot(("moonshotai",), "https://api.moonshot.ai/v1/users/me/balance", "USD"),
    Moonshot(("moonshotai-cn",), "https://api.moonshot.cn/v1/users/me/balance", "CNY"),
)
