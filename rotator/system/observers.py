"""The threads of watchdog: begun, ended, and told what counts as a change."""

from __future__ import annotations

import contextlib
import threading

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver
from watchdog.observers.polling import PollingObserver

# Opened and ClosedNoWrite are left out: our own reading of a file would report that file again.
LOOK_AGAIN: list[type[FileSystemEvent]] = [
    FileMovedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileClosedEvent,
    FileModifiedEvent,
    DirMovedEvent,
    DirCreatedEvent,
    DirDeletedEvent,
]
STOP_SECONDS = 2.0


def native_observer() -> BaseObserver:
    """Return the system's own observer, without the half second that watchdog waits for pairs.

    watchdog 7.1 holds every "moved from" back for 0.5 s in case its "moved to" follows, and all
    later events of the folder behind it. Where many files are renamed at once, the two halves
    of one rename are often seen apart: 1,000 renames took 0.5 to 1 s instead of 10 to 70 ms.
    We look at both names anyway and need no pairs. A watchdog that keeps it elsewhere only waits.
    """
    with contextlib.suppress(ImportError):
        from watchdog.observers import inotify_move_event_grouper as pairs  # noqa: PLC0415  # internal

        pairs.InotifyMoveEventGrouper.delay = 0.0
    return Observer()


def polling_observer(poll_seconds: float) -> BaseObserver:
    """Return an observer that lists the folders every `poll_seconds`."""
    return PollingObserver(timeout=poll_seconds)


def started(observer: BaseObserver) -> BaseObserver:
    """Start an observer; raises OSError, with nothing left of it."""
    try:
        observer.start()
    except OSError:
        end(observer)
        raise
    return observer


def end(observer: BaseObserver) -> None:
    """End an observer, and wait for its threads for a few seconds at most."""
    # watchdog's stop() waits for its threads without a deadline; one may hang in a file system.
    ending = threading.Thread(target=observer.stop, name="end of an observer", daemon=True)
    ending.start()
    ending.join(STOP_SECONDS)
    if observer.is_alive() and not ending.is_alive():
        observer.join(STOP_SECONDS)
