"""What people are told of where auth.json lies, before anything fails."""

from __future__ import annotations

import os
from pathlib import Path

from rotator.opencode.auth.placement import (
    Neighbours,
    facts_of,
    is_detached,
    is_mounted,
    is_read_only,
    why_in_place,
)
from rotator.system.file_owners import is_foreign


def placement_problems(auth_file: Path) -> list[str]:
    """Return why nothing can be swapped there, or a swap reaches not everybody who reads it."""
    target = Path(os.path.realpath(auth_file))
    facts = facts_of(target)
    if facts is None:
        return []
    found = []
    if is_foreign(facts, target.parent):
        who = f"uid {facts.st_uid}"
        found.append(f"auth.json belongs to another user ({who}): chown it, or move it away")
    if (obstacle := swap_obstacle(target)) is not None:
        found.append(obstacle)
    if is_detached(target):
        found.append(
            "auth.json is mounted by itself and was replaced outside since: what is logged in here"
            " reaches nobody there; start this container anew, and mount the folder instead"
        )
    return found


def swap_obstacle(auth_file: Path) -> str | None:
    """Return why no account can be put into auth.json where it lies, or None."""
    target = Path(os.path.realpath(auth_file))
    if is_read_only(target):
        why = f"{target} is mounted read-only; mount it so that it can be written"
    elif is_mounted(target) and not _may_write(target):
        why = f"{target} may not be written; check its rights"
    else:
        return None
    return f"no account can be put into auth.json: {why}"


def placement_notes(auth_file: Path) -> list[str]:
    """Return why auth.json is written in place, and who reads an earlier file of its name."""
    target = Path(os.path.realpath(auth_file))
    neighbours = Neighbours()
    gone = sorted({one.pid for one in neighbours.look(target) if one.is_deleted})
    why = why_in_place(target, neighbours)
    found = []
    if why is not None and not is_read_only(target):
        found.append(f"auth.json is written in place: {why}")
    if gone:
        found.append(
            f"the container of pid {gone[0]} has an earlier auth.json mounted by itself: a swap"
            " does not reach it; start it anew, and mount the folder instead"
        )
    return found


def _may_write(target: Path) -> bool:
    by_effect = os.access in os.supports_effective_ids
    return os.access(target, os.W_OK, effective_ids=by_effect)
