"""What opencode 1.x says in its own database, which is only read (1.18.33).

An organisation of its Console, whose configuration it joins: that is fetched and kept nowhere, so
nobody here can read it. And the folder of a session, whatever its log tells.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

_BUSY_SECONDS = 0.2
_ACTIVE = """
SELECT 1 FROM account_state WHERE active_account_id IS NOT NULL AND active_org_id IS NOT NULL
"""
_FOLDER = "SELECT directory FROM session WHERE id = ?"


def has_organisation(data_folder: Path, environ: Mapping[str, str]) -> bool:
    """Tell whether an opencode with that environment and `data_folder` uses an organisation's."""
    return _first(data_folder, environ, _ACTIVE) is not None


def folder_of_session(
    data_folder: Path, environ: Mapping[str, str], session: str | None
) -> Path | None:
    """Return the folder that a session works in, or None where that is not known."""
    folder = session and _first(data_folder, environ, _FOLDER, session)
    return Path(folder) if isinstance(folder, str) and folder else None


def _first(data_folder: Path, environ: Mapping[str, str], query: str, *values: str) -> object:
    """Return the first value of what is found there; None: nothing, or it cannot be read."""
    path = data_folder / (environ.get("OPENCODE_DB") or "opencode.db")
    try:
        if not path.is_file() or not path.stat().st_size:
            return None
        # Without a log of changes nobody has it open, and nothing is made beside it.
        is_open = path.with_name(f"{path.name}-wal").exists()
        how = "mode=ro" if is_open else "mode=ro&immutable=1"
        address = f"{path.absolute().as_uri()}?{how}"
        with closing(sqlite3.connect(address, uri=True, timeout=_BUSY_SECONDS)) as connection:
            row = connection.execute(query, values).fetchone()
    except (sqlite3.Error, OSError, ValueError):
        # An older opencode has no such table.
        return None
    return None if row is None else row[0]
