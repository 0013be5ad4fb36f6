"""When the system refuses to watch, or reports nothing; and what is left at the end."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from watchdog.events import FileSystemEventHandler
from watchdog.observers.api import BaseObserver, ObservedWatch
from watchdog.observers.inotify import InotifyObserver
from watchdog.observers.polling import PollingObserver

from rotator.system.file_watch import PATIENCE_CHECKS, FileWatcher
from rotator.system.observers import STOP_SECONDS, native_observer, polling_observer
from rotator.system.watched_folders import Watched
from tests.support.watching import DEADLINE_SECONDS, INBOX, LIVE, Owner, replace, settle


@pytest.fixture
def owner() -> Owner:
    return Owner()


# -- when the system refuses -----------------------------------------------------------------


class NeverStarts(InotifyObserver):
    """Has its descriptors and a thread already when its start fails."""

    def start(self) -> None:
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))


class RefusesFull(InotifyObserver):
    """Has no watch left for the folder of that name."""

    def schedule(
        self, event_handler: FileSystemEventHandler, path: str | Path, **options: Any
    ) -> ObservedWatch:
        if Path(path).name == "full":
            raise OSError(errno.ENOSPC, "inotify watch limit reached")
        return super().schedule(event_handler, path, **options)


class Overtaken(InotifyObserver):
    """Begins to watch a folder just after the next folder was made in it."""

    def schedule(
        self, event_handler: FileSystemEventHandler, path: str | Path, **options: Any
    ) -> ObservedWatch:
        if Path(path).name == "share":
            (Path(path) / "opencode").mkdir()
        return super().schedule(event_handler, path, **options)


class Refuses(PollingObserver):
    """Watches nothing at all."""

    def schedule(self, *_: Any, **__: Any) -> ObservedWatch:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def refuse() -> BaseObserver:
    raise OSError(errno.EMFILE, "inotify instance limit reached")


class Factory:
    """Makes observers and keeps them; refuses as often as it was told to."""

    def __init__(self, make: Callable[[], BaseObserver], *, refusals: int = 0) -> None:
        self._make = make
        self._refusals = refusals
        self.made: list[BaseObserver] = []

    def __call__(self) -> BaseObserver:
        if self._refusals:
            self._refusals -= 1
            return refuse()
        self.made.append(self._make())
        return self.made[-1]


def quick_polling(_: float) -> BaseObserver:
    return polling_observer(0.05)


def deaf() -> BaseObserver:
    """Return an observer as on a file system that reports nothing."""
    return polling_observer(3600)


@pytest.mark.parametrize(
    "factory",
    [
        pytest.param(refuse, id="no instance left"),
        pytest.param(NeverStarts, id="no thread left"),
        pytest.param(Refuses, id="no watch left"),
    ],
)
def test_a_refused_watch_polls_and_says_so(
    tmp_path: Path, owner: Owner, factory: Callable[[], BaseObserver]
) -> None:
    path = tmp_path / "auth.json"
    watched = [Watched(LIVE, path), Watched(INBOX, tmp_path / "inbox", folder=True)]

    with FileWatcher(
        watched, owner.notify, observer_factory=factory, polling_factory=quick_polling
    ) as watcher:
        owner.heard()
        slow = watcher.polling
        watcher.check()
        told_of_nothing = owner.heard()
        replace(path)
        told_of_its_coming = owner.hears((LIVE, path))
        owner.heard()
        replace(path)

        assert slow == (LIVE, INBOX)
        assert told_of_nothing == []
        assert told_of_its_coming
        assert owner.hears((LIVE, path))


def test_polling_lists_the_folders_every_poll_seconds(tmp_path: Path, owner: Owner) -> None:
    asked: list[float] = []

    def polling_factory(poll_seconds: float) -> BaseObserver:
        asked.append(poll_seconds)
        return polling_observer(poll_seconds)

    with FileWatcher(
        [Watched(LIVE, tmp_path / "auth.json")],
        owner.notify,
        poll_seconds=7.5,
        observer_factory=Refuses,
        polling_factory=polling_factory,
    ):
        pass

    assert asked == [7.5]


def test_only_the_refused_path_polls(tmp_path: Path, owner: Owner) -> None:
    full, free = tmp_path / "full", tmp_path / "free"
    full.mkdir()
    free.mkdir()
    watched = [Watched(INBOX, full, folder=True), Watched(LIVE, free / "auth.json")]

    with FileWatcher(
        watched, owner.notify, observer_factory=RefusesFull, polling_factory=lambda _: deaf()
    ) as watcher:
        owner.heard()
        (full / "one.json").touch()
        (free / "auth.json").touch()

        assert watcher.polling == (INBOX,)
        assert set(owner.heard()) == {(LIVE, free / "auth.json")}


def test_after_a_while_the_system_s_own_way_is_tried_again(tmp_path: Path, owner: Owner) -> None:
    path = tmp_path / "auth.json"
    factory = Factory(native_observer, refusals=1)

    with FileWatcher([Watched(LIVE, path)], owner.notify, observer_factory=factory) as watcher:
        at_first = watcher.polling
        for _ in range(PATIENCE_CHECKS):
            watcher.check()
        owner.heard()
        began = time.monotonic()
        replace(path)
        heard = owner.hears((LIVE, path))
        took = time.monotonic() - began

    assert at_first == (LIVE,)
    assert len(factory.made) == 1
    assert heard
    assert took < 0.5


def test_a_path_that_cannot_be_watched_in_any_way_is_compared_at_each_check(
    tmp_path: Path, owner: Owner
) -> None:
    path = tmp_path / "auth.json"

    with FileWatcher(
        [Watched(LIVE, path)],
        owner.notify,
        observer_factory=Refuses,
        polling_factory=lambda _: Refuses(),
    ) as watcher:
        owner.heard()
        replace(path)
        watcher.check()

        assert watcher.polling == (LIVE,)
        assert owner.heard() == [(LIVE, path)]


def test_a_folder_that_may_not_be_read_is_not_taken_for_a_watched_one(
    tmp_path: Path, owner: Owner
) -> None:
    path = tmp_path / "folder" / "auth.json"
    path.parent.mkdir()
    path.parent.chmod(0o300)

    with FileWatcher([Watched(LIVE, path)], owner.notify) as watcher:
        owner.heard()
        slow = watcher.polling
        replace(path)
        watcher.check()
        heard = owner.hears((LIVE, path))
    path.parent.chmod(0o700)

    # Root may read everything.
    assert slow == (() if os.geteuid() == 0 else (LIVE,))
    assert heard


def test_a_change_that_the_file_system_does_not_report_is_found_at_the_next_check(
    tmp_path: Path, owner: Owner
) -> None:
    path, folder = tmp_path / "auth.json", tmp_path / "inbox"
    folder.mkdir()
    watched = [Watched(LIVE, path), Watched(INBOX, folder, folder=True)]

    with FileWatcher(watched, owner.notify, observer_factory=deaf) as watcher:
        owner.heard()
        replace(path)
        (folder / "one.json").touch()
        before_the_check = owner.heard()
        watcher.check()
        at_the_check = owner.heard()
        watcher.check()

        assert before_the_check == []
        assert sorted(at_the_check) == [(INBOX, folder), (LIVE, path)]
        assert owner.heard() == []


def test_a_folder_that_came_while_its_parent_was_being_watched_is_not_missed(
    tmp_path: Path, owner: Owner
) -> None:
    path = tmp_path / "share" / "opencode" / "auth.json"
    path.parents[1].mkdir()

    with FileWatcher([Watched(LIVE, path)], owner.notify, observer_factory=Overtaken):
        owner.heard()
        path.write_text("{}")

        assert owner.hears((LIVE, path))


# -- threads and descriptors -------------------------------------------------------------------


def test_an_observer_that_died_is_replaced(tmp_path: Path, owner: Owner) -> None:
    path = tmp_path / "auth.json"
    factory = Factory(native_observer)

    with FileWatcher([Watched(LIVE, path)], owner.notify, observer_factory=factory) as watcher:
        factory.made[0].stop()
        factory.made[0].join(DEADLINE_SECONDS)
        settle(watcher, owner)
        replace(path)

        assert owner.hears((LIVE, path))
        assert len(factory.made) == 2


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_stopping_leaves_no_thread_and_no_descriptor(tmp_path: Path, owner: Owner) -> None:
    watched = [Watched(LIVE, tmp_path / "auth.json"), Watched(INBOX, tmp_path / "in", folder=True)]
    before = descriptors(), threading.enumerate()

    for factory in (native_observer, RefusesFull, NeverStarts, Refuses) * 3:
        with FileWatcher(watched, owner.notify, observer_factory=factory) as watcher:
            watcher.check()

    assert (descriptors(), threading.enumerate()) == before


def test_after_its_end_a_watcher_says_nothing_and_can_begin_again(
    tmp_path: Path, owner: Owner
) -> None:
    path = tmp_path / "auth.json"
    watcher = FileWatcher([Watched(LIVE, path)], owner.notify)
    watcher.start()
    watcher.stop()
    owner.heard()

    replace(path)
    watcher.check()
    after_its_end = owner.heard()
    watcher.start()
    begins_again = owner.hears((LIVE, path))
    watcher.stop()

    assert after_its_end == []
    assert begins_again


def test_an_observer_that_hangs_does_not_hold_up_the_end(tmp_path: Path, owner: Owner) -> None:
    release = threading.Event()

    class Hangs(PollingObserver):
        def stop(self) -> None:
            release.wait(10 * DEADLINE_SECONDS)
            super().stop()

    watcher = FileWatcher(
        [Watched(LIVE, tmp_path / "auth.json")], owner.notify, observer_factory=Hangs
    )
    watcher.start()
    began = time.monotonic()
    watcher.stop()
    took = time.monotonic() - began
    release.set()

    assert took < STOP_SECONDS + 1
