"""Kimi For Coding: a membership's API keys.

Sources, certainty H: https://www.kimi.com/code/docs/en/kimi-code/error-reference.html (errors),
https://forum.moonshot.ai/t/error-code-429-were-receiving-too-many-requests-at-the-moment/191
(usage, by the vendor's people), https://github.com/NousResearch/hermes-agent/pull/74424 (the
same with `used`, the user and the membership).
"""

from __future__ import annotations

from datetime import datetime

from providers._shared.answers import document, get
from providers._shared.fields import Part, fraction
from providers._shared.keys import ApiKeys
from providers._shared.windows import DAY, HOUR, WEEK, distinct, window
from rotator.model import Credential, Identity, Snapshot, Window
from rotator.provider import IdentityReading, Reading

_USAGE = "https://api.kimi.com/coding/v1/usages"
_UNITS = {
    "TIME_UNIT_SECOND": 1,
    "TIME_UNIT_MINUTE": 60,
    "TIME_UNIT_HOUR": HOUR,
    "TIME_UNIT_DAY": DAY,
    "TIME_UNIT_WEEK": WEEK,
}
_LONGEST = 400 * DAY
_UNAUTHORIZED = 401


class Kimi(ApiKeys):
    """A key does not say whose it is; its usage does."""

    ids = ("kimi-for-coding", "kimi", "kimi-code")
    asks_only_in_doubt = False

    def identity_obstacle(self, credential: Credential) -> str | None:
        """Return None for an API key."""
        return self.usage_obstacle(credential)

    def read_identity(self, credential: Credential, now: datetime) -> IdentityReading:
        """Return the user, who stands in the answer about the usage."""
        body = _inside(document((yield get(_USAGE, credential)), now))
        who = _owner(body)
        if who.key is None:
            raise body.unusable("user.userId")
        return who

    def read_usage(self, credential: Credential, now: datetime) -> Reading:
        """Return the week, the windows beside it, the user and the membership's level."""
        body = _inside(document((yield get(_USAGE, credential)), now))
        windows = _windows(body)
        if not windows and body.values.get("limits") is None:
            raise body.unusable("usage")
        user = body.part("user")
        membership = user.part("membership") if user else None
        plan = membership.text("level") if membership else None
        return Snapshot(now, windows, plan=plan, identity=_owner(body), complete=bool(windows))


def _inside(body: Part) -> Part:
    return body.part("data") or body


def _owner(body: Part) -> Identity:
    user = body.part("user")
    # A membership's limits are counted for the user, whichever key is used.
    key = user.text("userId") if user else None
    return Identity(key=key, group=key)


def _windows(body: Part) -> tuple[Window, ...]:
    """Return the windows; the week may stand in either place, or in both."""
    week = body.part("usage")
    found_windows = [_window(week, WEEK)] if week else []
    for limit in body.parts("limits"):
        detail = limit.part("detail")
        if detail is not None:
            found_windows.append(_window(detail, _length(limit)))
    return distinct(one for one in found_windows if one is not None)


def _length(limit: Part) -> int:
    about = limit.part("window")
    if about is None:
        raise limit.unusable("window")
    unit, count = about.text("timeUnit"), about.count("duration")
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


PROVIDERS = (Kimi(),)
