"""A person whose computer's clock is set: every process of theirs has it, through libfaketime.

What the system counts since its start goes on as it is, as it does on a computer whose clock is
set. The times of files are real ones.
"""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.household import Household

_LIBRARY = Path("vendor", "libfaketime", "src", "libfaketime.so.1")


@dataclass(frozen=True)
class ClockedHousehold(Household):
    """A household with a clock of its own, real until it is set."""

    @property
    def _told(self) -> Path:
        return self.home / "clock"

    def set_clock(self, seconds: float) -> None:
        """Set the clock so far from the real time, for all that runs and will run."""
        new = self._told.with_suffix(".new")
        new.write_text(f"{seconds:+.0f}s\n", "ascii")
        new.replace(self._told)

    def env(self) -> dict[str, str]:
        """Return the whole environment of every process of this household."""
        if not self._told.exists():
            self.set_clock(0)
        return super().env() | {
            "LD_PRELOAD": str(library()),
            "FAKETIME_TIMESTAMP_FILE": str(self._told),
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }


def library() -> Path:
    """Return the library that sets the clock; without it, and beside Linux, the test fails."""
    found = importlib.util.find_spec("libfaketime")
    path = Path(found.origin).parent / _LIBRARY if found and found.origin else None
    if path is None or not path.exists() or sys.platform != "linux":
        pytest.fail("this machine lacks libfaketime for its processor: pip install libfaketime")
    return path
