"""Looks at the store, its copies and what was set aside; opens for reading and changes nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from rotator.clock import from_iso, is_within
from rotator.core.logins.spent_tokens import SAVED_WITHIN
from rotator.doctor.accounts import (
    Row,
    look_at_accounts,
    look_at_both_homes,
    look_at_clock,
)
from rotator.doctor.check_result import Check, CheckResult, Level, note, ok, problem
from rotator.doctor.setup import DoctorContext
from rotator.errors import NewerSchema, RotatorError, StoreDamaged
from rotator.live.unclaimed import LIST
from rotator.storage.account_copy import PURGE
from rotator.storage.backups import DAMAGED, Backup, Backups, damaged_stores
from rotator.storage.copy_check import newest_sound_copy, require_copied
from rotator.storage.damaged import opened_damaged, readable_rows
from rotator.storage.database import (
    Connection,
    awaits_rebuilding,
    end_of_link,
    is_remembered,
    require_begun,
    row_count,
    table_names,
    why_awaiting,
)
from rotator.storage.images import opened_image
from rotator.storage.migrations import STORE
from rotator.storage.repair_sources import RepairSource, content_of
from rotator.storage.soundness import require_intact, require_intact_copy
from rotator.storage.write_ahead_log import beside
from rotator.system.locks import watcher_pid
from rotator.system.writable import Unwritable, unwritable, unwritable_place
from rotator.wording import counted, moment_to_the_second

_REBUILDS = "rotator doctor --fix rebuilds it, and so does every other command"


@dataclass(frozen=True)
class StoreSummary:
    """What the store holds that the doctor asks about; nothing of it is shown as it is."""

    accounts: tuple[Row, ...] = field(repr=False)
    unclaimed: int
    purge_is_pending: bool
    # The latest time at which something has happened.
    newest_at: datetime | None
    # When which refresh token was exchanged.
    exchanged: tuple[Row, ...] = field(default=(), repr=False)
    # Who is in which slot of auth.json, and where in OpenCode 2's database.
    slots: tuple[Row, ...] = field(default=(), repr=False)
    standings: tuple[Row, ...] = field(default=(), repr=False)


def look_at_store(setup: DoctorContext) -> Iterator[CheckResult]:
    """Say whether the store is there and sound, and what it tells; it is opened once."""
    contents: StoreSummary | None = None
    for outcome in _opened(setup):
        if isinstance(outcome, StoreSummary):
            contents = outcome
        else:
            yield outcome
    obstacle = _unwritable(setup)
    if obstacle is not None:
        says = f"{obstacle.why}: no account can be saved or put in"
        yield problem(Check.STORE, says, obstacle.to_do)
    yield from _set_aside(setup)
    yield from _look_at_backups(setup, contents)
    if contents is not None:
        yield from look_at_accounts(contents.accounts, _exchanged(contents, setup.now))
        yield from look_at_both_homes(
            *(contents.accounts, contents.slots, contents.standings),
            is_watched=watcher_pid(setup.paths.watch_lock) is not None,
        )
        yield from _unclaimed(contents)
        yield from look_at_clock(contents.newest_at, setup.now)


def _unwritable(setup: DoctorContext) -> Unwritable | None:
    """Return what keeps our own files from being written, where their folders can be."""
    folders = (setup.paths.data, setup.paths.state)
    if any(unwritable_place(folder) is not None for folder in folders):
        return None
    return unwritable(setup.paths)


def _rebuilding(setup: DoctorContext) -> str:
    """Return what rebuilds a store; not as long as nobody can write it."""
    return _REBUILDS if _unwritable(setup) is None else f"once it can be written, {_REBUILDS}"


def needs_rebuilding(setup: DoctorContext) -> bool:
    """Tell whether the store is damaged or gone, so that the next command rebuilds it."""
    results = (result for result in _opened(setup) if isinstance(result, CheckResult))
    return any(result.level is Level.PROBLEM and result.mendable for result in results)


def _opened(setup: DoctorContext) -> Iterator[CheckResult | StoreSummary]:
    path = setup.paths.store
    if setup.paths.data.is_dir() and awaits_rebuilding(path):
        says = f"the store {path} {why_awaiting(path)}"
        yield problem(Check.STORE, says, _rebuilding(setup), mendable=True)
        return
    if not path.exists():
        yield note(Check.STORE, "there is no store yet", "rotator watch makes one")
        return
    try:
        schema, contents = _look_into(path, newest_sound_copy(Backups(setup.paths)))
    except NewerSchema as exc:
        yield problem(Check.STORE, exc.message, "update this one; the store is left as it is")
    except StoreDamaged as exc:
        yield problem(Check.STORE, exc.message, _rebuilding(setup), mendable=True)
    else:
        yield _told_of(path, schema)
        yield contents


def _look_into(path: Path, copy: RepairSource | None) -> tuple[int, StoreSummary]:
    """Return the schema and what is in a store; nothing is left beside one that nobody has open."""
    if not beside(path, "-wal").exists():
        # Unless somebody begins to write just now, who makes nonsense of what is read.
        with contextlib.suppress(StoreDamaged), opened_damaged(path, shared=False) as connection:
            return _schema_of(connection, path, copy), _read(connection)
    with opened_damaged(path) as connection:
        return _schema_of(connection, path, copy), _read(connection)


def _schema_of(connection: Connection, path: Path, copy: RepairSource | None) -> int:
    schema = require_intact(connection, path)
    if schema:
        require_copied(connection, path, copy)
    else:
        require_begun(connection, path, is_remembered)
    return schema


def _told_of(path: Path, schema: int) -> CheckResult:
    if schema < len(STORE):
        says = f"the store is sound and has the older schema {schema}"
        return note(Check.STORE, says, f"the next command brings it to {len(STORE)}")
    return ok(Check.STORE, f"{path} is sound, schema {schema}")


def _read(connection: Connection) -> StoreSummary:
    names = set(table_names(connection))

    def rows(table: str) -> tuple[Row, ...]:
        return readable_rows(connection, table).rows if table in names else ()

    times = [row.get(column) for table, column in _PAST for row in rows(table)]
    return StoreSummary(
        accounts=rows("account"),
        unclaimed=row_count(connection, "aside") if "aside" in names else 0,
        purge_is_pending=any(row["name"] == PURGE for row in rows("setting")),
        newest_at=max((at for text in times if (at := _time(text)) is not None), default=None),
        exchanged=rows("exchange"),
        slots=rows("slot"),
        standings=rows("standing"),
    )


def _exchanged(contents: StoreSummary, now: datetime) -> frozenset[str]:
    """Return which refresh tokens were exchanged so long ago that what came for them is saved."""
    return frozenset(
        row["digest"]
        for row in contents.exchanged
        if (at := _time(row["at"])) is None or not is_within(SAVED_WITHIN, at, now)
    )


_PAST = (
    ("account", "captured_at"),
    ("account", "last_used_at"),
    ("tenure", "since"),
    ("live", "seen_at"),
    ("refresh", "begun_at"),
    ("slot", "swap_at"),
)


def _time(text: object) -> datetime | None:
    try:
        return from_iso(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _unclaimed(contents: StoreSummary) -> Iterator[CheckResult]:
    count = contents.unclaimed
    if count:
        what = "1 content of auth.json is" if count == 1 else f"{count} contents of auth.json are"
        yield problem(Check.UNCLAIMED, f"{what} unclaimed", LIST)


# -- what lies beside it ----------------------------------------------------------------------


def _set_aside(setup: DoctorContext) -> Iterator[CheckResult]:
    dated: set[datetime] = set()
    with contextlib.suppress(OSError):
        dated = {*damaged_stores(setup.paths.store).values()}
    if dated:
        files = f"{end_of_link(setup.paths.store)}{DAMAGED}*"
        count = "1 damaged store was" if len(dated) == 1 else f"{len(dated)} damaged stores were"
        to_do = "delete the files when nothing is missed: they hold logins"
        yield note(Check.STORE, f"{count} set aside as {files}", to_do)


def _look_at_backups(setup: DoctorContext, contents: StoreSummary | None) -> Iterator[CheckResult]:
    backups = Backups(setup.paths).newest_first()
    if backups:
        yield _told_of_newest(backups)
    elif contents is not None and contents.accounts:
        to_do = "the watcher makes one by itself, and so does every other command"
        yield note(Check.BACKUPS, "there is no copy of the accounts yet", to_do)
    if contents is not None and contents.purge_is_pending:
        says = "something that was removed is not erased everywhere yet"
        yield note(Check.BACKUPS, says, "the next command does it when nobody reads the store")


def _told_of_newest(backups: Sequence[Backup]) -> CheckResult:
    newest = backups[0]
    try:
        with opened_image(content_of(newest), newest.path) as connection:
            require_intact_copy(connection, newest.path)
            count = row_count(connection, "account")
    except (OSError, RotatorError) as exc:
        why = exc.message if isinstance(exc, RotatorError) else exc.strerror
        says = f"the newest copy of the accounts, {newest.path}, cannot be read: {why}"
        return problem(Check.BACKUPS, says, "delete it; the next command makes another one")
    told = f"the newest of {len(backups)}, of {moment_to_the_second(newest.made_at)}"
    return ok(Check.BACKUPS, f"{told}, holds {counted(count, 'account')}")
