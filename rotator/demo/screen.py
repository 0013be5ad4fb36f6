"""What the demo shows: one aligned line a step, plain ASCII, no colour, at any width."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass, field

_TIME_WIDTH = 6
_WHAT_WIDTH = 8
_NARROWEST = 30


@dataclass(frozen=True, slots=True)
class DemoStep:
    """One thing that happened, `at_ms` milliseconds after the start."""

    at_ms: int
    what: str
    text: str
    shown: str = ""


@dataclass
class DemoScreen:
    """Says each step as it happens, and keeps it. Times given to it are of `time.monotonic`."""

    say: Callable[[str], None]
    columns: int = 100
    started_at: float = field(default_factory=time.monotonic)
    steps: list[DemoStep] = field(default_factory=list)

    def step(self, what: str, text: str, *, at: float | None = None, shown: str = "") -> None:
        """Show a step that happened at `at`, by default now.

        `text` is broken into lines; `shown` is a command's own output and stays as it is.
        """
        moment = time.monotonic() if at is None else at
        # Two clocks are involved, the events' and ours; a screen does not run backwards.
        earliest = self.steps[-1].at_ms if self.steps else 0
        at_ms = max(int((moment - self.started_at) * 1000), earliest)
        self.steps.append(DemoStep(at_ms, what, text, shown))
        first = f"{at_ms:>{_TIME_WIDTH}} ms  {what:<{_WHAT_WIDTH}}  "
        rest = " " * len(first)
        for line in self._broken(text, len(first)):
            self.say(f"{first}{line}")
            first = rest
        for line in shown.splitlines():
            self.say(f"{rest}{line}")

    def conclude(self, text: str) -> None:
        """Show a closing sentence after an empty line."""
        self.say("")
        for line in self._broken(text, 0):
            self.say(line)

    def _broken(self, text: str, indent: int) -> list[str]:
        width = max(self.columns - indent, _NARROWEST)
        return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
