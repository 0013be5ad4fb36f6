"""Opens the store and the history for reading, with nothing else of the context.

The first screen waits for this. A store that needs more than to be opened (it is damaged, or of
another version) is left to the context, which knows what to do.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from rotator.clock import Clock, system_clock
from rotator.errors import StoreError
from rotator.storage.database import Connection
from rotator.storage.history import History
from rotator.storage.store import Store
from rotator.system.paths import Paths


class Sources(Protocol):
    """**Protocol:** what the screen is read from; the context is one."""

    @property
    def paths(self) -> Paths:
        """Where everything lies."""

    @property
    def store(self) -> Store:
        """The accounts."""

    @property
    def history(self) -> History:
        """Events and readings."""

    @property
    def clock(self) -> Clock:
        """The time."""


@dataclass(frozen=True)
class ReadOnlyView:
    """The store and the history, open for reading."""

    paths: Paths
    store: Store
    history: History
    clock: Clock = system_clock


OpenSources = Callable[[], AbstractContextManager[Sources]]


@contextlib.contextmanager
def glance_or(paths: Paths, open_books: OpenSources) -> Iterator[Sources]:
    """Open the store for reading; where that is not enough, `open_books` does what is needed."""
    with contextlib.ExitStack() as opened:
        sources = _glance(paths, opened)
        yield sources if sources is not None else opened.enter_context(open_books())


def _glance(paths: Paths, opened: contextlib.ExitStack) -> ReadOnlyView | None:
    if not paths.store.exists():
        return None
    with contextlib.ExitStack() as opening:
        try:
            store = opening.enter_context(Store(paths.store, gate=_refused))
            history = opening.enter_context(contextlib.closing(History(paths.history)))
            store.state()
        except StoreError:
            return None
        opened.push(opening.pop_all())
    return ReadOnlyView(paths, store, history)


def _refused(_: Connection) -> AbstractContextManager[object]:
    """Leave a schema as it is: whoever changes it has more to do than that."""
    raise StoreError("the store is of an older version")
