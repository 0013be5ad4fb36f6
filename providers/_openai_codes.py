"""What OpenAI's own codes mean where the rules for everybody do not know them.

Sources: "Sign in with ChatGPT" for other programs, certainty M
(https://developers.openai.com/siwc/token-sharing-open-source; older answers have `v2_` in the
codes), and a used-up plan that was answered with 404, certainty M
(https://github.com/numman-ali/opencode-openai-codex-auth/issues/50).
"""

from __future__ import annotations

import re
from datetime import datetime
from http import HTTPStatus

from providers._failures import code_in, found, part_of, read_failure, until
from providers._fields import Part
from rotator.errors import UnexpectedAnswer
from rotator.model import Finding, Meaning, Signal

_SHARING = re.compile(r"(?:subscription_sharing|chatpass)_(?:v2_)?")
_DEAD = {"invalid_user", "scope_not_authorized", "invalid_authorization_context"}


def classify_openai(signal: Signal, now: datetime) -> Finding | None:
    """Return what the answer's code means, or None for one that is not OpenAI's alone."""
    failure = read_failure(signal)
    # Within a stream the error is the response's.
    error = failure.error or part_of(part_of(failure.whole, "response"), "error")
    code = code_in(error, "code", "type")
    shared = _SHARING.match(code)
    if shared is not None and code[shared.end() :] == "user_not_eligible":
        return found(signal, Meaning.BILLING, "its plan cannot be used by other programs")
    if shared is not None and code[shared.end() :] in _DEAD:
        return found(signal, Meaning.LOGIN_DEAD, "this program may not use the plan any more")
    if signal.status == HTTPStatus.NOT_FOUND and code == "usage_limit_reached":
        at = until(signal, now, _resets_at(Part(error)))
        return found(signal, Meaning.EXHAUSTED, "usage limit reached", at)
    return None


def _resets_at(error: Part) -> datetime | None:
    try:
        return error.moment("resets_at")
    except UnexpectedAnswer:
        return None
