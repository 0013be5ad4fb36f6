"""Reads an answer piece by piece: one that cannot be read costs itself, never the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from providers._shared.fields import Part
from rotator.errors import UnexpectedAnswer
from rotator.model import Snapshot, Window

Of = TypeVar("Of")
Read = TypeVar("Read")


@dataclass(slots=True)
class Pieces:
    """What was wrong with the pieces that were read so far."""

    faults: list[UnexpectedAnswer] = field(default_factory=list)

    @property
    def are_whole(self) -> bool:
        """Whether every piece so far could be read."""
        return not self.faults

    def read(self, how: Callable[[Of], Read], of: Of) -> Read | None:
        """Return what `how` makes of a piece; None where it cannot be read.

        Of an object a truth value or a moment that is odd costs itself.
        """
        try:
            return how(self._noting(of))
        except UnexpectedAnswer as exc:
            self.faults.append(exc)
            return None

    def _noting(self, of: Of) -> Of:
        return replace(of, faults=self.faults) if isinstance(of, Part) else of

    def part(self, inside: Part | None, name: str) -> Part | None:
        """Return the object under that name."""
        return None if inside is None else self.read(self._noting(inside).part, name)

    def parts(self, inside: Part, name: str) -> list[Part]:
        """Return the objects of the list under that name; what is none costs itself."""
        values = inside.values.get(name)
        if values is None:
            return []
        if not isinstance(values, list):
            self.faults.append(inside.unusable(name))
            return []
        listed = (
            Part({"": value}, inside.path_of(f"{name}[{n}]")) for n, value in enumerate(values)
        )
        return [part for part in (self.read(_only, value) for value in listed) if part is not None]

    def windows(
        self, parts: Iterable[Part | None], how: Callable[[Part], Window | None]
    ) -> list[Window]:
        """Return the windows in those of the parts that are there."""
        told = (self.read(how, part) for part in parts if part is not None)
        return [value for value in told if value is not None]

    def told(self, snapshot: Snapshot) -> Snapshot:
        """Return what was read; raises UnexpectedAnswer, with its field, where nothing was."""
        is_empty = not snapshot.windows and snapshot.balance is None and not snapshot.spent
        if is_empty and self.faults:
            raise self.faults[0]
        return snapshot


def _only(listed: Part) -> Part | None:
    """Return the object that a list has in one place."""
    value = listed.values[""]
    if value is not None and not isinstance(value, dict):
        raise UnexpectedAnswer(f"the vendor's answer has no usable {listed.path}")
    return None if value is None else Part(value, listed.path)
