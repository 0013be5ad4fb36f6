"""Tells the reader to look again: when files change, and at the latest every minute."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rotator.system.paths import Paths
from rotator.system.watched_folders import Watched

CHECK_SECONDS = 1.0
# Whatever the files say: a watcher that was killed says nothing.
LOOK_SECONDS = 15.0
# Many changes at once are one.
_PAUSE_SECONDS = 0.015


def watched_paths(paths: Paths) -> Sequence[Watched]:
    """Return the files whose change may change the screen."""
    wal = paths.history.with_name(paths.history.name + "-wal")
    return (
        Watched("the store", paths.changed),
        Watched("the history", wal),
        Watched("the watcher", paths.bridge / "state.json"),
        Watched("opencodes", paths.bridge / "present", folder=True),
        Watched("the settings", paths.config_file),
    )


class FileEvents:
    """A thread that calls `look` after something has changed."""

    def __init__(self, paths: Paths, look: Callable[[], None]) -> None:
        self._paths, self._look = paths, look
        self._hints: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def end(self) -> None:
        """End, and close what is watched with."""
        self._hints.put(None)
        if self._thread.ident is not None:
            self._thread.join()

    def _hint(self, name: str, _: Path) -> None:
        self._hints.put(name)

    def _run(self) -> None:
        # watchdog takes longer to load than the first screen may take.
        from rotator.system.file_watch import FileWatcher  # noqa: PLC0415

        looked_at = time.monotonic()
        with FileWatcher(watched_paths(self._paths), self._hint) as files:
            while True:
                try:
                    hint: str | None = self._hints.get(timeout=CHECK_SECONDS)
                except queue.Empty:
                    files.check()
                    if self._hints.empty() and time.monotonic() - looked_at < LOOK_SECONDS:
                        continue
                    hint = ""
                # A folder that has just come into being is watched at once.
                files.check()
                if hint is None or self._drained():
                    return
                self._look()
                looked_at = time.monotonic()

    def _drained(self) -> bool:
        """Take what has come at once; tell whether the end was among it."""
        time.sleep(_PAUSE_SECONDS)
        while not self._hints.empty():
            if self._hints.get() is None:
                return True
        return False
