"""Tells its owner "look again" about files and folders.

It reads no content and decides nothing: an event is a hint, the file is the truth. Every doubt
(a watch that began or died, a link that points elsewhere, a folder that came or went) ends in
one more notice, never in one less. Only this and `observers` import watchdog.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers.api import BaseObserver, ObservedWatch

from rotator.system.mount_watch import MountWatch
from rotator.system.mounts import mounts_of
from rotator.system.observers import LOOK_AGAIN, end, native_observer, polling_observer, started
from rotator.system.watched_folders import (
    Signature,
    Watched,
    WatchedFolder,
    identity_of,
    is_written_elsewhere,
    signature_of,
    watched_folders,
)

Notify = Callable[[str, Path], None]
_Way = Literal["native", "polling"]
# Which folder a path is in, and which file it is where that is mounted by itself.
_Place = tuple[tuple[int, int] | None, tuple[int, int] | None]
MOST_ROUNDS = 8
# Checks that go by before the system's own way is tried again after it was refused.
PATIENCE_CHECKS = 60
# A file that may be written elsewhere is looked at this often.
ELSEWHERE_SECONDS = 0.1
_POLLS_END_SECONDS = 2.0


class _EventHandler(FileSystemEventHandler):
    """Passes on what its post is for; an exception in here would end the observer's thread."""

    def __init__(self, post: WatchedFolder, notify: Notify) -> None:
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
class _FolderWatch:
    """A folder that is being watched, by whom, and which folder it was when that began."""

    way: _Way
    identity: tuple[int, int]
    observer: BaseObserver
    watch: ObservedWatch
    handler: _EventHandler

    def works(self, folder: str) -> bool:
        # A removed folder ends its emitter; one that is still held open by somebody does not,
        # nor does one that was renamed: those are told by their identity.
        return (
            self.observer.is_alive()
            and identity_of(folder) == self.identity
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
        self._places: dict[str, _FolderWatch] = {}
        self._refused: dict[str, int] = {}
        self._seen: dict[Watched, Signature | None] = {}
        self._slow: tuple[str, ...] = ()
        self._mounts: MountWatch | None = None
        self._folders: dict[Watched, _Place] = {}
        self._mounted: frozenset[str] = frozenset()
        self._elsewhere: list[Watched] = []
        self._polls: threading.Thread | None = None
        self._is_over = threading.Event()

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
        self._is_over.clear()
        self._folders = self._folders_now()
        self._mounts = MountWatch(self._hear_of_mount)
        self.check()

    def stop(self) -> None:
        """End all threads and close all descriptors; waits a few seconds at most."""
        self._running = False
        self._is_over.set()
        if self._polls is not None:
            self._polls.join(_POLLS_END_SECONDS)
            self._polls = None
        if self._mounts is not None:
            self._mounts.close()
        for observer in self._observers.values():
            end(observer)
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
        self._poll_where_deaf()
        for watched in self._watched:
            signature = signature_of(watched.path)
            if self._seen.get(watched) != signature or watched in doubtful:
                self._seen[watched] = signature
                self._notify(watched.name, watched.path)

    def _poll_where_deaf(self) -> None:
        """Look often at files that may be written where no folder of ours hears of it."""
        self._elsewhere = [w for w in self._watched if is_written_elsewhere(w, self._mounted)]
        if self._elsewhere and (self._polls is None or not self._polls.is_alive()):
            self._polls = threading.Thread(target=self._poll, name="files elsewhere", daemon=True)
            self._polls.start()

    def _poll(self) -> None:
        seen = {watched: self._seen.get(watched) for watched in self._watched}
        while self._elsewhere and not self._is_over.wait(ELSEWHERE_SECONDS):
            for watched in self._elsewhere:
                signature = signature_of(watched.path)
                if seen.get(watched) != signature:
                    seen[watched] = signature
                    self._notify(watched.name, watched.path)

    def _hear_of_mount(self) -> None:
        """Tell of those that lie elsewhere by now: the watch is on what is below the mount."""
        before, self._folders = self._folders, self._folders_now()
        for watched, place in self._folders.items():
            if place != before.get(watched):
                self._notify(watched.name, watched.path)

    def _folders_now(self) -> dict[Watched, _Place]:
        self._mounted = frozenset(mount.at for mount in mounts_of())
        return {watched: self._place_of(watched.path) for watched in self._watched}

    def _place_of(self, path: Path) -> _Place:
        is_mounted = os.path.realpath(path) in self._mounted
        itself = identity_of(str(path)) if is_mounted else None
        return identity_of(str(path.parent)), itself

    def _drop_the_dead(self) -> None:
        for way, observer in list(self._observers.items()):
            if not observer.is_alive():
                end(self._observers.pop(way))
                self._places = {f: p for f, p in self._places.items() if p.observer is not observer}

    def _arrange(self) -> set[Watched]:
        """Watch the folders that matter now and no others; return whose watch began."""
        posts = watched_folders(self._watched)
        for folder in self._places.keys() - posts.keys():
            self._leave(folder)
        begun = {w for post in posts.values() if self._attend(post) for w in post.everyone()}
        slow = {w for f, post in posts.items() if self._is_slow(f) for w in post.everyone()}
        self._slow = tuple(dict.fromkeys(w.name for w in self._watched if w in slow))
        return begun

    def _attend(self, post: WatchedFolder) -> bool:
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

    def _could_do_better(self, place: _FolderWatch) -> bool:
        return place.way == "polling" and place.watch.path not in self._refused

    def _is_slow(self, folder: str) -> bool:
        place = self._places.get(folder)
        return place is None or place.way == "polling"

    def _leave(self, folder: str) -> None:
        place = self._places.pop(folder, None)
        if place is not None:
            with suppress(KeyError):
                place.observer.unschedule(place.watch)

    def _take(self, post: WatchedFolder) -> _FolderWatch | None:
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

    def _schedule(self, way: _Way, post: WatchedFolder) -> _FolderWatch:
        identity = identity_of(post.folder)
        if identity is None:
            raise FileNotFoundError(post.folder)
        # watchdog takes a folder that it may not read for one that is watched, and hears nothing.
        if not os.access(post.folder, os.R_OK | os.X_OK):
            raise PermissionError(post.folder)
        if way not in self._observers:
            self._observers[way] = started(self._makers[way]())
        observer, handler = self._observers[way], _EventHandler(post, self._notify)
        watch = observer.schedule(handler, post.folder, event_filter=LOOK_AGAIN)
        return _FolderWatch(way, identity, observer, watch, handler)
