"""Which accounts the history remembers: those that the store lacks, and those of late.

Its events name accounts as they were called then. A rename and a joining are told by their
sentences alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from rotator.clock import is_ahead
from rotator.model import Account, Event, EventKind

RENAMED, JOINED, MERGED = "renamed from ", " was joined into it", " was merged into it"
# How the sentence begins that tells of a loss: what was told is not told again.
TOLD = "the store "


def lost_captures(events: Iterable[Event], accounts: Sequence[Account]) -> tuple[str, ...]:
    """Return the accounts that were captured, that nobody has removed, and that are not there.

    `events` are in the order of their writing. An account that has another name by now is known
    by the time of its capture.
    """
    captured: dict[str, datetime] = {}
    for event in events:
        _follow(captured, event)
    names = {account.name for account in accounts}
    times = {(account.provider, account.captured_at) for account in accounts}
    return tuple(
        name
        for name, at in captured.items()
        if name not in names and (name.rpartition("/")[0], at) not in times
    )


def _follow(captured: dict[str, datetime], event: Event) -> None:
    name = event.account
    if event.kind is EventKind.PROBLEM and event.why.startswith(TOLD):
        captured.clear()
    elif name is None:
        return
    elif event.kind is EventKind.CAPTURED:
        captured[name] = event.at
    elif event.kind is EventKind.REMOVED:
        captured.pop(name, None)
    elif (before := _before(event)) is not None and before in captured:
        captured[name] = captured.pop(before)
    elif event.kind is EventKind.CHANGED:
        for gone in _joined(event):
            captured.pop(gone, None)
            captured.pop(f"{event.provider}/{gone}", None)


def _joined(event: Event) -> list[str]:
    """Return who was made one with the account that the event is of."""
    return [event.why.partition(how)[0] for how in (JOINED, MERGED) if how in event.why]


def _before(event: Event) -> str | None:
    """Return how an account was called before the event that renames it."""
    if event.kind is not EventKind.CHANGED or not event.why.startswith(RENAMED):
        return None
    alias = event.why.removeprefix(RENAMED).partition(" to ")[0]
    return f"{event.provider}/{alias}"


def accounts_of_late(events: Sequence[Event], since: datetime, now: datetime) -> list[str]:
    """Return the accounts to which something has happened since, as they are called by now.

    `events` are in the order of their writing. What is dated after `now` was
    written while the clock was ahead: it counts where it was written after one that is not.
    """
    times = [number for number, e in enumerate(events) if e.at >= since and not is_ahead(e.at, now)]
    names: dict[str, None] = {}
    for event in events[times[0] :] if times else ():
        if event.account is None:
            continue
        before = _before(event)
        if before is not None:
            names.pop(before, None)
        names[event.account] = None
    return sorted(names)
