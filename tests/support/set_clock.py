"""A watcher in a process of its own whose clock is set by a file: seconds beside the real time.

Run as `python -m tests.support.set_clock FILE`. It is the program's own clock that is set (what
`open_books` is given), so no other library between it and the system is needed.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rotator.context import Purpose, open_context
from rotator.system import interrupts
from rotator.system.locks import watch_lock
from rotator.system.paths import find_paths
from rotator.watcher.daemon import Daemon


def main() -> None:
    """Watch until a signal ends it; prints a line once it does."""
    told = Path(sys.argv[1])

    def clock() -> datetime:
        return datetime.now(UTC) + timedelta(seconds=float(told.read_text("ascii")))

    interrupts.note_signals()
    paths = find_paths()
    # Commands then leave the files to it, as they do to every watcher.
    with (
        watch_lock(paths.watch_lock),
        open_context(paths, purpose=Purpose.WATCH, clock=clock) as context,
    ):
        daemon = Daemon(context)
        with interrupts.told_to(daemon.stop):
            daemon.run(lambda: print("watching", flush=True))


if __name__ == "__main__":
    main()
