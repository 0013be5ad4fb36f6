"""The watcher, with a time noted at each hand-over of a failover.

Run as `python -m tests.bench.traced_watcher FILE`; FILE is written at its end. A time that is noted
costs a microsecond, in memory.
"""

from __future__ import annotations

import atexit
import functools
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rotator.__main__ import main
from rotator.core.selection import failover as engine
from rotator.live import swap
from rotator.opencode.bridge.exchange import Exchange
from rotator.services import failover
from rotator.watcher import signals, switches
from rotator.watcher.messages import INBOX, MessageQueue

_stamps: list[str] = []


def _note(name: str) -> None:
    _stamps.append(f"{name} {time.monotonic_ns()}\n")


def _note_after(owner: Any, name: str, what: str) -> None:
    real: Callable[..., Any] = getattr(owner, name)

    @functools.wraps(real)
    def noted(*args: Any, **more: Any) -> Any:
        try:
            return real(*args, **more)
        finally:
            _note(what)

    setattr(owner, name, noted)


def _note_hints() -> None:
    real = MessageQueue.hint

    def noted(queue: MessageQueue, name: str, path: Path) -> None:
        if name == INBOX and not path.name.startswith("."):
            _note("told")
        real(queue, name, path)

    setattr(MessageQueue, "hint", noted)  # noqa: B010  # a method is not assigned otherwise


def _note_all() -> None:
    _note_hints()
    _note_after(Exchange, "take", "read")
    _note_after(signals, "meaning_of", "understood")
    _note_after(engine, "decide", "decided")
    _note_after(swap, "put_live", "put")
    _note_after(switches.Switches, "prepare", "put")
    _note_after(Exchange, "answer", "answered")
    _note_after(failover, "swap", "kept")
    _note_after(failover, "_mark", "kept")
    _note_after(switches, "_activated", "switched")


if __name__ == "__main__":
    file = Path(sys.argv[1])
    sys.argv[:] = ["rotator", "watch"]
    _note_all()
    atexit.register(lambda: file.write_text("".join(_stamps)))
    main()
