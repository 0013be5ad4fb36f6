"""Runs programs beside the watcher: one at a time, from a short queue, each with a deadline.

Nobody waits for them and nothing depends on them. Such a program gets arguments and perhaps its
standard input, no shell, and of the environment only what is no secret; what it prints is thrown
away. What goes wrong is logged, once for as long as it stays the same.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass

log = logging.getLogger(__name__)

DEADLINE_SECONDS = 10.0
MOST_WAITING = 20
_END_SECONDS = 1.0
_CLOSE_SECONDS = 5.0
# Variables may hold keys, and nobody knows which: so these are handed on, and no others.
_HANDED_ON = frozenset(
    {
        *("DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "HOME", "LANG", "LANGUAGE", "LOGNAME", "PATH"),
        *("ROTATOR_STATE_DIR", "SHELL", "TMPDIR", "TZ", "USER", "WAYLAND_DISPLAY", "XAUTHORITY"),
    }
)
_HANDED_ON_FAMILIES = ("LC_", "XDG_")


@dataclass(frozen=True, slots=True)
class Command:
    """A program with its arguments, and what it gets on its standard input."""

    arguments: tuple[str, ...]
    given: str = ""


class BackgroundRunner:
    """Runs errands in a thread of its own, which begins with the first of them."""

    def __init__(
        self,
        what: str,
        environ: Mapping[str, str],
        *,
        deadline_seconds: float = DEADLINE_SECONDS,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        """Call the program `what` in the log; nothing runs yet."""
        self._what = what
        self._environ = handed_on(environ)
        self._deadline_seconds = deadline_seconds
        self._waiting: queue.Queue[Command | None] = queue.Queue(most_waiting)
        self._thread: threading.Thread | None = None
        self._guard = threading.Lock()
        self._running: subprocess.Popen[bytes] | None = None
        self._closed = False
        self._failure: str | None = None

    def start(self, errand: Command) -> None:
        """Have it run as soon as those before it are done; with too many of them, not at all."""
        try:
            self._waiting.put_nowait(errand)
        except queue.Full:
            self._failed("too many wait already; one was left out")
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=self._what, daemon=True)
            self._thread.start()

    def close(self) -> None:
        """End the one that runs, and forget those that wait."""
        with self._guard:
            self._closed = True
            if self._running is not None:
                _signal(self._running, signal.SIGTERM)
        with contextlib.suppress(queue.Empty):
            while True:
                self._waiting.get_nowait()
        self._waiting.put(None)
        if self._thread is not None:
            self._thread.join(_CLOSE_SECONDS)

    def _work(self) -> None:
        while (errand := self._waiting.get()) is not None:
            try:
                self._run(errand)
            except OSError as exc:
                self._failed(f"it could not be started: {exc.strerror}")
            except Exception:
                # An argument may be one that no system takes; the next one is not to blame.
                log.exception("%s could not be started", self._what)

    def _run(self, errand: Command) -> None:
        with self._guard:
            if self._closed:
                return
            self._running = process = subprocess.Popen(  # noqa: S603  # ours, or the user's own choice
                errand.arguments,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=self._environ,
                # It is ended together with what it has started.
                start_new_session=True,
            )
        try:
            process.communicate(errand.given.encode(), self._deadline_seconds)
        except subprocess.TimeoutExpired:
            self._failed(f"it was ended after {self._deadline_seconds:g} s")
            self._end(process)
            return
        finally:
            with self._guard:
                self._running = None
        if process.returncode and not self._closed:
            self._failed(f"it ended with {process.returncode}")
        else:
            self._failure = None

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            _signal(process, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_END_SECONDS)
                break
        if process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()

    def _failed(self, why: str) -> None:
        if why != self._failure:
            self._failure = why
            log.warning("%s: %s", self._what, why)


def handed_on(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what of an environment such a program gets."""
    return {
        name: value
        for name, value in environ.items()
        if name in _HANDED_ON or name.startswith(_HANDED_ON_FAMILIES)
    }


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    # One that has been waited for may have left its number to another.
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
