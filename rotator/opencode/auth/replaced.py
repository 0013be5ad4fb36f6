"""Files that were auth.json until another was put in their place, kept open for a while.

An opencode that opened the file just before our rename writes into it just after, and one in a
container that has it mounted by itself writes into it for as long as it runs. What they write
would be gone with the last handle. Here it can be read; what it means is decided elsewhere.
"""

from __future__ import annotations

import contextlib
import math
import os
import stat
import time
from dataclasses import dataclass
from pathlib import Path

from rotator.opencode.auth.file import Reading, Whole, parse_live, read_handle, read_live
from rotator.opencode.auth.placement import LOOK_EVERY_SECONDS, Neighbours, facts_of

# opencode empties the file as it opens it and writes at once: this is ample.
KEPT_SECONDS = 10.0
# More at a time are not worth a process's handles; the oldest go.
MOST_KEPT = 16


@dataclass
class ReplacedFile:
    """A file without a name: what it held as it lost it, and the last whole content seen.

    Of one that is `mounted` somewhere nobody knows what it held as it lost its name.
    """

    handle: int
    held: Reading
    seen: Whole
    until: float
    mounted: bool = False

    @property
    def is_being_written(self) -> bool:
        """Whether somebody has begun to write into it and not finished."""
        now = self.read()
        return not isinstance(now, Whole) and now != self.held

    @property
    def is_unknown(self) -> bool:
        """Whether nothing of what it holds was seen yet, so that nobody knows since when."""
        return self.mounted and self.seen == _NOTHING

    def read(self) -> Reading:
        """Return what it holds now."""
        return parse_live(read_handle(self.handle))


_NOTHING = Whole(b"{}")


class ReplacedFiles:
    """The files that this process has replaced, and what was found in them; close it at the end.

    `journal` is where the content is kept of one that must not be replaced while it is written,
    `neighbours` who else has it mounted.
    """

    def __init__(self, journal: Path, neighbours: Neighbours | None = None) -> None:
        self.journal = journal
        self.neighbours = neighbours or Neighbours()
        # What stood in files that have their place again, and what was known to stand there.
        self.displaced: list[tuple[Whole, Whole]] = []
        self._old: list[ReplacedFile] = []
        self._named: tuple[int, int] | None = None
        self._is_named_by_us = False

    def __bool__(self) -> bool:
        return bool(self._old)

    def keep(self, handle: int, held: Reading) -> None:
        """Take over `handle`, which is open on a file that lost its name, and held `held`."""
        seen = held if isinstance(held, Whole) else _NOTHING
        self._old.append(ReplacedFile(handle, held, seen, time.monotonic() + KEPT_SECONDS))
        self._is_named_by_us = True
        self._drop_oldest()

    def note_displaced(self, path: Path, known: Reading) -> None:
        """Note what a file holds that is to have its place again, and keep it open.

        Whoever read ours meanwhile may write that over it, or another file in its place, and then
        its own is in no file any more. What stands in the way of a look does not keep it away.
        """
        held = read_live(path)
        with contextlib.suppress(OSError):
            self.keep(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), known)
        if isinstance(held, Whole):
            self.displaced.append((known if isinstance(known, Whole) else _NOTHING, held))
            del self.displaced[:-MOST_KEPT]

    def follow_mounts(self, target: Path) -> None:
        """Keep every file open that had the name `target` once and is mounted somewhere still.

        Where somebody else has put another file there that is looked for at once: a container
        that has the one before writes on.
        """
        named, was_named = _named(target), self._named
        is_replaced = was_named not in {None, named} and not self._is_named_by_us
        self._named, self._is_named_by_us = named, False
        within = 0.0 if is_replaced else LOOK_EVERY_SECONDS
        paths = [m.path for m in self.neighbours.look(target, within=within) if m.is_deleted]
        kept = {_identity(old.handle): old for old in self._old}
        still = set()
        for path in paths:
            handle = _opened(path)
            if handle is None:
                continue
            still.add(identity := _identity(handle))
            if identity in kept:
                os.close(handle)
                kept[identity].until = max(kept[identity].until, time.monotonic() + KEPT_SECONDS)
            else:
                held = parse_live(read_handle(handle))
                kept[identity] = ReplacedFile(handle, held, _NOTHING, math.inf, mounted=True)
                self._old.append(kept[identity])
        for identity, old in kept.items():
            if old.mounted and identity not in still:
                old.until = min(old.until, time.monotonic() + KEPT_SECONDS)
        self._drop_oldest()

    def changed(self) -> list[tuple[ReplacedFile, Whole]]:
        """Return what was written into them since, as far as it is whole, and let old ones go."""
        changes = []
        for old in tuple(self._old):
            now = old.read()
            if isinstance(now, Whole) and now.content != old.seen.content:
                changes.append((old, now))
            elif time.monotonic() > old.until:
                self._drop(old)
        return changes

    def is_being_written(self) -> bool:
        """Tell whether somebody is in the middle of writing into one of them."""
        return any(old.is_being_written for old in self._old)

    def close(self) -> None:
        """Let go of all of them."""
        for old in tuple(self._old):
            self._drop(old)

    def _drop_oldest(self) -> None:
        while len(self._old) > MOST_KEPT:
            self._drop(self._old[0])

    def _drop(self, old: ReplacedFile) -> None:
        self._old.remove(old)
        os.close(old.handle)


def _named(target: Path) -> tuple[int, int] | None:
    """Return which file has that name now, or None."""
    facts = facts_of(target)
    return None if facts is None else (facts.st_dev, facts.st_ino)


def _opened(path: Path) -> int | None:
    """Open a file that another process has mounted; None where we may not, or it is none."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return handle
    os.close(handle)
    return None


def _identity(handle: int) -> tuple[int, int]:
    facts = os.fstat(handle)
    return facts.st_dev, facts.st_ino
