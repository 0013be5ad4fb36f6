"""Tells of accounts that were captured and that the store does not have, once.

A store whose log was removed after a crash is in order by itself, and knows of nothing that stood
there alone.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from rotator.context import Context
from rotator.core.logins.remembered import TOLD, lost_captures
from rotator.model import Event, EventKind

# A capture is dated before it is written, and a copy may be made meanwhile.
_MARGIN = timedelta(minutes=1)
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def tell_of_lost_captures(context: Context) -> None:
    """Name what is gone; what stood in a copy of the accounts is missed by whoever opens the store.

    Raises StoreError.
    """
    if context.are_copies:
        return
    now = context.clock()
    try:
        made_at = context.backups.made_by(now)
    except OSError:
        made_at = None
    since = _LONG_AGO if made_at is None else made_at - _MARGIN
    # What is captured meanwhile is in the state that is read after it.
    events = context.history.captures_since(since)
    state = context.store.state()
    gone = lost_captures(events, state.accounts) if events else ()
    # One whose row cannot be read is told of as that.
    lost = [name for name in gone if not any(name in sentence for sentence in state.broken)]
    if not lost:
        return
    why = f"{TOLD}does not have what was captured as {', '.join(lost)}"
    why += ": its -wal was removed, or it was put back; log in there again"
    context.record([Event(now, EventKind.PROBLEM, why=why)])
    context.notify_changed()
    context.on_notice(why)
