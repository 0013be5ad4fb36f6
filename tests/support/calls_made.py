"""How many calls a piece of work makes: the same on every machine, however busy it is."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType


def calls_made(work: Callable[[], object]) -> int:
    """Do `work` and return how many functions it has called, those written in C among them."""
    count = 0

    def add(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(add)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count
