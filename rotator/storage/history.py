"""What happened, was used and was asked: bounded lists in a file of its own, which may be lost."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from rotator.clock import to_iso
from rotator.core.poll_schedule import LEASE, OwnerRecord, UsageRecord, is_due
from rotator.core.usage_codec import write_snapshot
from rotator.model import AccountId, Digest, Event, Snapshot
from rotator.storage.database_errors import store_errors
from rotator.storage.history_file import BUSY_SECONDS, HistoryFile, never_in_the_way
from rotator.storage.history_rows import (
    event_of,
    is_name,
    owner_question_of,
    reading_of,
    usage_of,
)
from rotator.storage.transactions import transaction
from rotator.system.interrupts import brief_waits

MOST_EVENTS = 10_000
MOST_QUESTIONS = 10_000
# So many of what happens are kept while the file cannot be written.
_MOST_UNWRITTEN = 1000
A_DAY, A_MONTH, A_YEAR = timedelta(days=1), timedelta(days=30), timedelta(days=365)
# How much of `2026-11-22T12:00:00.000Z` names the hour, and the day.
_TO_THE_HOUR, _TO_THE_DAY = 13, 10


@dataclass(frozen=True, slots=True)
class Numbered:
    """An event with its place in the list, which grows and is never used twice."""

    number: int
    event: Event


@dataclass(frozen=True, slots=True)
class Point:
    """How much of a window was used at one moment."""

    at: datetime
    used: float


class History(HistoryFile):
    """The events, newest last, and the readings of usage."""

    def __init__(self, path: Path, *, patience_seconds: float = BUSY_SECONDS) -> None:
        """Open or create the file at `path`; whoever keeps it locked is waited for so long."""
        self._all_asked: tuple[int, Mapping[AccountId, UsageRecord]] | None = None
        self._unwritten: deque[Event] = deque(maxlen=_MOST_UNWRITTEN)
        super().__init__(path, patience_seconds=patience_seconds)

    def close(self) -> None:
        """Write down what could not be written before, if that can be done now; close the file."""
        if self._unwritten:
            with brief_waits():
                self.ask_again()
        super().close()

    def changed_hands(self) -> None:
        """Forget what was read of another file."""
        self._all_asked = None

    def came_back(self) -> None:
        """Write down what has happened meanwhile."""
        self._add(list(self._unwritten))
        self._unwritten.clear()

    # -- events ------------------------------------------------------------------------------

    @never_in_the_way
    def record(self, events: Sequence[Event]) -> None:
        """Add `events` and let the oldest go beyond the bound."""
        self._add(events)
        if self.is_in_memory:
            self._unwritten.extend(events)

    def _add(self, events: Sequence[Event]) -> None:
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

    @never_in_the_way
    def read(self, *, after: int = 0, most: int = 200) -> list[Numbered]:
        """Return the newest `most` events that came after number `after`, oldest first."""
        with store_errors(self._path):
            rows = self._connection.execute(
                "SELECT number, at, kind, provider, account, from_alias, to_alias, why, detail"
                " FROM event WHERE number > ? ORDER BY number DESC LIMIT ?",
                (after, most),
            ).fetchall()
        events = [(number, event_of(row)) for number, *row in reversed(rows)]
        return [Numbered(number, event) for number, event in events if event is not None]

    @never_in_the_way
    def captures_since(self, since: datetime) -> list[Event]:
        """Return what was captured since, and what tells that it need not be there any more."""
        with store_errors(self._path):
            rows = self._connection.execute(
                "SELECT at, kind, provider, account, from_alias, to_alias, why, detail FROM event"
                " WHERE at >= ? AND kind IN ('captured', 'changed', 'removed', 'problem')"
                " ORDER BY number",
                (to_iso(since),),
            ).fetchall()
        return [event for row in rows if (event := event_of(row)) is not None]

    # -- usage -------------------------------------------------------------------------------

    @never_in_the_way
    def asked(self, account: AccountId) -> UsageRecord:
        """Return what is known of asking for an account's usage."""
        with store_errors(self._path):
            row = self._connection.execute(
                "SELECT snapshot, failure, failures, due_at, leased_until FROM usage"
                " WHERE account = ?",
                (account,),
            ).fetchone()
        return UsageRecord() if row is None else usage_of(row)

    @never_in_the_way
    def all_asked(self) -> Mapping[AccountId, UsageRecord]:
        """Return what is known of asking for the usage of every account that was asked for.

        It is read anew only when somebody has written.
        """
        with store_errors(self._path):
            version = int(self._connection.execute("PRAGMA data_version").fetchone()[0])
            if self._all_asked is None or self._all_asked[0] != version:
                rows = self._connection.execute(
                    "SELECT account, snapshot, failure, failures, due_at, leased_until FROM usage"
                ).fetchall()
                asked = {AccountId(name): usage_of(row) for name, *row in rows if is_name(name)}
                self._all_asked = version, asked
        return self._all_asked[1]

    @never_in_the_way
    def lease(self, account: AccountId, now: datetime, *, forced: bool = False) -> bool:
        """Take on asking for an account's usage; False if it is not due, or somebody asks.

        `forced` asks for a reading that still serves, too.
        """
        with transaction(self._connection, self._path):
            asked = self.asked(account)
            if not is_due(replace(asked, due_at=None) if forced else asked, now):
                return False
            self._write_usage(account, replace(asked, leased_until=now + LEASE))
        return True

    @never_in_the_way
    def keep_reading(self, account: AccountId, snapshot: Snapshot, due_at: datetime) -> None:
        """Keep a good reading, the newest of its account and one of its past."""
        at = snapshot.read_at
        with transaction(self._connection, self._path) as connection:
            self._write_usage(account, UsageRecord(snapshot, due_at=due_at))
            connection.executemany(
                "INSERT INTO reading (account, at, window, model, used) VALUES (?, ?, ?, ?, ?)",
                [(account, to_iso(at), w.name, w.model, w.used) for w in snapshot.windows],
            )
            self._thin(account, at)

    @never_in_the_way
    def keep_failure(self, account: AccountId, failure: str, due_at: datetime) -> None:
        """Note that asking failed; the last good reading stays."""
        with transaction(self._connection, self._path):
            asked = self.asked(account)
            failures = asked.failures + 1
            self._write_usage(account, UsageRecord(asked.snapshot, failure, failures, due_at))

    @never_in_the_way
    def keep_accepted(self, account: AccountId) -> None:
        """Note that the vendor accepts a login, whatever it said before; it told nothing else."""
        with transaction(self._connection, self._path):
            asked = self.asked(account)
            self._write_usage(account, UsageRecord(asked.snapshot, due_at=asked.due_at))

    @never_in_the_way
    def postpone(self, account: AccountId, due_at: datetime) -> None:
        """Give a lease back after another question; usage is not asked for before `due_at`."""
        with transaction(self._connection, self._path):
            asked = self.asked(account)
            later = max(due_at, asked.due_at or due_at)
            self._write_usage(account, replace(asked, due_at=later, leased_until=None))

    @never_in_the_way
    def past(self, account: AccountId) -> dict[tuple[str, str | None], list[Point]]:
        """Return how much was used of each window and model, oldest first, thinned with age."""
        with store_errors(self._path):
            rows = self._connection.execute(
                "SELECT window, model, at, used FROM reading WHERE account = ? ORDER BY at, number",
                (account,),
            ).fetchall()
        points: dict[tuple[str, str | None], list[Point]] = {}
        for reading in filter(None, map(reading_of, rows)):
            window, model, at, used = reading
            points.setdefault((window, model), []).append(Point(at, used))
        return points

    @never_in_the_way
    def forget_usage(self, account: AccountId) -> None:
        """Forget what is known of an account's usage."""
        self._all_asked = None
        with transaction(self._connection, self._path) as connection:
            connection.execute("DELETE FROM usage WHERE account = ?", (account,))
            connection.execute("DELETE FROM reading WHERE account = ?", (account,))

    def _write_usage(self, account: AccountId, asked: UsageRecord) -> None:
        # Our own writing does not change the version that we see.
        self._all_asked = None
        self._connection.execute(
            "INSERT OR REPLACE INTO usage VALUES (?, ?, ?, ?, ?, ?)",
            (
                account,
                write_snapshot(asked.snapshot) if asked.snapshot else None,
                asked.failure,
                asked.failures,
                to_iso(asked.due_at) if asked.due_at else None,
                to_iso(asked.leased_until) if asked.leased_until else None,
            ),
        )

    def _thin(self, account: AccountId, now: datetime) -> None:
        """Keep every reading of a day, one an hour of a month, one a day of a year."""
        for age, letters in ((A_DAY, _TO_THE_HOUR), (A_MONTH, _TO_THE_DAY)):
            self._connection.execute(
                "DELETE FROM reading WHERE account = ?1 AND at < ?2 AND number NOT IN ("
                " SELECT max(number) FROM reading WHERE account = ?1 AND at < ?2"
                " GROUP BY window, model, substr(at, 1, ?3))",
                (account, to_iso(now - age), letters),
            )
        self._connection.execute(
            "DELETE FROM reading WHERE account = ? AND at < ?", (account, to_iso(now - A_YEAR))
        )

    # -- owners ------------------------------------------------------------------------------

    @never_in_the_way
    def owner_asked(self, digest: Digest) -> OwnerRecord:
        """Return what is known of asking whose a credential is."""
        with store_errors(self._path):
            row = self._connection.execute(
                "SELECT tries, answered, due_at FROM owner_question WHERE digest = ?", (digest,)
            ).fetchone()
        return OwnerRecord() if row is None else owner_question_of(row)

    @never_in_the_way
    def keep_owner_asked(self, digest: Digest, asked: OwnerRecord) -> None:
        """Keep what is known of asking whose a credential is, and let the oldest go."""
        due_at = to_iso(asked.due_at) if asked.due_at else None
        with transaction(self._connection, self._path) as connection:
            connection.execute(
                "INSERT OR REPLACE INTO owner_question (digest, tries, answered, due_at)"
                " VALUES (?, ?, ?, ?)",
                (digest, asked.tries, int(asked.is_answered), due_at),
            )
            connection.execute(
                "DELETE FROM owner_question"
                " WHERE number <= (SELECT max(number) FROM owner_question) - ?",
                (MOST_QUESTIONS,),
            )

    @never_in_the_way
    def newest(self) -> int:
        """Return the number of the newest event, 0 where there is none."""
        with store_errors(self._path):
            row = self._connection.execute("SELECT coalesce(max(number), 0) FROM event").fetchone()
        return int(row[0])
