"""What people are told of where auth.json lies, before anything fails."""

from __future__ import annotations

import os
from pathlib import Path

from rotator.opencode.auth.placement import (
    Neighbours,
    facts_of,
    is_detached,
    is_held,
    is_mounted,
    is_read_only,
    may_write,
    why_in_place,
)
from rotator.system.file_flags import why_locked
from rotator.system.file_owners import foreign_link, is_foreign


def placement_problems(auth_file: Path) -> list[str]:
    """Return why nothing can be swapped there, or a swap reaches not everybody who reads it."""
    target = Path(os.path.realpath(auth_file))
    # Where a link leads root astray, that is said as what is wrong with the file itself.
    obstacle = swap_obstacle(auth_file) if foreign_link(auth_file) is None else None
    problems = [] if obstacle is None else [obstacle]
    facts = facts_of(target)
    if facts is None:
        return problems
    if is_foreign(facts, target.parent):
        who = f"uid {facts.st_uid}"
        problems.insert(0, f"auth.json belongs to another user ({who}): chown it, or move it away")
    if is_detached(target):
        problems.append(
            "auth.json is mounted by itself and was replaced outside since: what is logged in here"
            " reaches nobody there; start this container anew, and mount the folder instead"
        )
    return problems


def swap_obstacle(auth_file: Path) -> str | None:
    """Return why no account can be put into auth.json where it lies, or None."""
    target = Path(os.path.realpath(auth_file))
    if (link := foreign_link(auth_file)) is not None:
        why = f"the link {link} leads to what belongs to somebody else; remove the link"
    elif is_read_only(target):
        why = f"{target} is mounted read-only; mount it so that it can be written"
    elif facts_of(target) is not None and (locked := why_locked(target)) is not None:
        why = locked
    elif is_held(target) and not may_write(target):
        is_folders = not may_write(target.parent) and not is_mounted(target)
        why = f"{target.parent if is_folders else target} may not be written; check its rights"
    elif facts_of(target) is None and (locked := why_locked(_nearest(target))) is not None:
        why = locked
    elif facts_of(target) is None and not may_write(folder := _nearest(target)):
        why = f"{folder} may not be written; check its rights"
        if is_read_only(folder):
            why = f"{folder} is mounted read-only; mount it so that it can be written"
    else:
        return None
    return f"no account can be put into auth.json: {why}"


def placement_notes(auth_file: Path) -> list[str]:
    """Return why auth.json is written in place, and who reads an earlier file of its name."""
    target = Path(os.path.realpath(auth_file))
    neighbours = Neighbours()
    gone = sorted({file.pid for file in neighbours.look(target) if file.is_deleted})
    why = why_in_place(target, neighbours) if swap_obstacle(auth_file) is None else None
    notes = []
    if why is not None:
        notes.append(f"auth.json is written in place: {why}")
    if gone:
        notes.append(
            f"the container of pid {gone[0]} has an earlier auth.json mounted by itself: a swap"
            " does not reach it; start it anew, and mount the folder instead"
        )
    return notes


def _nearest(target: Path) -> Path:
    """Return the folder in which something has to be made first."""
    return next((folder for folder in target.parents if os.access(folder, os.F_OK)), Path("/"))
