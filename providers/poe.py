"""Poe: an API key, pasted or given by a login; points are left or they are not.

Sources, certainty H: https://creator.poe.com/api-reference/getCurrentBalance and
https://creator.poe.com/docs/external-applications/openai-compatible-api (its errors). A login
stores the key as both tokens, with an end that never comes: there is nothing to refresh.
"""

from __future__ import annotations

from datetime import datetime

from providers._shared.answers import document, get
from providers._shared.keys import ApiKeys
from rotator.model import Balance, Credential, Snapshot
from rotator.provider import Reading

_BALANCE = "https://api.poe.com/usage/current_balance"
_UNAUTHORIZED = 401


class Poe(ApiKeys):
    """A key does not say whose it is, and neither does the vendor."""

    ids = ("poe",)

    def usage_obstacle(self, credential: Credential) -> str | None:
        """Return None for a key, whichever way it was stored."""
        return None if credential.type in {"api", "oauth"} else "only a key of Poe can ask for it"

    def read_usage(self, credential: Credential, now: datetime) -> Reading:
        """Return the points of plan and add-ons together."""
        body = document((yield get(_BALANCE, credential)), now)
        left = body.number("current_point_balance")
        if left is None:
            raise body.unusable("current_point_balance")
        return Snapshot(now, balance=Balance(left, "points"), spent=left <= 0, complete=True)


PROVIDERS = (Poe(),)
