"""What GitHub says of a Copilot plan: the answer about the user, and headers of good answers.

Certainty H for the shapes: BerriAI/litellm#18242 and caozhiyuan/copilot-api#110 (live answers),
steipete/CodexBar (CopilotUsageModelsTests), microsoft/vscode (chatQuotaServiceImpl, which reads
the headers) and Menci/Floway#339 (headers of good answers alone). Certainty M for the windows
`session` and `weekly` (microsoft/vscode, pull request 310836).

The snapshot lies: to an account that is used up and may go beyond its plan for money, it was
seen to say that nothing is used (opgginc/opencode-bar#144). So that is no number here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from urllib.parse import parse_qsl

from providers._shared.fields import Part, fraction
from providers._shared.pieces import Pieces
from providers._shared.windows import WEEK, distinct, month, window
from rotator.errors import UnexpectedAnswer
from rotator.model import Window

# What is counted, how its window is called, and whether opencode's work stops with it.
_COUNTED = {
    "premium_interactions": ("", True),
    "premium_models": ("", True),
    "chat": ("chat", True),
    "completions": ("completions", False),
}
_ALL = 100
_MOST_FIELDS = 20
_LONGEST = timedelta(days=400)


def read_quotas(body: Part, pieces: Pieces) -> tuple[Window, ...]:
    """Return what is used of the month; what is without an end is no window."""
    quotas, left = pieces.part(body, "quota_snapshots"), pieces.part(body, "limited_user_quotas")
    if quotas is None and left is None and body.text("copilot_plan") is None:
        raise body.unusable("quota_snapshots")
    resets_at = _end(body, pieces, "quota_reset_date_utc") or _end(body, pieces, "quota_reset_date")
    # What is counted is a guess where it is not told in which unit.
    of_tokens = pieces.read(_is_of_tokens, body) is not False
    windows: list[Window] = []
    for name in _COUNTED if quotas else ():
        how = partial(_snapshot, resets_at=resets_at, of_tokens=of_tokens)
        windows += pieces.windows([pieces.part(quotas, name)], how)
    most = pieces.part(body, "monthly_quotas")
    if left is not None and most is not None:
        limited_at = _end(body, pieces, "limited_user_reset_date")
        for name in _COUNTED:
            how = partial(_limited, most=most, name=name, resets_at=limited_at)
            windows += pieces.windows([left], how)
    return distinct(windows)


def _end(body: Part, pieces: Pieces, name: str) -> datetime | None:
    return pieces.read(body.moment, name)


def _is_of_tokens(body: Part) -> bool:
    return body.flag("token_based_billing") is True


def read_quota_headers(headers: Mapping[str, str], now: datetime) -> tuple[Window, ...]:
    """Return what the headers of a good answer tell; what is not understood is left out."""
    return distinct(_from_headers(headers, now))


def _snapshot(quota: Part, *, resets_at: datetime | None, of_tokens: bool) -> Window | None:
    about, blocks = _COUNTED[quota.path.rpartition(".")[2]]
    used = _used(quota, of_tokens=of_tokens)
    return None if used is None else month(used, resets_at, about=about, blocks=blocks)


def _used(quota: Part, *, of_tokens: bool) -> float | None:
    """Return the fraction that is used; None where there is no end, or no number."""
    most, percent = (quota.one_of_several(name) for name in ("entitlement", "percent_remaining"))
    left = quota.one_of_several("quota_remaining")
    left = quota.one_of_several("remaining") if left is None else left
    if quota.flag("unlimited") or (most is not None and (most < 0 or (most == 0 and of_tokens))):
        return None
    if most and left is not None:
        percent = _ALL * left / most
    if percent is None:
        raise quota.unusable("percent_remaining")
    if left is not None and left <= 0 and percent >= _ALL:
        # All of nothing is left: a placeholder.
        return None
    return _believed(percent, may_go_beyond=quota.flag("overage_permitted"))


def _believed(percent_left: Decimal, *, may_go_beyond: bool | None) -> float | None:
    if percent_left >= _ALL and may_go_beyond:
        return None
    return fraction(_ALL - percent_left, _ALL)


def _limited(left: Part, *, most: Part, name: str, resets_at: datetime | None) -> Window | None:
    """Return what a free plan has: `limited` is what is left of `monthly`."""
    about, blocks = _COUNTED[name]
    whole, rest = most.number(name), left.number(name)
    if whole is None or rest is None or whole <= 0:
        return None
    return month(fraction(whole - rest, whole), resets_at, about=about, blocks=blocks)


def _from_headers(headers: Mapping[str, str], now: datetime) -> Iterator[Window]:
    for name, (about, blocks) in _COUNTED.items():
        told = _told(headers.get(f"x-quota-snapshot-{name}"), now, counts=True)
        if told is not None:
            yield month(*told, about=about, blocks=blocks)
    session = _told(headers.get("x-usage-ratelimit-session"), now)
    if session is not None:
        # How long one lasts is not told.
        yield Window("session", *session)
    week = _told(headers.get("x-usage-ratelimit-weekly"), now)
    if week is not None:
        yield window(WEEK, *week)


def _told(
    text: str | None, now: datetime, *, counts: bool = False
) -> tuple[float, datetime | None] | None:
    """Return what is used and the reset: `ent=300&ov=0.0&ovPerm=true&rem=95.2&rst=2026-…`."""
    try:
        fields = Part(dict(parse_qsl(text or "", max_num_fields=_MOST_FIELDS)))
        most, percent = fields.number("ent"), fields.number("rem")
        may_go_beyond = counts and fields.flag("ovPerm")
        resets_at = fields.moment("rst")
    except (ValueError, UnexpectedAnswer):
        return None
    if percent is None or (counts and (most is None or most <= 0)):
        return None
    used = _believed(percent, may_go_beyond=may_go_beyond)
    if resets_at is not None and abs(resets_at - now) > _LONGEST:
        resets_at = None
    return None if used is None else (used, resets_at)
