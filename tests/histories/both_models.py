"""The models around our code in a HOME of both opencodes: the vendor, and OpenCode 2's table.

The table is written by statements as OpenCode's own; what we may have changed in it since is told
by comparing it with what OpenCode and the user have written.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rotator.errors import ProviderUnavailable
from rotator.model import Credential, Identity
from rotator.opencode.database.table import OURS
from rotator.provider import HttpAnswer, HttpRequest
from rotator.secret import Secret
from tests.histories import opaque_vendor
from tests.support.live import Entry
from tests.support.opencode2_table import SCHEMA
from tests.support.token_vendor import Mood

NAMED, KEYS = "named", "acme"
# The real one: what our code opens is watched, and this is not ours.
_connect = sqlite3.connect
_UNAVAILABLE, _REFUSED = 503, 401
_MORE = "CREATE TABLE session_message (id text PRIMARY KEY, data text NOT NULL)"
_ROWS = (
    "SELECT id, integration_id, label, value, connector_id, method_id, active, time_created"
    " FROM credential"
)


class Vendor(opaque_vendor.Vendor):
    """Its access tokens name their owner; a refresh token that comes again ends its login."""

    ids = (NAMED,)
    mood = Mood.ANSWERS

    def people(self) -> set[str]:
        """Return who has ever logged in."""
        return {one.person for one in self.newest.values()}

    def alive(self, person: str) -> frozenset[str]:
        """Return a person's access tokens whose refresh tokens work."""
        return frozenset(
            access
            for access, one in self.minted.items()
            if one.person == person and self.is_alive(one)
        )

    def identify(self, credential: Credential) -> Identity:
        """Return the owner of a login."""
        if credential.type != "oauth":
            return Identity()
        person = self.of(credential).person
        return Identity(f"user/{person}", f"{person}@acme.example")

    def send(self, request: HttpRequest) -> HttpAnswer:
        """Answer as a token endpoint does, in the present mood."""
        if self.mood is Mood.UNREACHABLE:
            message = "the vendor could not be reached"
            raise ProviderUnavailable(message, sent=False)
        if self.mood is Mood.BROKEN:
            return HttpAnswer(_UNAVAILABLE, {}, Secret("{}"))
        assert request.body is not None
        given = self.refresh(json.loads(request.body.reveal()))
        if given is None:
            return HttpAnswer(_REFUSED, {}, Secret("{}"))
        if self.mood is Mood.HANGS_UP:
            message = "the vendor did not answer"
            raise ProviderUnavailable(message, sent=True)
        return HttpAnswer(opaque_vendor.OK, {}, Secret(json.dumps(given)))

    def _mint(self, one: opaque_vendor.Minted) -> Entry:
        return super()._mint(one) | {"accountId": f"acct-{one.person}"}


@dataclass
class Row:
    """A row as OpenCode, or the user, has written it, or we if `is_ours`."""

    provider: str
    label: str
    value: dict[str, Any]
    active: int | None
    created: int
    is_ours: bool = False


def row_value(entry: Entry, note: str) -> dict[str, Any]:
    """Return the value of a row for the tokens of an entry, with a field that nobody knows."""
    kept = {name: entry[name] for name in ("type", "refresh", "access", "expires")}
    metadata = {"accountID": entry["accountId"], "note": note}
    return {"methodID": "oauth", **kept, "metadata": metadata, "unknown": note}


@dataclass
class Table:
    """OpenCode 2's table at `path`, and what must stand in it."""

    path: Path
    rows: dict[str, Row] = field(default_factory=dict)
    is_renamed: bool = False
    _schema: dict[str, str] = field(default_factory=dict)
    _count: int = 0
    _held: sqlite3.Connection | None = None

    def make(self) -> None:
        """Make the database, with a table that is none of our business."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(self._connected()) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(SCHEMA)
            connection.execute(_MORE)
            connection.execute("INSERT INTO session_message VALUES ('msg_1', 'words')")
            self._schema = _tables(connection)

    # -- who has it open ---------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Whether an OpenCode runs that has it open."""
        return self._held is not None

    def open(self) -> None:
        """Let an OpenCode begin to run."""
        self._held = self._connected()
        self._held.execute("SELECT 1 FROM sqlite_schema").fetchall()

    def close(self) -> None:
        """Let it end."""
        if self._held is not None:
            self._held.close()
        self._held = None

    @property
    def is_there(self) -> bool:
        """Whether OpenCode can use it just now."""
        return self.path.exists() and not self.is_renamed and not self.is_locked()

    def is_locked(self) -> bool:
        """Tell whether somebody is in the middle of writing."""
        try:
            with contextlib.closing(self._connected()) as connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("ROLLBACK")
        except sqlite3.OperationalError:
            return True
        return False

    @contextlib.contextmanager
    def locked(self, *, alone: bool) -> Iterator[None]:
        """Let another program keep it locked: who writes waits, and if `alone` who reads, too."""
        with contextlib.closing(self._connected()) as connection:
            if alone:
                connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            # Who reads keeps nobody from writing, but from being alone.
            with contextlib.suppress(sqlite3.OperationalError):
                connection.execute("BEGIN EXCLUSIVE" if alone else "BEGIN IMMEDIATE")
            yield
            if connection.in_transaction:
                connection.execute("ROLLBACK")

    # -- what OpenCode and the user write ----------------------------------------------------------

    def log_in(self, provider: str, value: dict[str, Any], label: str) -> str:
        """Add a login and make it active."""
        self._count += 1
        slot = f"cred_{self._count:04}"
        row = Row(provider, label, value, 1, self._count)
        for other in (r for r in self.rows.values() if r.provider == provider):
            other.active = 0
        self.rows[slot] = row
        self._do("UPDATE credential SET active = 0 WHERE integration_id = ?", provider)
        self._do(
            "INSERT INTO credential VALUES (?, ?, ?, ?, NULL, NULL, 1, ?, ?)",
            *(slot, provider, label, json.dumps(value), self._count, self._count),
        )
        return slot

    def rewrite(self, slot: str, entry: Entry) -> None:
        """Write newer tokens into a row."""
        row = self.rows[slot]
        tokens = {name: entry[name] for name in ("refresh", "access", "expires")}
        row.value = {**row.value, **tokens}
        self._do("UPDATE credential SET value = ? WHERE id = ?", json.dumps(row.value), slot)

    def switch(self, slot: str) -> None:
        """Make another login active."""
        provider = self.rows[slot].provider
        for one, row in self.rows.items():
            if row.provider == provider:
                row.active = int(one == slot)
        self._do("UPDATE credential SET active = (id = ?) WHERE integration_id = ?", slot, provider)

    def rename(self, slot: str, label: str) -> None:
        """Give a login another label."""
        self.rows[slot].label = label
        self._do("UPDATE credential SET label = ? WHERE id = ?", label, slot)

    def log_out(self, slot: str) -> None:
        """Take a login out; of those that are left the newest is active by its age."""
        del self.rows[slot]
        self._do("DELETE FROM credential WHERE id = ?", slot)

    def use_another_schema(self) -> None:
        """Let another version of OpenCode have changed the table, or changed it back."""
        names = ("value", "content")
        was, is_now = reversed(names) if self.is_renamed else names
        self._do(f"ALTER TABLE credential RENAME COLUMN {was} TO {is_now}")
        self.is_renamed = not self.is_renamed
        with contextlib.closing(self._connected()) as connection:
            # Renaming quotes the name otherwise.
            self._schema = _tables(connection)

    def move(self, to: Path) -> None:
        """Move the database away, or back: nobody has it open."""
        with contextlib.closing(self._connected()) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for ending in ("-wal", "-shm"):
            self.path.with_name(self.path.name + ending).unlink(missing_ok=True)
        self.path.rename(to)

    # -- what stands there -------------------------------------------------------------------------

    def active(self, provider: str) -> str | None:
        """Return the row that OpenCode uses."""
        found = [slot for slot, row in self.rows.items() if row.provider == provider]
        return max(found, key=self._rank, default=None)

    def _rank(self, slot: str) -> tuple[int, int, str]:
        row = self.rows[slot]
        # Saying nothing counts less than a no.
        return -1 if row.active is None else row.active, row.created, slot

    def actual(self) -> dict[str, Row]:
        """Return what stands there; whatever OpenCode never fills must be empty."""
        with contextlib.closing(self._connected()) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            tables = _tables(connection)
            assert tables == self._schema, "another schema"
            others = connection.execute("SELECT * FROM session_message").fetchall()
            assert others == [("msg_1", "words")], "another table was written"
            rows = connection.execute(_ROWS).fetchall()
        assert all(row[4:6] == (None, None) for row in rows), "a column that OpenCode leaves empty"
        return {
            slot: Row(provider, label, json.loads(value), active, created, slot.startswith(OURS))
            for slot, provider, label, value, _, _, active, created in rows
        }

    def _do(self, statement: str, *values: object) -> None:
        with contextlib.closing(self._connected()) as connection:
            connection.execute(statement, values)

    def _connected(self) -> sqlite3.Connection:
        return _connect(self.path, timeout=0, isolation_level=None)


def _tables(connection: sqlite3.Connection) -> dict[str, str]:
    return dict(connection.execute("SELECT name, sql FROM sqlite_schema WHERE sql > ''"))
