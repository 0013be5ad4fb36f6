"""xAI: SuperGrok logins (OAuth) and API keys."""

from __future__ import annotations

from rotator.model import Credential, Identity
from rotator.provider import jwt_claims
from rotator.text import clean


class XAI:
    """The access token names issuer and subject; an e-mail is not always in it."""

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


PROVIDERS = (XAI(),)
