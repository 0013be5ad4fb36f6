"""A household whose processes reach the vendors of a test, through a proxy, and nobody else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.support.household import Household


@dataclass(frozen=True)
class Connected(Household):
    """A household with the way to `Vendor` in the environment of all its processes."""

    way: Mapping[str, str] = field(default_factory=dict)

    def env(self) -> dict[str, str]:
        """Return the whole environment of every process of this household."""
        return super().env() | dict(self.way)
