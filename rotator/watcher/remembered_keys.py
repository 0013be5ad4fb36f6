"""What gave opencodes without a bridge a key of their own, for as long as their last lines count.

A line may be read when its process has ended, and nobody can look into the environment of one then.
So whoever writes into the log is looked at while it runs. Names are kept, no values.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from rotator.context import Context
from rotator.opencode.bridge.exchange import Exchange
from rotator.opencode.bridge.install import bridge_file
from rotator.services.failure_times import OtherOpencode
from rotator.services.own_keys import OwnKey, find_own_keys
from rotator.services.without_bridge import opencodes_without_bridge
from rotator.system.processes import Opencode
from rotator.watcher.seen_opencodes import SeenOpencodes

_EVERY_SECONDS = 1.0
_MOST = 100


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
        self._keys: dict[tuple[int, datetime], tuple[OwnKey, ...]] = {}

    def look(self) -> None:
        """Look at who runs without a bridge, if somebody has written since, once a second at most.

        Where the bridge is installed it tells of its requests itself.
        """
        self._seen.work(self._context.clock())
        now, log = self._monotonic(), _state_of(self._context.paths.opencode_logs)
        if log == self._log or now - self._looked_at < _EVERY_SECONDS:
            return
        self._looked_at, self._log = now, log
        if bridge_file(self._context.paths).version is None:
            self._look_at(opencodes_without_bridge(self._context.paths, self._exchange.present()))

    def _look_at(self, running: list[Opencode]) -> None:
        sending = [process for process in running if process.sends]
        self._seen.look(
            [OtherOpencode(process, sends=True) for process in sending], self._context.clock()
        )
        for process in sending:
            name = _name(process)
            if name not in self._keys:
                self._keys[name] = self._keys_of(process)
        for name in list(self._keys)[:-_MOST]:
            del self._keys[name]

    def _keys_of(self, process: Opencode) -> tuple[OwnKey, ...]:
        providers = sorted({account.provider for account in self._context.store.state().accounts})
        return tuple(
            find_own_keys(self._context, self._exchange.present(), providers, running=[process])
        )

    def of_ended(self, provider: str, at: datetime) -> OwnKey | None:
        """Return what gave the provider a key in an opencode that ran then and has ended."""
        now = self._context.clock()
        self._seen.work(now)
        return next(
            (
                key
                for opencode in self._seen.ended(at, now)
                if opencode.sends and opencode.opencode.started_at <= at
                for key in self._keys.get(_name(opencode.opencode), ())
                if key.provider == provider
            ),
            None,
        )


def _name(process: Opencode) -> tuple[int, datetime]:
    return process.pid, process.started_at


def _state_of(folder: Path) -> object:
    """Return what is another thing once something was written there."""
    try:
        return sorted((p.name, p.stat().st_mtime_ns, p.stat().st_size) for p in folder.iterdir())
    except OSError:
        return None
