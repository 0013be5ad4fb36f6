"""Changes that no test has to notice, each with its reason, from accepted.toml.

They are found again by their text, not by their line: a line moves with every change above it.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.changes import Change

FILE = Path(__file__).with_name("accepted.toml")


@dataclass(frozen=True, slots=True)
class Accepted:
    """The reasons, by module, function and what is changed."""

    reasons: dict[tuple[str, str, str], str]

    def reason(self, module: str, change: Change) -> str | None:
        """Return why this change need not be noticed, if that has been said."""
        return self.reasons.get((below_package(module), change.function, change.told))


def below_package(module: str) -> str:
    """Return a module's path as the file names it; two folders may have files of one name."""
    return module.removeprefix("rotator/")


def read() -> Accepted:
    """Return what stands in the file."""
    entries = tomllib.loads(FILE.read_text()).get("accepted", [])
    return Accepted(
        {(one["module"], one["function"], one["change"]): one["reason"] for one in entries}
    )
