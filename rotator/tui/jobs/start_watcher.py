"""Starts a watcher that goes on when the dashboard has ended."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time

from rotator.errors import NotRunning
from rotator.system.locks import watcher_pid
from rotator.system.paths import Paths
from rotator.tui.model.messages import JobFinished, Message

_WATCHER_SECONDS, _LOOK_SECONDS = 10.0, 0.05


class Watcher:
    """Starts watchers, and keeps hold of those that it has started."""

    def __init__(self) -> None:
        # Kept, so that one that ends is not left as a zombie's warning.
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, job: int, paths: Paths) -> Message:
        """Start one and wait until it watches; raises NotRunning."""
        if watcher_pid(paths.watch_lock) is None:
            self._begin(paths)
        return JobFinished(job, "the watcher runs")

    def _begin(self, paths: Paths) -> None:
        nothing = subprocess.DEVNULL
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "rotator", "watch"],
            stdin=nothing,
            stdout=nothing,
            stderr=nothing,
            start_new_session=True,
            env=dict(os.environ),
        )
        self._started.append(process)
        deadline = time.monotonic() + _WATCHER_SECONDS
        while time.monotonic() < deadline:
            if watcher_pid(paths.watch_lock) == process.pid:
                return
            if process.poll() is not None:
                break
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_LOOK_SECONDS)
        message = "the watcher did not start"
        raise NotRunning(message, hint="rotator watch shows why")
