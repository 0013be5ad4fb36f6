"""Sets a damaged store aside and builds another one from the newest copy and what is left of it.

At every moment the store's path holds the old file, the new one, or nothing beside a new one that
is whole and waits under a name of its own: whoever is killed in between is finished by the next
one who opens the store.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rotator.clock import is_ahead, to_iso
from rotator.core.logins.store_merge import MergedStore, Row, merge_stores, replaced_of
from rotator.errors import StoreDamaged, StoreError
from rotator.opencode.auth.file import Whole, parse_live
from rotator.opencode.auth.placement import is_mounted, is_read_only, may_write
from rotator.storage.account_copy import NOTICE
from rotator.storage.backups import DAMAGED, Backups, damaged_at, stamp_of
from rotator.storage.copy_check import newest_sound_copy, require_copied
from rotator.storage.damaged import Rows, insert_rows, opened_damaged
from rotator.storage.database import (
    REBUILT,
    SMALLEST,
    Connection,
    awaits_rebuilding,
    end_of_link,
    is_remembered,
    require_begun,
)
from rotator.storage.database_errors import store_errors
from rotator.storage.images import opened_empty, opened_image
from rotator.storage.migrations import STORE
from rotator.storage.remembered_accounts import accounts_since
from rotator.storage.repair_losses import losses, sentence
from rotator.storage.repair_sources import (
    RepairSource,
    Tables,
    contents_of,
    copies_of,
    in_schema,
    left_of,
)
from rotator.storage.row_sealing import seal_what_is_written
from rotator.storage.soundness import require_intact, require_intact_copy
from rotator.storage.write_ahead_log import Wal, is_empty_wal, overwrite_store, state_of_wal
from rotator.system.file_owners import require_own_way
from rotator.system.files import publish, remove_leftovers, sync_folder
from rotator.system.locks import folder_lock, swap_lock
from rotator.system.paths import FILE_MODE, Paths
from rotator.system.regular_files import open_regular

_TICK = timedelta(milliseconds=1)
# Without a copy nobody knows since when something is missing.
_RECENTLY = timedelta(days=1)
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def mend(paths: Paths, backups: Backups, now: datetime) -> bool:
    """Rebuild the store if it is damaged or gone; False if it is sound, by now at least.

    What was lost stands in the new store, as a sentence for `Store.hand_over_notice`. Raises
    StoreError, NewerSchema, SwapConflict; then the damaged store is where it was.
    """
    with (
        swap_lock(paths.swap_lock),
        folder_lock(paths.data, alone=True),
        store_errors(paths.store),
    ):
        require_own_way(paths.store)
        _require_place(end_of_link(paths.store))
        remove_leftovers(paths.data)
        store = end_of_link(paths.store)
        remove_leftovers(store.parent, name=store.name)
        done = _rebuild(paths, backups, now)
        backups.forget_damaged()
    return done


def _require_place(store: Path) -> None:
    """Raise OSError where another store can neither take the place of this one nor go into it."""
    if is_mounted(store) and (is_read_only(store) or not may_write(store)):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(store))


def _rebuild(paths: Paths, backups: Backups, now: datetime) -> bool:
    store = end_of_link(paths.store)
    waiting = _waiting(store)
    if any(_is_begun(store, path) for path in waiting):
        # What stands at the store's path has lost its log.
        return _put_in_place(store)
    with contextlib.ExitStack() as stack:
        left = None
        copy = newest_sound_copy(backups)
        size = store.stat().st_size if store.exists() else 0
        if size >= SMALLEST:
            wal = state_of_wal(store)
            # Open until the file has lost its name: then closing it tidies nothing up.
            connection = stack.enter_context(opened_damaged(store))
            if wal is Wal.WHOLE and _is_sound(connection, paths.store, copy):
                _put_aside(store, waiting, now)
                return False
            left = left_of(connection, store, wal, copy)
        elif not is_empty_wal(store):
            # SQLite opens no such file, but pages of it stand in its log.
            left = left_of(None, store, state_of_wal(store), copy)
        _put_aside(store, [path for path in waiting if not _is_whole_store(path)], now)
        if _put_in_place(store):
            return True
        copies = copies_of(backups)
        if not size and left is None and not copies and not awaits_rebuilding(paths.store):
            return False
        since = _since(copies, backups, now)
        if since is None:
            # Of what is gone as a whole all that is remembered is told.
            since = now - _RECENTLY if left is not None and left.has_rows else _LONG_AGO
        recent = accounts_since(paths.history, since, now)
        stamp = _free_stamp(store, now)
        # A link stays, and what it leads to is set aside there.
        shown = store.name if store == paths.store else store
        aside = f"{shown}{DAMAGED}{stamp}" if size else None
        publish(
            store.with_name(f"{store.name}{REBUILT}{stamp}"),
            _rebuilt(copies, left or RepairSource(), aside, recent, now),
            durable=True,
        )
        return _put_in_place(store)


def _since(copies: list[RepairSource], backups: Backups, now: datetime) -> datetime | None:
    """Return since when something may be missing in the copies, None if nobody knows.

    What was saved before a damaged one was made may be missing in it.
    """
    sound = [copy for copy in copies if all(copy.is_whole(name) for name in copy.tables)]
    newest = max((copy.made_at for copy in sound if copy.made_at), default=None)
    if newest is None or not is_ahead(newest, now):
        return newest
    # The clock was ahead when it was made: it is newer than those before it, and no more is known.
    return backups.made_by(now)


def _put_in_place(store: Path) -> bool:
    """Give a rebuilt store its place, and what is there another name; False if there is none."""
    waiting = _waiting(store)
    if not waiting:
        return False
    stamp = _stamp(store, waiting[-1])
    if is_mounted(store):
        _put_into(store, waiting[-1], stamp)
        return True
    # First what must never stand beside the new file: it would be taken for its own.
    for ending in ("-wal", "-shm", ""):
        old = store.with_name(store.name + ending)
        if old.exists() and old.stat().st_size:
            if not old.is_symlink():
                old.chmod(FILE_MODE)
            old.rename(store.with_name(f"{store.name}{DAMAGED}{stamp}{ending}"))
        else:
            old.unlink(missing_ok=True)
    sync_folder(store.parent)
    waiting[-1].replace(store)
    sync_folder(store.parent)
    return True


def _put_into(store: Path, waiting: Path, stamp: str) -> None:
    """Write a rebuilt store into a file that keeps its place, as a mount of its own does.

    What stood there is durable beside it first; whoever is killed is followed by the next one.
    """
    for ending in ("-wal", ""):
        old, kept = (
            store.with_name(f"{store.name}{part}") for part in (ending, f"{DAMAGED}{stamp}{ending}")
        )
        # One that is there is whole, and what is written over it may not be any more.
        if old.is_file() and old.stat().st_size and not kept.exists():
            publish(kept, old.read_bytes(), durable=True)
    overwrite_store(store, waiting.read_bytes())
    waiting.unlink()
    sync_folder(store.parent)


def _waiting(store: Path) -> list[Path]:
    """Return the rebuilt stores that wait to be put in place, or what has such a name."""
    return sorted(p for p in store.parent.iterdir() if p.name.startswith(store.name + REBUILT))


def _stamp(store: Path, waiting: Path) -> str:
    return waiting.name.removeprefix(store.name + REBUILT)


def _is_begun(store: Path, waiting: Path) -> bool:
    """Tell whether a part of the store that was there is set aside already, its log first."""
    aside = f"{store.name}{DAMAGED}{_stamp(store, waiting)}"
    parts = (store.with_name(aside + ending) for ending in ("-wal", "-shm", ""))
    return any(os.path.lexists(part) for part in parts) and _is_whole_store(waiting)


def _is_whole_store(path: Path) -> bool:
    """Tell whether a store that waits is one, whoever has left it there."""
    try:
        with open_regular(path) as file, opened_image(file.read(), path) as connection:
            require_intact_copy(connection, path)
    except (OSError, StoreError):
        return False
    return not path.is_symlink()


def _put_aside(store: Path, waiting: list[Path], now: datetime) -> None:
    """Give another name to what must not take the store's place; it may hold logins."""
    for path in waiting:
        path.rename(store.with_name(f"{store.name}{DAMAGED}{_free_stamp(store, now)}"))


def _free_stamp(store: Path, now: datetime) -> str:
    """Return the time for a name, later than those of the stores that were set aside before."""
    taken = [at for path in store.parent.iterdir() if (at := damaged_at(path, store)) is not None]
    return stamp_of(max([now, *(at + _TICK for at in taken)]))


def _is_sound(connection: Connection, store: Path, copy: RepairSource | None) -> bool:
    try:
        if require_intact(connection, store):
            require_copied(connection, store, copy)
        else:
            require_begun(connection, store, is_remembered)
    except StoreDamaged:
        return False
    return True


# -- what becomes of it -----------------------------------------------------------------------


def _rebuilt(
    copies: list[RepairSource],
    left: RepairSource,
    aside: str | None,
    recent: list[str],
    now: datetime,
) -> bytes:
    """Return the new store as the bytes of a file, in the newest schema of its sources."""
    schema = max(source.schema for source in (*copies, left)) or len(STORE)
    copy = in_schema(copies[0] if copies else RepairSource(), schema)
    for newer in copies[1:]:
        # A newer copy that is damaged is joined to the sound one as a store would be.
        tables, _ = _joined(copy, in_schema(newer, schema), now)
        copy = RepairSource(schema, tables, newer.made_at, has_seals=True)
    rest = in_schema(left, schema)
    tables, joined = _joined(copy, rest, now)
    notice = {
        "name": NOTICE,
        "value": sentence(copies, left, aside, losses(copy, rest, joined, recent)),
    }
    with opened_empty(STORE[:schema]) as connection:
        seal_what_is_written(connection)
        for name, rows in tables.items():
            insert_rows(connection, name, rows.rows)
        insert_rows(connection, "setting", [notice])
        return connection.serialize()


def _joined(copy: RepairSource, left: RepairSource, now: datetime) -> tuple[Tables, MergedStore]:
    """Return the rows of a copy and of what is left of the store that it was made of."""
    older, newer = (left, copy) if left.is_older else (copy, left)
    joined = merge_stores(contents_of(older), contents_of(newer), to_iso(now))
    ids = {row["id"] for row in joined.accounts}

    def of_accounts(table: str) -> list[Row]:
        return [row for row in _rows(left, table) if row["account"] in ids]

    def of_either(table: str) -> Iterable[Row]:
        return {
            row["digest"]: row for source in (older, newer) for row in _rows(source, table)
        }.values()

    settings = {row["name"]: row for source in (older, newer) for row in _rows(source, "setting")}
    tables: dict[str, Iterable[Row]] = {
        "account": joined.accounts,
        "digest": joined.digests,
        "removed": joined.removed,
        "setting": [row for name, row in settings.items() if name != NOTICE],
        "aside": _rows(left, "aside"),
        "refresh": of_accounts("refresh"),
        "part_limit": of_accounts("part_limit"),
        "replaced": replaced_of(
            [_rows(source, "replaced") for source in (older, newer)], joined.accounts
        ),
        "descent": of_either("descent"),
        "exchange": of_either("exchange"),
        **_places(left, ids),
        **_standings(left),
    }
    content = {
        name: Rows(tuple(dict(row) for row in rows))
        for name, rows in tables.items()
        if name in left.tables
    }
    return {**dict.fromkeys(left.tables, Rows()), **content}, joined


def _rows(source: RepairSource, table: str) -> tuple[Row, ...]:
    return source.tables[table].rows if table in source.tables else ()


def _places(left: RepairSource, accounts: set[str]) -> Mapping[str, Iterable[Row]]:
    """Return who was in which slot, as far as the auth.json that goes with it is there.

    Without the digest the file is looked at again: what it holds may be in no account now.
    """
    live = [{**row, "digest": None} for row in _rows(left, "live") if _is_whole(row["content"])]
    if not live or not left.is_whole("slot"):
        return {}
    slots = [
        {**row, "swap_at": None, "active": row["active"] if row["active"] in accounts else None}
        for row in _rows(left, "slot")
    ]
    return {"live": live, "slot": slots, "tenure": _rows(left, "tenure")}


def _standings(left: RepairSource) -> Mapping[str, Iterable[Row]]:
    """Return what was seen in homes with several logins, if all of it is there.

    Where a row is missing its login would count as a new one; a home of which nothing is noted
    is looked at as for the first time, and nobody is logged in or out by it.
    """
    return {"standing": _rows(left, "standing")} if left.is_whole("standing") else {}


def _is_whole(content: bytes | None) -> bool:
    return content is None or isinstance(parse_live(content), Whole)
