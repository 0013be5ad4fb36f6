"""Anthropic: logins of third-party plug-ins (OAuth) and API keys."""

from __future__ import annotations

from datetime import datetime

from providers._oauth import INVALID_GRANT, JSON, TokenEndpoint
from rotator.model import Credential, Identity
from rotator.provider import DeadLogin, HttpAnswer, RefreshCall, Tokens

# The public client of Claude Code, which the plug-ins use (griffinmartin/opencode-claude-auth,
# ex-machina-co/opencode-anthropic-auth); the older address on console.anthropic.com is gone
# (Wei-Shaw/claude-relay-service, pull request 1207).
_CLIENT = "9d1c250a-e61b-44d9-88ed-5944d1962f5e"
_ENDPOINT = TokenEndpoint("https://platform.claude.com/v1/oauth/token", INVALID_GRANT, JSON)
_CONSENT = (
    "Anthropic's consumer terms forbid other programs than its own to use the tokens of a plan,"
    " and Claude Code is signed out where it shares this login"
)


class Anthropic:
    """Tokens are opaque: they do not say whose they are, and each refresh replaces both."""

    ids = ("anthropic",)
    rotates_tokens = True

    def identify(self, credential: Credential) -> Identity:  # noqa: ARG002  # the contract's shape
        """Return nothing: only a call could tell."""
        return Identity()

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


PROVIDERS = (Anthropic(),)
