"""The provider contract: what a vendor's module tells us; third parties may implement it.

A provider is a module-level object named `PROVIDERS` (a tuple of `Provider`) in a file of the
`providers` folder, or behind the entry point group `opencode_rotator.providers`. It does no
I/O of its own.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any, Protocol

from rotator.model import Credential, Identity


class Provider(Protocol):
    """**Protocol:** implemented in `providers/`, used by capture to tell accounts apart."""

    @property
    def ids(self) -> tuple[str, ...]:
        """The provider ids of auth.json that this module knows."""
        ...

    @property
    def rotates_tokens(self) -> bool:
        """Whether a refresh replaces the refresh token, so that only the newest copy lives."""
        ...

    def identify(self, credential: Credential) -> Identity:
        """Return who the credential is, offline; an empty Identity where it does not tell."""
        ...


def jwt_claims(token: str) -> dict[str, Any]:
    """Return the claims of a JSON Web Token, unverified; `{}` for anything else.

    Unverified is enough: the token came out of the user's own auth.json and the claims only
    tell accounts apart, they open nothing.
    """
    parts = token.split(".")
    if len(parts) != 3:  # noqa: PLR2004  # header, payload, signature
        return {}
    try:
        payload = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        claims = json.loads(payload)
    except (ValueError, binascii.Error, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}
