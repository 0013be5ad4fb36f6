"""What stood in auth.json and could not be saved yet, in a file: a killed watcher loses none.

It lies beside the store, or, where the disk there takes nothing, in the user's runtime folder,
which is kept in memory. It is there only until the store has everything that it holds.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rotator.errors import StoreError
from rotator.model import Digest
from rotator.opencode.auth.file import Whole, parse_live
from rotator.secret import digest_of
from rotator.system.file_owners import foreign_link, remove_own
from rotator.system.files import publish
from rotator.system.paths import FOLDER_MODE, OURS, Paths, private_folder
from rotator.system.regular_files import open_regular
from rotator.text import bytes_of

_NAME = "auth.json.unsaved"
_LARGEST_BYTES = 40 * 1024 * 1024
_MARK_LETTERS = 16


@dataclass(frozen=True, slots=True)
class Unsaved:
    """Contents in the order in which they were seen; `since`: what the store knew before."""

    contents: tuple[Whole, ...]
    since: Digest | None


def write_unsaved(paths: Paths, contents: Sequence[Whole], since: Digest | None) -> bool:
    """Write them where it can be done; tell whether it could."""
    texts = [whole.text for whole in contents]
    written = json.dumps({"since": since, "contents": texts}).encode()
    for place in _places(paths):
        with contextlib.suppress(OSError, StoreError):
            private_folder(place.parent)
            publish(place, written, durable=True)
            return True
    return False


def read_unsaved(paths: Paths) -> Iterator[tuple[Path, Unsaved]]:
    """Yield what a watcher has left, and where; what is no such file is passed over."""
    for place in _places(paths):
        if not os.path.lexists(place) or foreign_link(place) is not None:
            continue
        try:
            with open_regular(place) as file:
                told = json.loads(file.read(_LARGEST_BYTES))
            whole = [parse_live(bytes_of(text)) for text in told["contents"]]
            since = told["since"] and Digest(str(told["since"]))
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            continue
        yield place, Unsaved(tuple(w for w in whole if isinstance(w, Whole)), since)


def remove_unsaved(place: Path) -> None:
    """Take a file away of which the store has everything."""
    with contextlib.suppress(OSError):
        remove_own(place)


def _places(paths: Paths) -> list[Path]:
    places = [paths.data / _NAME]
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR") or "/nowhere")
    with contextlib.suppress(OSError):
        facts = runtime.stat()
        if facts.st_uid == os.geteuid() and stat.S_IMODE(facts.st_mode) == FOLDER_MODE:
            # Several homes of one user share that folder.
            mark = digest_of(str(paths.data))[:_MARK_LETTERS]
            places.append(runtime / OURS / f"{_NAME}-{mark}")
    return places
