"""Fireworks AI: API keys on an account that may spend so much a month.

Sources: https://docs.fireworks.ai/api-reference/list-quotas (certainty H),
https://github.com/openchamber/openchamber/blob/main/packages/web/server/lib/quota/providers/fireworks.js
(M) and https://github.com/pollinations/pollinations/issues/12136 (H, the suspended account). Its
headers are understood by the usual rules.
"""

from __future__ import annotations

import re
from datetime import datetime

from providers._shared.answers import document, get
from providers._shared.fields import Part, fraction
from providers._shared.keys import ApiKeys
from providers._shared.windows import month
from rotator.errors import UnexpectedAnswer
from rotator.model import Credential, Identity, Snapshot
from rotator.provider import Reading

_ACCOUNTS = "https://api.fireworks.ai/v1/accounts?pageSize=200"
_QUOTA = "https://api.fireworks.ai/v1/accounts/{}/quotas/monthly-spend-usd"
_NAME = re.compile(r"accounts/([A-Za-z0-9_-]{1,100})", re.ASCII)
_SUSPENDED = re.compile(r"account \S{1,100} is suspended\b", re.IGNORECASE)
# A model that cannot be loaded is answered with the same status.
_PRECONDITION_FAILED = 412


class Fireworks(ApiKeys):
    """Its limits are the account's, whichever key asks."""

    ids = ("fireworks-ai",)

    def read_usage(self, credential: Credential, now: datetime) -> Reading:
        """Return what of the month's limit is spent; when the month ends is not told."""
        account = _account(document((yield get(_ACCOUNTS, credential)), now))
        quota = document((yield get(_QUOTA.format(account), credential)), now)
        if not str(quota.text("name")).startswith(f"accounts/{account}/"):
            raise quota.unusable("name")
        # Not `maxValue`: so far the limit could be raised.
        spent, limit = quota.number("usage"), quota.number("value")
        if spent is None:
            raise quota.unusable("usage")
        windows = (month(fraction(spent, limit)),) if limit is not None and limit > 0 else ()
        return Snapshot(now, windows, identity=Identity(label=account, group=account))


def _account(body: Part) -> str:
    """Return the one account of a key; raises UnexpectedAnswer where it reaches several."""
    accounts = body.parts("accounts")
    if len(accounts) > 1 or body.text("nextPageToken"):
        raise UnexpectedAnswer("the key reaches several accounts, and does not say which it uses")
    if not accounts:
        raise body.unusable("accounts")
    name = _NAME.fullmatch(accounts[0].text("name") or "")
    if name is None:
        raise accounts[0].unusable("name")
    return name[1]


PROVIDERS = (Fireworks(),)
