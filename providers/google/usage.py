"""What Google's Cloud Code says of a login's quotas, in its newer shape and in two older ones.

Certainty M: antigravity-swap (usage.py), steipete/CodexBar (AntigravityRemoteUsageFetcher,
Gemini), router-for-me/CLIProxyAPI#3876 and Javis603/token-monitor#722 (the summary, and that
the two hosts count apart), diegosouzapw/OmniRoute#10912 (a fraction that is missing is unknown),
google-antigravity/antigravity-cli#387 (the older shapes say that all is left, for ever).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from providers._shared.fields import Part, fraction
from providers._shared.windows import DAY, FIVE_HOURS, HOUR, WEEK, distinct, window
from rotator.model import Window
from rotator.text import sanitize

_LENGTHS = {"5h": FIVE_HOURS, "weekly": WEEK, "daily": DAY}
_HOURS = re.compile(r"(\d{1,3})h", re.ASCII)
# The older shapes do not tell how long a window is.
_UNNAMED = "quota"


def read_summary(body: Part) -> tuple[Window, ...]:
    """Return the windows of each group of models."""
    if body.values.get("groups") is None:
        raise body.unusable("groups")
    return distinct(_of_groups(body))


def read_buckets(body: Part) -> tuple[Window, ...]:
    """Return a window for each model, as Gemini's command line is told (retrieveUserQuota)."""
    if body.values.get("buckets") is None:
        raise body.unusable("buckets")
    buckets = body.parts("buckets")
    return _of_models((bucket.text("modelId"), bucket) for bucket in buckets)


def read_models(body: Part) -> tuple[Window, ...]:
    """Return a window for each model, as older Antigravity was told (fetchAvailableModels)."""
    models = body.part("models")
    if models is None:
        raise body.unusable("models")
    return _of_models(
        (sanitize(name), model.part("quotaInfo")) for name, model in models.named_parts()
    )


def plan_of(body: Part) -> str | None:
    """Return the name of the tier that is paid for, or of the usual one."""
    for name in ("paidTier", "currentTier"):
        tier = body.part(name)
        found = (tier.text("name") or tier.text("id")) if tier else None
        if found is not None:
            return found
    return None


def project_of(body: Part) -> str | None:
    """Return the project that stands for the account, or None."""
    name = "cloudaicompanionProject"
    if isinstance(body.values.get(name), dict):
        project = body.part(name)
        return project.text("id") if project else None
    return body.text(name)


def _of_groups(body: Part) -> Iterator[Window]:
    for group in body.parts("groups"):
        models = group.text("displayName")
        if models is None:
            # Its windows would be taken for the whole account's.
            raise group.unusable("displayName")
        for bucket in group.parts("buckets"):
            one = _of_bucket(bucket, models)
            if one is not None:
                yield one


def _of_bucket(bucket: Part, model: str) -> Window | None:
    used = None if bucket.flag("disabled") else _used(bucket)
    if used is None:
        return None
    told = bucket.text("window") or (bucket.text("bucketId") or "").rpartition("-")[2]
    hours = _HOURS.fullmatch(told)
    length = _LENGTHS.get(told) or (int(hours[1]) * HOUR if hours else 0)
    if not length:
        raise bucket.unusable("window")
    return window(length, used, bucket.moment("resetTime"), model=model)


def _of_models(found: Iterable[tuple[str | None, Part | None]]) -> tuple[Window, ...]:
    windows = distinct(_windows(found))
    # All is left of everything: so it is told whatever was used.
    return windows if any(one.used for one in windows) else ()


def _windows(found: Iterable[tuple[str | None, Part | None]]) -> Iterator[Window]:
    for model, quota in found:
        used = _used(quota) if quota is not None and model else None
        if quota is not None and model and used is not None:
            yield Window(_UNNAMED, used, quota.moment("resetTime"), model=model)


def _used(quota: Part) -> float | None:
    left = quota.number("remainingFraction")
    if left is None:
        return None
    if not 0 <= left <= 1:
        raise quota.unusable("remainingFraction")
    return fraction(1 - left, 1)
