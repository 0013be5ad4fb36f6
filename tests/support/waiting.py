"""Waiting for something to become true; no test sleeps and hopes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")
_POLL_SECONDS = 0.01
# A condition that takes long, as a command does, is asked less often: most of the time belongs
# to what is waited for.
_TIMES_AS_LONG, _MOST_SECONDS = 3, 0.3


def wait_until(
    condition: Callable[[], Found],
    deadline_seconds: float,
    what: str | Callable[[], str],
    *,
    poll_seconds: float = _POLL_SECONDS,
) -> Found:
    """Return the first truthy value of `condition`; raise TimeoutError naming `what` if none came.

    `what` may be a function, for a message that shows how far it got.
    """
    started = asked = time.monotonic()
    while not (found := condition()):
        now = time.monotonic()
        if now - started > deadline_seconds:
            told = what if isinstance(what, str) else what()
            raise TimeoutError(f"waited {deadline_seconds:g} s for {told}")
        time.sleep(max(poll_seconds, min(_TIMES_AS_LONG * (now - asked), _MOST_SECONDS)))
        asked = time.monotonic()
    return found
