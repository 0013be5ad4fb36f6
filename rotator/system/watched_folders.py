"""Which real folders have to be watched for a file or a folder, whatever links lie between."""

from __future__ import annotations

import os
import stat
from collections import defaultdict
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path

Signature = tuple[int, int, int, int]
MOST_LINKS = 40


@dataclass(frozen=True, slots=True)
class Watched:
    """A file, or with `folder` every entry of a folder; neither needs to exist yet."""

    name: str
    path: Path
    folder: bool = False


@dataclass(slots=True)
class WatchedFolder:
    """What one real folder is watched for: single paths, and those who want every entry."""

    folder: str
    paths: defaultdict[str, set[Watched]] = field(default_factory=lambda: defaultdict(set))
    entries: set[Watched] = field(default_factory=set)

    def everyone(self) -> set[Watched]:
        """Return whoever wants to hear of anything in it."""
        return self.entries.union(*self.paths.values())


def watched_folders(watched: Sequence[Watched]) -> dict[str, WatchedFolder]:
    """Return the folders to watch, by their paths."""
    posts: dict[str, WatchedFolder] = {}
    for each in watched:
        for folder, path in _whereabouts(each):
            post = posts.setdefault(str(folder), WatchedFolder(str(folder)))
            if path is None:
                post.entries.add(each)
            else:
                post.paths[str(path)].add(each)
                post.paths[str(folder)].add(each)
    return posts


def _whereabouts(watched: Watched) -> Iterator[tuple[Path, Path | None]]:
    """Yield each real folder to watch with the path in it that counts, or None for every entry."""
    if watched.folder:
        folder = Path(os.path.realpath(watched.path))
        yield (folder, None) if _is_folder(folder) else _nearest(folder)
        return
    path = watched.path.absolute()
    for _ in range(MOST_LINKS):
        folder = Path(os.path.realpath(path.parent))
        if not _is_folder(folder):
            yield _nearest(folder)
            return
        entry = folder / path.name
        yield folder, entry
        try:
            path = folder / entry.readlink()
        except OSError:
            return


def _nearest(missing: Path) -> tuple[Path, Path]:
    """Return the nearest existing folder above `missing` and the entry whose coming matters."""
    entry = missing
    while not _is_folder(entry.parent) and entry.parent != entry:
        entry = entry.parent
    return entry.parent, entry


def _stat(path: str | Path) -> os.stat_result | None:
    try:
        return Path(path).stat()
    except OSError:
        return None


def is_written_elsewhere(watched: Watched, mounted: AbstractSet[str]) -> bool:
    """Tell whether a file may be written where its folder hears nothing of it.

    So it is with one that is among the `mounted` ones by itself, or that has another name.
    """
    if watched.folder:
        return False
    facts = _stat(watched.path)
    if facts is not None and stat.S_ISREG(facts.st_mode) and facts.st_nlink > 1:
        return True
    return os.path.realpath(watched.path) in mounted


def _is_folder(path: Path) -> bool:
    facts = _stat(path)
    return facts is not None and stat.S_ISDIR(facts.st_mode)


def identity_of(folder: str) -> tuple[int, int] | None:
    """Return which folder it is, whatever it is named, or None."""
    facts = _stat(folder)
    return facts and (facts.st_dev, facts.st_ino)


def signature_of(path: Path) -> Signature | None:
    """Return what changes with a file, or None where there is none."""
    facts = _stat(path)
    return facts and (facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns)
