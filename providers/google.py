"""Google: logins of third-party plug-ins (OAuth) and API keys. Nothing of them is refreshed by us.

A plug-in packs more than the refresh token into the entry, keeps further accounts in a file of
its own and changes between them by itself (NoeFabris/opencode-antigravity-auth).
"""

from __future__ import annotations

from datetime import datetime

from providers._oauth import NO_KEY
from rotator.errors import UnexpectedAnswer
from rotator.model import Credential, Identity
from rotator.provider import DeadLogin, HttpAnswer, RefreshCall, Tokens


class Google:
    """Its refresh tokens outlive a refresh, and the plug-ins that use them look after them."""

    ids = ("google",)
    rotates_tokens = False

    def identify(self, credential: Credential) -> Identity:  # noqa: ARG002  # the contract's shape
        """Return nothing: only a call could tell."""
        return Identity()

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


PROVIDERS = (Google(),)
