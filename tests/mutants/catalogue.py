"""All mutants of some modules, and a sample of them that a seed draws."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.changes import Change, Kind, changes
from tests.support.repository import ROOT


@dataclass(frozen=True, slots=True)
class Mutant:
    """A module with one change."""

    module: str
    change: Change

    def __str__(self) -> str:
        where = f"{self.module}:{self.change.line} {self.change.function}"
        return f"{where}: {self.change.kind}: {self.change.told}"


def draw(
    names: Sequence[str], kinds: Collection[Kind], seed: int, count: int | None
) -> list[Mutant]:
    """Draw as many as are wanted; the same ones as long as their own lines stay as they are.

    So a sample is not another one after each change of the code, and a smaller one is a part of
    a larger one. A name is a module's path, or one line of it: `rotator/x.py:17`.
    """

    def rank(mutant: Mutant) -> bytes:
        name = f"{Path(mutant.module).name} {mutant.change.function} {mutant.change.told}"
        return hashlib.sha256(f"{seed} {name}".encode()).digest()

    return sorted((one for one in _all(names) if one.change.kind in kinds), key=rank)[:count]


def _all(names: Sequence[str]) -> Iterator[Mutant]:
    for name in names:
        module, _, line = name.partition(":")
        for change in changes((ROOT / module).read_text()):
            if not line or change.line == int(line):
                yield Mutant(module, change)
