"""xAI: SuperGrok logins (OAuth) and API keys."""

from providers.xai.provider import PROVIDERS

__all__ = ["PROVIDERS"]
