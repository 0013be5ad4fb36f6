"""How auth.json lies where it lies: mounted by itself, linked more than once, whose it is.

A rename would fail there, or cut something off: a file that is held so is written in place.
"""

from __future__ import annotations

import contextlib
import math
import os
import stat
import time
from dataclasses import dataclass, field
from pathlib import Path

from rotator.system.file_flags import why_locked
from rotator.system.file_owners import can_take_after
from rotator.system.mounts import MountedFile, mount_at, mounted_by_others, mounts_of

# Containers begin seldom, and to look for them takes milliseconds.
LOOK_EVERY_SECONDS = 30.0
_ACCESS_LIST = "system.posix_acl_access"


@dataclass
class Neighbours:
    """Who else has auth.json mounted by itself, as of the last look."""

    mounted: list[MountedFile] = field(default_factory=list)
    _target: Path | None = None
    _looked_at: float = -math.inf

    def look(self, target: Path, *, within: float = LOOK_EVERY_SECONDS) -> list[MountedFile]:
        """Return who has `target`, or an earlier file of its name, by a look `within` seconds."""
        if target != self._target or time.monotonic() - self._looked_at >= within:
            self.mounted = mounted_by_others(target)
            self._target, self._looked_at = target, time.monotonic()
        return self.mounted

    def holds(self, target: Path) -> bool:
        """Tell whether somebody has the very file at `target` mounted, and look for that now."""
        return any(not file.is_deleted for file in self.look(target, within=0))


def why_in_place(target: Path, neighbours: Neighbours) -> str | None:
    """Return what holds the file at `target` where it is, or None where a rename does no harm."""
    facts = facts_of(target)
    if facts is None:
        return None
    why = _held_by(target, facts)
    if why is None and neighbours.holds(target):
        return "another container has it mounted by itself"
    return why


def is_held(target: Path) -> bool:
    """Tell whether the file stays where it is, for what can be seen of it without a search."""
    facts = facts_of(target)
    return facts is not None and _held_by(target, facts) is not None


def _held_by(target: Path, facts: os.stat_result) -> str | None:
    if is_mounted(target):
        return "it is mounted by itself"
    if facts.st_nlink > 1:
        return f"it has {facts.st_nlink} names (hard links)"
    if not can_take_after(facts):
        return f"it belongs to another user or group (uid {facts.st_uid}, gid {facts.st_gid})"
    if has_access_list(target):
        return "it has an access list"
    if not may_write(target.parent) or why_locked(target.parent) is not None:
        return f"nothing new may be made in {target.parent}"
    return None


def may_write(place: Path) -> bool:
    """Tell whether a file may be written, or something made in a folder, by its rights."""
    by_effect = os.access in os.supports_effective_ids
    wanted = os.W_OK | (os.X_OK if place.is_dir() else 0)
    return os.access(place, wanted, effective_ids=by_effect)


def is_mounted(target: Path) -> bool:
    """Tell whether the file itself, and not a folder above it, is a mount."""
    return mount_at(target, mounts_of()) is not None


def is_detached(target: Path) -> bool:
    """Tell whether the file is mounted by itself, and has lost its name where it comes from."""
    mount = mount_at(target, mounts_of())
    return mount is not None and mount.is_deleted


def is_read_only(target: Path) -> bool:
    """Tell whether the file lies where nothing can be written, whatever its rights are."""
    with contextlib.suppress(OSError):
        return bool(os.statvfs(target).f_flag & os.ST_RDONLY)
    return False


def has_access_list(target: Path) -> bool:
    """Tell whether more people than owner and group were given rights to the file."""
    if not hasattr(os, "listxattr"):
        return False
    with contextlib.suppress(OSError):
        return _ACCESS_LIST in os.listxattr(target)
    return False


def facts_of(target: Path) -> os.stat_result | None:
    """Return what the system says of a regular file, or None."""
    try:
        facts = target.stat()
    except OSError:
        return None
    return facts if stat.S_ISREG(facts.st_mode) else None
