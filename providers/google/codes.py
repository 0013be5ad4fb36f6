"""What the reasons in Google's errors mean where the rules for everybody do not know them.

Sources, certainty H: https://github.com/NoeFabris/opencode-antigravity-auth/issues/335 (an
account that has to be verified), https://github.com/link0518/Antigravity2api/issues/6 (no
licence), https://github.com/cequence-io/openai-scala-client/issues/109 (a refused key, with 400);
certainty M: https://github.com/router-for-me/CLIProxyAPI/issues/1637 (an account that was banned).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from http import HTTPStatus

from providers._shared.failures import Failure, code_in, found, read_failure
from rotator.model import Finding, Meaning, Signal

_REASONS = {
    (HTTPStatus.FORBIDDEN, "VALIDATION_REQUIRED"): (
        Meaning.LOGIN_DEAD,
        "Google wants the account to be verified",
    ),
    (HTTPStatus.FORBIDDEN, "SUBSCRIPTION_REQUIRED"): (
        Meaning.BILLING,
        "the account has no licence for this",
    ),
    (HTTPStatus.BAD_REQUEST, "API_KEY_INVALID"): (Meaning.LOGIN_DEAD, "the key is not accepted"),
}
_BANNED = re.compile(r"(?:this service|gemini) has been disabled in this account for violation")
_MOST_DETAILS = 8


def classify_google(signal: Signal) -> Finding | None:
    """Return what a reason or a known text means, else None."""
    failure = read_failure(signal)
    for reason in _reasons(failure):
        for (status, known), (meaning, why) in _REASONS.items():
            if signal.status == status and reason == known:
                return found(signal, meaning, why)
    if signal.status == HTTPStatus.FORBIDDEN and _BANNED.match(failure.message.lower()):
        return found(signal, Meaning.LOGIN_DEAD, "Google has disabled the account")
    return None


def _reasons(failure: Failure) -> Iterator[str]:
    details = failure.error.get("details")
    for detail in details[:_MOST_DETAILS] if isinstance(details, list) else ():
        if isinstance(detail, dict):
            yield code_in(detail, "reason")
