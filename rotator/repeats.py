"""Which line of opencode's log tells of a failure that a bridge has reported already.

Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Passed:
    """A failure that the bridge reported and handed on: opencode will log it too."""

    provider: str
    session: str | None
    at: datetime


DUPLICATE_WINDOW = timedelta(seconds=30)


def match_passed(
    passed: Iterable[Passed], provider: str, session: str | None, at: datetime
) -> Passed | None:
    """Return the reported failure that a log line at `at` repeats, or None."""
    for one in passed:
        same = one.provider == provider and (session is None or one.session in {None, session})
        if same and abs(at - one.at) <= DUPLICATE_WINDOW:
            return one
    return None
