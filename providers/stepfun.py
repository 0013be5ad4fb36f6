"""StepFun: API keys on an account that pays in advance or afterwards, of its two sites.

Sources: https://platform.stepfun.com/docs/zh/api-reference/accounts/get (H, November 2026) and,
for the international site and the currencies, farion1231/cc-switch (M). The totals of cash and
vouchers are all that ever came in, not what is left of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from providers._shared.answers import document, get
from providers._shared.keys import ApiKeys
from rotator.model import Balance, Credential, Snapshot
from rotator.provider import Reading

_IN_ADVANCE = "prepaid"


@dataclass(frozen=True, slots=True)
class StepFun(ApiKeys):
    """One site: its id, the address of the account, and the currency that is meant there."""

    ids: tuple[str, ...]
    url: str
    currency: str

    def read_usage(self, credential: Credential, now: datetime) -> Reading:
        """Return what is left; who pays afterwards goes on below 0."""
        body = document((yield get(self.url, credential)), now)
        left = body.number("balance")
        if left is None:
            raise body.unusable("balance")
        spent = left <= 0 and body.text("type") == _IN_ADVANCE
        return Snapshot(now, balance=Balance(left, self.currency), spent=spent, complete=True)


PROVIDERS = (
    StepFun(("stepfun",), "https://api.stepfun.com/v1/accounts", "CNY"),
    StepFun(("stepfun-ai",), "https://api.stepfun.ai/v1/accounts", "USD"),
)
