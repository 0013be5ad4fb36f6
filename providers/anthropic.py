"""Anthropic: logins of third-party plug-ins (OAuth) and API keys."""

from __future__ import annotations

from rotator.model import Credential, Identity


class Anthropic:
    """Tokens are opaque: they do not say whose they are, and each refresh replaces both."""

    ids = ("anthropic",)
    rotates_tokens = True

    def identify(self, credential: Credential) -> Identity:  # noqa: ARG002  # the contract's shape
        """Return nothing: only a call could tell."""
        return Identity()


PROVIDERS = (Anthropic(),)
