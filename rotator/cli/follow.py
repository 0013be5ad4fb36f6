"""Prints a text anew whenever it has become another one; made for a pane of a terminal.

Files say when to look again; what is printed is what a look finds, and the same is not printed
twice.
"""

from __future__ import annotations

import contextlib
import os
import queue
import select
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click

from rotator.system import interrupts
from rotator.system.paths import Paths

# Whatever the files say: a countdown goes on, and a watcher that was killed says nothing.
LOOK_SECONDS = 15.0
_CHECK_SECONDS = 1.0
# Many changes at once are one.
_PAUSE_SECONDS = 0.05
_END = "end"
_HOME, _CLEAR, _CLEAR_LINE, _CLEAR_REST = "\x1b[H", "\x1b[2J", "\x1b[K", "\x1b[J"

_Hints = queue.SimpleQueue[str]


def follow(paths: Paths, look: Callable[[], str]) -> None:
    """Print what `look` returns, now and after each change, until a signal or a closed pipe.

    The screen is cleared only where it is a terminal that can do so.
    """
    from rotator.system.file_watch import FileWatcher
    from rotator.system.watched_folders import Watched

    hints = _Hints()
    watched = (
        Watched("auth.json", paths.auth_file),
        Watched("the store", paths.changed),
        Watched("the watcher", paths.bridge / "state.json"),
        Watched("opencodes", paths.bridge / "present", folder=True),
        Watched("the settings", paths.config_file),
    )

    def hint(name: str, path: Path) -> None:
        # A hidden name is a file that is still being written.
        if not path.name.startswith("."):
            hints.put(name)

    show = _Screen() if _can_clear() else _Blocks()
    with interrupts.told_to(lambda: hints.put(_END)), FileWatcher(watched, hint) as files:
        while True:
            show(look())
            if interrupts.output_is_lost() or not _wait(hints, files.check):
                return


def _wait(hints: _Hints, check: Callable[[], None]) -> bool:
    """Wait until it is time to look again; False: until it is time to end."""
    began = time.monotonic()
    while time.monotonic() - began < LOOK_SECONDS:
        if _is_closed():
            return False
        try:
            hint = hints.get(timeout=_CHECK_SECONDS)
        except queue.Empty:
            check()
            continue
        # A folder that has just come into being is watched at once.
        check()
        time.sleep(_PAUSE_SECONDS)
        told = {hint}
        with contextlib.suppress(queue.Empty):
            while True:
                told.add(hints.get_nowait())
        return _END not in told
    return True


class _Screen:
    """Paints over what was there, so that nothing flickers."""

    def __init__(self) -> None:
        self._shown: str | None = None

    def __call__(self, text: str) -> None:
        if text == self._shown:
            return
        begin = _HOME if self._shown is not None else _CLEAR + _HOME
        lines = "".join(f"{line}{_CLEAR_LINE}\n" for line in text.splitlines())
        # click itself would take the codes out wherever it takes something for no terminal.
        click.echo(f"{begin}{lines}{_CLEAR_REST}", nl=False, color=True)
        self._shown = text


class _Blocks:
    """Prints one text below the other, with an empty line between."""

    def __init__(self) -> None:
        self._shown: str | None = None

    def __call__(self, text: str) -> None:
        if text == self._shown:
            return
        is_apart = self._shown is not None and "\n" in text
        click.echo(f"\n{text}" if is_apart else text)
        self._shown = text


def _can_clear() -> bool:
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def _is_closed() -> bool:
    """Tell whether nobody reads our output any more."""
    try:
        number = sys.stdout.fileno()
    except (OSError, ValueError):
        return False
    poll = select.poll()
    poll.register(number, 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))
