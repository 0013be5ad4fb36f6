"""What happened: a bounded list of events in a file of its own, which may be lost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rotator.clock import from_iso, to_iso
from rotator.database import open_database, store_errors, transaction
from rotator.errors import StoreDamaged
from rotator.migrations import HISTORY
from rotator.model import Event, EventKind

MOST_EVENTS = 10_000


@dataclass(frozen=True, slots=True)
class Numbered:
    """An event with its place in the list, which grows and is never used twice."""

    number: int
    event: Event


class History:
    """The events, newest last."""

    def __init__(self, path: Path) -> None:
        """Open or create the file at `path`, anew if it is damaged; raises StoreError."""
        self._path = path
        try:
            self._connection = open_database(path, HISTORY, durable=False)
        except StoreDamaged:
            for ending in ("-wal", "-shm", ""):
                path.with_name(path.name + ending).unlink(missing_ok=True)
            self._connection = open_database(path, HISTORY, durable=False)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def record(self, events: Iterable[Event]) -> None:
        """Add `events` and let the oldest go beyond the bound."""
        rows = [
            (
                to_iso(e.at),
                e.kind.value,
                e.provider,
                e.account,
                e.from_alias,
                e.to_alias,
                e.why,
                e.detail,
            )
            for e in events
        ]
        if not rows:
            return
        with transaction(self._connection, self._path) as connection:
            connection.executemany(
                "INSERT INTO event (at, kind, provider, account, from_alias, to_alias, why, detail)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                rows,
            )
            connection.execute(
                "DELETE FROM event WHERE number <= (SELECT max(number) FROM event) - ?",
                (MOST_EVENTS,),
            )

    def read(self, *, after: int = 0, most: int = 200) -> list[Numbered]:
        """Return the newest `most` events that came after number `after`, oldest first."""
        with store_errors(self._path):
            rows = self._connection.execute(
                "SELECT number, at, kind, provider, account, from_alias, to_alias, why, detail"
                " FROM event WHERE number > ? ORDER BY number DESC LIMIT ?",
                (after, most),
            ).fetchall()
        return [found for row in reversed(rows) if (found := _numbered(row)) is not None]

    def newest(self) -> int:
        """Return the number of the newest event, 0 where there is none."""
        with store_errors(self._path):
            row = self._connection.execute("SELECT coalesce(max(number), 0) FROM event").fetchone()
        return int(row[0])


def _numbered(
    row: tuple[int, str, str, str | None, str | None, str, str, str, str],
) -> Numbered | None:
    number, at, kind, provider, account, from_alias, to_alias, why, detail = row
    try:
        happened_at, what = from_iso(at), EventKind(kind)
    except ValueError:
        return None
    event = Event(happened_at, what, provider, account, from_alias, to_alias, why, detail)
    return Numbered(number, event)
