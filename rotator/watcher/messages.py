"""The watcher's queue of messages: hints that something may have changed, by a name.

Anybody may put one in, from any thread; the watcher's thread takes one at a time.
"""

from __future__ import annotations

import queue
from pathlib import Path

# What is watched, by the names that `status` shows.
LIVE, INBOX, LOG, STORE = "auth.json", "the bridge's inbox", "opencode's log", "the store"
SETTINGS, DATABASE = "the settings", "opencode.db"
STOP, REFRESHED, READ, NAMED, MORE = "stop", "refreshed", "read", "named", "more"
Message = tuple[str, Path | None]


class MessageQueue:
    """What waits to be worked off; signals are files of the bridge's inbox."""

    def __init__(self, inbox: Path) -> None:
        self._inbox = inbox
        self._queue: queue.SimpleQueue[Message] = queue.SimpleQueue()

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return self._queue.empty()

    def put(self, name: str) -> None:
        """Put a message in that names no file."""
        self._queue.put((name, None))

    def hint(self, name: str, path: Path) -> None:
        """Put in what a file notification tells."""
        # A hidden name in the inbox is a signal that is still being written.
        if not path.name.startswith("."):
            self._queue.put((name, path))

    def next(self, pause_seconds: float) -> Message:
        """Wait for a message; an empty one stands for the regular look once the pause is over."""
        try:
            return self._queue.get(timeout=pause_seconds)
        except queue.Empty:
            return "", None

    def is_signal(self, name: str, path: Path | None) -> bool:
        """Tell whether a message is of one signal of a bridge."""
        return name == INBOX and path is not None and path != self._inbox

    def drain(self, name: str | None = None) -> list[Path]:
        """Leave out repetitions that wait, also of `name`; take out all signals, returned."""
        kept: list[Message] = []
        signals: list[Path] = []
        try:
            while True:
                message = self._queue.get_nowait()
                if message[1] is not None and self.is_signal(*message):
                    signals.append(message[1])
                elif message[0] != name and message not in kept:
                    kept.append(message)
        except queue.Empty:
            for message in kept:
                self._queue.put(message)
        return signals
