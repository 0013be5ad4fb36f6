"""Anthropic: logins of third-party plug-ins (OAuth) and API keys."""

from providers.anthropic.provider import PROVIDERS

__all__ = ["PROVIDERS"]
