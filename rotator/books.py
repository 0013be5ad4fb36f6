"""What one process has open: the paths, the store, the history, the providers and the clock."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rotator.clock import Clock, system_clock
from rotator.errors import StoreError
from rotator.history import History
from rotator.model import Event
from rotator.opencode.replaced import Replaced
from rotator.paths import FILE_MODE, Paths, private_folder
from rotator.registry import Registry, load_registry
from rotator.store import Store

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Books:
    """The open books of one process; pass them on, do not open them twice."""

    paths: Paths
    store: Store
    history: History
    registry: Registry
    clock: Clock
    replaced: Replaced

    def record(self, events: Iterable[Event]) -> None:
        """Write `events` down; a history that cannot be written costs only itself."""
        kept = list(events)
        for event in kept:
            who = event.account or event.provider or "-"
            log.info("%s %s: %s", event.kind.value, who, event.why)
        try:
            self.history.record(kept)
        except StoreError:
            log.exception("events could not be recorded")

    def announce(self) -> None:
        """Tell watcher and dashboards that the store has changed."""
        # They look by themselves from time to time; what was done is done.
        with contextlib.suppress(OSError, StoreError):
            private_folder(self.paths.state)
            self.paths.changed.touch(mode=FILE_MODE)


@contextlib.contextmanager
def open_books(
    paths: Paths, *, clock: Clock = system_clock, registry: Registry | None = None
) -> Iterator[Books]:
    """Open everything below `paths`; raises StoreError."""
    with (
        Store(paths.store) as store,
        contextlib.closing(History(paths.history)) as history,
        contextlib.closing(Replaced()) as replaced,
    ):
        yield Books(paths, store, history, registry or load_registry(), clock, replaced)
