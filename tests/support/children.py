"""Processes of tests: each in a session of its own, ended with all its children in every case."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Protocol

import psutil

_END_SECONDS = 15.0


class Running(Protocol):
    """What the tests ask of a process that runs, however it was started."""

    pid: int
    stdout: IO[str] | None

    def poll(self) -> int | None:
        """Return how it ended, None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Return how it ended; raise subprocess.TimeoutExpired if it did not in that time."""

    def send_signal(self, number: int, /) -> None:
        """Send it a signal, unless it has ended."""

    def kill(self) -> None:
        """End it as a crash would."""


@contextlib.contextmanager
def child(
    command: Sequence[str | Path], *, env: Mapping[str, str], cwd: Path
) -> Iterator[subprocess.Popen[str]]:
    """Run `command` while the block runs; SIGTERM at its end, SIGKILL if that is not enough."""
    process = subprocess.Popen(
        [str(word) for word in command],
        env=dict(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        end(process)
        if process.stdout is not None:
            process.stdout.close()


def end(process: Running) -> int:
    """End a child and whatever it started; return its exit code."""
    # opencode runs each command of its bash tool in a session of its own, which no signal to a
    # group of processes reaches, and leaves it running at its own end.
    started = _started_by(process.pid) if process.poll() is None else []
    if process.poll() is None:
        # A stopped process does not see a SIGTERM before it goes on.
        for number in (signal.SIGCONT, signal.SIGTERM):
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_END_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    for descendant in started:
        with contextlib.suppress(psutil.NoSuchProcess):
            descendant.kill()
    return process.wait(_END_SECONDS)


def has_ended(pid: int) -> bool:
    """Return whether nothing runs under `pid`; an orphan's end may be noted by nobody."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _started_by(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


class Lines:
    """The lines that a child prints, read as they come so that it never has to wait."""

    def __init__(self, process: Running) -> None:
        self._process = process
        self._queue: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self.seen: list[str] = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with contextlib.suppress(ValueError):
            for line in self._process.stdout:
                self._queue.put(line.rstrip("\n"))
        self._queue.put(None)

    def wait_for(self, text: str, deadline_seconds: float) -> str:
        """Return the first line that holds `text`; fail with all lines if the child ends first."""
        while True:
            try:
                line = self._queue.get(timeout=deadline_seconds)
            except queue.Empty:
                line = None
            if line is None:
                raise TimeoutError(f"no line with {text!r} in {self.seen}")
            self.seen.append(line)
            if text in line:
                return line

    def join(self) -> None:
        """Wait until the child has closed its output."""
        self._thread.join(_END_SECONDS)
