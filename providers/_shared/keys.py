"""What holds for the API keys of most vendors: they tell nobody's name and never change."""

from __future__ import annotations

from datetime import datetime

from rotator.errors import UnexpectedAnswer
from rotator.model import Credential, Identity
from rotator.provider import Reading


class ApiKeys:
    """**Base class:** a vendor whose keys say nothing of their owner, and can ask for usage."""

    rotates_tokens = False

    def identify(self, credential: Credential) -> Identity:  # noqa: ARG002  # the contract's shape
        """Return nobody."""
        return Identity()

    def usage_obstacle(self, credential: Credential) -> str | None:
        """Return None for an API key."""
        return None if credential.type == "api" else "only an API key can ask for it"


class UnaskedKeys(ApiKeys):
    """**Base class:** a vendor that tells a key nothing of its usage, and is never asked."""

    why: str

    def usage_obstacle(self, credential: Credential) -> str | None:  # noqa: ARG002  # likewise
        """Return the reason, the same for every credential."""
        return self.why

    def read_usage(
        self,
        credential: Credential,  # noqa: ARG002  # likewise
        now: datetime,  # noqa: ARG002  # likewise
    ) -> Reading:
        """Refuse: there is nobody to ask."""
        yield from ()
        raise UnexpectedAnswer(self.why)
