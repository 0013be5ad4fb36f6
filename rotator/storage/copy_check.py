"""Whether a store still knows what its newest copy holds: none becomes older than its copies.

A page, a log or a whole file of another time or of another store is in order by itself. But what
a copy holds was in its store, which forgets no login without noting that it was removed.
"""

from __future__ import annotations

import logging
from pathlib import Path

from rotator.errors import RotatorError, StoreDamaged
from rotator.storage.backups import Backups
from rotator.storage.database import Connection
from rotator.storage.images import opened_image
from rotator.storage.repair_sources import (
    RepairSource,
    content_of,
    is_another,
    knows,
    source_of,
)
from rotator.storage.row_sealing import STORE_ID
from rotator.storage.soundness import require_intact_copy
from rotator.storage.transactions import reading

log = logging.getLogger(__name__)


def newest_sound_copy(backups: Backups) -> RepairSource | None:
    """Return the newest copy that is as it was written, or None where nobody can tell."""
    for backup in backups.newest_first():
        try:
            with opened_image(content_of(backup), backup.path) as connection:
                require_intact_copy(connection, backup.path)
                return source_of(connection, backup.made_at)
        except (OSError, RotatorError) as exc:
            log.debug("the backup %s tells nothing: %s", backup.path.name, exc)
    return None


def require_copied(connection: Connection, path: Path, copy: RepairSource | None) -> None:
    """Raise StoreDamaged for a store that is another one's, or older than its copy."""
    if copy is None:
        return
    with reading(connection, path):
        if is_another(_store_id_of(connection), copy.store_id):
            raise _damaged(path, "it is another store's")
        if not _knows(connection, copy):
            raise _damaged(path, "it lacks what the newest copy of the accounts has")


def _store_id_of(connection: Connection) -> str | None:
    row = connection.execute("SELECT value FROM setting WHERE name = ?", (STORE_ID,)).fetchone()
    return str(row[0]) if row else None


def _knows(connection: Connection, copy: RepairSource) -> bool:
    digests = connection.execute("SELECT provider, digest, account FROM digest")
    removed = connection.execute("SELECT provider, digest FROM removed")
    return knows({(row[0], row[1]): row[2] for row in digests}, set(removed.fetchall()), copy)


def _damaged(path: Path, why: str) -> StoreDamaged:
    return StoreDamaged(f"the store {path} is damaged: {why}")
