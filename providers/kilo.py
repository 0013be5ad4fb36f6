"""Kilo: keys and logins of its gateway, on an account with a balance.

Source, certainty M: Kilo-Org/kilocode, packages/kilo-gateway/src/api/profile.ts, and
https://github.com/openchamber/openchamber/blob/main/packages/web/server/lib/quota/providers/kilo.js
(both November 2026). Dollars, with a fraction. Free models go on when nothing is left
(https://kilo.ai/docs/gateway/usage-and-billing), so an empty balance is not the account's end.
"""

from __future__ import annotations

import re
from datetime import datetime

from providers._shared.answers import document, get
from providers._shared.keys import ApiKeys
from rotator.model import Balance, Credential, Identity, Snapshot
from rotator.provider import Reading

_BALANCE = "https://api.kilo.ai/api/profile/balance"
# What a header can carry.
_ORGANISATION = re.compile(r"[A-Za-z0-9-]{1,100}", re.ASCII)


class Kilo(ApiKeys):
    """The balance is a person's, or that of the organisation that a login is for."""

    ids = ("kilo",)

    def usage_obstacle(self, credential: Credential) -> str | None:
        """Return None for a key, whichever way it was stored."""
        return None if credential.type in {"api", "oauth"} else "only a key of Kilo can ask for it"

    def read_usage(self, credential: Credential, now: datetime) -> Reading:
        """Return the dollars that are left."""
        place = credential.account_id
        place = place if place and _ORGANISATION.fullmatch(place) else None
        more = {"x_kilocode_organizationid": place} if place else {}
        body = document((yield get(_BALANCE, credential, **more)), now)
        left = body.number("balance")
        if left is None:
            raise body.unusable("balance")
        return Snapshot(now, balance=Balance(left, "USD"), identity=Identity(group=place))


PROVIDERS = (Kilo(),)
