"""Vercel's AI Gateway: API keys of a team that pays with credits.

Source, certainty H: https://vercel.com/docs/ai-gateway/usage. There are no windows, and no
errors that the usual rules do not understand.
"""

from __future__ import annotations

from datetime import datetime

from providers._shared.answers import document, get
from providers._shared.keys import ApiKeys
from rotator.model import Balance, Credential, Snapshot
from rotator.provider import Reading

_CREDITS = "https://ai-gateway.vercel.sh/v1/credits"


class Vercel(ApiKeys):
    """A key does not say whose it is, and neither does the vendor."""

    ids = ("vercel",)

    def read_usage(self, credential: Credential, now: datetime) -> Reading:
        """Return the credits that are left, in dollars; both numbers come as texts."""
        body = document((yield get(_CREDITS, credential)), now)
        left = body.number("balance")
        if left is None:
            raise body.unusable("balance")
        return Snapshot(now, balance=Balance(left, "USD"), spent=left <= 0, complete=True)


PROVIDERS = (Vercel(),)
