"""Kimi For Coding: a membership's API keys.

Sources, certainty H: https://www.kimi.com/code/docs/en/kimi-code/error-reference.html (errors),
https://forum.moonshot.ai/t/error-code-429-were-receiving-too-many-requests-at-the-moment/191
(usage, by the vendor's people), https://github.com/NousResearch/hermes-agent/pull/74424 (the
same with `used`, the user and the membership). Since September 2026 the windows stand by name under
`usages`, as shares of one (M, field reports).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

from providers._shared.answers import document, get
from providers._shared.fields import Part, fraction
from providers._shared.keys import ApiKeys
from providers._shared.windows import DAY, HOUR, WEEK, distinct, each_for_itself, month, window
from rotator.model import Credential, Identity, Snapshot, Window
from rotator.provider import IdentityReading, Reading

_USAGE = "https://api.kimi.{}/coding/v1/usages"
_UNITS = {"SECOND": 1, "MINUTE": 60, "HOUR": HOUR, "DAY": DAY, "WEEK": WEEK}
_UNIT = "TIME_UNIT_"
# How a window is named since September 2026: `limit_5h`, `limit_7d`, `limit_month_total`.
_NAMED = re.compile(
    r"limit_(?:(?P<count>\d{1,3})(?P<unit>[hd])|month_(?P<of>[a-z]{1,20}))", re.ASCII
)
_TOTAL = "total"
_MOST_WINDOWS = 16
_LONGEST = 400 * DAY
_UNAUTHORIZED = 401


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
        """Return the week, the windows beside it, the user and the membership's level."""
        body = _inside(document((yield get(self._usage, credential)), now))
        if (named := body.part("usages")) is not None:
            told, is_whole = each_for_itself(*_by_name(named))
        else:
            told, is_whole = _listed(body)
        if not told and named is None and body.values.get("limits") is None:
            raise body.unusable("usage")
        user = body.part("user")
        membership = user.part("membership") if user else None
        plan = membership.text("level") if membership else None
        complete = is_whole and bool(told)
        windows = distinct(told)
        return Snapshot(now, windows, plan=plan, identity=_owner(body), complete=complete)


def _inside(body: Part) -> Part:
    return body.part("data") or body


def _owner(body: Part) -> Identity:
    user = body.part("user")
    # A membership's limits are counted for the user, whichever key is used.
    key = user.text("userId") if user else None
    return Identity(key=key, group=key)


def _by_name(named: Part) -> tuple[list[Part], Callable[[Part], Window | None]]:
    """Return the windows that stand by name, those that are understood, and how one is read."""
    names = [name for name in list(named.values)[:_MOST_WINDOWS] if _NAMED.fullmatch(name)]
    told = [(name, part) for name in names if (part := named.part(name)) is not None]
    by_path = {part.path: name for name, part in told}
    return [part for _, part in told], lambda part: _named_window(by_path[part.path], part)


def _named_window(name: str, part: Part) -> Window | None:
    told = _NAMED.fullmatch(name)
    used = part.number("used_ratio")
    if used is None or told is None:
        raise part.unusable("used_ratio")
    resets_at = part.moment("reset_time")
    if told["of"]:
        # Of the month's parts each may be used up alone, and stops its own kind of work.
        about = "" if told["of"] == _TOTAL else told["of"]
        return month(fraction(used, 1), resets_at, about=about)
    length = int(told["count"]) * (HOUR if told["unit"] == "h" else DAY)
    return window(length, fraction(used, 1), resets_at) if 0 < length <= _LONGEST else None


def _listed(body: Part) -> tuple[list[Window], bool]:
    """Return the windows of the older shape; the week may stand in either place, or in both."""
    week = body.part("usage")
    parts = [*([week] if week else []), *body.parts("limits")]

    def read(part: Part) -> Window | None:
        if part is week:
            return _window(part, WEEK)
        detail = part.part("detail")
        return None if detail is None else _window(detail, _length(part))

    return each_for_itself(parts, read)


def _length(limit: Part) -> int:
    about = limit.part("window")
    if about is None:
        raise limit.unusable("window")
    unit, count = (about.text("timeUnit") or "").removeprefix(_UNIT), about.count("duration")
    if unit not in _UNITS:
        raise about.unusable("timeUnit")
    if count is None or not 0 < count * _UNITS[unit] <= _LONGEST:
        raise about.unusable("duration")
    return count * _UNITS[unit]


def _window(detail: Part, length: int) -> Window | None:
    """Return a window: what is used is told, or what remains, or both."""
    limit, used, left = (detail.number(name) for name in ("limit", "used", "remaining"))
    if limit is None:
        raise detail.unusable("limit")
    if limit <= 0:
        # Not a limit of this plan.
        return None
    if used is None and left is None:
        raise detail.unusable("used")
    gone = used if used is not None else limit - (left or 0)
    return window(length, fraction(gone, limit), detail.moment("resetTime"))


PROVIDERS = (Kimi(), Kimi(("kimi-code-plan-global",), "ai"))
