"""xAI: SuperGrok logins (OAuth) and API keys."""

from __future__ import annotations

from datetime import datetime

from providers._oauth import INVALID_GRANT, TokenEndpoint
from rotator.model import Credential, Identity
from rotator.provider import DeadLogin, HttpAnswer, RefreshCall, Tokens, jwt_claims
from rotator.text import clean

# The public client of the Grok command line, which opencode logs in with as well
# (anomalyco/opencode, packages/opencode/src/plugin/xai.ts).
_CLIENT = "b1a00492-073a-47ea-816f-4c329264a828"
_ENDPOINT = TokenEndpoint("https://auth.x.ai/oauth2/token", INVALID_GRANT)


class XAI:
    """The access token names issuer and subject; an e-mail is not always in it.

    A refresh replaces both tokens, or leaves the new refresh token out: the old one stays then.
    """

    ids = ("xai",)
    rotates_tokens = True

    def identify(self, credential: Credential) -> Identity:
        """Return issuer and subject of an OAuth login."""
        if credential.type != "oauth":
            return Identity()
        claims = jwt_claims(credential.secret.reveal())
        issuer, subject, email = claims.get("iss"), claims.get("sub"), claims.get("email")
        if not (isinstance(issuer, str) and isinstance(subject, str)):
            return Identity()
        label = clean(email) if isinstance(email, str) and email else None
        return Identity(key=f"{issuer}/{subject}", label=label)

    def refresh_call(self, credential: Credential) -> RefreshCall | str:
        """Return the request of the Grok command line's client."""
        request = _ENDPOINT.call(credential, _CLIENT)
        if isinstance(request, str):
            return request
        return RefreshCall(request, _CLIENT)

    def read_refresh(
        self,
        credential: Credential,  # noqa: ARG002  # the contract's shape
        answer: HttpAnswer,
        now: datetime,
    ) -> Tokens | DeadLogin:
        """Return the new tokens, or that the login is dead."""
        return _ENDPOINT.read(answer, now)


PROVIDERS = (XAI(),)
