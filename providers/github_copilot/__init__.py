"""GitHub Copilot: logins of opencode itself, on github.com and on GHE.com."""

from providers.github_copilot.provider import PROVIDERS

__all__ = ["PROVIDERS"]
