"""What Anthropic says of a Claude plan: usage, profile, and the headers of good answers.

Certainty H: the endpoint of Claude Code as claude-swap reads it (oauth.py, usage_store.py),
steipete/CodexBar (Providers/Claude) and robinebers/openusage (ClaudeUsageMapper,
ClaudeProviderTests). Certainty M: which model `7d_oi` is about, and what the
statuses of single windows mean (both seen in answers that several programs have kept).

Unknown names come and go (`iguana_necktie`, `nimbus_quill`); they are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from providers._shared.fields import Part, fraction
from providers._shared.pieces import Pieces
from providers._shared.windows import DAY, FIVE_HOURS, HOUR, WEEK, month, window
from rotator.errors import UnexpectedAnswer
from rotator.model import Identity, Window

# As the older half of the answer names them, with the model that a window binds.
_NAMED: Mapping[str, tuple[int, str | None]] = {
    "five_hour": (FIVE_HOURS, None),
    "seven_day": (WEEK, None),
    "seven_day_opus": (WEEK, "Opus"),
    "seven_day_sonnet": (WEEK, "Sonnet"),
}
_KINDS = {"session": FIVE_HOURS, "weekly_all": WEEK}
_OF_A_MODEL = "weekly_scoped"
_HEADER = re.compile(
    r"anthropic-ratelimit-unified-(?P<claim>(?P<count>\d{1,2})(?P<unit>[hd])"
    r"(?:_(?P<scope>[a-z0-9]{1,20}))?)-utilization",
    re.ASCII,
)
_UNITS = {"h": HOUR, "d": DAY}
_SCOPES = {"oi": "Fable", "opus": "Opus", "sonnet": "Sonnet"}
# A fraction; a little over 1 was seen, and a percentage is something else.
_MOST_USED = 2
_MOST_HEADERS = 200
_LONGEST = timedelta(days=400)
_MULTIPLIER = re.compile(r"_(\d{1,3}x)$", re.ASCII)


def read_windows(body: Part, pieces: Pieces) -> tuple[Window, ...]:
    """Return the windows; where both halves of the answer tell one, the newer half counts."""
    if not body.values.keys() & {"limits", *_NAMED}:
        raise body.unusable("five_hour")
    windows = {_key(window): window for window in (*_named(body, pieces), *_listed(body, pieces))}
    extra = pieces.windows([pieces.part(body, "extra_usage")], _extra)
    return (*windows.values(), *extra)


def read_profile(body: Part) -> tuple[Identity, str | None]:
    """Return who it is, and the plan with how many times its limits are the usual ones."""
    account, organisation = body.part("account"), body.part("organization")
    if account is None or organisation is None:
        return Identity(), None
    person, place = account.text("uuid"), organisation.text("uuid")
    key = f"{person}/{place}" if person and place else None
    plan = organisation.text("organization_type")
    times = _MULTIPLIER.search(organisation.text("rate_limit_tier") or "")
    return Identity(key, account.text("email")), f"{plan} {times[1]}" if plan and times else plan


def read_plan_headers(headers: Mapping[str, str], now: datetime) -> tuple[Window, ...]:
    """Return the windows of a plan that the headers tell; what is not understood is left out."""
    windows = {_key(window): window for window in _from_headers(Part(headers), now)}
    return tuple(windows.values())


def _key(window: Window) -> tuple[str, str]:
    return window.name, (window.model or "").lower()


def _named(body: Part, pieces: Pieces) -> list[Window]:
    return pieces.windows([pieces.part(body, name) for name in _NAMED], _named_window)


def _named_window(part: Part) -> Window | None:
    length, model = _NAMED[part.path]
    used = part.percent("utilization")
    return None if used is None else window(length, used, part.moment("resets_at"), model=model)


def _listed(body: Part, pieces: Pieces) -> list[Window]:
    return pieces.windows(pieces.parts(body, "limits"), _listed_window)


def _listed_window(limit: Part) -> Window | None:
    kind = limit.text("kind")
    model = _model_of(limit) if kind == _OF_A_MODEL else None
    length = WEEK if model else _KINDS.get(kind or "")
    used = limit.percent("percent") if length else None
    if length is None or used is None:
        return None
    return window(length, used, limit.moment("resets_at"), model=model)


def _model_of(limit: Part) -> str | None:
    scope = limit.part("scope")
    model = scope.part("model") if scope else None
    return model.text("display_name") if model else None


def _extra(extra: Part) -> Window | None:
    """Return what is spent beyond the plan; a plan that is not used up goes on without it."""
    if not extra.flag("is_enabled"):
        return None
    most, spent = extra.number("monthly_limit"), extra.number("used_credits")
    if most is None or most <= 0 or spent is None:
        return None
    return month(fraction(spent, most), about="extra usage", blocks=False)


def _from_headers(fields: Part, now: datetime) -> Iterator[Window]:
    for name in sorted(fields.values)[:_MOST_HEADERS]:
        match = _HEADER.fullmatch(name)
        if match is None:
            continue
        try:
            used = fields.share(name)
            is_absurd = (fields.number(name) or 0) > _MOST_USED
        except UnexpectedAnswer:
            continue
        length = int(match["count"]) * _UNITS[match["unit"]]
        if used is None or is_absurd or not length:
            continue
        claim = name.removesuffix("utilization")
        rejected = fields.text(f"{claim}status") == "rejected"
        model = _SCOPES.get(match["scope"] or "", match["scope"])
        at = header_reset(fields, f"{claim}reset", now)
        yield window(length, 1.0 if rejected else used, at, model=model)


def header_reset(fields: Part, name: str, now: datetime) -> datetime | None:
    """Return the moment that a header tells, or None for one that cannot be meant."""
    try:
        at = fields.moment(name)
    except UnexpectedAnswer:
        return None
    return at if at and abs(at - now) <= _LONGEST else None
