"""What gave opencodes without a bridge a key of their own, for as long as their lines count.

A line may be read when its process has ended, and nobody can look into the environment of one then.
It may be read when the key was taken out of a file, of which an opencode knows nothing before it is
restarted, or when the log does not tell any more in which folders its process works. So whoever
writes into the log is looked at while it runs. Names are kept, no values.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from rotator.context import Context
from rotator.opencode.bridge.exchange import Exchange
from rotator.opencode.bridge.install import bridge_file
from rotator.opencode.run_lines import Run, runs_in
from rotator.services.failure_times import OtherOpencode
from rotator.services.own_keys import Origin, OwnKey, find_own_keys
from rotator.services.without_bridge import opencodes_without_bridge
from rotator.system.processes import Opencode
from rotator.watcher.seen_opencodes import SeenOpencodes

_EVERY_SECONDS = 1.0
# Where the bridge is installed hardly anybody runs without it, and nobody new does.
_EVERY_SECONDS_BESIDE_BRIDGE = 30.0
_MOST = 100
# The beginning of a process is told anew each time, to a hundredth of a second.
_SAME = timedelta(seconds=2)


@dataclass(slots=True)
class _Looked:
    """What gave a process keys whenever it was looked at, and what was asked last."""

    started_at: datetime
    asked: tuple[list[str], list[Path]] | None = None
    keys: dict[tuple[str, str], OwnKey] = field(default_factory=dict)


class RememberedKeys:
    """Looks at opencodes and remembers; for one thread."""

    def __init__(
        self,
        context: Context,
        exchange: Exchange,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with none."""
        self._context = context
        self._exchange = exchange
        self._monotonic = monotonic
        self._looked_at = float("-inf")
        self._log: object = None
        self._seen = SeenOpencodes()
        self._runs: dict[str, Run] = {}
        self._looked: dict[int, _Looked] = {}

    def look(self) -> None:
        """Look at who runs without a bridge, if somebody has written since, now and then."""
        self._seen.work(self._context.clock())
        now, log = self._monotonic(), _state_of(self._context.paths.opencode_logs)
        if log == self._log or now - self._looked_at < self._every_seconds():
            return
        self._looked_at, self._log = now, log
        self._look_at(opencodes_without_bridge(self._context.paths, self._exchange.present()))

    def _every_seconds(self) -> float:
        is_installed = bridge_file(self._context.paths).version is not None
        return _EVERY_SECONDS_BESIDE_BRIDGE if is_installed else _EVERY_SECONDS

    def _look_at(self, running: list[Opencode]) -> None:
        sending = [process for process in running if process.sends]
        self._seen.look(
            [OtherOpencode(process, sends=True) for process in sending], self._context.clock()
        )
        if sending:
            self._look_at_runs()
        for process in sending:
            self._look_at_process(process)
        for pid in list(self._looked)[:-_MOST]:
            del self._looked[pid]

    def _look_at_runs(self) -> None:
        """Keep the folders that a run has used: a long one's are not in the log's newest part."""
        for name, run in runs_in(self._context.paths.opencode_logs).runs.items():
            self._runs.setdefault(name, run).folders.update(run.folders)
        for name in list(self._runs)[:-_MOST]:
            del self._runs[name]

    def _look_at_process(self, process: Opencode) -> None:
        """Look at the configuration that it reads, once for all that it is known to read."""
        looked = self._of(process)
        if looked is None:
            looked = self._looked[process.pid] = _Looked(process.started_at)
        providers = sorted({account.provider for account in self._context.store.state().accounts})
        begun = (run for run in self._runs.values() if run.is_of(process.started_at))
        folders = sorted({folder for run in begun for folder in run.folders})
        if looked.asked == (providers, folders):
            return
        looked.asked = (providers, folders)
        keys = find_own_keys(
            self._context,
            self._exchange.present(),
            providers,
            Origin(folders=folders),
            running=[process],
        )
        for key in keys:
            looked.keys.setdefault((key.provider, key.giver), key)

    def _of(self, process: Opencode) -> _Looked | None:
        looked = self._looked.get(process.pid)
        is_same = looked is not None and abs(looked.started_at - process.started_at) <= _SAME
        return looked if is_same else None

    def _given(self, process: Opencode, provider: str) -> OwnKey | None:
        looked = self._of(process)
        keys = looked.keys.values() if looked else ()
        return next((key for key in keys if key.provider == provider), None)

    def folders(self, run: str | None) -> list[Path]:
        """Return the folders that a run is remembered to have used."""
        known = self._runs.get(run or "")
        return list(known.folders) if known else []

    def of_running(self, provider: str, running: Sequence[Opencode]) -> OwnKey | None:
        """Return what gave the provider a key in one of these that run, when it was looked at."""
        given = (self._given(process, provider) for process in running)
        key = next((key for key in given if key is not None), None)
        if key is None:
            return None
        giver = f"{key.giver} (as it was while that opencode ran)"
        return replace(key, giver=giver, is_sure=False, lasts=False)

    def of_ended(self, provider: str, at: datetime) -> OwnKey | None:
        """Return what gave the provider a key in an opencode that ran then and has ended."""
        now = self._context.clock()
        self._seen.work(now)
        ran = (
            ended.opencode
            for ended in self._seen.ended(at, now)
            if ended.sends and ended.opencode.started_at <= at
        )
        given = (self._given(process, provider) for process in ran)
        return next((key for key in given if key is not None), None)


def _state_of(folder: Path) -> object:
    """Return what is another thing once something was written there."""
    try:
        return sorted((p.name, p.stat().st_mtime_ns, p.stat().st_size) for p in folder.iterdir())
    except OSError:
        return None
