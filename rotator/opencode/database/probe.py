"""Whether OpenCode 2 keeps logins here at all: asked by every command, and of most people it is no.

It costs a fraction of a millisecond, and loads nothing of what reads them.
"""

from __future__ import annotations

import contextlib
import sqlite3
import stat
from pathlib import Path

_BUSY_SECONDS = 0.2


def may_hold_logins(path: Path) -> bool:
    """Tell whether a database has logins in it, or cannot be looked into."""
    try:
        facts = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    if not stat.S_ISREG(facts.st_mode):
        return True
    # Without a log nobody has it open, and nothing is to be made beside it.
    is_open = path.with_name(f"{path.name}-wal").exists()
    address = f"{path.absolute().as_uri()}?mode=ro{'' if is_open else '&immutable=1'}"
    try:
        with contextlib.closing(
            sqlite3.connect(address, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)
        ) as connection:
            tables = "SELECT count(*) FROM sqlite_schema WHERE name = 'credential'"
            (count,) = connection.execute(tables).fetchone()
            if not count:
                # That is opencode 1's.
                return False
            return connection.execute("SELECT 1 FROM credential").fetchone() is not None
    except sqlite3.Error:
        return True
