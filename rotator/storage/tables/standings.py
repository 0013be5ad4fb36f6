"""What was last seen in homes that have several logins of a provider.

It holds no secret and is found out anew by the next look: a row that is lost costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from rotator.clock import to_iso
from rotator.model import Digest, HomeName, Standing
from rotator.storage.tables.open_store import OpenStore

# The slot of no login.
NOWHERE = ""


class Standings(OpenStore):
    """The logins in such homes."""

    def set_standings(self, home: HomeName, standings: Iterable[Standing]) -> None:
        """Note everything that stands in a home."""
        self._write("DELETE FROM standing WHERE home = ?", home.value)
        for one in (*standings, _looked_at(home)):
            self._write(
                "INSERT INTO standing (home, slot, provider, account, label, active, digest,"
                " left_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                *(home.value, one.slot, one.provider, one.account, one.label, int(one.active)),
                *(one.digest, None if one.left_at is None else to_iso(one.left_at)),
            )

    def forget_standings(self, home: HomeName) -> None:
        """Note that a home is gone: whatever comes there later is looked at for the first time."""
        self._write("DELETE FROM standing WHERE home = ?", home.value)

    def has_seen(self, home: HomeName) -> bool:
        """Tell whether a home was looked at before."""
        return self._one("SELECT 1 FROM standing WHERE home = ?", home.value) is not None


def _looked_at(home: HomeName) -> Standing:
    """Return what says that a home was looked at, also where nothing stands in it."""
    return Standing(home, NOWHERE, "", None, "", active=False, digest=Digest(""))
