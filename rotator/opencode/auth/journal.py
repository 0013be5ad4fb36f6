"""What auth.json held, durable beside the store, for as long as it is being written in place.

Whoever finds one finds a write that came to no end: the file is the old one, the new one, or a
mixture of both, and gets its old content back. What somebody else has written since stays.
"""

from __future__ import annotations

import base64
import contextlib
import json
import logging
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rotator.opencode.auth.file import LARGEST_BYTES, read_handle
from rotator.opencode.auth.file_lease import alone
from rotator.secret import digest_of
from rotator.system.file_owners import remove_own
from rotator.system.files import publish, sync_folder
from rotator.system.paths import private_folder
from rotator.system.regular_files import head

log = logging.getLogger(__name__)

_SCHEMA = 1
_SPACE = b" "
# Two files in base64, and the names.
_LARGEST_JOURNAL = 4 * LARGEST_BYTES


@dataclass(frozen=True)
class Journal:
    """A write in place: into which file, what it held, and what it is to hold."""

    file: Path
    inode: int
    before: bytes = field(repr=False)
    after: bytes = field(repr=False)

    def is_half_written(self, content: bytes) -> bool:
        """Tell whether `content` is what a write that was cut off can have left, and no more.

        Each byte is the old one or the new one, or zero where the disk never got it. Whoever
        else writes empties the file first, so that it is shorter for as long as it is torn.
        """
        length = max(len(self.before), len(self.after))
        if not min(len(self.before), len(self.after)) <= len(content) <= length:
            return False
        old, new = self.before.ljust(length, _SPACE), self.after.ljust(length, _SPACE)
        return all(c in (o, n, 0) for c, o, n in zip(content, old, new, strict=False))


def write_journal(path: Path, journal: Journal) -> None:
    """Put a journal where `finish_interrupted` finds it; it is on the disk when this returns.

    Raises OSError, StoreError.
    """
    private_folder(path.parent)
    value = {
        "schema": _SCHEMA,
        "file": os.fsencode(journal.file).hex(),
        "inode": journal.inode,
        **_packed("before", journal.before),
        **_packed("after", journal.after),
    }
    publish(path, json.dumps(value).encode("ascii"), durable=True)


def parse_journal(content: bytes) -> Journal | None:
    """Return the journal that stands in a file, or None if it is none that is sound."""
    try:
        value = json.loads(content)
        if value["schema"] != _SCHEMA:
            return None
        file = Path(os.fsdecode(bytes.fromhex(value["file"])))
        return Journal(file, value["inode"], _unpacked("before", value), _unpacked("after", value))
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def remove_journal(path: Path) -> None:
    """Take a journal away whose write has come to an end."""
    with contextlib.suppress(OSError):
        remove_own(path)
        sync_folder(path.parent)


def finish_interrupted(path: Path) -> None:
    """Put right what a write in place has left that came to no end, if there was one.

    Call it under the lock under which it is written. What cannot be put right now is tried again.
    """
    try:
        owner = path.lstat().st_uid
    except OSError:
        return  # nearly always
    content = head(path, _LARGEST_JOURNAL)
    if content is None:
        log.warning("what lies at %s is no file that can be read: it is left alone", path)
        return
    journal = parse_journal(content)
    try:
        if journal is not None:
            _put_right(journal, owner)
    except FileNotFoundError:
        pass  # with the file its name is gone: there is nothing to put right
    except OSError as exc:
        log.warning("what %s is about could not be put right: %s", path.name, exc.strerror)
        return
    remove_journal(path)


def _put_right(journal: Journal, owner: int) -> None:
    handle = os.open(journal.file, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if os.geteuid() == 0 and os.fstat(handle).st_uid != owner:
            # Root may write everything, and whoever wrote the journal may not.
            log.warning("a journal of uid %d is about a file that is not theirs: dropped", owner)
            return
        with alone(handle):
            content = read_handle(handle, LARGEST_BYTES + 1)
            is_same = os.fstat(handle).st_ino == journal.inode
            is_whole = content in (journal.before, journal.after)
            if not is_same or is_whole or not journal.is_half_written(content):
                return
            is_new = content.rstrip(_SPACE) == journal.after.rstrip(_SPACE)
            fill(handle, journal.after if is_new else journal.before, len(content))
        os.fsync(handle)
    finally:
        os.close(handle)


def fill(handle: int, content: bytes, length: int) -> None:
    """Write `content` over what an open file holds, which is `length` bytes, in one call.

    It is filled up with spaces, which say nothing in JSON, and shortened after that, so that
    nobody reads the end of another content behind it. Raises OSError.
    """
    whole = content.ljust(length, _SPACE)
    written = 0
    while written < len(whole):
        # More than one only where the disk has got full or a limit was met: the next says so.
        written += os.pwrite(handle, whole[written:], written)
    os.ftruncate(handle, len(content))


def _packed(name: str, content: bytes) -> dict[str, str]:
    digest = digest_of(content.decode("latin-1"))
    return {name: base64.b64encode(content).decode("ascii"), f"{name}_digest": digest}


def _unpacked(name: str, value: dict[str, Any]) -> bytes:
    content = base64.b64decode(value[name], validate=True)
    if digest_of(content.decode("latin-1")) != value[f"{name}_digest"]:
        message = f"{name} is not what was written"
        raise ValueError(message)
    return content
