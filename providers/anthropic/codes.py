"""What Anthropic's answers mean where the rules for everybody do not know them.

Sources: a plan's 429 with the headers that Claude Code goes by, certainty H
(https://github.com/griffinwork40/agent-afk/pull/490); programs that are not Anthropic's own draw
from another purse since April 2026, certainty H
(https://github.com/anthropics/claude-code/issues/45247,
https://github.com/anthropics/claude-code/issues/45046); a lapsed subscription, certainty M
(https://github.com/anthropics/claude-code/issues/6752); a login without leave for requests,
certainty H (https://github.com/apache/maka/pull/2949); a claim that names one model's week,
certainty H (https://github.com/Wei-Shaw/sub2api/pull/3698).
"""

from __future__ import annotations

import re
from datetime import datetime
from http import HTTPStatus

from providers._shared.failures import found, until
from providers._shared.fields import Part
from providers.anthropic.usage import header_reset
from rotator.model import Finding, Meaning, Scope, Signal

_UNIFIED = "anthropic-ratelimit-unified-"
_WHOLE = ("5h", "7d")
_STATUS = re.compile(
    r"anthropic-ratelimit-unified-(\d{1,2}[hd](?:_[a-z0-9]{1,20})?)-status", re.ASCII
)
_MOST_HEADERS = 200
# The window that refuses: of the whole plan, of a family of models, or `overage_included`, which
# the header of a status calls `oi` and which is counted for the model that was asked.
_CLAIM = re.compile(r"(?:five_hour|seven_day)_([a-z0-9_]{1,40})", re.ASCII)
_OF_THE_MODEL = "overage_included"


def classify_anthropic(signal: Signal, now: datetime) -> Finding | None:
    """Return what the headers of a plan or a known text mean, else None."""
    headers = Part(signal.headers)
    if (
        signal.status == HTTPStatus.TOO_MANY_REQUESTS
        and headers.text(f"{_UNIFIED}status") == "rejected"
    ):
        at = until(signal, now, _rejected_until(headers, now))
        return found(signal, Meaning.EXHAUSTED, "the plan's limit is reached", at)
    return None


def scope_anthropic(signal: Signal) -> Scope | None:
    """Return that the limit is about the model asked for, where only its own window is used up."""
    fields = Part(signal.headers)
    if signal.model is None or any(_is_refused(fields, name) for name in _WHOLE):
        return None
    if _refused(fields) or _is_claimed(fields, signal.model):
        return Scope(signal.model)
    return None


def _is_claimed(fields: Part, model: str) -> bool:
    """Tell whether the window that refuses is one of the model's, by the claim."""
    if fields.text(f"{_UNIFIED}status") != "rejected":
        return False
    claim = _CLAIM.fullmatch(fields.text(f"{_UNIFIED}representative-claim") or "")
    return claim is not None and (claim[1] == _OF_THE_MODEL or claim[1] in model.lower())


def _refused(fields: Part) -> list[str]:
    """Return the windows that a header calls used up, of the whole plan and of some models."""
    named = (_STATUS.fullmatch(name) for name in sorted(fields.values)[:_MOST_HEADERS])
    return [match[1] for match in named if match and _is_refused(fields, match[1])]


def _is_refused(fields: Part, window: str) -> bool:
    return fields.text(f"{_UNIFIED}{window}-status") == "rejected"


def _rejected_until(headers: Part, now: datetime) -> datetime | None:
    """Return when the refused windows begin anew; the reset of all may be another window's."""
    whole = [name for name in _WHOLE if _is_refused(headers, name)]
    refused = whole or _refused(headers)
    resets = [header_reset(headers, f"{_UNIFIED}{name}-reset", now) for name in refused]
    told = [at for at in resets if at is not None]
    return max(told) if told else header_reset(headers, f"{_UNIFIED}reset", now)
