"""An answer with a good status that was none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class FaultKind(StrEnum):
    """What came in place of an answer."""

    # Another document than a stream: an error as JSON, a page.
    INSTEAD = "instead"
    # An error as an event of the stream.
    ERROR = "error"
    # A stream that ended with nothing in it.
    EMPTY = "empty"
    # A beginning: the connection broke, or the stream ended without its last word.
    CUT = "cut"
    # Silence, until opencode's own time-out.
    STALLED = "stalled"


@dataclass(frozen=True, slots=True)
class EarlierFault:
    """A fault before this one in the same session with the same login, and how long before."""

    kind: FaultKind
    before: timedelta


@dataclass(frozen=True, slots=True)
class Fault:
    """How an answer was none; `earlier` are those since the last good one, the oldest first.

    With `is_held` opencode does not have the end of it yet: it waits for a verdict. Otherwise
    it is told alone.
    """

    kind: FaultKind
    earlier: tuple[EarlierFault, ...] = ()
    is_held: bool = False
