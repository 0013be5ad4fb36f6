"""What the tests of the file watcher share: an owner that listens, and ways to change a file."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rotator.system.file_watch import FileWatcher
from rotator.system.watched_folders import Watched

DEADLINE_SECONDS = 5.0
# So long without a notice, and all that was on its way has arrived.
SILENCE_SECONDS = 0.1
LIVE, INBOX = "live", "inbox"
Notice = tuple[str, Path]


class Owner:
    """Does what the watcher's owner does: gets the notices through a queue."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Notice] = queue.SimpleQueue()

    def notify(self, name: str, path: Path) -> None:
        self._queue.put((name, path))

    def hears(self, *wanted: Notice) -> bool:
        """Return whether all of `wanted` come before the deadline."""
        missing, end = set(wanted), time.monotonic() + DEADLINE_SECONDS
        while missing and (left := end - time.monotonic()) > 0:
            try:
                missing.discard(self._queue.get(timeout=left))
            except queue.Empty:
                break
        return not missing

    def heard(self, silence_seconds: float = SILENCE_SECONDS) -> list[Notice]:
        """Return the notices up to the next silence."""
        notices: list[Notice] = []
        while True:
            try:
                notices.append(self._queue.get(timeout=silence_seconds))
            except queue.Empty:
                return notices


@contextmanager
def watching(owner: Owner, *watched: Watched) -> Iterator[FileWatcher]:
    """Watch, and leave out what is said at the beginning."""
    with FileWatcher(watched, owner.notify) as watcher:
        owner.heard()
        yield watcher


def settle(watcher: FileWatcher, owner: Owner) -> None:
    """Let the watcher see how things are now, and forget what it said of it."""
    watcher.check()
    owner.heard()


def replace(path: Path, text: str = "new") -> None:
    """Put a file in place as careful programs do."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(text)
    temporary.rename(path)


def rewrite(path: Path) -> None:
    """Write a file in place as opencode does."""
    path.write_text("in place")


def point(link: Path, target: Path) -> None:
    """Make `link` a link to `target` in one step, whatever it was before."""
    new = link.with_name(f"{link.name}.new")
    new.symlink_to(target)
    new.rename(link)
