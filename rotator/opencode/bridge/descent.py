"""The files in which a bridge tells which tokens were exchanged for which, by digests alone.

Every field is checked, and a file that is not understood costs itself alone. A file stays until
what it says is in the store of the home that it names; several homes may share the folder.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from functools import cache
from pathlib import Path
from typing import Any

from rotator.clock import from_iso, is_within
from rotator.model import Descent, Digest
from rotator.system.file_owners import own_folder, remove_own
from rotator.system.paths import Paths

SCHEMA = 1
MOST_FILES = 256
LARGEST_BYTES = 16 * 1024
# Whichever home it is of has looked by then, or has no command of ours.
COPIED_KEPT_FOR = timedelta(days=30)
# A refusal is for a watcher: one that is not there by then has nothing to do about it.
REFUSALS_KEPT_FOR = timedelta(minutes=10)
_MOST_SECRETS = 16
_FIRST_STATUS, _LAST_STATUS = 100, 599
_NAME = re.compile(r"([A-Za-z0-9-]{1,80})\.json")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_GRANTS = {"refresh": False, "login": True}


@dataclass(frozen=True, slots=True)
class Refusal:
    """A vendor has refused an opencode new tokens for the refresh token `refused`.

    `status` and `said`, a JSON text of codes and plain words, are of its answer; an older bridge
    tells neither.
    """

    at: datetime
    refused: Digest
    path: Path
    status: int | None = None
    said: str = "{}"


@dataclass(frozen=True)
class DescentFiles:
    """What the files say to this home, oldest first, and which files go once it is in the store.

    `files` are those of this home's own opencodes, and what says nothing; `copied` those that
    another home may want as well, with when they were written. `refusals` stay for the watcher.
    `elsewhere` is of other homes' opencodes, which may have a copy of a login from here; their
    files are those homes' own.
    """

    descents: tuple[Descent, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    files: tuple[Path, ...] = field(default=())
    copied: tuple[tuple[datetime, Path], ...] = field(default=())
    elsewhere: tuple[Descent, ...] = ()


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
    descents: list[Descent] = []
    elsewhere: list[Descent] = []
    refusals: list[Refusal] = []
    files: list[Path] = []
    copied: list[tuple[datetime, Path]] = []
    whose = cache(lambda auth_file: _whose(auth_file, paths.auth_file))
    for _, name in sorted(dated)[-MOST_FILES:]:
        value = _fields(_content(folder / name))
        descent, home = _descent(Path(name).stem, value), whose(_auth_file(value))
        if home is _Home.OTHER:
            elsewhere += [descent] if descent is not None else []
            continue
        if (refusal := _refusal(folder / name, value)) is not None:
            refusals.append(refusal)
            continue
        if descent is not None:
            descents.append(descent)
        if descent is None or home is _Home.OWN:
            files.append(folder / name)
        else:
            copied.append((descent.at, folder / name))
    return DescentFiles(
        tuple(descents), tuple(refusals), tuple(files), tuple(copied), tuple(elsewhere)
    )


def taken_in(reading: DescentFiles, now: datetime) -> None:
    """Take the files away: what they say is in the store.

    What another home or a watcher may want stays until it has had its time.
    """
    old = [path for at, path in reading.copied if at < now - COPIED_KEPT_FOR]
    late = [r for r in reading.refusals if not is_within(REFUSALS_KEPT_FOR, r.at, now)]
    _remove(*reading.files, *old, *(refusal.path for refusal in late))


def settled(refusal: Refusal) -> None:
    """Take a refusal's file away: what was to be done about it is done."""
    _remove(refusal.path)


def _remove(*paths: Path) -> None:
    for path in paths:
        with contextlib.suppress(OSError):
            remove_own(path)


class _Home(Enum):
    """Whose opencode wrote a file: this home's, another's, or one of several that it may be."""

    OWN = auto()
    OTHER = auto()
    ANY = auto()


def _whose(told: str | None, ours: Path) -> _Home:
    """Tell whose file it is that names this auth.json; an older bridge names none.

    A store belongs to a data folder; several of these may share one auth.json through a link.
    """
    if told is None:
        return _Home.ANY
    try:
        if os.path.realpath(Path(told).parent.parent) == os.path.realpath(ours.parent.parent):
            return _Home.OWN
        is_shared = os.path.realpath(told) == os.path.realpath(ours)
    except ValueError:  # no path has such letters
        return _Home.ANY
    return _Home.ANY if is_shared else _Home.OTHER


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


def _fields(content: bytes) -> dict[str, Any]:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _auth_file(value: dict[str, Any]) -> str | None:
    told = value.get("auth_file")
    return told if isinstance(told, str) and told.startswith("/") else None


def _descent(name: str, value: dict[str, Any]) -> Descent | None:
    """Return what a file says, or None if it is not one of schema 1 or says of nothing."""
    try:
        if value.get("schema") != SCHEMA:
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


def _refusal(path: Path, value: dict[str, Any]) -> Refusal | None:
    try:
        if value.get("schema") != SCHEMA or value.get("ok") is not False:
            return None
        if value.get("grant") != "refresh" or (refused := _digest(value.get("from"))) is None:
            return None
        status, said = value.get("status"), value.get("said")
        is_status = isinstance(status, int) and _FIRST_STATUS <= status <= _LAST_STATUS
        answer = json.dumps(said) if isinstance(said, dict) else "{}"
        return Refusal(from_iso(value["at"]), refused, path, status if is_status else None, answer)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _digest(value: Any) -> Digest | None:
    ok = isinstance(value, str) and _DIGEST.fullmatch(value)
    return Digest(str(value)) if ok else None


def _list(value: Any) -> list[Any]:
    return value[:_MOST_SECRETS] if isinstance(value, list) else []
