"""The threads behind the screen, and which of them carries out which effect.

The screen's own thread asks for nothing but this, and waits for none of them. What they need is
loaded when it is needed: the first screen has a budget.
"""

from __future__ import annotations

import contextlib
import threading
import time
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING

from rotator.errors import StoreError
from rotator.model import AccountId
from rotator.system.interrupts import pending_signal, wait_for_threads
from rotator.system.paths import Paths
from rotator.tui.jobs.read_only import Sources, glance_or
from rotator.tui.jobs.read_world import Environment, read_past, read_world
from rotator.tui.jobs.worker import Job, OpenBooks, Post, Worker
from rotator.tui.model.messages import LockAwaited, Message, PastRead, WorldRead

if TYPE_CHECKING:
    from rotator.context import Context
    from rotator.tui.jobs.dispatch import Dispatcher
    from rotator.tui.jobs.file_events import FileEvents
    from rotator.tui.jobs.lookups import Explainer
    from rotator.tui.model import effects as do

# What takes long to find out is looked for at most so often.
_AROUND_SECONDS = 5.0
_FORGET_SECONDS = 30.0
_BRIEFLY_SECONDS = 0.5
# Whoever changes something just then is waited for: a swap is over in milliseconds.
_CHANGE_SECONDS, _LOOK_SECONDS = 15.0, 0.05
# New tokens come once: whoever was asked for some is waited for.
_SAVING_SECONDS = 25.0
NO_JOB = 0
_ASK_OTHERS = {"OfferModels", "ReadUsage"}


class JobRunner:
    """Four workers and what feeds them; `post` hands a message to the screen's thread."""

    def __init__(
        self, paths: Paths, open_books: OpenBooks, post: Post, explain: Explainer | None = None
    ) -> None:
        self._paths, self._explain = paths, explain

        def open_sources() -> AbstractContextManager[Sources]:
            return glance_or(paths, open_books)

        self._reader: Worker[Sources] = Worker("reader", open_sources, post)
        self._scout: Worker[Context] = Worker("scout", open_books, post)
        # Those who wait for somebody else must not keep anybody waiting.
        self._asker: Worker[Context] = Worker("asker", open_books, post)
        self._hands: Worker[Context] = Worker(
            "hands", open_books, post, spare=self._forget, spare_seconds=_FORGET_SECONDS
        )
        self._lock = threading.Lock()
        self._looks = 0
        self._around: Environment | None = None
        self._scouted_at: float | None = None
        self._feed: FileEvents | None = None
        self._duties: Dispatcher | None = None
        self._post, self._saying = post, contextlib.ExitStack()

    def start(self) -> None:
        """Read what the first screen shows, and nothing that could hold it up."""
        self._reader.start()
        self.look()

    def follow(self) -> None:
        """Begin with everything else, once the first screen is there."""
        from rotator.system.locks import saying_waits  # noqa: PLC0415  # as the first lines say
        from rotator.system.logs import log_to_file  # noqa: PLC0415  # likewise
        from rotator.tui.jobs.file_events import FileEvents  # noqa: PLC0415  # likewise

        # Without a log everything else still works.
        with contextlib.suppress(StoreError):
            log_to_file(self._paths.log)
        # Many may hold it in turns; on screen the one who is meant now is said.
        self._saying.enter_context(saying_waits(self._told_of_wait, each_time=True))
        for worker in (self._scout, self._asker, self._hands):
            worker.start()
        self._hands.submit(self._looking(_saved))
        self._scout_around()
        self._feed = FileEvents(self._paths, self.look)
        self._feed.start()

    def end(self) -> bool:
        """End all threads; a change that is under way ends well.

        Who only asks or reads is not waited for, nor, after a signal, who waits for somebody else:
        False if one of them still does. New tokens that a vendor was asked for are.
        """
        if self._feed is not None:
            self._feed.end()
        workers = (self._hands, self._reader, self._scout, self._asker)
        for worker in workers:
            worker.tell_to_end()
        self._wait_for_change()
        until = time.monotonic() + _BRIEFLY_SECONDS
        ended = [worker.ends_within(max(0, until - time.monotonic())) for worker in workers]
        if not all(ended):
            wait_for_threads(_SAVING_SECONDS)
            ended = [worker.ends_within(_LOOK_SECONDS) for worker in workers]
        self._saying.close()
        return all(ended)

    def _wait_for_change(self) -> None:
        until = time.monotonic() + _CHANGE_SECONDS
        while not self._hands.ends_within(_LOOK_SECONDS):
            if pending_signal() is not None or time.monotonic() > until:
                return

    def _told_of_wait(self, says: str) -> None:
        self._post(LockAwaited(says))

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

    def _read(self, sources: Sources) -> Message:
        with self._lock:
            self._looks = 0
        return WorldRead(read_world(sources, self._around))

    def _scout_around(self) -> None:
        self._scouted_at = time.monotonic()
        self._scout.submit(self._look_around)

    def _look_around(self, context: Context) -> None:
        from rotator.tui.jobs.environment import look_around  # noqa: PLC0415  # as the first lines say

        around = look_around(context)
        if around != self._around:
            self._around = around
            self.look()

    def carry_out(self, effect: do.Effect) -> None:
        """Have an effect carried out; what the terminal has to do itself is not meant here."""
        worker = self._asker if type(effect).__name__ in _ASK_OTHERS else self._hands
        job = self._looking(partial(self._carried_out, effect))
        worker.submit(job, getattr(effect, "job", NO_JOB))

    def _carried_out(self, effect: do.Effect, context: Context) -> Message | None:
        return self._dutiful().job(effect)(context)

    def _looking(self, job: Job) -> Job:
        """Return the job, after which the store is read anew: notifications may not work here."""

        def work(context: Context) -> Message | None:
            try:
                return job(context)
            finally:
                self.look()

        return work

    def read_past(self, accounts: tuple[AccountId, ...]) -> None:
        """Have the readings behind the sparklines of these accounts read."""
        self._reader.submit(lambda sources: PastRead(read_past(sources, accounts)), NO_JOB)

    def _dutiful(self) -> Dispatcher:
        """Return the one maker of jobs; whichever thread is first makes it."""
        from rotator.tui.jobs.dispatch import Dispatcher  # noqa: PLC0415  # as the first lines say

        with self._lock:
            if self._duties is None:
                self._duties = Dispatcher(self._paths, self._explain)
            return self._duties

    def _forget(self) -> None:
        if self._duties is not None:
            self._duties.forget_old()


def _saved(context: Context) -> None:
    """Save what stands in auth.json, as every command does: there may be no watcher."""
    from rotator.services.sync import look  # noqa: PLC0415  # as the first lines say

    look(context)
