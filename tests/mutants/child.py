"""A child of this process that finds something out and ends."""

from __future__ import annotations

import gc
import json
import math
import os
import resource
import signal
import traceback
from collections.abc import Callable

# Nothing here waits for anything, so that this is met by what went wrong beside the code alone.
_WALL_SECONDS = 300
_MOST_MEMORY = 2 << 30
_MOST_BYTES = 1 << 16


class Unusable(Exception):
    """The tests could not be run at all, which says nothing about the code."""


class Child:
    """Runs `work` in a copy of this process; the text that it returns is the child's answer."""

    def __init__(self, work: Callable[[], str]) -> None:
        self._pipe, writing = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.write(writing, json.dumps(_worked(work)).encode()[:_MOST_BYTES])
            # Without the ends of what was begun before the fork: they are the parent's.
            os._exit(0)
        os.close(writing)

    def answer(self, code: int, *, is_given: bool) -> str:
        """Return what it answered once it has ended with `code`; nothing if it had no time."""
        with os.fdopen(self._pipe, "rb") as pipe:
            told = pipe.read() if is_given else b'["", ""]'
        if is_given and (code != 0 or not told):
            raise Unusable(f"a child ended with {code}")
        answer, error = json.loads(told)
        if error:
            raise Unusable(error)
        return str(answer)


def limit(processor_seconds: float) -> None:
    """Let the system end this process after so long, or when it takes all memory."""
    seconds = math.ceil(processor_seconds)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _worked(work: Callable[[], str]) -> tuple[str, str]:
    gc.disable()
    signal.alarm(_WALL_SECONDS)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    try:
        return work(), ""
    except BaseException:  # noqa: BLE001 - whatever it is, the parent tells it
        return "", traceback.format_exc()[-2000:]
