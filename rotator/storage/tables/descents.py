"""What bridges saw of tokens: which were exchanged for which, and which came from a login."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from rotator.clock import to_iso
from rotator.model import Descent, Digest
from rotator.storage.rows import LONG_AGO, time_or
from rotator.storage.tables.open_store import OpenStore

# What bridges saw of tokens: longer than any of them lives, and no more than a few years' worth.
DESCENTS_KEPT = 5000
_DESCENTS_KEPT_FOR = timedelta(days=90)


class Descents(OpenStore):
    """Where tokens came from."""

    def descent(self, digest: Digest) -> Descent | None:
        """Return what a bridge saw of where a secret came from, or None."""
        row = self._one(
            "SELECT answer, at, is_login, came_from FROM descent WHERE digest = ?", digest
        )
        if row is None:
            return None
        answer, at, is_login, came_from = row
        return Descent(answer, time_or(LONG_AGO, at), bool(is_login), came_from)

    def was_exchanged(self, digest: Digest) -> bool:
        """Tell whether a bridge saw that a refresh token was exchanged for another one."""
        question = (
            "SELECT 1 FROM descent WHERE came_from = ? GROUP BY answer HAVING count(*) > 1"
            " AND max(digest = came_from) = 0"
        )
        return self._one(question, digest) is not None

    def note_descents(self, found: Iterable[Descent], now: datetime) -> None:
        """Keep what bridges saw of tokens; what is old, or too much, is forgotten."""
        for one in found:
            for digest in one.to:
                self._write(
                    "INSERT INTO descent VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                    *(digest, one.came_from, int(one.is_login), one.id, to_iso(one.at)),
                )
        self._write("DELETE FROM descent WHERE at < ?", to_iso(now - _DESCENTS_KEPT_FOR))
        self._write(
            "DELETE FROM descent WHERE rowid NOT IN"
            " (SELECT rowid FROM descent ORDER BY rowid DESC LIMIT ?)",
            DESCENTS_KEPT,
        )
