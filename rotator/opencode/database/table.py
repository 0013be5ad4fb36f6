"""Reads OpenCode 2's table of logins, and says in one sentence why it cannot.

Nothing is written, and nothing is made beside the database: where it has no write-ahead log,
nobody has it open, and it is read as a file that does not change.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

from rotator.opencode.database.labels import says_secret, secrets_of
from rotator.opencode.database.values import credential_of
from rotator.opencode.home import Absent, Entries, HomeEntry, HomeReading, Unusable
from rotator.secret import Secret, digest_of
from rotator.system.regular_files import open_regular
from rotator.text import sanitize

Connection = sqlite3.Connection
COLUMNS = frozenset(
    {
        *("id", "integration_id", "label", "value", "active"),
        *("time_created", "time_updated"),
    }
)
# The one that OpenCode 2 uses comes first.
ORDER = "ORDER BY integration_id, active DESC, time_created DESC, id DESC"
# So OpenCode's own ids begin; the rest says to a person who put the row in.
OURS = "cred_rotator"
_QUESTION = f"SELECT id, integration_id, label, value, active FROM credential {ORDER}"  # noqa: S608  # our words
# A writer of the table needs milliseconds; who is held up longer has other trouble.
_BUSY_SECONDS = 0.2
_TRIES = 3
_DAMAGED = {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}
_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
# A file that is shorter was never written.
_SMALLEST = 100
_WAL_AT, _IS_WAL = 18, 2
Rows = tuple[tuple[object, ...], ...]


class TableReader:
    """Reads the table again and again; cheap where nobody has written since.

    Use it from one thread, and `close` it at the end.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._held: tuple[Connection, tuple[int, int]] | None = None
        self._seen: tuple[object, ...] | None = None
        self._last: HomeReading = Absent()
        # OpenCode writes at every message, and hardly ever into this table.
        self._rows: str | None = None
        self._understood: tuple[Connection, int] | None = None
        self.versions = 0

    def close(self) -> None:
        """Close the database."""
        if self._held is not None:
            self._held[0].close()
        self._held = self._understood = None
        self._seen = None

    def read(self) -> HomeReading:
        """Return what stands in the table now; never raises for what stands there."""
        try:
            return self._read()
        except sqlite3.Error as exc:
            self.close()
            return _unusable(self._path, exc)
        except OSError as exc:
            self.close()
            return Unusable(f"{self._path} cannot be read: {exc.strerror}")

    def _read(self) -> HomeReading:
        for _ in range(_TRIES):
            status = _standing_of(self._path)
            if not isinstance(status, os.stat_result):
                self.close()
                return status
            if _has_log(self._path):
                return self._read_open(status)
            self.close()
            reading = self._read_alone(status)
            if reading is not None:
                return reading
        return Unusable(f"{self._path} keeps being opened and closed", is_passing=True)

    def _read_open(self, facts: os.stat_result) -> HomeReading:
        """Read a database that somebody has open, through a connection that stays."""
        which = (facts.st_dev, facts.st_ino)
        if self._held is not None and self._held[1] != which:
            self.close()
        if self._held is None:
            self._held = _connected(self._path, alone=False), which
        connection = self._held[0]
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        return self._told(connection, (which, version))

    def _read_alone(self, facts: os.stat_result) -> HomeReading | None:
        """Read a database that nobody has open; None if somebody has opened it meanwhile."""
        seen = (facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns)
        if seen == self._seen:
            return self._last
        # One with a journal of the older kind is locked as any other is.
        alone = _uses_log(self._path)
        with contextlib.closing(_connected(self._path, alone=alone)) as connection:
            reading = self._told(connection, seen)
        again = self._path.stat()
        is_same = (again.st_dev, again.st_ino, again.st_size, again.st_mtime_ns) == seen
        if is_same and not _has_log(self._path):
            return reading
        self._seen = None
        return None

    def _told(self, connection: Connection, seen: tuple[object, ...]) -> HomeReading:
        if seen != self._seen:
            self._last, self._seen = self._read_table(connection), seen
            self.versions += 1
        return self._last

    def _read_table(self, connection: Connection) -> HomeReading:
        """Return what stands in the table, the very reading of before if nothing else does."""
        (schema,) = connection.execute("PRAGMA schema_version").fetchone()
        if self._understood != (connection, schema):
            self._understood = None
            obstacle = schema_obstacle(connection, self._path)
            if obstacle is not None:
                return obstacle
            self._understood = connection, schema
        rows = tuple(connection.execute(_QUESTION))
        before, self._rows = self._rows, digest_of(repr(rows))
        if before == self._rows and isinstance(self._last, Entries):
            return self._last
        return _entries(rows)


def _entries(rows: Rows) -> Entries:
    entries: list[HomeEntry] = []
    seen: set[str] = set()
    for row in rows:
        entry = _entry(row, is_first=str(row[1]) not in seen)
        if entry is not None:
            seen.add(entry.provider)
            entries.append(entry)
    secrets = {secret for entry in entries for secret in secrets_of(entry)}
    return Entries(tuple(_shown(entry, secrets) for entry in entries))


def schema_obstacle(connection: Connection, path: Path) -> Absent | Unusable | None:
    """Return why the table cannot be understood, or None; raises sqlite3.Error."""
    names = {str(name) for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
    if "credential" not in names:
        # An older opencode 1 has a database, too, and no such table in it.
        return Absent()
    columns = {str(row[1]) for row in connection.execute("PRAGMA table_info(credential)")}
    missing = sorted(COLUMNS - columns)
    if missing:
        what = f"its table of logins has no {missing[0]}"
        return Unusable(f"{path} is of an OpenCode that is not known here: {what}")
    return None


def _entry(row: tuple[object, ...], *, is_first: bool) -> HomeEntry | None:
    slot, provider, label, value, active = row
    # Without an integration it is nobody's; OpenCode 2 does not use it.
    if not (isinstance(slot, str) and isinstance(provider, str) and provider):
        return None
    text = value if isinstance(value, str) else ""
    label = label if isinstance(label, str) else ""
    secret = Secret(text)
    credential = credential_of(provider, secret)
    # A login says yes, and no once another one has come.
    is_copy = active is None or slot.startswith(OURS)
    return HomeEntry(provider, slot, label, credential, secret, is_first, is_copy)


def _shown(entry: HomeEntry, secrets: Collection[str]) -> HomeEntry:
    """Return a login with a name that can be shown: without one where that says a secret."""
    label = "" if says_secret(entry.label, secrets) else sanitize(entry.label)
    return replace(entry, label=label)


def text_of(content: bytes) -> str:
    """Return a text of the database, also one that is none: SQLite's own error would show it."""
    return content.decode("utf-8", "surrogateescape")


def _connected(path: Path, *, alone: bool) -> Connection:
    how = "mode=ro&immutable=1" if alone else "mode=ro"
    address = f"{path.absolute().as_uri()}?{how}"
    connection = sqlite3.connect(address, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)
    connection.text_factory = text_of
    return connection


def _standing_of(path: Path) -> os.stat_result | Absent | Unusable:
    """Return what the system says of the database, or why it is not to be read."""
    try:
        facts = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return Absent()
    if not stat.S_ISREG(facts.st_mode):
        return Unusable(f"{path} is not a regular file")
    if facts.st_uid != os.geteuid() != 0:
        return Unusable(f"{path} belongs to another user (uid {facts.st_uid})")
    by_effect = os.access in os.supports_effective_ids
    if not os.access(path, os.R_OK, effective_ids=by_effect):
        return Unusable(f"{path} may not be read; check its rights")
    if facts.st_size < _SMALLEST and not _has_log(path):
        return Absent() if not facts.st_size else Unusable(f"{path} is damaged: it is cut off")
    return facts


def _has_log(path: Path) -> bool:
    return path.with_name(f"{path.name}-wal").exists()


def _uses_log(path: Path) -> bool:
    with open_regular(path) as file:
        header = file.read(_SMALLEST)
    return header[_WAL_AT : _WAL_AT + 1] == bytes([_IS_WAL])


def _unusable(path: Path, error: sqlite3.Error) -> Unusable:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _LOCKED:
        return Unusable(f"{path} is locked by another program", is_passing=True)
    if code in _DAMAGED:
        return Unusable(f"{path} is damaged: {error}")
    return Unusable(f"{path} cannot be read: {error}")


@contextlib.contextmanager
def table_reader(path: Path) -> Iterator[TableReader]:
    """Open the table for one look."""
    reader = TableReader(path)
    try:
        yield reader
    finally:
        reader.close()
