"""Bytes that stood in auth.json and that nobody could take in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from rotator.clock import to_iso
from rotator.storage.database_errors import store_errors
from rotator.storage.rows import LONG_AGO, time_or
from rotator.storage.tables.open_store import OpenStore


@dataclass(frozen=True, slots=True)
class UnclaimedContent:
    """Bytes that stood in auth.json and that nobody could take in, as they are kept.

    They are one provider's entry, or (None) those of a whole file.
    """

    number: int
    at: datetime
    why: str
    provider: str | None
    content: bytes = field(repr=False)


class UnclaimedContents(OpenStore):
    """What is kept aside, each under a number of its own."""

    def unclaimed_contents(self) -> Iterator[UnclaimedContent]:
        """Return what is kept aside, oldest first."""
        with store_errors(self._path):
            rows = self._connection.execute("SELECT number FROM aside ORDER BY number").fetchall()
        asides = (self.unclaimed_content(number) for (number,) in rows)
        return (aside for aside in asides if aside is not None)

    def unclaimed_content(self, number: int) -> UnclaimedContent | None:
        """Return what is kept aside under that number, or None."""
        row = self._sealed("aside", number)
        if row is None:
            return None
        at, content = time_or(LONG_AGO, row["at"]), bytes(row["content"])
        return UnclaimedContent(number, at, row["why"], row["provider"], content)

    def number_unclaimed(self, content: bytes, provider: str | None) -> int | None:
        """Return the number under which these very bytes are kept already, or None."""
        row = self._one(
            "SELECT number FROM aside WHERE provider IS ? AND content = ?", provider, content
        )
        return int(row[0]) if row else None

    def unclaimed_size(self) -> tuple[int, int]:
        """Return how many contents are kept aside, and their bytes in all."""
        row = self._one("SELECT count(*), coalesce(sum(length(content)), 0) FROM aside")
        return (int(row[0]), int(row[1])) if row else (0, 0)

    def keep_unclaimed(
        self, content: bytes, why: str, now: datetime, provider: str | None = None
    ) -> int:
        """Keep bytes that stood in auth.json and that nobody could take in; return their number.

        No number is ever given twice.
        """
        last = self._one(
            "SELECT max(coalesce((SELECT max(number) FROM aside), 0),"
            " coalesce((SELECT CAST(value AS INTEGER) FROM setting WHERE name = 'aside'), 0))"
        )
        number = int(last[0]) + 1 if last else 1
        self._write(
            "INSERT INTO aside (number, at, why, content, provider) VALUES (?, ?, ?, ?, ?)",
            *(number, to_iso(now), why, content, provider),
        )
        self._set("aside", str(number))
        return number

    def replace_unclaimed(self, number: int, content: bytes | None) -> None:
        """Put other bytes in place of those that are kept aside, or (None) forget them."""
        if content is None:
            self._write("DELETE FROM aside WHERE number = ?", number)
        else:
            self._write("UPDATE aside SET content = ? WHERE number = ?", content, number)
