"""What OpenAI's own codes mean where the rules for everybody do not know them.

Sources: "Sign in with ChatGPT" for other programs, certainty M
(https://developers.openai.com/siwc/token-sharing-open-source; older answers have `v2_` in the
codes), and a used-up plan that was answered with 404, certainty M
(https://github.com/numman-ali/opencode-openai-codex-auth/issues/50).
"""

from __future__ import annotations

import re

from providers._shared.failures import code_in, read_failure
from providers._shared.fields import Part
from rotator.model import Reach, Scope, Signal

_SHARING = re.compile(r"(?:subscription_sharing|chatpass)_(?:v2_)?")
# How the plan itself is named there.
_WHOLE_PLAN = {"codex", "premium"}
_DEAD = {"invalid_user", "scope_not_authorized", "invalid_authorization_context"}


def scope_openai(signal: Signal) -> Scope | None:
    """Return what a limit is counted for where that is less than the account or its group.

    Some models of a plan have a pool of their own, which the headers name
    (codex-rs/codex-api/src/rate_limits.rs, certainty H); a project's limits are not its
    organisation's (https://developers.openai.com/api/docs/guides/error-codes, certainty H).
    """
    pool = Part(signal.headers).text("x-codex-active-limit")
    if signal.model and pool and pool.lower() not in _WHOLE_PLAN:
        return Scope(signal.model)
    error = read_failure(signal).error
    if code_in(error, "code", "type").startswith("project_"):
        return Scope(reach=Reach.ACCOUNT)
    return None
