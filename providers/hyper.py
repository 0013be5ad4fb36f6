"""Hyper (Charm): API keys of a team with credits.

Sources, certainty M: https://github.com/openchamber/openchamber/blob/main/packages/web/server/lib/quota/providers/hyper.js
and https://hyper.charm.land/faq (November 2026): the unit is the vendor's own.
"""

from __future__ import annotations

from datetime import datetime

from providers._shared.answers import document, get
from providers._shared.keys import ApiKeys
from rotator.model import Balance, Credential, Snapshot
from rotator.provider import Reading

_CREDITS = "https://hyper.charm.land/v1/credits"


class Hyper(ApiKeys):
    """A key does not say whose it is, and neither does the vendor."""

    ids = ("hyper",)

    def read_usage(self, credential: Credential, now: datetime) -> Reading:
        """Return the team's credits."""
        body = document((yield get(_CREDITS, credential)), now)
        left = body.number("balance")
        if left is None:
            raise body.unusable("balance")
        money = Balance(left, "hypercredits")
        return Snapshot(now, balance=money, spent=left <= 0, complete=True)


PROVIDERS = (Hyper(),)
