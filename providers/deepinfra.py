"""DeepInfra: API keys on an account with a balance.

Sources: https://docs.deepinfra.com/api-reference/account/me (certainty H), and
https://github.com/openchamber/openchamber/blob/main/packages/web/server/lib/quota/providers/deepinfra.js
(the sign of the balance). There are no windows, and no errors that the usual rules do not
understand.
"""

from __future__ import annotations

from datetime import datetime

from providers._shared.answers import document, get
from providers._shared.keys import ApiKeys
from providers._shared.pieces import Pieces
from rotator.model import Balance, Credential, Identity, Snapshot
from rotator.provider import Reading

_ME = "https://api.deepinfra.com/v1/me?checklist=true"


class DeepInfra(ApiKeys):
    """Its balance is the account's, whichever key asks."""

    ids = ("deepinfra",)

    def read_usage(self, credential: Credential, now: datetime) -> Reading:
        """Return what is left to spend; the vendor tells what is owed, so less than 0 is good."""
        body = document((yield get(_ME, credential)), now)
        checklist = Pieces().part(body, "checklist")
        if checklist is None:
            raise body.unusable("checklist")
        owed = checklist.number("stripe_balance")
        if owed is None:
            raise checklist.unusable("stripe_balance")
        return Snapshot(
            now,
            # 0 has no sign.
            balance=Balance(-owed or abs(owed), "USD"),
            identity=Identity(group=body.text("uid")),
            spent=checklist.flag("suspended") is True,
        )


PROVIDERS = (DeepInfra(),)
