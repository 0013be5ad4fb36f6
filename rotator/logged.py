"""Which failures in opencode's log are evidence against an account, and against which.

A line names no credential. Where a bridge serves the session its note says which login the
request carried; without one the login in auth.json is meant, unless a key may come from
elsewhere. Whatever is not sure blames nobody.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from rotator.books import Books
from rotator.model import Digest, Event, EventKind, Signal, Source
from rotator.opencode.exchange import Exchange, Present
from rotator.opencode.logtail import LoggedFailure
from rotator.own_keys import find_own_keys
from rotator.repeats import Foreign, Note, Passed, match_note, match_passed
from rotator.restarts import charge_time

_KEPT = 200
# A note that is on its way when a line is read has this long to arrive.
HELD_FOR = timedelta(seconds=2)
SAID_AGAIN_AFTER = timedelta(hours=1)
_WHOSE = {
    Foreign.CONFIGURED: "a key that opencode.json gives",
    Foreign.UNKNOWN: "a key that no login here has",
    Foreign.UNSEEN: "what another plug-in sends",
}


class LoggedFailures:
    """Takes the lines of opencode's log and the bridges' notes; for one thread."""

    def __init__(self, books: Books, exchange: Exchange, blame: Callable[[Signal], None]) -> None:
        """Call `blame` with each failure that is evidence against an account."""
        self._books = books
        self._exchange = exchange
        self._blame = blame
        self._passed: deque[Passed] = deque(maxlen=_KEPT)
        self._notes: deque[Note] = deque(maxlen=_KEPT)
        self._held: deque[tuple[LoggedFailure, datetime]] = deque(maxlen=_KEPT)
        self._said: dict[tuple[str, str], datetime] = {}

    @property
    def is_holding(self) -> bool:
        """Whether a line waits for a note about it."""
        return bool(self._held)

    def expect(self, passed: Passed) -> None:
        """Know of a failure that a bridge reported: its line tells nothing new."""
        self._passed.append(passed)
        self.work()

    def note(self, note: Note) -> None:
        """Know what a bridge says of a session's last request."""
        self._notes.append(note)
        self.work()

    def hear(self, failure: LoggedFailure) -> None:
        """Work off a line of the log."""
        if self._is_settled(failure):
            return
        present = self._exchange.present()
        if self._is_served(failure, present):
            self._held.append((failure, self._books.clock() + HELD_FOR))
        else:
            self._judge_without_bridge(failure, present)

    def work(self) -> None:
        """Look at the lines that wait, and drop those that nothing came for."""
        held, now = list(self._held), self._books.clock()
        self._held.clear()
        for failure, until in held:
            if not self._is_settled(failure) and now < until:
                self._held.append((failure, until))

    def _is_served(self, failure: LoggedFailure, present: list[Present]) -> bool:
        if failure.session is None:
            # An older opencode's line may name none: then any bridge may have served it.
            return bool(present)
        return failure.session in self._exchange.served_sessions()

    def _is_settled(self, failure: LoggedFailure) -> bool:
        """Tell whether a bridge has said of this failure what there is to say."""
        provider, session, at = failure.provider, failure.session, failure.at
        repeated = match_passed(self._passed, provider, session, at)
        if repeated is not None:
            self._passed.remove(repeated)
            return True
        note = match_note(self._notes, provider, failure.model, session, at)
        if note is None:
            return False
        if note.credential is not None:
            self._blame(replace(_signal(failure, at, note.credential), provider=note.provider))
        elif self._books.store.state().of(provider):
            whose = _WHOSE[note.key or Foreign.UNKNOWN]
            self._say(provider, f"{provider}: a request failed with {whose}: nobody is blamed")
        return True

    def _judge_without_bridge(self, failure: LoggedFailure, present: list[Present]) -> None:
        if not self._books.store.state().of(failure.provider):
            # There is nobody to blame, and nothing to say.
            return
        own = find_own_keys(self._books, present, [failure.provider], run=failure.run)
        if own:
            self._say(own[0].provider, own[0].says)
            return
        at = charge_time(self._books, present, failure.provider, failure.at)
        self._blame(_signal(failure, at))

    def _say(self, provider: str, why: str) -> None:
        """Tell it, unless it was told within the hour."""
        now, key = self._books.clock(), (provider, why)
        said = self._said.get(key)
        if said is None or now - said >= SAID_AGAIN_AFTER:
            self._said = {k: at for k, at in self._said.items() if now - at < SAID_AGAIN_AFTER}
            self._said[key] = now
            self._books.record([Event(now, EventKind.PROBLEM, provider, why=why)])


def _signal(failure: LoggedFailure, at: datetime, credential: Digest | None = None) -> Signal:
    return Signal(
        id=f"log-{failure.at.timestamp():.3f}",
        at=at,
        provider=failure.provider,
        source=Source.LOG,
        credential=credential,
        model=failure.model,
        session=failure.session,
        error=failure.message,
    )
