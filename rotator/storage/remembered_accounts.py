"""The accounts that a history names, read without changing or making anything."""

from __future__ import annotations

import contextlib
from datetime import datetime
from pathlib import Path

from rotator.core.logins.remembered import accounts_of_late
from rotator.errors import StoreError
from rotator.storage.database import clear_places, read_only, text_of
from rotator.storage.database_errors import store_errors
from rotator.storage.history_rows import event_of
from rotator.text import sanitize

_MOST_NAMED = 50


def accounts_since(history: Path, since: datetime, now: datetime) -> list[str]:
    """Return the names of the accounts to which something has happened since, by the history.

    They are none where it cannot be read: it may be lost, and is never in the way.
    """
    query = (
        "SELECT at, kind, provider, account, from_alias, to_alias, why, detail"
        " FROM event ORDER BY number"
    )
    try:
        with store_errors(history):
            clear_places(history)
            if not history.exists():
                return []
        with store_errors(history), contextlib.closing(read_only(history)) as connection:
            connection.text_factory = text_of
            rows = connection.execute(query).fetchall()
    except StoreError:
        return []
    events = [event for row in rows if (event := event_of(row)) is not None]
    return [sanitize(name) for name in accounts_of_late(events, since, now)[:_MOST_NAMED]]
