"""What ends the loop's wait: the keyboard, a message from a worker, a signal.

A signal does not end a wait by itself, and the terminal library's own wait hears neither; so all
of them go through one pipe.
"""

from __future__ import annotations

import contextlib
import os
import queue
import select
import signal
from collections.abc import Callable, Iterator
from types import FrameType

from rotator.tui.model.messages import Message

Handler = Callable[[int, FrameType | None], None] | signal.Handlers
_READ_SIZE = 4096
CAUGHT = (
    signal.SIGCONT,
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGTSTP,
    signal.SIGWINCH,
)


class EventPipe:
    """One pipe into which workers and signals write; `wait` is the loop's only wait."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        for end in (self._read, self._write):
            os.set_blocking(end, False)
        self._messages: queue.SimpleQueue[Message] = queue.SimpleQueue()

    def close(self) -> None:
        """Close the pipe; a worker that still writes is not heard."""
        os.close(self._read)
        write, self._write = self._write, -1
        os.close(write)

    def post(self, message: Message) -> None:
        """Hand a message to the loop; any thread may."""
        self._messages.put(message)
        # A full pipe wakes as well as one more byte would.
        with contextlib.suppress(BlockingIOError, OSError):
            os.write(self._write, b"\0")

    def wait(self, keyboard: int, timeout_seconds: float) -> set[signal.Signals]:
        """Wait for anything to happen; return which signals have come."""
        select.select([keyboard, self._read], [], [], timeout_seconds)
        told = b""
        with contextlib.suppress(BlockingIOError):
            while more := os.read(self._read, _READ_SIZE):
                told += more
        return {signal.Signals(number) for number in told if number}

    def wait_for_message(self, most_seconds: float) -> None:
        """Wait for the first word of a worker; keys are left for later."""
        select.select([self._read], [], [], most_seconds)

    def taken(self) -> list[Message]:
        """Return the messages that have come."""
        messages = []
        with contextlib.suppress(queue.Empty):
            while True:
                messages.append(self._messages.get_nowait())
        return messages

    @contextlib.contextmanager
    def signals(self) -> Iterator[None]:
        """Let signals write into the pipe and do nothing else, while the block runs."""
        before = {number: signal.signal(number, _nothing) for number in CAUGHT}
        old = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(old)
            for number, handler in before.items():
                signal.signal(number, handler)


def _nothing(_: int, __: FrameType | None) -> None:
    pass


@contextlib.contextmanager
def left_to_the_child() -> Iterator[None]:
    """Let the keyboard's signals be the child's, while it has the terminal."""
    heard = signal.set_wakeup_fd(-1)

    def pass_on(number: int, _: FrameType | None) -> None:
        with contextlib.suppress(OSError):
            os.write(heard, bytes([number]))

    # What is ignored here the child would ignore, too; no handler goes on in another program.
    mine: dict[int, Handler] = {signal.SIGINT: _nothing, signal.SIGTSTP: signal.SIG_DFL}
    before = {number: signal.signal(number, mine.get(number, pass_on)) for number in CAUGHT}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(heard, warn_on_full_buffer=False)
