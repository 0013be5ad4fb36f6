"""A made-up hour of several opencodes, their log as it was written, and one request that failed.

Each opencode has a beginning, perhaps an end, a level of its log, and folders that it uses at some
time; it reads its key when it has used a folder, or its login when it asks. Logins are swapped,
and the log is cut, in between. Which account the request carried is known here, and to nobody who
reads the log.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from rotator.model import AccountId, Tenure
from rotator.opencode.log import LoggedFailure
from rotator.services.failure_times import OtherOpencode
from rotator.system.processes import Opencode

START = datetime(2026, 11, 22, 12, tzinfo=UTC)
FOLDERS = (Path("/one"), Path("/two"))
_HOUR = 3600.0
# So long after a failure its line is read.
HEARD_SECONDS = 1.0
# A swap is noted so long after it has happened.
_NOTED_SECONDS = 1.0


def at(seconds: float) -> datetime:
    """Return the time so long after the beginning."""
    return START + timedelta(seconds=round(seconds, 3))


@dataclass
class Acting:
    """An opencode: what it does and when, in seconds since the beginning."""

    number: int
    kind: str
    began: float
    ends: float
    folder: Path
    is_quiet: bool
    is_bridged: bool
    first_line: float
    # When each folder was used, and when its key was read.
    used: dict[Path, tuple[float, float]] = field(default_factory=dict)

    @property
    def seen(self) -> Opencode:
        """What the system tells of it."""
        return Opencode(100 + self.number, self.kind, at(self.began), folder=self.folder)

    @property
    def run(self) -> str:
        """The log's own name for it."""
        return f"{self.number + 1:08x}"


@dataclass
class ChargedWorld:
    """What happened until a request failed."""

    dice: Random
    swaps: list[tuple[float, str]] = field(default_factory=list)
    opencodes: list[Acting] = field(default_factory=list)
    cuts: list[float] = field(default_factory=list)
    lines: list[tuple[float, str]] = field(default_factory=list)
    tenures: tuple[Tenure, ...] = ()
    failed: float = 0.0
    began: float = 0.0
    by: Acting | None = None
    folder: Path = FOLDERS[0]

    def live_through(self) -> None:
        """Let everything happen."""
        dice, time = self.dice, 0.0
        self.swaps = [(0.0, "a")]
        for _ in range(dice.randint(0, 3)):
            time += dice.choice([4.0, 8.0, 20.0, 200.0]) * dice.uniform(0.5, 1.5)
            self.swaps.append((time, dice.choice("abc")))
        around = [one for one, _ in self.swaps] or [0.0]
        for number in range(dice.randint(1, 4)):
            self.opencodes.append(self._opencode(number, dice.choice(around)))
        self.by = dice.choice(self.opencodes)
        self.by.is_bridged = False
        ready = max(read for _, read in self.by.used.values())
        self.folder = dice.choice(list(self.by.used))
        self.began = ready + dice.choice([0.1, 2.0, 8.0, 60.0]) * dice.uniform(0.5, 1.5)
        self.failed = self.began + dice.choice([0.3, 5.0, 40.0]) * dice.uniform(0.5, 1.5)
        self.by.ends = max(self.by.ends, self.failed + dice.choice([0.01, 900.0]))
        for _ in range(dice.choice([0, 0, 1, 2])):
            self.cuts.append(dice.uniform(0.0, self.failed))
        late = [0.0, *(dice.uniform(0.0, _NOTED_SECONDS) for _ in self.swaps[1:])]
        self.tenures = tuple(
            Tenure(AccountId(f"id-acme-{name}"), at(when + wait))
            for (when, name), wait in zip(self.swaps, late, strict=True)
            if when + wait <= self.failed + HEARD_SECONDS
        )
        self.lines = sorted(line for one in self.opencodes for line in self._lines(one))

    def _opencode(self, number: int, near: float) -> Acting:
        dice = self.dice
        kind = dice.choice(["serve", "serve", "tui"])
        began = max(near + dice.uniform(-15.0, 15.0), -5.0)
        first = began + dice.choice([0.3, 0.6, 2.0, 7.0]) * dice.uniform(0.8, 1.2)
        one = Acting(
            number,
            kind,
            began,
            dice.choice([first + dice.uniform(1.0, 60.0), _HOUR, _HOUR]),
            dice.choice(FOLDERS),
            is_quiet=dice.random() < 0.4,
            is_bridged=dice.random() < 0.2,
            first_line=first,
        )
        if kind == "tui":
            one.used[one.folder] = (first, first + dice.uniform(0.1, 3.0))
            return one
        time = first
        for folder in dice.sample(FOLDERS, dice.randint(1, 2)):
            time += dice.choice([0.5, 5.0, 60.0]) * dice.uniform(0.5, 1.5)
            one.used[folder] = (time, time + dice.uniform(0.1, 3.0))
            time = one.used[folder][1]
        return one

    def _lines(self, one: Acting) -> Iterator[tuple[float, str]]:
        def line(seconds: float, level: str, message: str) -> tuple[float, str]:
            told = at(seconds).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            return seconds, f"timestamp={told} level={level} run={one.run} message={message}\n"

        if not one.is_quiet:
            if one.kind == "serve":
                yield line(one.first_line, "INFO", "loading path=/c/opencode.json")
            for folder, (used, read) in one.used.items():
                place = json.dumps(str(folder))
                yield line(used, "INFO", f'"creating instance" directory={place}')
                yield line(used + 0.02, "INFO", "loading path=/c/opencode.json")
                yield line(read, "INFO", "stream providerID=acme small=false")
        if one is self.by:
            if not one.is_quiet:
                yield line(self.began, "INFO", "stream providerID=acme small=false")
            yield line(self.failed, "ERROR", '"stream error" providerID=acme')

    # -- what is known ---------------------------------------------------------------------

    @property
    def log(self) -> str:
        """The log when the line is heard."""
        since = max(self.cuts, default=-100.0)
        return "".join(text for when, text in self.lines if since < when <= self.failed)

    @property
    def failure(self) -> LoggedFailure:
        """The line."""
        assert self.by is not None
        began_at = None if self.by.is_quiet else at(self.began)
        line = LoggedFailure(at(self.failed), "acme", "m1", "ses_1", small=False, message="limited")
        return replace(line, run=self.by.run, began_at=began_at)

    @property
    def running(self) -> list[Opencode]:
        """The opencodes that run without a bridge."""
        return [one.seen for one in self.opencodes if self._runs(one) and not one.is_bridged]

    @property
    def beside(self) -> list[OtherOpencode]:
        """Those with a bridge, and those that ran at a swap and have ended."""
        bridged = [
            OtherOpencode(o.seen, sends=False)
            for o in self.opencodes
            if self._runs(o) and o.is_bridged
        ]
        ended = [
            OtherOpencode(one.seen, sends=not one.is_bridged and self.failed <= one.ends)
            for one in self.opencodes
            if not self._runs(one) and self._was_seen(one)
        ]
        return [*bridged, *ended]

    def _runs(self, one: Acting) -> bool:
        return one.began <= self.failed and self.failed + 0.05 < one.ends

    def _was_seen(self, one: Acting) -> bool:
        """Tell whether it ran when a swap was heard of, or when the watcher began."""
        return any(one.began <= when + _NOTED_SECONDS <= one.ends for when, _ in self.swaps)

    def key(self) -> str:
        """Return whose key the request carried."""
        assert self.by is not None
        return self._live_at(self.by.used[self.folder][1])

    def login(self) -> str:
        """Return whose login the request carried."""
        return self._live_at(self.dice.uniform(self.began, min(self.began + 5.0, self.failed)))

    def _live_at(self, seconds: float) -> str:
        return [name for when, name in self.swaps if when <= max(seconds, 0.0)][-1]
