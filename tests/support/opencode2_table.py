"""A database with OpenCode 2's table of logins, as 2.0.15 makes it, written as OpenCode does."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

SCHEMA = """CREATE TABLE `credential` (
    `id` text PRIMARY KEY, `integration_id` text, `label` text NOT NULL, `value` text NOT NULL,
    `connector_id` text, `method_id` text, `active` integer,
    `time_created` integer NOT NULL, `time_updated` integer NOT NULL)"""
# Below a HOME or any folder; secrets may stand there.
PLACE = Path("share", "opencode", "opencode.db")
Value = Mapping[str, object]


def key(name: str, **more: object) -> Value:
    """Return the value of an API key."""
    return {"type": "key", "key": f"KEY-CANARY-{name}", **more}


def chatgpt(name: str, generation: int = 1, *, expires: int = 2_000_000_000_000) -> Value:
    """Return the value of a ChatGPT login."""
    return {
        "type": "oauth",
        "methodID": "chatgpt-browser",
        "refresh": f"REF-CANARY-{name}-{generation}",
        "access": f"ACC-CANARY-{name}-{generation}",
        "expires": expires,
        "metadata": {"accountID": f"acct-{name}"},
    }


@dataclass
class Table:
    """The table at `path`; a connection is held open, as a running OpenCode holds one."""

    path: Path
    _count: int = 0
    _held: list[sqlite3.Connection] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)

    def make(self, schema: str = SCHEMA) -> None:
        """Make the database."""
        with contextlib.closing(self._connect()) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(schema)

    def hold(self) -> sqlite3.Connection:
        """Keep it open from now on, as a running OpenCode does; return the connection."""
        self._held.append(self._connect())
        self._held[-1].execute("SELECT 1 FROM sqlite_schema").fetchall()
        return self._held[-1]

    def close(self) -> None:
        """Close what was held open."""
        for connection in self._held:
            connection.close()
        self._held.clear()

    def log_in(self, provider: str, value: Value | str, label: str = "") -> str:
        """Add a login and make it active, as OpenCode does; return its slot."""
        self._count += 1
        slot = f"cred_{self._count:04}"
        text = value if isinstance(value, str) else json.dumps(value)
        self.do("UPDATE credential SET active = 0 WHERE integration_id = ?", provider)
        self.do(
            "INSERT INTO credential VALUES (?, ?, ?, ?, NULL, NULL, 1, ?, ?)",
            *(slot, provider, label or provider, text, self._count, self._count),
        )
        return slot

    def rewrite(self, slot: str, value: Value) -> None:
        """Write newer tokens into a row, as OpenCode's own refresh does."""
        self.do("UPDATE credential SET value = ? WHERE id = ?", json.dumps(value), slot)

    def switch(self, slot: str) -> None:
        """Make another login active."""
        whose = "SELECT integration_id FROM credential WHERE id = ?"
        self.do(f"UPDATE credential SET active = 0 WHERE integration_id = ({whose})", slot)  # noqa: S608  # our words
        self.do("UPDATE credential SET active = 1 WHERE id = ?", slot)

    def log_out(self, slot: str) -> None:
        """Take a login out."""
        self.do("DELETE FROM credential WHERE id = ?", slot)

    def do(self, statement: str, *values: object) -> None:
        """Write something."""
        with contextlib.closing(self._connect()) as connection:
            connection.execute(statement, values)

    def values(self) -> dict[str, Value]:
        """Return what each row holds."""
        with contextlib.closing(self._connect()) as connection:
            rows = connection.execute("SELECT id, value FROM credential").fetchall()
        return {slot: json.loads(value) for slot, value in rows}

    def active(self, provider: str) -> str | None:
        """Return the row that OpenCode uses."""
        with contextlib.closing(self._connect()) as connection:
            row = connection.execute(
                "SELECT id FROM credential WHERE integration_id = ?"
                " ORDER BY active DESC, time_created DESC, id DESC",
                (provider,),
            ).fetchone()
        return None if row is None else str(row[0])

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, isolation_level=None)
