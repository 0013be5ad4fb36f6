"""What was last seen in homes that have several logins of a provider.

It holds no secret, and is found out anew by the next look where it is lost. A copy of the
accounts has none of it, as it has no slot of auth.json: what was seen long ago would count as
changed since.
"""

from __future__ import annotations

from collections.abc import Iterable

from rotator.clock import to_iso
from rotator.core.logins.row_seals import is_sealed
from rotator.model import Digest, HomeName, Standing, State
from rotator.storage.database_errors import store_errors
from rotator.storage.tables.open_store import OpenStore

# The slot of no login.
NOWHERE = ""


class Standings(OpenStore):
    """The logins in such homes."""

    # As of which commit they were looked at, and which are sound.
    _looked: tuple[State, dict[HomeName, bool]] | None = None

    def set_standings(self, home: HomeName, standings: Iterable[Standing]) -> None:
        """Note everything that stands in a home."""
        self._write("DELETE FROM standing WHERE home = ?", home.value)
        for standing in (*standings, _looked_at(home)):
            left_at = None if standing.left_at is None else to_iso(standing.left_at)
            self._write(
                "INSERT INTO standing (home, slot, provider, account, label, active, digest,"
                " left_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                *(home.value, standing.slot, standing.provider, standing.account),
                *(standing.label, int(standing.active), standing.digest, left_at),
            )

    def forget_standings(self, home: HomeName) -> None:
        """Note that a home is gone: whatever comes there later is looked at for the first time."""
        self._write("DELETE FROM standing WHERE home = ?", home.value)

    def has_seen(self, home: HomeName) -> bool:
        """Tell whether a home was looked at before, and all that was seen can still be read."""
        state = self.state()
        if self._looked is None or self._looked[0] is not state:
            self._looked = state, {}
        known = self._looked[1]
        if home not in known:
            known[home] = self._is_sound(home)
        return known[home]

    def _is_sound(self, home: HomeName) -> bool:
        with store_errors(self._path):
            cursor = self._connection.execute(
                "SELECT * FROM standing WHERE home = ?", (home.value,)
            )
            names = [column[0] for column in cursor.description]
            rows = [dict(zip(names, values, strict=True)) for values in cursor]
        return bool(rows) and all(is_sealed("standing", row) for row in rows)


def _looked_at(home: HomeName) -> Standing:
    """Return what says that a home was looked at, also where nothing stands in it."""
    return Standing(home, NOWHERE, "", None, "", active=False, digest=Digest(""))
