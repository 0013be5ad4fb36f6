"""`rotator dashboard` without its command line: the way in, which has a budget of its own."""

from __future__ import annotations

import contextlib
import gc
import io
import os
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rotator.system.paths import find_paths

if TYPE_CHECKING:
    from rotator.context import Context

NO_SUSPEND = "--no-suspend"


def is_simple(words: Sequence[str]) -> bool:
    """Tell whether these words are understood here, without the library for command lines."""
    return set(words) <= {NO_SUSPEND}


def open_dashboard(*, may_suspend: bool) -> int:
    """Show the dashboard until it is left; return the exit code. Raises RotatorError."""
    # All that is made before the first screen stays: to look through it for refuse takes a tenth
    # of the time until then.
    gc.disable()
    from rotator.tui.app import run_dashboard  # noqa: PLC0415  # as the line before says

    for stream in (sys.stdout, sys.stderr):
        # A name with letters that the terminal's encoding does not have is no fault of ours.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    os.umask(0o077)
    paths = find_paths()

    @contextlib.contextmanager
    def open_here() -> Iterator[Context]:
        # The first screen does without them.
        from rotator.context import open_context  # noqa: PLC0415

        with open_context(paths) as context:
            yield context

    return run_dashboard(paths, open_here, on_screen=_collect_again, may_suspend=may_suspend)


def _collect_again() -> None:
    gc.freeze()
    gc.enable()
