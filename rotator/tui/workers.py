"""Threads that work while the screen goes on: each has its own open books and its own queue.

A worker turns whatever goes wrong into a message; only the end of the dashboard ends it.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager

from rotator.books import Books
from rotator.errors import RotatorError, StoreDamaged
from rotator.tui.messages import Broken, Ended, Message

log = logging.getLogger(__name__)

Post = Callable[[Message], None]
OpenBooks = Callable[[], AbstractContextManager[Books]]
Job = Callable[[Books], Message | None]
# Whoever works just then is waited for: a swap is over in milliseconds.
END_SECONDS = 15.0


class Worker:
    """One thread that does one job after the other; `spare` is called when it has had none."""

    def __init__(
        self,
        name: str,
        open_books: OpenBooks,
        post: Post,
        *,
        spare: Callable[[], None] = lambda: None,
        spare_seconds: float | None = None,
    ) -> None:
        self._open_books, self._post = open_books, post
        self._spare, self._spare_seconds = spare, spare_seconds
        self._jobs: queue.SimpleQueue[tuple[int | None, Job] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin; the books are opened by the thread itself."""
        self._thread.start()

    def submit(self, job: Job, number: int | None = None) -> None:
        """Have a job done; `number` is that of the work on screen that it is.

        A failure of what has none means that the store cannot be read.
        """
        self._jobs.put((number, job))

    def end(self) -> None:
        """End after what is under way; what still waits is not done."""
        self._jobs.put(None)
        if self._thread.ident is not None:
            self._thread.join(END_SECONDS)

    def _run(self) -> None:
        with contextlib.ExitStack() as opened:
            books: Books | None = None
            while (task := self._next()) is not None:
                number, job = task
                try:
                    if books is None:
                        books = opened.enter_context(self._open_books())
                    message = self._done(books, job)
                except RotatorError as exc:
                    message = _failure(number, exc)
                except Exception as exc:
                    log.exception("work of the dashboard failed")
                    message = _fault(number, exc)
                if message is not None:
                    self._post(message)

    def _next(self) -> tuple[int | None, Job] | None:
        while True:
            try:
                return self._jobs.get(timeout=self._spare_seconds)
            except queue.Empty:
                self._spare()

    @staticmethod
    def _done(books: Books, job: Job) -> Message | None:
        try:
            return job(books)
        except StoreDamaged:
            if not books.mend():
                raise
            return job(books)


def _failure(number: int | None, exc: RotatorError) -> Message:
    says = f"{exc.message}; {exc.hint}" if exc.hint else exc.message
    return Ended(number, says, failed=True) if number is not None else Broken(says)


def _fault(number: int | None, exc: Exception) -> Message:
    says = f"an error of ours: {type(exc).__name__}"
    return Ended(number, says, failed=True) if number is not None else Broken(says)
