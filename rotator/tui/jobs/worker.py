"""Threads that work while the screen goes on: each has its own open store and its own queue.

A worker turns whatever goes wrong into a message; only the end of the dashboard ends it, or a
signal.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Generic, TypeVar

from rotator.errors import RotatorError, StoreDamaged
from rotator.system.interrupts import Interrupted
from rotator.tui.model.messages import JobFinished, Message, StoreUnreadable

if TYPE_CHECKING:
    from rotator.context import Context

log = logging.getLogger(__name__)

Opened = TypeVar("Opened")
Post = Callable[[Message], None]
OpenBooks = Callable[[], AbstractContextManager["Context"]]
Job = Callable[["Context"], Message | None]


class Worker(Generic[Opened]):
    """One thread that does one job after the other with what `open_it` opens.

    `spare` is called each time that no job has come for `spare_seconds`.
    """

    def __init__(
        self,
        name: str,
        open_it: Callable[[], AbstractContextManager[Opened]],
        post: Post,
        *,
        spare: Callable[[], None] = lambda: None,
        spare_seconds: float | None = None,
    ) -> None:
        self._open_it, self._post = open_it, post
        self._spare, self._spare_seconds = spare, spare_seconds
        self._jobs: queue.SimpleQueue[tuple[int | None, Callable[[Opened], Message | None]] | None]
        self._jobs = queue.SimpleQueue()
        self._stack = contextlib.ExitStack()
        self._opened: Opened | None = None
        self._ending = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin; the thread itself opens what it works with, when the first job comes."""
        self._thread.start()

    def submit(self, job: Callable[[Opened], Message | None], number: int | None = None) -> None:
        """Have a job done; `number` is that of the work on screen that it is.

        A failure of what has none means that the store cannot be read.
        """
        self._jobs.put((number, job))

    def tell_to_end(self) -> None:
        """Let it end after what is under way; what still waits is not done."""
        self._ending = True
        self._jobs.put(None)

    def ends_within(self, patience_seconds: float) -> bool:
        """Wait for its end; False if what is under way goes on for longer than so long."""
        if self._thread.ident is not None:
            self._thread.join(patience_seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        with contextlib.suppress(Interrupted), contextlib.closing(self._stack):
            while (task := self._next()) is not None and not self._ending:
                number, job = task
                try:
                    message = self._done(job)
                except RotatorError as exc:
                    says = f"{exc.message}; {exc.hint}" if exc.hint else exc.message
                    message = _failure(number, says)
                except Exception as exc:
                    log.exception("work of the dashboard failed")
                    message = _failure(number, f"an error of ours: {type(exc).__name__}")
                if message is not None:
                    self._post(message)

    def _next(self) -> tuple[int | None, Callable[[Opened], Message | None]] | None:
        while True:
            try:
                return self._jobs.get(timeout=self._spare_seconds)
            except queue.Empty:
                self._spare()

    def _done(self, job: Callable[[Opened], Message | None]) -> Message | None:
        try:
            return job(self._open())
        except StoreDamaged:
            # To open it anew mends it.
            self._opened = None
            self._stack.close()
            return job(self._open())

    def _open(self) -> Opened:
        if self._opened is None:
            self._opened = self._stack.enter_context(self._open_it())
        return self._opened


def _failure(number: int | None, says: str) -> Message:
    return StoreUnreadable(says) if number is None else JobFinished(number, says, failed=True)
