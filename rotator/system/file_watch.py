"""Tells its owner "look again" about files and folders; the only importer of watchdog.

It reads no content and decides nothing: an event is a hint, the file is the truth. Every doubt
(a watch that began or died, a link that points elsewhere, a folder that came or went) ends in
one more notice, never in one less.
"""

from __future__ import annotations

import os
import stat
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver, ObservedWatch
from watchdog.observers.inotify_move_event_grouper import InotifyMoveEventGrouper
from watchdog.observers.polling import PollingObserver

Notify = Callable[[str, Path], None]
Signature = tuple[int, int, int, int]
_Way = Literal["native", "polling"]

# Opened and ClosedNoWrite are left out: our own reading of a file would report that file again.
LOOK_AGAIN: list[type[FileSystemEvent]] = [
    FileMovedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileClosedEvent,
    FileModifiedEvent,
    DirMovedEvent,
    DirCreatedEvent,
    DirDeletedEvent,
]
MOST_LINKS = 40
MOST_ROUNDS = 8
STOP_SECONDS = 2.0
# Checks that go by before the system's own way is tried again after it was refused.
PATIENCE_CHECKS = 60


def native_observer() -> BaseObserver:
    """Return the system's own observer, without the half second that watchdog waits for pairs.

    watchdog 7.1 holds every "moved from" back for 0.5 s in case its "moved to" follows, and all
    later events of the folder behind it. Where many files are renamed at once, the two halves
    of one rename are often seen apart: 1,000 renames took 0.5 to 1 s instead of 10 to 70 ms.
    We look at both names anyway and need no pairs.
    """
    InotifyMoveEventGrouper.delay = 0.0
    return Observer()


def polling_observer(poll_seconds: float) -> BaseObserver:
    """Return an observer that lists the folders every `poll_seconds`."""
    return PollingObserver(timeout=poll_seconds)


@dataclass(frozen=True, slots=True)
class Watched:
    """A file, or with `folder` every entry of a folder; neither needs to exist yet."""

    name: str
    path: Path
    folder: bool = False


@dataclass(slots=True)
class _Post:
    """What one real folder is watched for: single paths, and those who want every entry."""

    folder: str
    paths: defaultdict[str, set[Watched]] = field(default_factory=lambda: defaultdict(set))
    entries: set[Watched] = field(default_factory=set)

    def everyone(self) -> set[Watched]:
        return self.entries.union(*self.paths.values())


class _Handler(FileSystemEventHandler):
    """Passes on what its post is for; an exception in here would end the observer's thread."""

    def __init__(self, post: _Post, notify: Notify) -> None:
        self.post = post
        self.notify = notify

    def dispatch(self, event: FileSystemEvent) -> None:
        post = self.post
        for path in (os.fsdecode(event.src_path), os.fsdecode(event.dest_path)):
            # The folder of auth.json also holds a busy database: one look-up settles its events.
            for watched in post.paths.get(path, ()):
                self.notify(watched.name, watched.path)
        if not post.entries:
            return
        path = os.fsdecode(event.dest_path or event.src_path)
        for watched in post.entries:
            inside = watched.path if path == post.folder else watched.path / Path(path).name
            self.notify(watched.name, inside)


@dataclass(frozen=True, slots=True)
class _Place:
    """A folder that is being watched, by whom, and which folder it was when that began."""

    way: _Way
    identity: tuple[int, int]
    observer: BaseObserver
    watch: ObservedWatch
    handler: _Handler

    def works(self, folder: str) -> bool:
        # A removed folder ends its emitter; one that is still held open by somebody does not,
        # nor does one that was renamed: those are told by their identity.
        return (
            self.observer.is_alive()
            and _identity(folder) == self.identity
            and any(e.watch == self.watch and e.is_alive() for e in self.observer.emitters)
        )


class FileWatcher:
    """Calls `notify(name, path)` whenever something about a watched path may have changed.

    For a file the path is the watched one, whatever links lie behind it; for a folder it is an
    entry, or the folder itself for "look at all of it". Each is reported once when its watch
    begins, also at the start. `notify` is called from watchdog's threads and from `start` and
    `check`; it must not raise and must not block (put into a queue). The same change may be
    reported several times: to make one out of many is the owner's task.

    The owner calls `start`, `check` and `stop` from one thread: `check` about once a second,
    and after each notice that it has dealt with, so that a folder that just came into being is
    watched at once. A file's folder may come and go; meanwhile its nearest existing parent is
    watched.
    """

    def __init__(
        self,
        watched: Sequence[Watched],
        notify: Notify,
        *,
        poll_seconds: float = 1.0,
        observer_factory: Callable[[], BaseObserver] = native_observer,
        polling_factory: Callable[[float], BaseObserver] = polling_observer,
    ) -> None:
        self._watched = tuple(watched)
        self._notify = notify
        self._makers: dict[_Way, Callable[[], BaseObserver]] = {
            "native": observer_factory,
            "polling": lambda: polling_factory(poll_seconds),
        }
        self._observers: dict[_Way, BaseObserver] = {}
        self._running = False
        self._places: dict[str, _Place] = {}
        self._refused: dict[str, int] = {}
        self._seen: dict[Watched, Signature | None] = {}
        self._slow: tuple[str, ...] = ()

    @property
    def polling(self) -> tuple[str, ...]:
        """The names that are looked at about once a second only, because the system refused."""
        return self._slow

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to watch; reports every watched path once, so that nothing falls between."""
        self._running = True
        self.check()

    def stop(self) -> None:
        """End all threads and close all descriptors; waits a few seconds at most."""
        self._running = False
        for observer in self._observers.values():
            _end(observer)
        self._observers.clear()
        self._places.clear()
        self._refused.clear()
        self._seen.clear()
        self._slow = ()

    def check(self) -> None:
        """Mend what is deaf, follow links and folders, report what changed unheard.

        Costs a few stat calls for each watched path. It also compares each path's size and
        time with those of the last check, for file systems that report nothing.
        """
        if not self._running:
            return
        self._drop_the_dead()
        self._refused = {f: left - 1 for f, left in self._refused.items() if left > 1}
        doubtful: set[Watched] = set()
        for _ in range(MOST_ROUNDS):
            begun = self._arrange()
            doubtful |= begun
            # A watch that has just begun missed what came into being a moment before it.
            if not begun:
                break
        for watched in self._watched:
            signature = _signature(watched.path)
            if self._seen.get(watched) != signature or watched in doubtful:
                self._seen[watched] = signature
                self._notify(watched.name, watched.path)

    def _drop_the_dead(self) -> None:
        for way, observer in list(self._observers.items()):
            if not observer.is_alive():
                _end(self._observers.pop(way))
                self._places = {f: p for f, p in self._places.items() if p.observer is not observer}

    def _arrange(self) -> set[Watched]:
        """Watch the folders that matter now and no others; return whose watch began."""
        posts = _posts(self._watched)
        for folder in self._places.keys() - posts.keys():
            self._leave(folder)
        begun = {w for post in posts.values() if self._attend(post) for w in post.everyone()}
        slow = {w for f, post in posts.items() if self._is_slow(f) for w in post.everyone()}
        self._slow = tuple(dict.fromkeys(w.name for w in self._watched if w in slow))
        return begun

    def _attend(self, post: _Post) -> bool:
        """Return whether the watch of the folder is a new one."""
        place = self._places.get(post.folder)
        if place is not None and place.works(post.folder) and not self._could_do_better(place):
            place.handler.post = post
            return False
        self._leave(post.folder)
        place = self._take(post)
        if place is not None:
            self._places[post.folder] = place
        return place is not None

    def _could_do_better(self, place: _Place) -> bool:
        return place.way == "polling" and place.watch.path not in self._refused

    def _is_slow(self, folder: str) -> bool:
        place = self._places.get(folder)
        return place is None or place.way == "polling"

    def _leave(self, folder: str) -> None:
        place = self._places.pop(folder, None)
        if place is not None:
            with suppress(KeyError):
                place.observer.unschedule(place.watch)

    def _take(self, post: _Post) -> _Place | None:
        if post.folder not in self._refused:
            try:
                return self._schedule("native", post)
            except (FileNotFoundError, NotADirectoryError):
                return None
            except OSError:
                # No more inotify instances or watches (EMFILE, ENOSPC), or not ours to read.
                self._refused[post.folder] = PATIENCE_CHECKS
        try:
            return self._schedule("polling", post)
        except OSError:
            return None

    def _schedule(self, way: _Way, post: _Post) -> _Place:
        identity = _identity(post.folder)
        if identity is None:
            raise FileNotFoundError(post.folder)
        # watchdog takes a folder that it may not read for one that is watched, and hears nothing.
        if not os.access(post.folder, os.R_OK | os.X_OK):
            raise PermissionError(post.folder)
        if way not in self._observers:
            self._observers[way] = _started(self._makers[way]())
        observer, handler = self._observers[way], _Handler(post, self._notify)
        watch = observer.schedule(handler, post.folder, event_filter=LOOK_AGAIN)
        return _Place(way, identity, observer, watch, handler)


def _posts(watched: Sequence[Watched]) -> dict[str, _Post]:
    posts: dict[str, _Post] = {}
    for each in watched:
        for folder, path in _whereabouts(each):
            post = posts.setdefault(str(folder), _Post(str(folder)))
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


def _is_folder(path: Path) -> bool:
    found = _stat(path)
    return found is not None and stat.S_ISDIR(found.st_mode)


def _identity(folder: str) -> tuple[int, int] | None:
    found = _stat(folder)
    return found and (found.st_dev, found.st_ino)


def _signature(path: Path) -> Signature | None:
    found = _stat(path)
    return found and (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def _started(observer: BaseObserver) -> BaseObserver:
    try:
        observer.start()
    except OSError:
        _end(observer)
        raise
    return observer


def _end(observer: BaseObserver) -> None:
    # watchdog's stop() waits for its threads without a deadline; one may hang in a file system.
    ending = threading.Thread(target=observer.stop, name="end of an observer", daemon=True)
    ending.start()
    ending.join(STOP_SECONDS)
    if observer.is_alive() and not ending.is_alive():
        observer.join(STOP_SECONDS)
