"""Sets a damaged store aside and builds another one from the newest copy and what is left of it.

At every moment the store's path holds the old file, the new one, or nothing beside a new one that
is whole and waits under a name of its own: whoever is killed in between is finished by the next
one who opens the store.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from rotator.atomic import publish, sweep, sync_folder
from rotator.backups import DAMAGED, Backups, damaged_at, stamp_of
from rotator.clock import to_iso
from rotator.copies import NOTICE
from rotator.credential_secrets import secrets_of
from rotator.database import (
    REBUILT,
    Connection,
    Rows,
    awaits_rebuilding,
    insert_rows,
    opened_damaged,
    opened_empty,
    opened_image,
    readable_rows,
    require_known_schema,
    require_sound,
    schema_of,
    store_errors,
    table_names,
)
from rotator.errors import StoreDamaged
from rotator.lock import folder_lock, swap_lock
from rotator.migrations import STORE, migrate, version_of
from rotator.opencode.authfile import BadEntry, Whole, parse_entry, parse_live
from rotator.paths import FILE_MODE, Paths
from rotator.salvage import Contents, Joined, Key, Row, join, replaced_of
from rotator.secret import Secret

log = logging.getLogger(__name__)

Tables = dict[str, Rows]
_TICK = timedelta(milliseconds=1)


@dataclass(frozen=True)
class _Source:
    """What could be read of a store: its tables, in which schema, and (a copy) of when."""

    schema: int = 0
    tables: Tables = field(default_factory=dict)
    made_at: datetime | None = None

    def is_whole(self, table: str) -> bool:
        """Tell whether every row of a table could be read."""
        return table in self.tables and self.tables[table].whole


def mend(paths: Paths, backups: Backups, now: datetime) -> bool:
    """Rebuild the store if it is damaged or gone; False if it is sound, by now at least.

    What was lost stands in the new store, as a sentence for `Store.take_notice`. Raises
    StoreError, NewerSchema, SwapConflict; then the damaged store is where it was.
    """
    with (
        swap_lock(paths.swap_lock),
        folder_lock(paths.data, alone=True),
        store_errors(paths.store),
    ):
        sweep(paths.data)
        done = _put_in_place(paths.store) or _rebuild(paths.store, backups, now)
        backups.forget_damaged()
    return done


def _rebuild(store: Path, backups: Backups, now: datetime) -> bool:
    with contextlib.ExitStack() as stack:
        left = None
        if store.exists() and store.stat().st_size:
            # Open until the file has lost its name: then closing it tidies nothing up.
            connection = stack.enter_context(opened_damaged(store))
            if _is_sound(connection, store):
                return False
            left = _read_damaged(connection)
        copy = _newest_copy(backups, store)
        if left is None and copy is None and not awaits_rebuilding(store):
            return False
        stamp = _free_stamp(store, now)
        aside = f"{store.name}{DAMAGED}{stamp}" if left else None
        publish(
            store.with_name(f"{store.name}{REBUILT}{stamp}"),
            _rebuilt(copy or _Source(), left or _Source(), aside, now),
            durable=True,
        )
        return _put_in_place(store)


def _put_in_place(store: Path) -> bool:
    """Give a rebuilt store its place, and what is there another name; False if there is none."""
    waiting = sorted(p for p in store.parent.iterdir() if p.name.startswith(store.name + REBUILT))
    if not waiting:
        return False
    stamp = waiting[-1].name.removeprefix(store.name + REBUILT)
    # First what must never stand beside the new file: it would be taken for its own.
    for ending in ("-wal", "-shm", ""):
        old = store.with_name(store.name + ending)
        if old.exists() and old.stat().st_size:
            old.chmod(FILE_MODE)
            old.rename(store.with_name(f"{store.name}{DAMAGED}{stamp}{ending}"))
        else:
            old.unlink(missing_ok=True)
    sync_folder(store.parent)
    waiting[-1].replace(store)
    sync_folder(store.parent)
    return True


def _free_stamp(store: Path, now: datetime) -> str:
    """Return the time for a name, later than those of the stores that were set aside before."""
    taken = [at for path in store.parent.iterdir() if (at := damaged_at(path, store)) is not None]
    return stamp_of(max([now, *(at + _TICK for at in taken)]))


# -- what there is ---------------------------------------------------------------------------


def _is_sound(connection: Connection, store: Path) -> bool:
    schema = schema_of(connection)
    if schema is None:
        return False
    require_known_schema(connection, store, STORE)
    try:
        require_sound(connection, store)
    except StoreDamaged:
        return False
    return schema != 0 or not table_names(connection)


def _read_damaged(connection: Connection) -> _Source:
    schema = schema_of(connection) or len(STORE)
    with opened_empty(STORE[:schema]) as empty:
        names = table_names(empty)
    return _Source(schema, {name: readable_rows(connection, name) for name in names})


def _newest_copy(backups: Backups, store: Path) -> _Source | None:
    for backup in backups.newest_first():
        try:
            with opened_image(backup.path.read_bytes(), backup.path) as connection:
                require_known_schema(connection, store, STORE)
                return _Source(version_of(connection), _tables(connection), backup.made_at)
        except (OSError, StoreDamaged) as exc:
            log.warning("the backup %s cannot be used: %s", backup.path.name, exc)
    return None


def _migrated(source: _Source, schema: int) -> Tables:
    """Return the rows of a source as a newer schema has them, as far as they are rows of ours."""
    with opened_empty(STORE[: source.schema]) as connection:
        for name, found in source.tables.items():
            insert_rows(connection, name, found.rows)
        migrate(connection, STORE[:schema])
        return _tables(connection)


def _tables(connection: Connection) -> Tables:
    return {name: readable_rows(connection, name) for name in table_names(connection)}


def _contents(tables: Tables, *, whole: bool) -> Contents:
    accounts = {row["id"]: row for row in tables["account"].rows}
    current = {account: _current(row) for account, row in accounts.items()}
    return Contents(
        accounts=accounts,
        current={account: keys for account, keys in current.items() if keys},
        digests={(row["provider"], row["digest"]): row for row in tables["digest"].rows},
        removed={(row["provider"], row["digest"]): row for row in tables["removed"].rows},
        whole=whole,
    )


def _current(row: Row) -> frozenset[Key]:
    try:
        credential = parse_entry(row["provider"], Secret(row["entry"]))
    except BadEntry:
        return frozenset()
    return frozenset((row["provider"], digest) for digest in secrets_of(credential))


# -- what becomes of it -----------------------------------------------------------------------


def _rebuilt(copy: _Source, left: _Source, aside: str | None, now: datetime) -> bytes:
    """Return the new store as the bytes of a file, in the newest schema of its sources."""
    schema = max(copy.schema, left.schema) or len(STORE)
    saved, found = _migrated(copy, schema), _migrated(left, schema)
    joined = join(
        _contents(saved, whole=True), _contents(found, whole=left.is_whole("digest")), to_iso(now)
    )
    ids = {row["id"] for row in joined.accounts}
    settings = {row["name"]: row for t in (saved, found) for row in t["setting"].rows}
    settings[NOTICE] = {"name": NOTICE, "value": _sentence(copy, left, aside, joined)}
    tables: dict[str, Iterable[Row]] = {
        "account": joined.accounts,
        "digest": joined.digests,
        "removed": joined.removed,
        "setting": settings.values(),
        "aside": found["aside"].rows,
        "refresh": [r for r in found.get("refresh", Rows()).rows if r["account"] in ids],
        "replaced": replaced_of(
            [t.get("replaced", Rows()).rows for t in (saved, found)], joined.accounts
        ),
        "descent": found.get("descent", Rows()).rows,
        **_places(found, ids),
    }
    with opened_empty(STORE[:schema]) as connection:
        for name in set(tables) & set(found):
            insert_rows(connection, name, tables[name])
        return connection.serialize()


def _places(found: Tables, accounts: set[str]) -> Mapping[str, Iterable[Row]]:
    """Return who was in which slot, as far as the auth.json that goes with it is there.

    Without the digest the file is looked at again: what it holds may be in no account now.
    """
    live = [{**row, "digest": None} for row in found["live"].rows if _is_whole(row["content"])]
    if not live:
        return {}
    slots = [
        {**row, "swap_at": None, "active": row["active"] if row["active"] in accounts else None}
        for row in found["slot"].rows
    ]
    return {"live": live, "slot": slots, "tenure": found["tenure"].rows}


def _is_whole(content: bytes | None) -> bool:
    return content is None or isinstance(parse_live(content), Whole)


def _sentence(copy: _Source, left: _Source, aside: str | None, joined: Joined) -> str:
    what = f"damaged and set aside as {aside}" if aside else "gone"
    sources = [f"the backup of {to_iso(copy.made_at)}"] if copy.made_at else []
    if any(found.rows for found in left.tables.values()):
        sources.append("what could be read of it")
    how = f"rebuilt from {' and '.join(sources)}" if sources else "begun anew"
    lost = list(joined.lost)
    if not left.is_whole("digest"):
        lost.append("whatever " + ("was saved since" if copy.made_at else "it held"))
    elif not left.is_whole("aside"):
        lost.append("some of what was kept aside")
    return f"the store was {what}; {how}; lost: {', '.join(lost) or 'nothing'}"
