"""Z.AI and Zhipu (BigModel): the GLM Coding Plan, and keys that pay as they go."""

from providers.zai.provider import PROVIDERS

__all__ = ["PROVIDERS"]
