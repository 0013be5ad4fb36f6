"""What Copilot's refusals mean where the rules for everybody do not know them.

Sources: a used-up month, certainty H (https://github.com/anomalyco/opencode/issues/48330);
limits of days that are called rate limits, certainty M
(https://github.com/github/copilot-cli/issues/2696); refused logins, certainty H
(https://github.com/microsoft/terminal/issues/18308) and missing seats or policies, certainty H
(https://github.com/github/copilot-cli/issues/18).
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from http import HTTPStatus

from providers._shared.failures import code_in, found, read_failure, until
from providers._shared.resets import next_month
from rotator.model import Finding, Meaning, Signal

# Longer than that, it is worth to be called used up.
_SHORT = timedelta(minutes=5)
_LIMITED = re.compile(
    r"(?:sorry, )?you've (?:hit|exceeded|reached) (?:a|your|the) .{0,200}?"
    r"try again in (?:about )?(?P<span>(?:\d{1,4} (?:minute|hour|day)s?(?:,? |,? and )?){1,3})",
    re.DOTALL,
)
_PART = re.compile(r"(\d{1,4}) (minute|hour|day)")
# These the table knows.
_LIMIT_CODES = re.compile(r"user_(?:model|weekly|global)_rate_limited")
_UNITS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}
_NO_LOGIN = ("unauthorized: ", "bad credentials")
_NO_SEAT = "not authorized to use this copilot feature"
_LONGEST_TEXT = 400


def classify_copilot(signal: Signal, now: datetime) -> Finding | None:
    """Return what a refusal means, else None."""
    failure = read_failure(signal)
    # Some answers are plain text.
    message = failure.message or ("" if failure.whole else signal.body.strip())
    message = message[:_LONGEST_TEXT].replace("\u2019", "'").lower()
    match signal.status:
        case HTTPStatus.PAYMENT_REQUIRED:
            return _used_up(signal, now, code_in(failure.error or failure.whole, "code"), message)
        case HTTPStatus.TOO_MANY_REQUESTS | None:
            code = code_in(failure.error or failure.whole, "code")
            return None if _LIMIT_CODES.match(code) else _limited(signal, now, message)
        case HTTPStatus.FORBIDDEN if _NO_SEAT in message[: 2 * len(_NO_SEAT)]:
            return found(signal, Meaning.BILLING, "the account has no seat, or a policy forbids it")
        case HTTPStatus.UNAUTHORIZED if message.startswith(_NO_LOGIN):
            return found(signal, Meaning.LOGIN_DEAD, "the login is not accepted")
        case _:
            return None


def _used_up(signal: Signal, now: datetime, code: str, message: str) -> Finding | None:
    """Read a 402; whatever the numbers of the plan say, they are late and were seen to lie."""
    if code != "quota_exceeded" and "quota" not in message:
        return None
    at = until(signal, now) or next_month(now)
    return found(signal, Meaning.EXHAUSTED, "the month's quota is used up", at)


def _limited(signal: Signal, now: datetime, message: str) -> Finding | None:
    told = _LIMITED.match(message)
    if told is None:
        return None
    parts = _PART.findall(told["span"])
    wait = sum((int(count) * _UNITS[unit] for count, unit in parts), timedelta())
    at = until(signal, now, now + wait)
    if at is None or at - now <= _SHORT:
        return None
    return found(signal, Meaning.EXHAUSTED, "a limit of hours or days is reached", at)
