"""What Google's Cloud Code says of a login's quotas, in its newer shape and in two older ones.

Certainty M: antigravity-swap (usage.py), steipete/CodexBar (AntigravityRemoteUsageFetcher,
Gemini), router-for-me/CLIProxyAPI#3876 and Javis603/token-monitor#722 (the summary, and that
the two hosts count apart), diegosouzapw/OmniRoute#10912 (a fraction that is missing is unknown),
google-antigravity/antigravity-cli#387 (the older shapes say that all is left, for ever).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import partial

from providers._shared.fields import Part, fraction
from providers._shared.pieces import Pieces
from providers._shared.windows import DAY, FIVE_HOURS, HOUR, WEEK, distinct, window
from rotator.model import Window
from rotator.text import sanitize

_LENGTHS = {"5h": FIVE_HOURS, "weekly": WEEK, "daily": DAY}
_HOURS = re.compile(r"(\d{1,3})h", re.ASCII)
# The older shapes do not tell how long a window is.
_UNNAMED = "quota"


def read_summary(body: Part, pieces: Pieces) -> tuple[Window, ...]:
    """Return the windows of each group of models."""
    if body.values.get("groups") is None:
        raise body.unusable("groups")
    return distinct(_of_groups(body, pieces))


def read_buckets(body: Part, pieces: Pieces) -> tuple[Window, ...]:
    """Return a window for each model, as Gemini's command line is told (retrieveUserQuota)."""
    if body.values.get("buckets") is None:
        raise body.unusable("buckets")
    buckets = pieces.parts(body, "buckets")
    return _of_models([(bucket.text("modelId"), bucket) for bucket in buckets], pieces)


def read_models(body: Part, pieces: Pieces) -> tuple[Window, ...]:
    """Return a window for each model, as older Antigravity was told (fetchAvailableModels)."""
    models = body.part("models")
    if models is None:
        raise body.unusable("models")
    named = [
        (sanitize(name), pieces.part(model, "quotaInfo")) for name, model in models.named_parts()
    ]
    return _of_models(named, pieces)


def plan_of(body: Part, pieces: Pieces) -> str | None:
    """Return the name of the tier that is paid for, or of the usual one."""
    for name in ("paidTier", "currentTier"):
        tier = pieces.part(body, name)
        name_of_tier = (tier.text("name") or tier.text("id")) if tier else None
        if name_of_tier is not None:
            return name_of_tier
    return None


def project_of(body: Part) -> str | None:
    """Return the project that stands for the account, or None."""
    name = "cloudaicompanionProject"
    if isinstance(body.values.get(name), dict):
        project = body.part(name)
        return project.text("id") if project else None
    return body.text(name)


def _of_groups(body: Part, pieces: Pieces) -> Iterator[Window]:
    for group in pieces.parts(body, "groups"):
        yield from pieces.read(partial(_of_group, pieces), group) or []


def _of_group(pieces: Pieces, group: Part) -> list[Window]:
    models = group.text("displayName")
    if models is None:
        # Its windows would be taken for the whole account's.
        raise group.unusable("displayName")
    return pieces.windows(pieces.parts(group, "buckets"), partial(_of_bucket, models))


def _of_bucket(model: str, bucket: Part) -> Window | None:
    used = None if bucket.flag("disabled") else _used(bucket)
    if used is None:
        return None
    names = (bucket.text("window") or "", (bucket.text("bucketId") or "").rpartition("-")[2])
    length = next((length for name in names if (length := _length(name))), 0)
    if not length:
        raise bucket.unusable("window")
    return window(length, used, bucket.moment("resetTime"), model=model)


def _length(told: str) -> int:
    hours = _HOURS.fullmatch(told)
    return _LENGTHS.get(told) or (int(hours[1]) * HOUR if hours else 0)


def _of_models(
    quotas: Iterable[tuple[str | None, Part | None]], pieces: Pieces
) -> tuple[Window, ...]:
    told = (
        pieces.windows([quota], partial(_of_model, model, pieces))
        for model, quota in quotas
        if model
    )
    windows = distinct(window for several in told for window in several)
    # All is left of everything: so it is told whatever was used.
    return windows if any(window.used for window in windows) else ()


def _of_model(model: str, pieces: Pieces, quota: Part) -> Window | None:
    used = _used(quota)
    at = pieces.read(quota.moment, "resetTime")
    return None if used is None else Window(_UNNAMED, used, at, model=model)


def _used(quota: Part) -> float | None:
    left = quota.number("remainingFraction")
    if left is None:
        return None
    if not 0 <= left <= 1:
        raise quota.unusable("remainingFraction")
    return fraction(1 - left, 1)
