"""What opencode's log tells of its own runs: when each began, and what it has used and read.

A run is a process; the log has a name of its own for it, and no pid. A `serve` loads plug-ins,
ours too, when a folder is used for the first time (1.18.33), and logs that.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rotator.system.regular_files import tail

_MOST_BYTES = 4 << 20
_LINE = re.compile(
    rb"^timestamp=(\S+) level=\S+ run=([0-9a-f]{1,32}) message=([^\n]*)$", re.MULTILINE
)
_USED = re.compile(rb'"creating instance" directory=("(?:[^"\\]|\\.)*"|\S+)')
_ASKED = re.compile(rb"stream ")
_LAID_DOWN = re.compile(rb'"disposing instance" directory=("(?:[^"\\]|\\.)*"|\S+)')
_LOADED = re.compile(rb'loading path=("(?:[^"\\]|\\.)*"|[^\n]+)')
_SECOND = re.compile(rb'"cli starting" version=2\.')
# It writes its first line so long after it began.
_FIRST_LINE = timedelta(seconds=10)
_EARLIER = timedelta(seconds=0.5)


@dataclass(slots=True)
class Run:
    """A process, as the log knows it: its first line that was read, and the folders it uses.

    `folders` has when it has built each anew last: it reads the logins after that, and before
    its first request (`asked_at`: the first since it has built any). `loaded` has when it has
    read a piece of configuration last, `laid_down` when it laid a folder down last: what it does
    there afterwards it builds anew, with what is in auth.json then. `is_whole`: its first line is
    of those that an opencode begins with, though any may be written later, too. `opened` is the
    folder that its first line says it uses: a server's says something else.
    `is_second`: it is OpenCode 2's.
    """

    first_at: datetime
    folders: dict[Path, datetime] = field(default_factory=dict)
    asked_at: datetime | None = None
    loaded: dict[Path, datetime] = field(default_factory=dict)
    laid_down: dict[Path, datetime] = field(default_factory=dict)
    is_second: bool = False
    is_whole: bool = True
    opened: Path | None = None

    def is_of(self, started_at: datetime) -> bool:
        """Tell whether a process that began then may be this one."""
        return -_EARLIER <= self.first_at - started_at <= _FIRST_LINE


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs in the newest part of the log, which begins at `since` (None: with the log)."""

    runs: Mapping[str, Run]
    since: datetime | None = None

    def folders(self, run: str | None) -> list[Path]:
        """Return the folders that a run has used, as far as that is known."""
        record = self.runs.get(run or "")
        return list(record.folders) if record else []

    def loaded(self, run: str | None) -> Mapping[Path, datetime]:
        """Return when a run has read which piece of configuration last, as far as is known."""
        record = self.runs.get(run or "")
        return record.loaded if record else {}

    def is_idle(self, started_at: datetime) -> bool | None:
        """Tell whether the process that began then has used no folder yet; None: unknown."""
        begun = self._begun(started_at)
        if not all(run.is_whole for run in begun):
            # It says less in its log, or that was cut.
            return None
        told = {not run.folders for run in begun}
        return told.pop() if len(told) == 1 else None

    def is_second(self, started_at: datetime) -> bool:
        """Tell whether the process that began then is an OpenCode 2, by what it has logged."""
        return {run.is_second for run in self._begun(started_at)} == {True}

    def of_process(self, started_at: datetime) -> Run | None:
        """Return the run of the process that began then, or None where that is not known."""
        begun = self._begun(started_at)
        return begun[0] if len(begun) == 1 else None

    def _begun(self, started_at: datetime) -> list[Run]:
        """Return the runs that may be the process that began then."""
        if self.since is not None and started_at < self.since:
            return []
        return [run for run in self.runs.values() if run.is_of(started_at)]


def runs_in(logs: Path) -> Runs:
    """Return the runs in the newest part of the log."""
    content, is_whole = tail(logs / "opencode.log", _MOST_BYTES)
    runs: dict[str, Run] = {}
    since: datetime | None = None
    for at_text, name, message in (match.groups() for match in _LINE.finditer(content)):
        at = _time(at_text)
        if at is None:
            continue
        since = since or at
        used = _USED.match(message)
        run = runs.setdefault(name.decode("ascii"), _begun(at, message, used))
        if used:
            run.folders[Path(_text(used[1]))] = at
            run.asked_at = None
        elif _ASKED.match(message):
            run.asked_at = run.asked_at or at
        elif laid_down := _LAID_DOWN.match(message):
            run.laid_down[Path(_text(laid_down[1]))] = at
        elif loaded := _LOADED.match(message):
            run.loaded[Path(_text(loaded[1]))] = at
        elif _SECOND.match(message):
            run.is_second = True
    return Runs(runs, None if is_whole else since)


def _begun(at: datetime, message: bytes, used: re.Match[bytes] | None) -> Run:
    """Return a run of which this is the first line."""
    begins = used or _LOADED.match(message)
    return Run(at, is_whole=begins is not None, opened=Path(_text(used[1])) if used else None)


def _text(value: bytes) -> str:
    text = value.decode("utf-8", "replace")
    if text.startswith('"'):
        try:
            return str(json.loads(text))
        except ValueError:
            return text
    return text


def _time(text: bytes) -> datetime | None:
    try:
        at = datetime.fromisoformat(text.decode("ascii"))
    except ValueError:
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
