"""Waiting for something to become true; no test sleeps and hopes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")
_POLL_SECONDS = 0.01


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
    started = time.monotonic()
    while not (found := condition()):
        if time.monotonic() - started > deadline_seconds:
            told = what if isinstance(what, str) else what()
            raise TimeoutError(f"waited {deadline_seconds:g} s for {told}")
        time.sleep(poll_seconds)
    return found
