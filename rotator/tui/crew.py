"""The threads behind the screen, and which of them carries out which effect.

The screen's own thread asks for nothing but this, and waits for none of them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from rotator.books import Books
from rotator.clock import system_clock
from rotator.paths import Paths
from rotator.tui import effects as do
from rotator.tui.choices import move_priority, read_settings, set_priority, set_setting
from rotator.tui.errands import (
    Explainer,
    explained,
    offer_models,
    offer_providers,
    read_past_of,
    read_usage,
)
from rotator.tui.feed import Feed
from rotator.tui.hands import Hands
from rotator.tui.live import Around, look_around, read_world
from rotator.tui.messages import Message, Seen
from rotator.tui.watching import Watcher
from rotator.tui.workers import Job, OpenBooks, Post, Worker

# What takes long to find out is looked for at most so often.
_AROUND_SECONDS = 5.0
_FORGET_SECONDS = 30.0
NO_JOB = 0


class Crew:
    """Four workers and what feeds them; `post` hands a message to the screen's thread."""

    def __init__(self, paths: Paths, open_books: OpenBooks, post: Post, explain: Explainer) -> None:
        self._paths, self._explain = paths, explain
        self._hands = Hands()
        self._reader = Worker("reader", open_books, post)
        self._scout = Worker("scout", open_books, post)
        self._vendors = Worker("vendors", open_books, post)
        self._worker = Worker(
            "hands", open_books, post, spare=self._forget, spare_seconds=_FORGET_SECONDS
        )
        self._feed = Feed(paths, self.look)
        self._lock = threading.Lock()
        self._looks = 0
        self._around = Around()
        self._scouted_at: float | None = None
        self._watcher = Watcher()
        self._makers = self._table()

    def start(self) -> None:
        """Read what the first screen shows, and nothing that could hold it up."""
        self._reader.start()
        self._reader.submit(self._read)

    def follow(self) -> None:
        """Begin with everything else, once the first screen is there."""
        for worker in (self._scout, self._vendors, self._worker):
            worker.start()
        self._feed.start()
        self._scout_around()

    def end(self) -> None:
        """End all threads; what is under way ends well."""
        self._feed.end()
        for worker in (self._reader, self._scout, self._vendors, self._worker):
            worker.end()

    def look(self) -> None:
        """Have the store read anew; many who ask before that is done get one answer."""
        with self._lock:
            self._looks += 1
            if self._looks > 1:
                return
        self._reader.submit(self._read)
        now = time.monotonic()
        if self._scouted_at is not None and now - self._scouted_at > _AROUND_SECONDS:
            self._scout_around()

    def _read(self, books: Books) -> Message:
        with self._lock:
            self._looks = 0
        return Seen(read_world(books, self._around))

    def _scout_around(self) -> None:
        self._scouted_at = time.monotonic()
        self._scout.submit(self._look_around)

    def _look_around(self, books: Books) -> None:
        found = look_around(books)
        if found != self._around:
            self._around = found
            self.look()

    def read_past(self, effect: do.ReadPast) -> None:
        """Have the readings behind the sparklines read, which is no change."""
        self._reader.submit(read_past_of(effect.accounts), NO_JOB)

    def _forget(self) -> None:
        self._hands.undo.forget_old(system_clock())

    def captured(self, job: Job, number: int) -> None:
        """Have it found out what a login has brought."""
        self._worker.submit(self._looking(job), number)

    def carry_out(self, effect: do.Effect) -> None:
        """Have an effect carried out; what the terminal has to do itself is not meant here."""
        worker, make = self._makers[type(effect)]
        worker.submit(self._looking(make(effect)), getattr(effect, "job", NO_JOB))

    def _looking(self, job: Job) -> Job:
        """Return the job, after which the store is read anew: notifications may not work here."""

        def work(books: Books) -> Message | None:
            try:
                return job(books)
            finally:
                self.look()

        return work

    def _table(self) -> dict[type, tuple[Worker, Callable[[Any], Job]]]:
        """Return who carries out which effect, and how it becomes a job."""
        hands, vendors = self._worker, self._vendors
        changes = dict.fromkeys(
            (
                do.Activate,
                do.RotateToBest,
                do.Rename,
                do.Remove,
                do.SetDisabled,
                do.SetBalancing,
                do.Undo,
            ),
            (hands, self._hands.job),
        )
        return changes | {
            do.ReadUsage: (vendors, read_usage),
            do.OfferModels: (vendors, lambda effect: offer_models(effect.provider)),
            do.OfferProviders: (hands, lambda _: offer_providers),
            do.Explain: (hands, lambda effect: explained(self._explain, effect.provider)),
            do.StartWatcher: (hands, lambda effect: partial(self._start_watcher, effect.job)),
            do.ReadSettings: (hands, lambda _: read_settings),
            do.MovePriority: (hands, move_priority),
            do.SetPriority: (hands, set_priority),
            do.SetSetting: (hands, set_setting),
        }

    def _start_watcher(self, job: int, _: Books) -> Message:
        return self._watcher.start(job, self._paths)
