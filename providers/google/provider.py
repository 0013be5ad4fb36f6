"""Google: logins of third-party plug-ins (OAuth) and API keys. Nothing of them is refreshed by us.

A plug-in packs more than the refresh token into the entry, keeps further accounts in a file of
its own and changes between them by itself (NoeFabris/opencode-antigravity-auth). The sources of
usage are named in `providers/google/usage.py`, those of errors in `providers/google/codes.py`.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from datetime import datetime

from providers._shared.answers import bearer, document
from providers._shared.fields import Part
from providers._shared.oauth import JSON, NO_KEY
from providers._shared.pieces import Pieces
from providers.google.usage import (
    plan_of,
    project_of,
    read_buckets,
    read_models,
    read_summary,
)
from rotator.errors import UnexpectedAnswer
from rotator.model import Credential, Identity, Scope, Signal, Snapshot
from rotator.provider import DeadLogin, HttpAnswer, HttpRequest, Reading, RefreshCall, Tokens
from rotator.secret import Secret

_HOST = "https://cloudcode-pa.googleapis.com"
# Where the plug-ins' requests are counted; the other host knows only its own.
_DAILY = "https://daily-cloudcode-pa.googleapis.com"
_WHO = {"metadata": {"ideType": "IDE_UNSPECIFIED", "pluginType": "GEMINI"}}
# What is asked for, the newest first, and how its answer is read.
_SHAPES = (
    (f"{_DAILY}/v1internal:retrieveUserQuotaSummary", read_summary),
    (f"{_HOST}/v1internal:retrieveUserQuotaSummary", read_summary),
    (f"{_HOST}/v1internal:retrieveUserQuota", read_buckets),
    (f"{_HOST}/v1internal:fetchAvailableModels", read_models),
)
_NO_KEY_USAGE = "Google tells a Gemini API key nothing of its usage"


class Google:
    """Its refresh tokens outlive a refresh, and the plug-ins that use them look after them."""

    ids = ("google",)
    rotates_tokens = False

    def identify(self, credential: Credential) -> Identity:  # noqa: ARG002  # the contract's shape
        """Return nothing: only a call could tell."""
        return Identity()

    def usage_obstacle(self, credential: Credential) -> str | None:
        """Return None for a login."""
        return None if credential.type == "oauth" else _NO_KEY_USAGE

    def read_usage(self, credential: Credential, now: datetime) -> Reading:
        """Return the quotas in the newest shape that this login is answered in, and the tier."""
        tier = yield from _asked(f"{_HOST}/v1internal:loadCodeAssist", credential, now, _WHO)
        project = (project_of(tier) if tier else None) or _packed_project(credential)
        about = {"project": project} if project else {}
        for url, read in _SHAPES:
            body = yield from _asked(url, credential, now, about)
            if body is not None:
                pieces = Pieces()
                windows = read(body, pieces)
                plan = plan_of(tier, Pieces()) if tier else None
                return pieces.told(Snapshot(now, windows, plan=plan))
        raise UnexpectedAnswer("Google tells this login nothing of its usage")

    def limit_scope(self, signal: Signal) -> Scope | None:
        """Return the model asked for: every quota is a model's, or a group's of models."""
        return Scope(signal.model) if signal.model else None

    def refresh_call(self, credential: Credential) -> RefreshCall | str:
        """Return why not, always."""
        if credential.type != "oauth":
            return NO_KEY
        return (
            "the plug-ins for Google refresh their logins, and change between them, by themselves"
        )

    def read_refresh(
        self,
        credential: Credential,  # noqa: ARG002  # the contract's shape
        answer: HttpAnswer,  # noqa: ARG002  # likewise
        now: datetime,  # noqa: ARG002  # likewise
    ) -> Tokens | DeadLogin:
        """Raise UnexpectedAnswer: nothing was asked."""
        raise UnexpectedAnswer("Google was not asked for new tokens")


def _asked(
    url: str, credential: Credential, now: datetime, about: object
) -> Generator[HttpRequest, HttpAnswer, Part | None]:
    """Ask, and return the object in the answer; None where this login is not answered there."""
    headers: dict[str, str | Secret] = {"authorization": bearer(credential), "content-type": JSON}
    answer = yield HttpRequest("POST", url, headers, Secret(json.dumps(about)))
    try:
        return document(answer, now)
    except UnexpectedAnswer:
        return None


def _packed_project(credential: Credential) -> str | None:
    """Return the project that a plug-in packs beside the token: `token|project|managed`."""
    packed = credential.refresh.reveal().split("|") if credential.refresh else []
    return next(filter(None, reversed(packed[1:3])), None)


PROVIDERS = (Google(),)
