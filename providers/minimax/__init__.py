"""MiniMax: keys of the coding or token plan, on the international and on the Chinese platform."""

from providers.minimax.provider import PROVIDERS

__all__ = ["PROVIDERS"]
