"""What was removed, until no byte of it remains anywhere."""

from __future__ import annotations

from rotator.storage.account_copy import PURGE
from rotator.storage.tables.open_store import OpenStore
from rotator.storage.transactions import erase_deleted


class Purges(OpenStore):
    """Whether something that was removed has to be erased still."""

    def note_purge(self) -> None:
        """Note in a transaction that what it removes is to be erased everywhere."""
        self._set(PURGE, "")

    def purge_is_pending(self) -> bool:
        """Tell whether something that was removed may still stand in copies or free bytes."""
        return self._one("SELECT 1 FROM setting WHERE name = ?", PURGE) is not None

    def erase_deleted(self) -> bool:
        """Let no byte of what was removed remain in the file; False while somebody reads it."""
        self._follow()
        return erase_deleted(self._connection, self._path)

    def settle_purge(self) -> None:
        """Note that everything that was removed is erased."""
        with self.transaction():
            self._write("DELETE FROM setting WHERE name = ?", PURGE)
