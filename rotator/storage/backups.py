"""Copies of the accounts beside the store: few, private, whole when they have their name.

A copy holds what cannot be got again, the accounts, and nothing else: no auth.json, nothing kept
aside, no refresh under way. What a person removed is taken out of every copy, too.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from rotator.clock import from_iso, is_ahead, to_iso
from rotator.errors import NewerSchema, RotatorError, StoreDamaged
from rotator.model import AccountId
from rotator.storage.database import Connection, end_of_link
from rotator.storage.history_file import with_logins_perhaps
from rotator.storage.images import opened_image
from rotator.storage.store import Store
from rotator.system.file_owners import foreign_link, own_folder, remove_own
from rotator.system.files import publish, remove_leftovers
from rotator.system.locks import hold_all
from rotator.system.paths import Paths, private_folder

log = logging.getLogger(__name__)

A_DAY = timedelta(days=1)
_TICK = timedelta(milliseconds=1)
_BEGINNING, _ENDING = "accounts-", ".sqlite"
_MARK_LETTERS = 16
_PATIENCE_SECONDS = 10.0
# A damaged store that was set aside: the store's name, this, and a date.
DAMAGED = ".damaged-"
DAMAGED_KEPT = 3


class CopySource(Protocol):
    """**Protocol:** what accounts are copied from; `rotator.storage.store.Store` is one."""

    def accounts_mark(self) -> str | None:
        """Return what changes whenever a copy is due, or None while there is no account."""

    def accounts_copy(self, at: datetime) -> bytes:
        """Return the accounts as the bytes of a store of their own, made at that time."""


@dataclass(frozen=True, order=True, slots=True)
class Backup:
    """A copy that has its name: when it was made, of what, and where it lies."""

    made_at: datetime
    mark: str
    path: Path


def to_keep(made_at: Iterable[datetime]) -> set[datetime]:
    """Return which of the copies made at these times are kept: three at most.

    The newest; the one that is a day older than it, or will be first; and between them the one
    that will be a day older next, which is the first to be an hour older, too.
    """
    times = sorted(set(made_at))
    if not times:
        return set()
    newest = times[-1]
    oldest = max((at for at in times if newest - at >= A_DAY), default=times[0])
    between = min((at for at in times if at > oldest), default=newest)
    return {oldest, between, newest}


def stamp_of(at: datetime) -> str:
    """Return a time as it stands in a file's name: without colons."""
    return to_iso(at).replace(":", "")


class Backups:
    """The folder of the copies, and the damaged stores that were set aside beside the store."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._told = ""
        self._known: frozenset[AccountId] | None = None

    def newest_first(self) -> list[Backup]:
        """Return the copies that have their names."""
        backups = (_named(path) for path in self._files())
        return sorted((backup for backup in backups if backup is not None), reverse=True)

    def made_by(self, now: datetime) -> datetime | None:
        """Return when the newest copy was made of those that were made by `now`, None if none was.

        Of one that a clock has dated which was ahead nobody knows when it was made.
        """
        times = (backup.made_at for backup in self.newest_first())
        return next((at for at in times if not is_ahead(at, now)), None)

    def back_up_if_due(self, store: Store, now: datetime) -> bool:
        """Copy the accounts if they have changed since the newest copy; tell whether it was done.

        What was removed and could not be erased everywhere is erased first. A full disk, and
        whatever else is in the way, is logged once and keeps nobody from working. Only a store
        that is damaged or was changed by a newer version is raised: StoreDamaged, NewerSchema.
        """

        def upkeep() -> bool:
            if store.purge_is_pending():
                return self._purge(store, now, patience_seconds=0)
            return self._copy_if_due(store, now)

        return self._patiently(upkeep)

    def back_up_captured(self, store: Store, now: datetime) -> bool:
        """Do the same if an account is there that was not at the last call; else nothing.

        It stands in the store's own file then, also where no copy can be made.
        """
        accounts = frozenset(account.id for account in store.state().accounts)
        known, self._known = self._known, accounts
        if known is not None and accounts <= known:
            return False
        store.write_back()
        return self.back_up_if_due(store, now)

    def back_up_before(self, source: CopySource, now: datetime) -> bool:
        """Do the same for a store whose schema is about to change."""
        return self._patiently(lambda: self._copy_if_due(source, now))

    def require_copied(self, store: Store) -> None:
        """Raise StoreDamaged for a store that is another one's, or older than its newest copy.

        Copies that cannot be listed say nothing about it, and keep nobody from working.
        """
        with contextlib.suppress(OSError):
            if not self._is_newest(store.accounts_mark()):
                store.require(self._require_copied)

    def purge(self, store: Store, now: datetime) -> bool:
        """Take what was removed out of every copy, every damaged store and every free byte.

        The copies are made anew. A damaged store goes as a whole: nobody can tell what is in it. So
        does what was put away from the history's place, but for another program's database.
        False if it could not be done now, because somebody reads the store just then or the disk
        refuses; `back_up_if_due` does it at the next chance, in whichever process.
        """
        return self._patiently(lambda: self._purge(store, now, patience_seconds=_PATIENCE_SECONDS))

    def forget_damaged(self, *, keep: int = DAMAGED_KEPT) -> None:
        """Delete the damaged stores that were set aside, all but the newest `keep`."""
        dated = damaged_stores(self._paths.store)
        times = sorted(set(dated.values()), reverse=True)
        _delete(path for path, at in dated.items() if at in times[keep:])

    def _copy_if_due(self, source: CopySource, now: datetime) -> bool:
        if not self._is_due(source):
            return False
        with self._alone(0) as alone:
            # Another process may have done it just before.
            if not alone or not self._is_due(source):
                return False
            self._date_back(now)
            self._write(source, now)
            kept = to_keep(backup.made_at for backup in self.newest_first())
            _delete(backup.path for backup in self.newest_first() if backup.made_at not in kept)
            return True

    def _is_due(self, source: CopySource) -> bool:
        mark = source.accounts_mark()
        return mark is not None and not self._is_newest(mark)

    def _is_newest(self, mark: str | None) -> bool:
        newest = [backup.mark for backup in self.newest_first()[:1]]
        return newest == ([] if mark is None else [mark[:_MARK_LETTERS]])

    def _purge(self, store: Store, now: datetime, *, patience_seconds: float) -> bool:
        with self._alone(patience_seconds) as alone:
            if not alone:
                return False
            if store.purge_is_pending():
                self._date_back(now)
                self._make_all_anew(store, now)
                self.forget_damaged(keep=0)
                _delete(with_logins_perhaps(self._paths.history))
                if not store.erase_deleted():
                    return False
                store.settle_purge()
            return True

    def _make_all_anew(self, store: Store, now: datetime) -> None:
        before = list(self._files())
        try:
            self._write(store, now)
        except OSError:
            # What has to go is not kept because it leaves no room for the new one.
            _delete(before)
            self._write(store, now)
        _delete(before)

    def _date_back(self, now: datetime) -> None:
        """Give earlier names to copies that were made while the clock was ahead.

        When they were made nobody knows. They keep their place in the order of their making, right
        behind the one before them, and do not date those to come.
        """
        ahead = [backup for backup in self.newest_first() if is_ahead(backup.made_at, now)]
        before = self.made_by(now)
        at = now - A_DAY if before is None else before + _TICK
        for backup in reversed(ahead):
            with own_folder(self._paths.backups) as folder:
                name = _name_of(at, backup.mark)
                os.rename(backup.path.name, name, src_dir_fd=folder, dst_dir_fd=folder)
            at += _TICK

    def _write(self, source: CopySource, now: datetime) -> None:
        mark = source.accounts_mark()
        if mark is None:
            return
        folder = private_folder(self._paths.backups)
        remove_leftovers(folder)
        # A clock that is set right by a moment must not make the newest an old one.
        newest = [backup.made_at + _TICK for backup in self.newest_first()[:1]]
        at = max([now, *newest])
        path = folder / _name_of(at, mark[:_MARK_LETTERS])
        content = source.accounts_copy(at)
        with opened_image(content, self._paths.store) as connection:
            # What is left of a store takes the place of no copy that has more.
            self._require_copied(connection, self._paths.store)
        publish(path, content, durable=True)

    def _require_copied(self, connection: Connection, store: Path) -> None:
        # Only where the newest copy is of other accounts.
        from rotator.storage import copy_check  # noqa: PLC0415  # it needs this module

        copy_check.require_copied(connection, store, copy_check.newest_sound_copy(self))

    def _files(self) -> Iterator[Path]:
        folder = self._paths.backups
        is_there = folder.is_dir() and foreign_link(folder) is None
        return folder.iterdir() if is_there else iter(())

    @contextlib.contextmanager
    def _alone(self, patience_seconds: float) -> Iterator[bool]:
        held = hold_all([self._paths.backup_lock], patience_seconds=patience_seconds)
        try:
            yield held is not None
        finally:
            if held is not None:
                held.release()

    def _patiently(self, action: Callable[[], bool]) -> bool:
        """Do it; what stands in the way is said once, and never raised."""
        try:
            return action()
        except (StoreDamaged, NewerSchema):
            raise
        except (OSError, RotatorError) as exc:
            if str(exc) != self._told:
                self._told = str(exc)
                log.warning("the accounts could not be backed up: %s", exc)
            return False


def damaged_stores(store: Path) -> dict[Path, datetime]:
    """Return the parts of damaged stores and when they were set aside; raises OSError.

    They lie beside the store, and beside what a link in its place leads to.
    """
    return {
        path: at
        for place in {store, end_of_link(store)}
        for path in place.parent.iterdir()
        if (at := damaged_at(path, place)) is not None
    }


def damaged_at(path: Path, store: Path) -> datetime | None:
    """Return when a file was set aside as a part of a damaged store, or None if it was not."""
    beginning = f"{store.name}{DAMAGED}"
    if not path.name.startswith(beginning):
        return None
    with contextlib.suppress(ValueError):
        # What stood beside the store has the same name with an ending.
        return from_iso(path.name.removeprefix(beginning).partition("Z")[0] + "Z")
    return None


def _name_of(at: datetime, mark: str) -> str:
    return f"{_BEGINNING}{stamp_of(at)}-{mark}{_ENDING}"


def _named(path: Path) -> Backup | None:
    stamp, _, mark = path.name.removeprefix(_BEGINNING).removesuffix(_ENDING).rpartition("-")
    if path.name != f"{_BEGINNING}{stamp}-{mark}{_ENDING}":
        return None
    with contextlib.suppress(ValueError):
        return Backup(from_iso(stamp), mark, path)
    return None


def _delete(paths: Iterable[Path]) -> None:
    for path in list(paths):
        # A folder under such a name is none of ours.
        with contextlib.suppress(FileNotFoundError, IsADirectoryError):
            remove_own(path)
