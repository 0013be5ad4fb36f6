"""OpenAI: ChatGPT logins (OAuth) and API keys."""

from providers.openai.provider import PROVIDERS

__all__ = ["PROVIDERS"]
