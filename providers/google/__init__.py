"""Google: logins of third-party plug-ins (OAuth) and API keys."""

from providers.google.provider import PROVIDERS

__all__ = ["PROVIDERS"]
