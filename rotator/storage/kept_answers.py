"""What a vendor answered to a refresh, in a file beside the store until the store has it.

Whoever got new tokens is the only one who has them, and a store may be locked, or its disk
full, for longer than a process lives. So they are written here first, and whoever comes next
takes in what lies here.
"""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Generator
from pathlib import Path

from rotator.clock import from_iso, to_iso
from rotator.errors import StoreError
from rotator.model import AccountId, Digest, PendingRefresh
from rotator.secret import Secret
from rotator.system.file_owners import remove_own
from rotator.system.files import TEMPORARY_MARK, publish, sync_folder
from rotator.system.paths import private_folder
from rotator.system.regular_files import head

_SCHEMA = 1
# Also one that is being written, or was when its writer died.
_NAME = re.compile(rf"answer-.*\.json|\.answer-.*{re.escape(TEMPORARY_MARK)}")
_LEFT_AFTER_SECONDS = 60.0
_SPENT_LETTERS = 16
_LARGEST_BYTES = 1024 * 1024
_MOST_TRIES = 3


def keep_answer(folder: Path, answered: PendingRefresh) -> bool:
    """Write an answer down; it is on the disk when this returns True."""
    value = {
        "schema": _SCHEMA,
        "account": answered.account,
        "spent": answered.spent,
        "begun_at": to_iso(answered.begun_at),
        "attempts": answered.attempts,
        "answer": answered.answer.reveal() if answered.answer else None,
    }
    content = json.dumps(value).encode("ascii")
    for _ in range(_MOST_TRIES):
        try:
            private_folder(folder)
            publish(_place(folder, answered), content, durable=True)
        except FileNotFoundError:
            # A watcher has taken it in before it had its name; to take it in twice changes nothing.
            continue
        except (OSError, StoreError):
            return False
        return True
    return False


def forget_answer(folder: Path, answered: PendingRefresh) -> None:
    """Remove an answer that the store has, or that nobody needs; what cannot be stays."""
    place = _place(folder, answered)
    # Hardly ever is one there.
    if place.is_symlink() or place.exists():
        _remove(place)


def kept_answers(folder: Path) -> Generator[PendingRefresh, None, None]:
    """Yield the answers that lie beside the store, each of which goes when the next is wanted."""
    for place in _files(folder):
        answered = _parsed(head(place, _LARGEST_BYTES) or b"")
        if answered is not None:
            yield answered
        if answered is not None or _is_left(place):
            _remove(place)


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(place for place in folder.iterdir() if _NAME.fullmatch(place.name))
    except OSError:
        return []


def _is_left(place: Path) -> bool:
    """Tell whether whoever wrote a file was killed meanwhile: it is written in an instant."""
    try:
        return abs(time.time() - place.lstat().st_mtime) > _LEFT_AFTER_SECONDS
    except OSError:
        return False


def _remove(place: Path) -> None:
    with contextlib.suppress(OSError):
        remove_own(place)
        sync_folder(place.parent)


def _place(folder: Path, answered: PendingRefresh) -> Path:
    return folder / f"answer-{answered.account}-{answered.spent[:_SPENT_LETTERS]}.json"


def _parsed(content: bytes) -> PendingRefresh | None:
    try:
        value = json.loads(content)
        if value["schema"] != _SCHEMA:
            return None
        return PendingRefresh(
            AccountId(str(value["account"])),
            Digest(str(value["spent"])),
            from_iso(value["begun_at"]),
            int(value["attempts"]),
            Secret(str(value["answer"])),
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
