"""What the dashboard's plugin says of itself in each running opencode.

The notes were written by another process, so every field is checked, and one that is not
understood costs itself alone.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from rotator.opencode.bridge.presence import ELSEWHERE, is_named_after
from rotator.system.liveness import is_alive, is_known_here
from rotator.system.paths import Paths
from rotator.text import sanitize

SCHEMA = 1
_LARGEST = 16 * 1024


@dataclass(frozen=True, slots=True)
class TuiNote:
    """A plugin that was loaded: of which version, whether it is on, and if not, why.

    `is_here` says that its pid names a process that we see; else it runs in another container.
    """

    pid: int
    plugin: str
    opencode: str
    on: bool
    why: str
    is_here: bool = True

    @property
    def who(self) -> str:
        """The opencode, by its version and pid."""
        return f"opencode {self.opencode} ({f'pid {self.pid}' if self.is_here else ELSEWHERE})"


def notes_folder(paths: Paths) -> Path:
    """Return where the notes lie, a file for each opencode, named as its bridge's is."""
    return paths.bridge / "tui"


def tui_notes(paths: Paths) -> list[TuiNote]:
    """Return what the plugins in the opencodes that run say; changes nothing."""
    notes = [_note(path) for path in sorted(notes_folder(paths).glob("*.json"))]
    return [note for note in notes if note is not None]


def _note(path: Path) -> TuiNote | None:
    try:
        # A pipe in its place is not waited for.
        if not path.is_file():
            return None
        with path.open("rb") as file:
            value = json.loads(file.read(_LARGEST))
        pid = value["pid"]
        if value["schema"] != SCHEMA or not isinstance(pid, int):
            return None
        if not is_named_after(pid, path):
            return None
        if not is_alive(value, pid, path.stat().st_mtime):
            return None
        plugin, opencode, why = (sanitize(value[name]) for name in ("plugin", "opencode", "why"))
        return TuiNote(pid, plugin, opencode, value["on"] is True, why, is_known_here(value))
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
