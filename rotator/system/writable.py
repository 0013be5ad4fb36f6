"""Why nothing can be written where our files lie: a read-only file system, or another user's."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rotator.system.file_flags import flag_of
from rotator.system.file_owners import closed_folder

if TYPE_CHECKING:
    from rotator.system.paths import Paths

_BESIDE = ("-wal", "-shm")


@dataclass(frozen=True, slots=True)
class Unwritable:
    """Why a place cannot be written, as a sentence without its full stop, and what helps."""

    why: str
    to_do: str


def unwritable(paths: Paths) -> Unwritable | None:
    """Return why we can write neither accounts nor locks, or None where we can."""
    ours = (paths.data, paths.state, paths.swap_lock, paths.watch_lock)
    obstacles = (unwritable_place(place) for place in ours)
    obstacle = next((obstacle for obstacle in obstacles if obstacle is not None), None)
    return obstacle or unwritable_database(paths.store)


def unwritable_database(database: Path) -> Unwritable | None:
    """Return why a database, or what SQLite keeps beside it, cannot be written, or None."""
    obstacle = unwritable_place(database, is_database=True) or _unwritable_end(database)
    if obstacle is not None:
        return obstacle
    # They lie beside the file itself, where that is a link.
    beside = (Path(f"{os.path.realpath(database)}{ending}") for ending in _BESIDE)
    obstacles = (unwritable_place(p, is_database=True) for p in beside if p.exists())
    return next((obstacle for obstacle in obstacles if obstacle is not None), None)


def _unwritable_end(database: Path) -> Unwritable | None:
    """Return why nothing can be made where a link leads to that is in a database's place."""
    if not database.is_symlink() or database.exists():
        return None
    end = Path(os.path.realpath(database))
    obstacle = unwritable_place(end) if end.parent.is_dir() else None
    if obstacle is None:
        return None
    why = f"{database} is a link to {end}, where nothing is, and {obstacle.why}"
    return Unwritable(why, f"plug in the disk that it is on, or remove the link: rm {database}")


def unwritable_place(place: Path, *, is_database: bool = False) -> Unwritable | None:
    """Return why `place`, or the folder that it is to be made in, cannot be written, or None.

    What is ours and narrower than it should be is no obstacle: whoever opens it puts it right.
    """
    closed = closed_folder(place)
    if closed is not None:
        return _unopened(closed)
    there = place
    while not there.exists() and there != there.parent:
        there = there.parent
    try:
        is_read_only = bool(os.statvfs(there).f_flag & os.ST_RDONLY)
        facts = there.stat()
    except OSError:
        return None  # whoever opens it says what is wrong
    if is_read_only:
        why = f"{there} is on a read-only file system"
        return Unwritable(why, "mount it so that it can be written")
    flagged = flag_of(there, is_database=is_database and there == place)
    # In an append-only folder files can be made, and locks taken.
    if flagged is not None and not (flagged.is_append_only and there.is_dir()):
        return Unwritable(flagged.why, flagged.to_do)
    wanted = os.W_OK | (os.X_OK if there.is_dir() else 0)
    is_mine = there == place and facts.st_uid == os.geteuid()
    by_effect = os.access in os.supports_effective_ids
    if is_mine or os.access(there, wanted, effective_ids=by_effect):
        return None
    why = f"{there} may not be written, it belongs to uid {facts.st_uid}"
    return Unwritable(why, way_in(there))


def _unopened(folder: Path) -> Unwritable:
    owner = folder.stat().st_uid
    if owner == os.geteuid():
        return Unwritable(f"{folder} may not be entered", f"chmod u+rwx {folder}")
    return Unwritable(f"{folder} may not be entered, it belongs to uid {owner}", way_in(folder))


def way_in(place: Path) -> str:
    """Return what helps whoever may not use a place that belongs to another user.

    What lies in a folder of one's own has been left there by somebody else, root for the most part.
    """
    user = os.geteuid()
    if place.parent.stat().st_uid == user:
        return f"sudo chown -R {user} {place}"
    return "run rotator as that user, or give yourself the right to write it"
