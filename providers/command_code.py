"""Command Code: keys and logins with credits of a month, and two windows beside them.

Sources, certainty M: https://github.com/openchamber/openchamber/blob/main/packages/web/server/lib/quota/providers/command-code.js
and the crate cmd-usage (https://docs.rs/crate/cmd-usage, src/api.rs), November 2026. Its
own command line asks there; nothing promises that it stays.
"""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal

from providers._shared.answers import document, get
from providers._shared.fields import Part, fraction
from providers._shared.keys import ApiKeys
from providers._shared.pieces import Pieces
from providers._shared.windows import FIVE_HOURS, WEEK, window
from rotator.model import Balance, Credential, Identity, Snapshot, Window
from rotator.provider import Reading

_WHO = "https://api.commandcode.ai/alpha/whoami"
_CREDITS = "https://api.commandcode.ai/alpha/billing/credits"
_ORGANISATION = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)
_LENGTHS = {"fiveHour": FIVE_HOURS, "weekly": WEEK}
_PURSES = ("monthlyCredits", "purchasedCredits", "freeCredits")


class CommandCode(ApiKeys):
    """The credits are a person's, or those of the organisation that a key is for."""

    ids = ("command-code", "commandcode")

    def usage_obstacle(self, credential: Credential) -> str | None:
        """Return None for a key, whichever way it was stored."""
        told = credential.type in {"api", "oauth"}
        return None if told else "only a key of Command Code can ask for it"

    def read_usage(self, credential: Credential, now: datetime) -> Reading:
        """Return the two windows, and what is left of the credits."""
        place = _organisation(document((yield get(_WHO, credential)), now))
        url = f"{_CREDITS}?orgId={place}" if place else _CREDITS
        body = document((yield get(url, credential)), now)
        pieces = Pieces()
        limits = pieces.part(body, "windowLimits")
        windows = pieces.windows([pieces.part(limits, name) for name in _LENGTHS], _window)
        money = pieces.read(_balance, body)
        if not windows and money is None and pieces.are_whole:
            raise body.unusable("credits")
        complete = pieces.are_whole and bool(windows) and money is not None
        spent = money is not None and money.amount <= 0
        who = Identity(group=place)
        return pieces.told(
            Snapshot(now, tuple(windows), money, identity=who, spent=spent, complete=complete)
        )


def _organisation(body: Part) -> str | None:
    """Return the organisation's id, which goes into the next address, or None for a person."""
    if "org" not in body.values:
        raise body.unusable("org")
    org = body.part("org")
    if org is None:
        return None
    number = org.values.get("id")
    told = org.text("id") or (str(number) if type(number) is int and number > 0 else "")
    if not _ORGANISATION.fullmatch(told):
        # Without it a person's credits would be taken for the organisation's.
        raise org.unusable("id")
    return told


def _window(limit: Part) -> Window | None:
    used, most = limit.number("used"), limit.number("cap")
    if most is None or used is None:
        raise limit.unusable("cap")
    if most <= 0:
        # Not a limit of this plan.
        return None
    gone = 1.0 if limit.flag("exceeded") else fraction(used, most)
    return window(_LENGTHS[limit.path.rpartition(".")[2]], gone, limit.moment("resetAt"))


def _balance(body: Part) -> Balance | None:
    """Return what is left of all the purses together; None where one of them is not told."""
    purses = body.part("credits")
    told = [purses.number(name) for name in _PURSES] if purses else []
    left = [amount for amount in told if amount is not None]
    return Balance(sum(left, Decimal(0)), "USD") if len(left) == len(_PURSES) else None


PROVIDERS = (CommandCode(),)
