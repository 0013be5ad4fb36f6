"""Why a watcher ends."""

from __future__ import annotations

from enum import Enum, auto


class End(Enum):
    """Why a watcher's work has ended."""

    STOPPED = auto()
    # A newer version of this program wants the store.
    NEWER = auto()
    # Our lock's file was removed, and another watcher has begun with a new one.
    REPLACED = auto()
