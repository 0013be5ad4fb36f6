"""Whether opencode is logged in to an organisation of its Console, whose configuration it joins.

That configuration is fetched and kept nowhere, so nobody here can read it. The login stands in
opencode's own database (1.18.33), which is only read.
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


def has_organisation(data_folder: Path, environ: Mapping[str, str]) -> bool:
    """Tell whether an opencode with that environment and `data_folder` uses an organisation's."""
    path = data_folder / (environ.get("OPENCODE_DB") or "opencode.db")
    try:
        if not path.is_file() or not path.stat().st_size:
            return False
        # Without a log of changes nobody has it open, and nothing is made beside it.
        is_open = path.with_name(f"{path.name}-wal").exists()
        how = "mode=ro" if is_open else "mode=ro&immutable=1"
        address = f"{path.absolute().as_uri()}?{how}"
        with closing(sqlite3.connect(address, uri=True, timeout=_BUSY_SECONDS)) as connection:
            return connection.execute(_ACTIVE).fetchone() is not None
    except (sqlite3.Error, OSError, ValueError):
        # An older opencode has no such table, and no such login.
        return False
