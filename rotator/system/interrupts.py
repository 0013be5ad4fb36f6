"""Signals that ask this process to end: a handler notes them, and safe places obey.

The one module that sets handlers, beside the dashboard's loop (`rotator.tui.terminal.event_pipe`).
A handler raises nothing in the middle of anything. What has begun is finished or undone; between
two steps `obey` or `pause` ends the command. Only where nothing of ours is under way, at a question
to the person or while nobody takes our output, a signal counts at once (`counting_at_once`).
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import select
import signal
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

ENDING = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
_SIGNALLED = 128
_STANDARD_ERROR = 2
_READ_SIZE = 4096
_NUDGE_SECONDS = 0.2
# No signal has this number: it ends the thread that hears of them.
_LAST = 0


class Interrupted(BaseException):
    """A signal ends this process; raised at safe places alone, and no error of anything."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = exit_code(number)


def exit_code(number: int) -> int:
    """Return what a shell shows of a program that a signal has ended."""
    return _SIGNALLED + number


@dataclass
class _Noted:
    """What has come, and what a signal does just now; one for the process, as its signals are."""

    number: int | None = None
    # Becomes readable when a signal comes, so that no wait can miss it.
    wakeup: int | None = None
    wakeup_end: int = -1
    at_once: int = 0
    raised_at_seconds: float = 0.0
    nudges: int = 0
    listener: Callable[[], None] | None = None
    # What must not be broken off: the main thread's, and in how many other threads something is.
    put_off: list[str] = field(default_factory=list)
    # Who waits does so no longer once a signal has come: what there is to lose is safe.
    brief: int = 0
    threads: int = 0
    guard: threading.Condition = field(default_factory=threading.Condition)
    is_child_s: bool = False
    # What was to be printed could not be; with the other, nobody has to read it.
    output_is_lost: bool = False
    outlives_output: bool = False


_noted = _Noted()
# Has `depth` in a thread, not the main one, that is in what must not be broken off.
_of_thread = threading.local()


def note_signals() -> None:
    """Note from now on what asks the process to end; what is ignored (nohup) stays so."""
    read, write = os.pipe()
    for end in (read, write):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    _noted.wakeup, _noted.wakeup_end = read, write
    signal.signal(signal.SIGALRM, _note_again)
    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _note)


def _note(number: int, _: FrameType | None) -> None:
    if _noted.is_child_s and number == signal.SIGINT:
        return
    is_first = _noted.number is None
    if is_first:
        _noted.number = number
    if _noted.put_off:
        if is_first:
            _say(_noted.put_off[-1])
    elif _noted.at_once and _noted.listener is None:
        _noted.raised_at_seconds = time.monotonic()
        raise Interrupted(_noted.number or number)
    if _noted.listener is not None:
        _noted.listener()


def _note_again(_: int, frame: FrameType | None) -> None:
    """Raise once more what Python has dropped, as it does at `input`'s flush of standard error."""
    if _noted.number is None or not _noted.at_once:
        return
    # What was raised just now is still on its way out.
    if time.monotonic() - _noted.raised_at_seconds >= _NUDGE_SECONDS:
        _note(_noted.number, frame)


def _say(what: str) -> None:
    # A handler may have come in the middle of a write of Python's own.
    with contextlib.suppress(OSError):
        os.write(_STANDARD_ERROR, f"! {what}\n".encode("ascii", "replace"))


def note(number: int) -> None:
    """Note a signal, or what means the same, of which somebody else than the handler has heard."""
    if _noted.number is None:
        _noted.number = number


def pending_signal() -> int | None:
    """Return the signal that asks the process to end, or None."""
    return _noted.number


def obey() -> None:
    """End here if a signal asks for it: call it where nothing is half done. Raises Interrupted."""
    if _noted.number is not None and (_may_end() or _is_other()):
        raise Interrupted(_noted.number)


def _may_end() -> bool:
    return _is_main() and not _noted.put_off and _noted.listener is None


def _is_main() -> bool:
    return threading.current_thread() is threading.main_thread()


def _is_other() -> bool:
    """Tell whether this is another thread than the main one, in nothing that must be finished."""
    return not _is_main() and not getattr(_of_thread, "depth", 0)


def gives_up_waiting() -> bool:
    """Tell whether a signal asks for the end while this thread only waits for its turn.

    That is so in `brief_waits`, and in another thread than the main one, which no `pause` ends;
    there what must not be broken off counts first.
    """
    return _noted.number is not None and (_is_other() or _noted.brief > 0)


@contextlib.contextmanager
def brief_waits() -> Iterator[None]:
    """Let a wait for a lock in the block fail once a signal has come, instead of ending it."""
    _noted.brief += 1
    try:
        yield
    finally:
        _noted.brief -= 1


def pause(seconds: float) -> None:
    """Wait; a signal ends the wait and the command at once, or `told_to`. Raises Interrupted."""
    if _noted.wakeup is None or not _may_end():
        time.sleep(seconds)
        _leave_listener()
        return
    obey()
    select.select([_noted.wakeup], [], [], seconds)
    _drain()
    obey()


def _leave_listener() -> None:
    if _noted.number is not None and _noted.listener and _is_main() and not _noted.put_off:
        raise Interrupted(_noted.number)


def _drain() -> None:
    if _noted.wakeup is not None:
        with contextlib.suppress(BlockingIOError):
            os.read(_noted.wakeup, _READ_SIZE)


@contextlib.contextmanager
def put_off(until: str) -> Iterator[None]:
    """Let nothing break the block off; a signal is obeyed at its end.

    `until` is the sentence that a person who presses Ctrl-C reads meanwhile, once.
    """
    if not _is_main():
        with _counted():
            yield
        return
    _noted.put_off.append(until)
    try:
        yield
    finally:
        _noted.put_off.pop()
    obey()


@contextlib.contextmanager
def _counted() -> Iterator[None]:
    _of_thread.depth = getattr(_of_thread, "depth", 0) + 1
    with _noted.guard:
        _noted.threads += 1
    try:
        yield
    finally:
        _of_thread.depth -= 1
        with _noted.guard:
            _noted.threads -= 1
            _noted.guard.notify_all()


def wait_for_threads(seconds: float) -> bool:
    """Wait until no other thread is in what must not be broken off; False if one still is."""
    with _noted.guard:
        return _noted.guard.wait_for(lambda: not _noted.threads, seconds)


@contextlib.contextmanager
def told_to(listener: Callable[[], None]) -> Iterator[None]:
    """Let signals call `listener`, and end a wait for a lock and with it the block; nothing else.

    It is called in the middle of whatever the main thread does, once more from another thread,
    and at once if one came before; afterwards none has come.
    """
    before, _noted.listener = _noted.listener, listener
    try:
        if _noted.number is not None:
            listener()
        with contextlib.suppress(Interrupted), _heard_by_a_thread(listener):
            yield
    finally:
        _noted.listener = before
        # Whoever listened has done what was asked for.
        _noted.number = None


@contextlib.contextmanager
def _heard_by_a_thread(listener: Callable[[], None]) -> Iterator[None]:
    """Call `listener` also while the main thread waits in a lock.

    Of several signals at once the system may give all to another thread, and what the main thread
    waits in is then not broken off.
    """
    wakeup = _noted.wakeup
    if wakeup is None:
        yield
        return

    def hear() -> None:
        while True:
            select.select([wakeup], [], [])
            with contextlib.suppress(BlockingIOError):
                came = os.read(wakeup, _READ_SIZE)
                if any(number in came for number in ENDING):
                    listener()
                if _LAST in came:
                    return

    thread = threading.Thread(target=hear, name="signals", daemon=True)
    thread.start()
    try:
        yield
    finally:
        while thread.is_alive():
            # The main thread may have read it instead, before it wrote something.
            os.write(_noted.wakeup_end, bytes([_LAST]))
            thread.join(_NUDGE_SECONDS)


@contextlib.contextmanager
def hearing() -> Iterator[None]:
    """Let the main thread hear of a signal soon while it waits in a library, for one of two causes.

    The signal came just before the wait began, or the system gave it to another thread. For waits
    alone: system calls are broken off by it.
    """
    if _noted.wakeup is None or not _is_main():
        yield
        return
    _noted.nudges += 1
    signal.setitimer(signal.ITIMER_REAL, _NUDGE_SECONDS, _NUDGE_SECONDS)
    try:
        yield
    finally:
        _noted.nudges -= 1
        if not _noted.nudges:
            signal.setitimer(signal.ITIMER_REAL, 0)


@contextlib.contextmanager
def counting_at_once() -> Iterator[None]:
    """Let a signal end the block wherever it is: nothing of ours is under way in it."""
    obey()
    _noted.at_once += 1
    try:
        with hearing():
            yield
    finally:
        _noted.at_once -= 1


@contextlib.contextmanager
def left_to_the_child() -> Iterator[None]:
    """Leave Ctrl-C to a program that has the terminal, as an editor has; the others count."""
    _noted.is_child_s = True
    try:
        with counting_at_once():
            yield
    finally:
        _noted.is_child_s = False


class _Output(io.FileIO):
    """A stream of the process that nobody may take anything from any more."""

    def write(self, data: Any, /) -> int:
        """Write a part; whoever is asked to end does not wait until somebody reads it."""
        try:
            self._wait()
            return super().write(memoryview(data)[: select.PIPE_BUF])
        except OSError as exc:
            if self.fileno() == _STANDARD_ERROR:
                # A terminal that is gone keeps nobody from finishing.
                self._leave()
                return len(memoryview(data))
            # A terminal that is gone is read by nobody any more, either.
            is_unread = exc.errno == errno.EPIPE or (exc.errno == errno.EIO and not self._is_file())
            if is_unread and not _noted.outlives_output:
                raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE)) from exc
            # What is under way is done all the same.
            self._leave()
            _noted.output_is_lost = True
            _say(f"what is printed cannot be written: {exc.strerror}")
            return len(memoryview(data))

    def _wait(self) -> None:
        """Wait until so much can be written without waiting. Raises Interrupted."""
        wakeups = [] if _noted.wakeup is None else [_noted.wakeup]
        while True:
            is_ending = _noted.number is not None and not _noted.put_off
            if select.select(wakeups, [self], [], 0 if is_ending else None)[1]:
                return
            _drain()
            if is_ending:
                # What is left in the buffer would be waited for once more at Python's exit.
                self._leave()
                raise Interrupted(_noted.number or 0)

    def _is_file(self) -> bool:
        return stat.S_ISREG(os.fstat(self.fileno()).st_mode)

    def _leave(self) -> None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)


def output_is_lost() -> bool:
    """Tell whether something that was to be printed could not be written, and was told so."""
    return _noted.output_is_lost


def outlive_output() -> None:
    """Let this process go on, from now on, when nobody reads its output any more."""
    _noted.outlives_output = True


def let_output_be_left() -> None:
    """Replace the process's standard output and error by such as a signal can end a wait for."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        buffer = getattr(stream, "buffer", None)
        # Python's own are without a buffer where it is told so (PYTHONUNBUFFERED).
        is_own = isinstance(buffer, io.BufferedWriter | io.FileIO)
        if not isinstance(stream, io.TextIOWrapper) or not is_own:
            continue
        stream.flush()
        raw = _Output(stream.fileno(), "wb", closefd=False)
        anew = io.TextIOWrapper(
            io.BufferedWriter(raw),
            encoding=stream.encoding,
            errors=stream.errors,
            line_buffering=stream.line_buffering or stream.write_through,
        )
        setattr(sys, name, anew)
