"""OpenRouter: API keys with a limit of their own or without one, on an account with credits.

Sources, certainty H: https://openrouter.ai/docs/api_reference/limits (`/key`, 402 and 429),
https://openrouter.ai/docs/api/api-reference/credits/get-credits (`/credits`), and
https://github.com/gptme/gptme/issues/1449 (403 for a key's limit).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import partial

from providers._shared.answers import document, get, good
from providers._shared.failures import Failure, code_in, found, part_of, read_failure
from providers._shared.fields import Part, fraction
from providers._shared.keys import ApiKeys
from providers._shared.pieces import Pieces
from providers._shared.resets import next_day, next_month, next_week
from providers._shared.windows import DAY, WEEK, month, window
from rotator.model import Balance, Credential, Finding, Meaning, Signal, Snapshot, Window
from rotator.provider import HttpAnswer, Reading

_KEY = "https://openrouter.ai/api/v1/key"
_CREDITS = "https://openrouter.ai/api/v1/credits"
_OK = 200

_RESETS: Mapping[str, Callable[[datetime], datetime]] = {
    "daily": next_day,
    "weekly": next_week,
    "monthly": next_month,
}
# Older answers do not name the length.
_KEY_LIMIT = re.compile(r"key limit exceeded(?: \((\w{1,20}) limit\))?", re.IGNORECASE)
_NO_KEY_SEEN = re.compile(r"no (?:cookie )?auth credentials found", re.IGNORECASE)
_UNAUTHORIZED, _FORBIDDEN = "401", "403"


class OpenRouter(ApiKeys):
    """A key does not say whose it is, and neither does the vendor."""

    ids = ("openrouter",)

    def read_usage(self, credential: Credential, now: datetime) -> Reading:
        """Return the key's own limit, and the credits where they are told."""
        body = document((yield get(_KEY, credential)), now)
        key = body.part("data")
        if key is None:
            raise body.unusable("data")
        pieces = Pieces()
        limit = pieces.read(partial(_limit, now), key)
        answer = yield get(_CREDITS, credential)
        if not pieces.are_whole:
            # They are all that is left to be told.
            good(answer, now, rejected=())
        left = pieces.read(partial(_credits, now), answer)
        is_free = pieces.read(key.flag, "is_free_tier")
        return pieces.told(
            Snapshot(
                now,
                (limit,) if limit else (),
                None if left is None else Balance(left, "USD"),
                plan="free tier" if is_free else None,
                spent=left is not None and left <= 0,
            )
        )

    def classify(self, signal: Signal, now: datetime) -> Finding | None:
        """Return what a dead key and a key's own limit are told by: texts with a bare status."""
        failure = read_failure(signal)
        code = code_in(failure.error, "code")
        if code != str(signal.status) or _is_upstream(failure):
            return None
        if code == _UNAUTHORIZED and not _NO_KEY_SEEN.match(failure.message):
            return found(signal, Meaning.LOGIN_DEAD, "the key is not accepted")
        limit = _KEY_LIMIT.match(failure.message)
        if code != _FORBIDDEN or limit is None:
            return None
        length = (limit[1] or "").lower()
        if length not in _RESETS:
            return found(signal, Meaning.BILLING, "the key's own limit is reached")
        why = f"the key's own {length} limit is reached"
        return found(signal, Meaning.EXHAUSTED, why, _RESETS[length](now))


def _limit(now: datetime, key: Part) -> Window | None:
    """Return the key's own limit; None where it has none, as most have.

    `usage` beside it is of all time, and not what is used of a limit that begins anew.
    """
    limit, left, length = (
        key.number("limit"),
        key.number("limit_remaining"),
        key.text("limit_reset"),
    )
    if limit is None:
        return None
    if left is None:
        raise key.unusable("limit_remaining")
    used = fraction(limit - left, limit) if limit > 0 else 1.0
    if length is None or length not in _RESETS:
        return Window("total", used)
    resets_at = _RESETS[length](now)
    if length == "monthly":
        return month(used, resets_at)
    return window(DAY if length == "daily" else WEEK, used, resets_at)


def _credits(now: datetime, answer: HttpAnswer) -> Decimal | None:
    """Return what is left of the account's credits.

    They are for management keys: others are refused, or told zeros that mean nothing.
    """
    data = document(answer, now).part("data") if answer.status == _OK else None
    if data is None:
        return None
    bought, used = data.number("total_credits"), data.number("total_usage")
    return bought - used if bought and used is not None else None


def _is_upstream(failure: Failure) -> bool:
    metadata = part_of(failure.error, "metadata")
    return bool(metadata.get("provider_name") or metadata.get("provider_code"))


PROVIDERS = (OpenRouter(),)
