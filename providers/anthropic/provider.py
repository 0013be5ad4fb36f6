"""Anthropic: logins of third-party plug-ins (OAuth) and API keys.

The sources of usage, headers and errors are named where they are read
(`providers/anthropic/usage.py`, `providers/anthropic/codes.py`, `providers/_shared/ratelimit.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from providers._shared.answers import document, get
from providers._shared.oauth import JSON, TokenEndpoint
from providers._shared.pieces import Pieces
from providers._shared.ratelimit import read_ratelimit
from providers._shared.windows import has_each
from providers.anthropic.codes import classify_anthropic, scope_anthropic
from providers.anthropic.usage import read_plan_headers, read_profile, read_windows
from rotator.errors import LoginRejected, ProviderError, UnexpectedAnswer
from rotator.model import Credential, Finding, Identity, Scope, Signal, Snapshot
from rotator.provider import (
    DeadLogin,
    HttpAnswer,
    IdentityReading,
    Reading,
    RefreshCall,
    Tokens,
)

# The public client of Claude Code, which the plug-ins use (griffinmartin/opencode-claude-auth,
# ex-machina-co/opencode-anthropic-auth); the older address on console.anthropic.com is gone
# (Wei-Shaw/claude-relay-service, pull request 1207).
_CLIENT = "9d1c250a-e61b-44d9-88ed-5944d1962f5e"
_ENDPOINT = TokenEndpoint("https://platform.claude.com/v1/oauth/token", "anthropic", JSON)
_CONSENT = (
    "Anthropic's consumer terms forbid other programs than its own to use the tokens of a plan,"
    " and Claude Code is signed out where it shares this login"
)
_USAGE = "https://api.anthropic.com/api/oauth/usage"
_PROFILE = "https://api.anthropic.com/api/oauth/profile"
# Without a version it is a firewall that answers, with a 429.
_HEADERS = {"anthropic_beta": "oauth-2025-04-20", "anthropic_version": "2023-06-01"}
_NO_KEY_USAGE = "Anthropic tells an API key nothing of its usage; the answers to its requests do"
_KEY_OF_NOBODY = "Anthropic tells nobody whose an API key is"
_FORBIDDEN = 403
_REVOKED = "OAuth token has been revoked"
_SCOPE = "scope requirement"


class Anthropic:
    """Tokens are opaque: they do not say whose they are, and each refresh replaces both."""

    ids = ("anthropic",)
    rotates_tokens = True
    # About 28 questions in an hour are answered, the one for the profile perhaps among them.
    usage_pause_seconds = 300.0
    # Its terms keep other programs from a plan's tokens, see docs/security.md.
    asks_only_in_doubt = True

    def identify(self, credential: Credential) -> Identity:  # noqa: ARG002  # the contract's shape
        """Return nothing: only a call could tell."""
        return Identity()

    def usage_obstacle(self, credential: Credential) -> str | None:
        """Return None for a login: only a plan has usage that is told."""
        return None if credential.type == "oauth" else _NO_KEY_USAGE

    def read_usage(self, credential: Credential, now: datetime) -> Reading:
        """Return the plan's windows, and whose they are as far as the profile can be read."""
        answer = yield get(_USAGE, credential, **_HEADERS)
        _refuse_without_leave(answer)
        pieces = Pieces()
        windows = read_windows(document(answer, now), pieces)
        profile = yield get(_PROFILE, credential, **_HEADERS)
        try:
            who, plan = read_profile(document(profile, now))
        except ProviderError:
            who, plan = Identity(), None
        # Either of these may be full while the other one is not.
        complete = pieces.are_whole and has_each(windows, "5h", "7d")
        return pieces.told(Snapshot(now, windows, plan=plan, identity=who, complete=complete))

    def identity_obstacle(self, credential: Credential) -> str | None:
        """Return None for a login."""
        return None if credential.type == "oauth" else _KEY_OF_NOBODY

    def read_identity(self, credential: Credential, now: datetime) -> IdentityReading:
        """Return the person and the organisation that the profile names."""
        answer = yield get(_PROFILE, credential, **_HEADERS)
        _refuse_without_leave(answer)
        body = document(answer, now)
        who, _ = read_profile(body)
        if who.key is None:
            raise body.unusable("account.uuid")
        return who

    def read_headers(self, headers: Mapping[str, str], now: datetime) -> Snapshot | None:
        """Return a plan's windows, or the rate limits of an API key."""
        plan = read_plan_headers(headers, now)
        windows = plan or read_ratelimit(headers, now)
        # A key's limits are its organisation's, a plan's are one person's.
        who = Identity(group=None if plan else headers.get("anthropic-organization-id"))
        return Snapshot(now, windows, identity=who) if windows else None

    def limit_scope(self, signal: Signal) -> Scope | None:
        """Return that the week of one family of models is used up."""
        return scope_anthropic(signal)

    def classify(self, signal: Signal, now: datetime) -> Finding | None:
        """Return what a plan's headers and Anthropic's own texts mean."""
        return classify_anthropic(signal, now)

    def refresh_call(self, credential: Credential) -> RefreshCall | str:
        """Return the request of Claude Code's client; the user has to allow it first."""
        request = _ENDPOINT.call(credential, _CLIENT)
        if isinstance(request, str):
            return request
        return RefreshCall(request, _CLIENT, consent=_CONSENT)

    def read_refresh(
        self,
        credential: Credential,  # noqa: ARG002  # the contract's shape
        answer: HttpAnswer,
        now: datetime,
    ) -> Tokens | DeadLogin:
        """Return the new tokens, or that the login is dead."""
        return _ENDPOINT.read(answer, now)


def _refuse_without_leave(answer: HttpAnswer) -> None:
    """Tell a login that was ended from one that may only not ask for usage."""
    text = answer.body.reveal() if answer.status == _FORBIDDEN else ""
    if _REVOKED in text:
        raise LoginRejected("the vendor does not accept the login: it was revoked")
    if _SCOPE in text:
        raise UnexpectedAnswer("this login was not given leave to ask for it")


PROVIDERS = (Anthropic(),)
