"""Follows a clock that was set back: what was noted by the old one does not hold for hours."""

from __future__ import annotations

import logging

from rotator.context import Books
from rotator.core.logins.changes import REVERT_WINDOW
from rotator.core.selection.limits import pinned
from rotator.model import AccountId, Limit

log = logging.getLogger(__name__)


def follow_clock(books: Books) -> bool:
    """Let rests that began in what is now the future begin now; forget swaps made there.

    Costs next to nothing otherwise; false if there is nothing to do. Raises StoreError.
    """
    if not (_moved(books) or _ahead(books)):
        return False
    with books.store.transaction():
        # Another process may have done it just before.
        for account, limit in _moved(books):
            books.store.set_limit(account, limit)
        for provider in _ahead(books):
            books.store.note_swap(provider, None)
    log.warning("the clock was set back: rests that were made before begin anew")
    books.announce()
    return True


def _moved(books: Books) -> list[tuple[AccountId, Limit]]:
    now = books.clock()
    return [
        (account.id, after)
        for account in books.store.state().accounts
        for before in filter(None, (account.limit, *account.part_limits, *account.limits_before))
        if (after := pinned(before, now)) is not before
    ]


def _ahead(books: Books) -> list[str]:
    slots, now = books.store.state().slots, books.clock()
    return [p for p, slot in slots.items() if slot.swap and slot.swap.at - now > REVERT_WINDOW]
