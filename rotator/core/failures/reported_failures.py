"""What a bridge has said of a failure that a line of opencode's log tells of as well.

Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from rotator.model import Digest


@dataclass(frozen=True, slots=True)
class ReportedFailure:
    """A failure that the bridge reported and handed on: opencode will log it too."""

    provider: str
    session: str | None
    at: datetime


class Foreign(StrEnum):
    """Whose a credential is that is no login of a home's."""

    # A key that opencode.json gives.
    CONFIGURED = "configured"
    # A credential that did not come from a home; a login there may have the same.
    UNKNOWN = "unknown"
    # The request is signed: it arrives as it is, with whatever login.
    SIGNED = "signed"
    # The request never came through the bridge's fetch: another plug-in has it.
    UNSEEN = "unseen"
    # Its answer came from another place than it was sent to: a fetch below the bridge's sent it on.
    ELSEWHERE = "elsewhere"
    # Such a fetch failed, and nothing was seen of an answer.
    UNANSWERED = "unanswered"


@dataclass(frozen=True, slots=True)
class Note:
    """What a bridge says of the request that a session sent last, when something failed in it.

    `credential` is the login that the request carried; where it carried none, `key` says what.
    `unproven`: somebody else had it in hand then, and may have sent it with another. Of what
    happens in OpenCode 2 no line is written that it could be about (`is_logged`).
    """

    at: datetime
    session: str
    provider: str
    model: str | None
    credential: Digest | None
    key: Foreign | None = None
    unproven: bool = False
    is_logged: bool = True


@dataclass(frozen=True, slots=True)
class StoppedWait:
    """A request that waited for an account waits no more: its turn was stopped."""

    at: datetime
    request: str


DUPLICATE_WINDOW = timedelta(seconds=30)
NOTE_WINDOW = timedelta(seconds=5)


def find_reported(
    passed: Iterable[ReportedFailure], provider: str, session: str | None, at: datetime
) -> ReportedFailure | None:
    """Return the reported failure that a log line at `at` repeats, or None."""
    for failure in passed:
        same = _is_of(failure.provider, provider) and (
            session is None or failure.session in {None, session}
        )
        if same and abs(at - failure.at) <= DUPLICATE_WINDOW:
            return failure
    return None


def find_note(
    notes: Iterable[Note], provider: str, model: str | None, session: str | None, at: datetime
) -> Note | None:
    """Return the note that is about the failure of a log line at `at`, or None.

    Of several it is the one that is nearest in time: each attempt has a note of its own.
    """
    fitting = [
        note
        for note in notes
        if _is_of(note.provider, provider)
        and session in {None, note.session}
        and (model is None or note.model in {None, model})
        and abs(at - note.at) <= NOTE_WINDOW
    ]
    return min(fitting, key=lambda note: abs(at - note.at), default=None)


def _is_of(told: str, logged: str) -> bool:
    """Tell whether a bridge's provider may be the log's: a well-known login's is an address."""
    return told == logged or "://" in told
