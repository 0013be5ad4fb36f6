"""What every command, and every change from the dashboard, does before and after its own work."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from rotator.context import Books
from rotator.errors import LiveFileError, RotatorError, StoreDamaged, SwapConflict
from rotator.live.capture import absorb, await_late
from rotator.live.clock_change import follow_clock
from rotator.live.homes import absorb_home
from rotator.model import State
from rotator.opencode.auth.writer import sweep_live
from rotator.opencode.database.home import DatabaseHome
from rotator.services.refresh import adopt_answers
from rotator.system.locks import swap_lock, watcher_pid

# An opencode that has opened a file to write it has written it by then.
_LATE_SECONDS = 2.0
# Longer than it takes to say who keeps the lock: who only reads goes on without it then.
_PATIENCE_SECONDS = 1.2


def look(books: Books) -> None:
    """Save what stands in auth.json; one that cannot be read keeps nobody from the accounts."""
    watched = watcher_pid(books.paths.watch_lock) is not None
    try:
        with swap_lock(books.paths.swap_lock, patience_seconds=_PATIENCE_SECONDS):
            sweep_live(books.paths.auth_file)
            _absorb_all(books, watched=watched)
    except SwapConflict:
        # Whoever has the lock saves it, or the next one who looks.
        return
    except LiveFileError:
        pass
    follow_clock(books)
    with contextlib.suppress(LiveFileError):
        adopt_answers(books)


def _absorb_all(books: Books, *, watched: bool) -> None:
    """Save what stands in every home; what cannot be read of one keeps nobody from the other."""
    try:
        absorb(books, watched=watched)
    finally:
        absorb_home(books, DatabaseHome(books.paths), watched=watched)
    if books.store.live_digest() is None:
        # The other home has newer tokens of what stands in auth.json.
        absorb(books, watched=watched)


def settle(books: Books) -> None:
    """Look once more for late writers, and copy the accounts if they have changed."""
    if books.replaced:
        with contextlib.suppress(RotatorError), swap_lock(books.paths.swap_lock):
            await_late(books, patience_seconds=_LATE_SECONDS)
    # What was to be done is done: what is wrong now is no failure of it.
    with contextlib.suppress(RotatorError):
        try:
            books.back_up_if_due()
        except StoreDamaged:
            books.mend()


@contextlib.contextmanager
def visited(books: Books) -> Iterator[State]:
    """Look at auth.json, give the accounts as they are then, and settle afterwards."""
    look(books)
    try:
        yield books.outlook()
    finally:
        settle(books)
