"""Which opencodes ran when a login was swapped, and until when: a line may be of one that ended.

What began before a swap goes on with the key from before it. So whoever runs at a swap is
remembered for a while after its end; whoever begins later is of no use to anybody.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rotator.clock import is_ahead, is_within
from rotator.services.failure_times import OtherOpencode
from rotator.system.processes import Opencode, is_running

_MOST = 50
_KEPT_FOR = timedelta(hours=1)
# The beginning of a process is told to a hundredth of a second, on other systems to a second.
_SAME = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class _SeenOpencode:
    """An opencode that ran; since when it is known to have ended, if it has."""

    opencode: Opencode
    sends: bool
    ended_at: datetime | None = None


class SeenOpencodes:
    """Remembers opencodes; for one thread."""

    def __init__(self) -> None:
        """Begin with none."""
        self._seen: dict[int, _SeenOpencode] = {}
        self._ended: list[_SeenOpencode] = []

    def look(self, running: Iterable[OtherOpencode], now: datetime) -> None:
        """Know of those that run."""
        there = {process.opencode.pid: process for process in running}
        for pid, seen in list(self._seen.items()):
            process = there.get(pid)
            if (
                process is None
                or abs(process.opencode.started_at - seen.opencode.started_at) > _SAME
            ):
                self._end(pid, now)
        for pid, process in there.items():
            sends = process.sends or (pid in self._seen and self._seen[pid].sends)
            self._seen[pid] = _SeenOpencode(process.opencode, sends)

    def work(self, now: datetime) -> None:
        """Note who has ended, and forget who did so long ago."""
        for pid in [pid for pid in self._seen if not is_running(pid)]:
            self._end(pid, now)
        ended = (
            seen
            for seen in self._ended
            if seen.ended_at and is_within(_KEPT_FOR, seen.ended_at, now)
        )
        self._ended = list(ended)[-_MOST:]

    def ended(self, at: datetime, now: datetime) -> list[OtherOpencode]:
        """Return those that have ended; one `sends` if it ran at that time, as far as is known."""
        return [
            OtherOpencode(
                seen.opencode,
                seen.sends
                and seen.ended_at is not None
                and (at <= seen.ended_at or is_ahead(at, now)),
            )
            for seen in self._ended
        ]

    def _end(self, pid: int, now: datetime) -> None:
        self._ended.append(replace(self._seen.pop(pid), ended_at=now))
