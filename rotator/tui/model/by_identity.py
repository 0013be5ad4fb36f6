"""A key for caches: two values are alike only if they are the very same object.

To compare a thousand frozen accounts with a thousand others costs more than what is cached.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, eq=False)
class ByIdentity(Generic[Value]):
    """Holds a value, and is equal to another that holds the same one."""

    value: Value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ByIdentity) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)
