"""Kimi For Coding: a membership's API keys.

Sources, certainty H: https://www.kimi.com/code/docs/en/kimi-code/error-reference.html (errors),
https://forum.moonshot.ai/t/error-code-429-were-receiving-too-many-requests-at-the-moment/191
(usage, by the vendor's people), https://github.com/NousResearch/hermes-agent/pull/74424 (the
same with `used`, the user and the membership). Since September 2026 the windows stand by name under
`usages`, as shares of one (MoonshotAI/kimi-code, packages/oauth/src/managed-usage.ts, H), and
beside them a wallet that pays for more; its amounts are in hundred millionths. Odd names and
units, certainty M: https://github.com/Han-1413141/dsh-cost-meter/issues/53.
"""

from __future__ import annotations

import re
from datetime import datetime

from providers._shared.answers import document, get
from providers._shared.fields import Part, fraction
from providers._shared.keys import ApiKeys
from providers._shared.pieces import Pieces
from providers._shared.windows import DAY, HOUR, WEEK, distinct, has_each, month, window
from rotator.model import Balance, Credential, Identity, Snapshot, Window
from rotator.provider import IdentityReading, Reading

_USAGE = "https://api.kimi.{}/coding/v1/usages"
_UNITS = {"SECOND": 1, "MINUTE": 60, "HOUR": HOUR, "DAY": DAY, "WEEK": WEEK}
# As it is written: `TIME_UNIT_MINUTE`, `MINUTE`, `hours`.
_UNIT = re.compile(r"(?:TIME_UNIT_)?([A-Z]{3,6}?)S?")
_RESETS = ("resetTime", "resetAt", "reset_time", "reset_at")
# How a window is named since September 2026: `limit_5h`, `limit_7d`, `limit_month_total`.
_NAMED = re.compile(
    r"limit_(?:(?P<count>\d{1,3})(?P<unit>[hd])|month_(?P<of>[a-z]{1,20}))", re.ASCII
)
_TOTAL = "total"
_MOST_WINDOWS = 16
_LONGEST = 400 * DAY
_WALLET_UNIT = 10**8
_SUMS = {"monthlyChargeLimit", "monthlyUsed"}
_CURRENCY = re.compile(r"[A-Z]{3}")


class Kimi(ApiKeys):
    """A key does not say whose it is; its usage does. Each of the two hosts has keys of its own."""

    asks_only_in_doubt = False

    def __init__(
        self,
        ids: tuple[str, ...] = ("kimi-for-coding", "kimi", "kimi-code", "kimi-code-plan-cn"),
        domain: str = "com",
    ) -> None:
        self.ids = ids
        self._usage = _USAGE.format(domain)

    def identity_obstacle(self, credential: Credential) -> str | None:
        """Return None for an API key."""
        return self.usage_obstacle(credential)

    def read_identity(self, credential: Credential, now: datetime) -> IdentityReading:
        """Return the user, who stands in the answer about the usage."""
        body = _inside(document((yield get(self._usage, credential)), now))
        who = _owner(body)
        if who.key is None:
            raise body.unusable("user.userId")
        return who

    def read_usage(self, credential: Credential, now: datetime) -> Reading:
        """Return the windows, what is left of the wallet, the user and the membership's level."""
        body, pieces = _inside(document((yield get(self._usage, credential)), now)), Pieces()
        plan = _windows(body, pieces)
        if not plan and pieces.are_whole and not body.values.keys() & {"limits", "usages"}:
            raise body.unusable("usage")
        # The wallet pays for what is beyond the plan, and stops nothing of it. Either of the two
        # windows that every membership has may be full while the other one is not.
        complete = pieces.are_whole and has_each(plan, "5h", "7d")
        wallet = pieces.part(body, "boosterWallet")
        money = pieces.read(_left, wallet) if wallet else None
        windows = distinct((*plan, *pieces.windows([wallet], _beyond)))
        user = pieces.part(body, "user")
        membership = pieces.part(user, "membership")
        level = membership.text("level") if membership else None
        who = pieces.read(_owner, body) or Identity()
        return pieces.told(Snapshot(now, windows, money, level, who, complete=complete))


def _inside(body: Part) -> Part:
    return body.part("data") or body


def _owner(body: Part) -> Identity:
    user = body.part("user")
    # A membership's limits are counted for the user, whichever key is used.
    key = user.text("userId") if user else None
    return Identity(key=key, group=key)


def _windows(body: Part, pieces: Pieces) -> list[Window]:
    """Return the plan's windows, in the newer shape or in an older one."""
    if isinstance(body.values.get("usages"), list):
        # As the web page is told: one entry for each part of the membership.
        entries = pieces.parts(body, "usages")
        return [part for entry in entries for part in _listed(entry, "detail", pieces)]
    named = pieces.part(body, "usages")
    if named is None:
        return _listed(body, "usage", pieces)
    names = [name for name in list(named.values)[:_MOST_WINDOWS] if _NAMED.fullmatch(name)]
    return pieces.windows([pieces.part(named, name) for name in names], _named_window)


def _named_window(part: Part) -> Window | None:
    told = _NAMED.fullmatch(part.path.rpartition(".")[2])
    used = part.share("used_ratio")
    if used is None or told is None:
        raise part.unusable("used_ratio")
    resets_at = _resets_at(part)
    if told["of"]:
        # Of the month's parts each may be used up alone, and stops its own kind of work.
        about = "" if told["of"] == _TOTAL else told["of"]
        return month(used, resets_at, about=about)
    length = int(told["count"]) * (HOUR if told["unit"] == "h" else DAY)
    return window(length, used, resets_at) if 0 < length <= _LONGEST else None


def _listed(body: Part, week: str, pieces: Pieces) -> list[Window]:
    """Return the windows of the older shape; the week may stand in either place, or in both."""
    return [
        *pieces.windows([pieces.part(body, week)], _week),
        *pieces.windows(pieces.parts(body, "limits"), _limit),
    ]


def _week(part: Part) -> Window | None:
    return _window(part, WEEK)


def _limit(part: Part) -> Window | None:
    """Return one window; what is used of it may stand in a part of its own."""
    if "detail" not in part.values:
        return _window(part, _length(part)) if "limit" in part.values else None
    detail = part.part("detail")
    return None if detail is None else _window(detail, _length(part))


def _length(limit: Part) -> int:
    about = limit.part("window") or limit
    if "duration" not in about.values and "timeUnit" not in about.values:
        raise limit.unusable("window")
    told, count = _UNIT.fullmatch((about.text("timeUnit") or "").upper()), about.count("duration")
    unit = _UNITS.get(told[1]) if told else None
    if unit is None:
        raise about.unusable("timeUnit")
    if count is None or not 0 < count * unit <= _LONGEST:
        raise about.unusable("duration")
    return count * unit


def _window(detail: Part, length: int) -> Window | None:
    """Return a window: what is used is told, or what remains, or both."""
    limit = detail.number("limit")
    used, left = detail.one_of_several("used"), detail.one_of_several("remaining")
    if limit is None:
        raise detail.unusable("limit")
    if limit <= 0:
        # Not a limit of this plan.
        return None
    if used is None and left is None:
        raise detail.unusable("used")
    gone = used if used is not None else limit - (left or 0)
    return window(length, fraction(gone, limit), _resets_at(detail))


def _resets_at(part: Part) -> datetime | None:
    name = next((name for name in _RESETS if part.values.get(name) is not None), _RESETS[0])
    return part.moment(name)


def _left(wallet: Part) -> Balance | None:
    """Return what is left of the wallet; None where its currency is not told."""
    balance, currency = wallet.part("balance"), _currency(wallet)
    left = balance.number("amountLeft") if balance else None
    if left is None or currency is None:
        return None
    return Balance(left / _WALLET_UNIT, currency)


def _currency(wallet: Part) -> str | None:
    parts = (part for name, part in wallet.named_parts() if name in _SUMS)
    named = {part.text("currency") for part in parts}
    told = next(iter(named), None) or ""
    return told if len(named) == 1 and _CURRENCY.fullmatch(told) else None


def _beyond(wallet: Part) -> Window | None:
    """Return what of the month's own limit is spent beyond the plan."""
    most, spent = wallet.part("monthlyChargeLimit"), wallet.part("monthlyUsed")
    if not wallet.flag("monthlyChargeLimitEnabled") or most is None or spent is None:
        return None
    limit, gone = most.number("priceInCents"), spent.number("priceInCents")
    if limit is None or limit <= 0 or gone is None:
        return None
    return month(fraction(gone, limit), about="extra usage", blocks=False)


PROVIDERS = (Kimi(), Kimi(("kimi-code-plan-global",), "ai"))
