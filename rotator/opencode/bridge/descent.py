"""The files in which a bridge tells which tokens were exchanged for which, by digests alone.

Every field is checked, and a file that is not understood costs itself alone. A file stays until
what it says is in the store.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rotator.clock import from_iso
from rotator.model import Descent, Digest
from rotator.system.file_owners import own_folder, remove_own
from rotator.system.paths import Paths

SCHEMA = 1
MOST_FILES = 256
LARGEST_BYTES = 16 * 1024
_MOST_SECRETS = 16
_NAME = re.compile(r"([A-Za-z0-9-]{1,80})\.json")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_GRANTS = {"refresh": False, "login": True}


@dataclass(frozen=True)
class DescentFiles:
    """What the files say, oldest first, and the files, those that say nothing among them."""

    descents: tuple[Descent, ...] = ()
    files: tuple[Path, ...] = field(default=())


def read_descents(paths: Paths) -> DescentFiles:
    """Return what lies there now; never raises for what stands in a file."""
    folder = paths.bridge / "descent"
    dated: list[tuple[int, str]] = []
    with (
        contextlib.suppress(OSError),
        own_folder(folder) as handle,
        os.scandir(handle) as entries,
    ):
        for entry in entries:
            with contextlib.suppress(OSError):
                if _NAME.fullmatch(entry.name):
                    facts = entry.stat(follow_symlinks=False)
                    dated.append((facts.st_mtime_ns, entry.name))
    files = [folder / name for _, name in sorted(dated)][-MOST_FILES:]
    read = [_descent(path.stem, content) for path in files if (content := _content(path))]
    return DescentFiles(tuple(descent for descent in read if descent is not None), tuple(files))


def taken_in(reading: DescentFiles) -> None:
    """Take the files away: what they say is in the store."""
    for path in reading.files:
        with contextlib.suppress(OSError):
            remove_own(path)


def _content(path: Path) -> bytes:
    # A pipe in its place is not waited for, nor a link followed.
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        handle = os.open(path, flags)
    except OSError:
        return b""
    try:
        is_file = stat.S_ISREG(os.fstat(handle).st_mode)
        content = os.read(handle, LARGEST_BYTES + 1) if is_file else b""
    except OSError:
        return b""
    finally:
        os.close(handle)
    return content if len(content) <= LARGEST_BYTES else b""


def _descent(name: str, content: bytes) -> Descent | None:
    """Return what a file says, or None if it is not one of schema 1 or says of nothing."""
    try:
        value = json.loads(content)
        if not isinstance(value, dict) or value.get("schema") != SCHEMA:
            return None
        if value.get("ok") is not True or value.get("grant") not in _GRANTS:
            return None
        is_login = _GRANTS[value["grant"]]
        came_from = None if is_login else _digest(value.get("from"))
        to = tuple(d for text in _list(value.get("to")) if (d := _digest(text)) is not None)
        if not to or not (is_login or came_from):
            return None
        return Descent(name, from_iso(value["at"]), is_login, came_from, to)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _digest(value: Any) -> Digest | None:
    ok = isinstance(value, str) and _DIGEST.fullmatch(value)
    return Digest(str(value)) if ok else None


def _list(value: Any) -> list[Any]:
    return value[:_MOST_SECRETS] if isinstance(value, list) else []
