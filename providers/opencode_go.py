"""OpenCode Go and OpenCode Zen: API keys of one workspace, asked at one host.

Source, certainty H: anomalyco/opencode, packages/console/app/src/routes/zen/go/v1/usage.ts and
routes/zen/util/handler.ts, which are the server's own. `workspaceID` and `userID` were not in
the answers of the first weeks. The balance of Zen has no endpoint for a key
(https://github.com/anomalyco/opencode/issues/10448).
"""

from __future__ import annotations

from datetime import datetime

from providers._shared.answers import document, get
from providers._shared.fields import Part
from providers._shared.keys import ApiKeys, UnaskedKeys
from providers._shared.pieces import Pieces
from providers._shared.windows import FIVE_HOURS, WEEK, has_each, month, window
from rotator.errors import UnexpectedAnswer
from rotator.model import (
    Credential,
    Identity,
    Snapshot,
    Window,
)
from rotator.provider import HttpAnswer, IdentityReading, LoginCheck, Reading

_USAGE = "https://opencode.ai/zen/go/v1/usage"
_PLAN = "OpenCode Go"
_LENGTHS = {"rolling": FIVE_HOURS, "weekly": WEEK, "monthly": None}
_FORBIDDEN = 403
# Blocked workspaces and missing keys have the same type; only this text is about the key.
_DEAD_KEY = "invalid api key"
_OWN_LIMITS = {
    "MonthlyLimitError": "the workspace's limit for this month is reached",
    "UserLimitError": "the member's limit for this month is reached",
}


class _Workspace(ApiKeys):
    """What holds for a key of either kind."""


class OpenCodeGo(_Workspace):
    """A subscription with three windows, counted for a member of a workspace."""

    ids = ("opencode-go",)
    asks_only_in_doubt = False

    def identity_obstacle(self, credential: Credential) -> str | None:
        """Return None for an API key."""
        return self.usage_obstacle(credential)

    def read_identity(self, credential: Credential, now: datetime) -> IdentityReading:
        """Return the member, who stands in the answer about the usage."""
        answer = yield get(_USAGE, credential)
        _refuse_without_plan(answer)
        body = document(answer, now)
        who = _identity(body)
        if who.key is None:
            raise body.unusable("userID")
        return who

    def read_usage(self, credential: Credential, now: datetime) -> Reading:
        """Return the windows, and whose they are where the answer says so."""
        answer = yield get(_USAGE, credential)
        _refuse_without_plan(answer)
        body = document(answer, now)
        usage = body.part("usage")
        if usage is None:
            raise body.unusable("usage")
        pieces, who = Pieces(), _identity(body)
        windows = tuple(pieces.windows([pieces.part(usage, name) for name in _LENGTHS], _window))
        complete = pieces.are_whole and has_each(windows, "5h", "7d", "month")
        return pieces.told(Snapshot(now, windows, plan=_PLAN, identity=who, complete=complete))


class Zen(_Workspace, UnaskedKeys):
    """Pay as you go, and free models."""

    ids = ("opencode",)
    why = "OpenCode Zen does not tell a key what is left of its balance"

    def check_login(self, credential: Credential, now: datetime) -> LoginCheck | None:
        """Ask as for a subscription: a key without one is known and told so."""
        return _ask_for_plan(credential, now) if credential.type == "api" else None


def _ask_for_plan(credential: Credential, now: datetime) -> LoginCheck:
    answer = yield get(_USAGE, credential)
    if not _is_without_plan(answer):
        body = document(answer, now)
        if body.part("usage") is None:
            raise body.unusable("usage")


def _is_without_plan(answer: HttpAnswer) -> bool:
    return answer.status == _FORBIDDEN and "EntitlementError" in answer.body.reveal()


def _refuse_without_plan(answer: HttpAnswer) -> None:
    """Say what a refusal means: this was seen of plans that worked, too (opencode#49020)."""
    if _is_without_plan(answer):
        raise UnexpectedAnswer("the vendor finds no OpenCode Go subscription behind this key")


def _window(part: Part) -> Window:
    used = 1.0 if part.text("status") == "rate-limited" else part.percent("percent")
    if used is None:
        raise part.unusable("percent")
    resets_at = part.moment("resetsAt")
    # The fraction of a second is when it was asked.
    resets_at = resets_at and resets_at.replace(microsecond=0)
    length = _LENGTHS[part.path.rpartition(".")[2]]
    return window(length, used, resets_at) if length else month(used, resets_at)


def _identity(body: Part) -> Identity:
    workspace, user = body.text("workspaceID"), body.text("userID")
    if not (workspace and user):
        return Identity()
    # The limits are a member's, whichever of the member's keys is used.
    member = f"{workspace}/{user}"
    return Identity(key=member, group=member)


PROVIDERS = (OpenCodeGo(), Zen())
