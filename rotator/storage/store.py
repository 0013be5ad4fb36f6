"""The accounts and what we know of the slots, in SQLite; one unreadable row costs that row alone.

It decides nothing. Writes go through `transaction`, within which the methods below belong
together; `state` is a cache that any process's commit renews.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from rotator.model import State
from rotator.storage.account_copy import NOTICE, Copied
from rotator.storage.database import Connection
from rotator.storage.soundness import require_intact
from rotator.storage.tables.account_removal import AccountRemoval
from rotator.storage.tables.descents import Descents
from rotator.storage.tables.pending_refreshes import PendingRefreshes
from rotator.storage.tables.slots import Slots
from rotator.storage.tables.standings import Standings
from rotator.storage.tables.unclaimed_contents import UnclaimedContents
from rotator.storage.transactions import reading, write_back


class Store(AccountRemoval, Descents, PendingRefreshes, Slots, Standings, UnclaimedContents):
    """The open store; a context manager that closes it."""

    def _open(self) -> None:
        self._marked: tuple[State, str | None] | None = None
        super()._open()

    def accounts_mark(self) -> str | None:
        """Return what changes whenever a copy of the accounts is due, or None without any."""
        state = self.state()
        if self._marked is None or self._marked[0] is not state:
            self._marked = state, Copied(self._connection, self._path).accounts_mark()
        return self._marked[1]

    def accounts_copy(self, at: datetime) -> bytes:
        """Return the accounts as a store of their own, as the bytes of a file."""
        self._follow()
        return Copied(self._connection, self._path).accounts_copy(at)

    def write_back(self) -> None:
        """Bring what stands in the -wal into the file itself, as far as nobody is in the way."""
        self._follow()
        write_back(self._connection, self._path)

    def require_sound(self) -> None:
        """Look at every page and every row; raises StoreDamaged."""
        self._follow()
        with reading(self._connection, self._path):
            require_intact(self._connection, self._path)

    def require(self, check: Callable[[Connection, Path], None]) -> None:
        """Let somebody else look at the whole store; raises StoreDamaged."""
        self._follow()
        check(self._connection, self._path)

    def hand_over_notice(self, take: Callable[[str], None]) -> str | None:
        """Give `take` the sentence about a rebuilding that nobody has told yet, and return it.

        It is forgotten once `take` has come to its end: whoever is killed in between leaves it to
        the next one.
        """
        question = "SELECT value FROM setting WHERE name = ?"
        if self._one(question, NOTICE) is None:
            return None
        with self.transaction():
            # Another process may have told it just before.
            row = self._one(question, NOTICE)
            if row is None:
                return None
            take(str(row[0]))
            self._write("DELETE FROM setting WHERE name = ?", NOTICE)
        return str(row[0])

    def set_balancing(self, *, on: bool) -> None:
        """Switch failover on or off."""
        self._set("balancing", "on" if on else "off")
