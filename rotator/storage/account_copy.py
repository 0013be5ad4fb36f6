"""What a copy of the store is: accounts, settings, what is known of tokens, and nothing else.

The copy is a whole store of the same schema, so that it can be opened, migrated and searched as
one; its mark says whether two copies would be the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rotator.core.logins.row_seals import (
    PASSING_COLUMNS,
    PASSING_SEAL,
    SEAL,
    covered,
    seal_of,
)
from rotator.secret import digest_of
from rotator.storage.database import Connection, table_names
from rotator.storage.database_errors import store_errors
from rotator.storage.images import image_of
from rotator.storage.soundness import require_of_one_time
from rotator.storage.transactions import write_back
from rotator.wording import moment_to_the_second

# What says that a refresh token is spent goes with it: it is never sent again.
KEPT_TABLES = frozenset(
    {"account", "descent", "digest", "exchange", "removed", "replaced", "setting"}
)
# What bridges tell, and what is learned of replaced tokens, changes no account's row. Of what may
# be long, and is only ever added to and forgotten, it is enough to know where it ends.
_MARKED = {
    "descent": "count(*), max(rowid), max(at)",
    "exchange": "count(*), max(rowid), max(at)",
    "replaced": "*",
}
# Set while what was removed is not erased everywhere yet.
PURGE = "purge"
# One sentence for the user about a store that was rebuilt, until somebody has told it.
NOTICE = "rebuilt"
_BY_HAND = (
    "the backup of {} was put in the place of the store; lost: whatever else was saved,"
    " and what no backup holds (unclaimed content, refreshes under way)"
)
# Logins that are saved here and not in auth.json yet.
LATE = "late"
# What was taken for a login and may prove to be none.
UNPROVEN = "unproven"
_PASSING_SETTINGS = (PURGE, NOTICE, LATE, UNPROVEN)


@dataclass(frozen=True)
class Copied:
    """The open store at `path`, seen as something to copy."""

    connection: Connection
    path: Path

    def accounts_mark(self) -> str | None:
        """Return what changes whenever a copy is due, or None while there is no account."""
        with store_errors(self.path):
            cursor = self.connection.execute("SELECT * FROM account ORDER BY id")
            names = [column[0] for column in cursor.description]
            passing = {*PASSING_COLUMNS, PASSING_SEAL}
            kept = [n for n, name in enumerate(names) if name not in passing]
            accounts = [tuple(row[n] for n in kept) for row in cursor]
            setting = self.connection.execute(
                "SELECT value FROM setting WHERE name = 'balancing'"
            ).fetchone()
            # An older schema lacks some.
            names = sorted(_MARKED.keys() & set(table_names(self.connection)))
            known = [
                sorted(self.connection.execute(f"SELECT {_MARKED[name]} FROM {name}"))  # noqa: S608  # ours
                for name in names
            ]
        return digest_of(repr((accounts, setting, known))) if accounts else None

    def accounts_copy(self, at: datetime) -> bytes:
        """Return the copy as the bytes of a file; raises StoreDamaged if the store is not sound.

        What it holds is in the store's own file then, and not only in its -wal. It says that it is
        a copy, of that time, to whoever finds it in the store's place.
        """
        with store_errors(self.path):
            require_of_one_time(self.connection, self.path)
            write_back(self.connection, self.path)
            names = [name for name in table_names(self.connection) if name not in KEPT_TABLES]
        clear = [f"DELETE FROM {name}" for name in names]  # noqa: S608  # the store's own names
        clear += [f"DELETE FROM setting WHERE name = '{name}'" for name in _PASSING_SETTINGS]  # noqa: S608  # ours
        return image_of(self.connection, self.path, [*clear, self._note(at)])

    def _note(self, at: datetime) -> str:
        row = {"name": NOTICE, "value": _BY_HAND.format(moment_to_the_second(at))}
        columns = [row[1] for row in self.connection.execute("PRAGMA main.table_info(setting)")]
        if SEAL in columns:
            names = covered("setting", SEAL, columns)
            row[SEAL] = seal_of(names, [row[name] for name in names])
        values = ", ".join("'{}'".format(value.replace("'", "''")) for value in row.values())
        return f"INSERT INTO setting ({', '.join(row)}) VALUES ({values})"  # noqa: S608  # ours
