"""What every command, and every change from the dashboard, does before and after its own work."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from rotator.context import Context
from rotator.errors import LiveFileError, RotatorError, StoreBusy, StoreDamaged, SwapConflict
from rotator.live.capture import wait_for_late_writes
from rotator.live.clock_change import follow_clock
from rotator.live.every_home import look_into_every_home
from rotator.model import State
from rotator.services.lost_captures import tell_of_lost_captures
from rotator.services.refresh import settle_pending_refreshes
from rotator.services.spent_logins import reject_spent
from rotator.system.interrupts import brief_waits
from rotator.system.locks import LOOK_SECONDS, swap_lock, watcher_pid

# An opencode that has opened a file to write it has written it by then.
_LATE_SECONDS = 2.0


def look(context: Context) -> str | None:
    """Do what `sync` does, unless somebody keeps it from being written: return who does then."""
    try:
        return sync(context)
    except StoreBusy as exc:
        return exc.message


def sync(context: Context) -> str | None:
    """Save what stands in every home; one that cannot be read keeps nobody from the accounts.

    Nor does whoever keeps the lock of swaps: it is returned who does. Raises StoreError.
    """
    watched = watcher_pid(context.paths.watch_lock) is not None
    try:
        with swap_lock(context.paths.swap_lock, patience_seconds=LOOK_SECONDS):
            look_into_every_home(context, watched=watched)
    except SwapConflict as exc:
        # Whoever has the lock saves it, or the next one who looks.
        return exc.message
    except LiveFileError:
        pass
    tell_of_lost_captures(context)
    follow_clock(context, watched=watched)
    # What somebody keeps locked is settled by the next one who looks.
    with contextlib.suppress(LiveFileError, StoreBusy):
        settle_pending_refreshes(context)
        reject_spent(context)
    return None


def finish(context: Context) -> None:
    """Look once more for late writers, and copy the accounts if they have changed."""
    with brief_waits():
        _finish(context)


def _finish(context: Context) -> None:
    if context.replaced:
        with contextlib.suppress(RotatorError), swap_lock(context.paths.swap_lock):
            wait_for_late_writes(context, patience_seconds=_LATE_SECONDS)
    # What was to be done is done: what is wrong now is no failure of it.
    with contextlib.suppress(RotatorError):
        try:
            context.back_up_if_due()
        except StoreDamaged:
            context.mend()


@contextlib.contextmanager
def synced(context: Context) -> Iterator[State]:
    """Look at auth.json, give the accounts as they are then, and settle afterwards."""
    sync(context)
    try:
        yield context.decision_state()
    finally:
        finish(context)
