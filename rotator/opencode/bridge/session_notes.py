"""What bridges tell of sessions: which ones they serve, and whose a request was that failed.

Another process wrote these files: every field is checked, and only regular files are read.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from rotator.clock import from_iso
from rotator.core.failures.reported_failures import Foreign, Note, StoppedWait
from rotator.model import Digest
from rotator.opencode.auth.entries import is_provider_id
from rotator.system.file_owners import own_folder, remove_own
from rotator.system.files import is_left_from_before
from rotator.system.processes import is_running
from rotator.system.regular_files import head
from rotator.text import sanitize

# The name's end of a file that lists the sessions of one process, a line each.
SESSIONS = ".sessions"
# Lines of an opencode that has ended may still be on their way into its log.
SWEPT_AFTER_SECONDS = 60.0
_GONE = "-gone"
_SCHEMA = 1
_LARGEST = 128 * 1024
_MOST_FILES = 256
_SESSION = re.compile(r"[A-Za-z0-9_-]{1,100}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


def is_note(value: object) -> bool:
    """Tell whether what lies in the inbox is a note; a signal names no kind."""
    return isinstance(value, dict) and value.get("kind") == "failed"


def parse_note(note_id: str, content: bytes) -> Note | None:
    """Return the note that a bridge wrote, or None if it is not one of schema 1."""
    try:
        value = json.loads(content)
        if not is_note(value) or value.get("schema") != _SCHEMA or value.get("id") != note_id:
            return None
        provider, session, model = value["provider"], value["session"], value.get("model")
        credential, key = value.get("credential"), value.get("key")
        if not is_provider_id(provider) or not _SESSION.fullmatch(session):
            return None
        is_login = isinstance(credential, str) and _DIGEST.fullmatch(credential) is not None
        if not is_login and key not in set(Foreign):
            # It says neither whose login it was nor that it was none.
            return None
        return Note(
            at=from_iso(value["at"]),
            session=session,
            provider=provider,
            model=sanitize(model) if isinstance(model, str) else None,
            credential=Digest(credential) if is_login else None,
            key=None if is_login else Foreign(key),
            unproven=value.get("unproven") is True,
            is_logged=value.get("home") is None,
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def parse_stopped(note_id: str, content: bytes) -> StoppedWait | None:
    """Return what a bridge says of a wait that was stopped, or None if it is not of schema 1."""
    try:
        value = json.loads(content)
        said = (value["schema"], value["id"], value["kind"])
        if said != (_SCHEMA, note_id, "stopped") or not isinstance(value["request"], str):
            return None
        return StoppedWait(from_iso(value["at"]), sanitize(value["request"]))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


@dataclass(frozen=True, slots=True)
class Sessions:
    """The sessions in lists of them: looked for when they are asked for, not read one by one."""

    lists: tuple[bytes, ...] = field(default=(), repr=False)

    def __contains__(self, session: object) -> bool:
        """Tell whether a session is in one of the lists."""
        if not isinstance(session, str) or not _SESSION.fullmatch(session):
            return False
        line = b"\n%s\n" % session.encode("ascii")
        return any(line in content for content in self.lists)


def served_sessions(present: Path, names: Collection[str] | None = None) -> Sessions:
    """Return the sessions that bridges, or those of these names, have sent requests for."""
    files = [path for path in _files(present) if names is None or path.stem in names]
    return Sessions(tuple(_lines(path) for path in files))


def sweep_sessions(present: Path) -> None:
    """Remove what processes have left that ended a while ago."""
    for path in _files(present):
        with contextlib.suppress(OSError):
            changed_at_seconds = path.lstat().st_mtime
            if is_left_from_before(changed_at_seconds, SWEPT_AFTER_SECONDS) and not _is_kept(path):
                remove_own(path)


def set_aside(path: Path) -> None:
    """Let a list go soon, whatever runs under its pid: its own process has ended."""
    if path.stem.isdecimal() and is_running(int(path.stem)):
        with contextlib.suppress(OSError), own_folder(path.parent) as folder:
            gone = f"{path.stem}{_GONE}{SESSIONS}"
            os.rename(path.name, gone, src_dir_fd=folder, dst_dir_fd=folder)


def _is_kept(path: Path) -> bool:
    """Tell whether the process of a list of sessions still runs.

    It says so beside the list; by its pid alone nobody knows it in another container.
    """
    if path.with_suffix(".json").is_file():
        return True
    return path.stem.isdecimal() and is_running(int(path.stem))


def _files(present: Path) -> list[Path]:
    with contextlib.suppress(OSError), os.scandir(present) as entries:
        names = sorted(entry.name for entry in entries if entry.name.endswith(SESSIONS))
        return [present / name for name in names[:_MOST_FILES]]
    return []


def _lines(path: Path) -> bytes:
    content = head(path, _LARGEST) or b""
    return b"\n%s\n" % content.replace(b"\r", b"\n")
