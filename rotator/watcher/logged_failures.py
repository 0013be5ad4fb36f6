"""Which failures in opencode's log are evidence against an account, and against which.

A line names no credential. Where a bridge serves the session its note says which login the
request carried; without one the login is meant that was in auth.json when it was read
(`failure_times`), unless a key may come from elsewhere. Whatever is not sure blames nobody.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rotator.clock import is_within
from rotator.context import Context
from rotator.core.failures.reported_failures import (
    Foreign,
    Note,
    ReportedFailure,
    find_note,
    find_reported,
)
from rotator.model import Digest, Event, EventKind, Signal, Source, Tenure
from rotator.opencode.bridge.exchange import Exchange
from rotator.opencode.bridge.presence import Present
from rotator.opencode.bridge.session_notes import Sessions
from rotator.opencode.log import LoggedFailure
from rotator.opencode.run_lines import Runs, runs_in
from rotator.services.failure_times import OtherOpencode, Surroundings, attribution_time
from rotator.services.own_keys import Origin, find_own_keys, is_sent, why_unsent
from rotator.services.substituted_keys import find_substitute
from rotator.services.without_bridge import has_own_logins, opencodes_without_bridge, sends_unmarked
from rotator.system.processes import Opencode, find_opencodes
from rotator.text import sanitize
from rotator.watcher.remembered_keys import RememberedKeys
from rotator.watcher.seen_opencodes import SeenOpencodes
from rotator.watcher.unwatched_time import Unwatched

_KEPT = 200
# A note that is on its way when a line is read has this long to arrive.
HELD_FOR = timedelta(seconds=2)
SAID_AGAIN_AFTER = timedelta(hours=1)
_NOBODY_IS_BLAMED = {
    Foreign.CONFIGURED: "a request failed with a key that opencode.json gives: nobody is blamed",
    Foreign.UNKNOWN: "a request failed with a key that auth.json did not give: nobody is blamed",
    Foreign.SIGNED: "a signed request failed, which arrives as it is: nobody is blamed",
    Foreign.UNSEEN: (
        "a turn failed of which no request to the model came through the bridge: nobody is blamed"
    ),
    Foreign.ELSEWHERE: (
        "a request failed that another plug-in sent to a place of its own: nobody is blamed"
    ),
    Foreign.UNANSWERED: (
        "another plug-in let a request fail, and no answer of a vendor was seen: nobody is blamed"
    ),
}
_BEFORE_US = (
    "with which login an opencode began that failed is not known, for no watcher ran and auth.json"
    " was written since: nobody is blamed until it is restarted, or has the bridge"
)
_FOREIGN_IN_SECOND = (
    "a request in OpenCode 2 failed with a key that its database does not hold: nobody is blamed"
)


@dataclass(frozen=True, slots=True)
class _Around:
    """What runs: the bridges, the opencodes without one, and the sessions that bridges serve.

    `aside` are those of bridges that leave every request alone. `runs` is what the log tells of
    its processes.
    """

    present: list[Present]
    running: list[Opencode]
    bridged: list[OtherOpencode]
    served: Sessions
    aside: Sessions
    runs: Runs


class LoggedFailures:
    """Takes the lines of opencode's log and the bridges' notes; for one thread."""

    def __init__(
        self,
        context: Context,
        exchange: Exchange,
        blame: Callable[[Signal], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Call `blame` with each failure that is evidence against an account."""
        self._context = context
        self._exchange = exchange
        self._blame = blame
        self._passed: deque[ReportedFailure] = deque(maxlen=_KEPT)
        self._notes: deque[Note] = deque(maxlen=_KEPT)
        self._held: deque[tuple[LoggedFailure, datetime]] = deque(maxlen=_KEPT)
        self._around: _Around | None = None
        self._said: dict[tuple[str, str], datetime] = {}
        self._unsent: dict[str, datetime] = {}
        self._seen = SeenOpencodes()
        self._remembered = RememberedKeys(context, exchange, monotonic)
        self._unwatched = Unwatched(context)
        self._swapped: dict[str, Tenure] | None = None

    @property
    def is_holding(self) -> bool:
        """Whether a line waits for a note about it."""
        return bool(self._held)

    def may_be_anothers(
        self, provider: str, session: str | None, host: str | None = None, *, says: bool = True
    ) -> bool:
        """Tell whether a request of which that is not proven may have had another plug-in's key.

        With `says` that is told: the request has failed.
        """
        substitute = find_substitute(self._exchange, session, host)
        if substitute is None:
            return False
        if says:
            self._say(
                provider,
                f"{sanitize(provider)}: {substitute} (by its text) may have sent a request that"
                " failed with a key of its own: nobody is blamed",
            )
        return True

    def expect(self, passed: ReportedFailure) -> None:
        """Know of a failure that a bridge reported: its line tells nothing new."""
        self._passed.append(passed)
        self._settle(lambda failure: self._repeats([passed], failure) is not None)

    def note(self, note: Note) -> None:
        """Know what a bridge says of a session's last request."""
        if not note.is_logged:
            if note.credential is None and self._context.store.state().of(note.provider):
                self._say(note.provider, f"{note.provider}: {_FOREIGN_IN_SECOND}")
            return
        self._notes.append(note)
        self._settle(lambda failure: self._note_about([note], failure) is not None)

    def hear(self, failure: LoggedFailure, *, with_last: bool = False) -> None:
        """Work off a line of the log.

        `with_last`: it was read together with the line before it, so what runs is known from then.
        """
        if not with_last:
            self._around = None
        if self._is_settled(failure):
            return
        around = self._around = self._around or self._look_around()
        if failure.session in around.aside:
            self._say_own(failure, around)
        elif _is_served(failure, around):
            self._held.append((failure, self._context.clock() + HELD_FOR))
        else:
            self._judge_without_bridge(failure, around)

    def unsent_at(self, provider: str) -> datetime | None:
        """Return when a turn of the provider's last failed without a request to its model."""
        return self._unsent.get(provider)

    def follow_swaps(self) -> None:
        """Know of the opencodes that run at a swap: they began with the login before it."""
        self._unwatched.keep()
        slots = self._context.store.state().slots.values()
        swapped = {slot.provider: slot.tenures[-1] for slot in slots if slot.tenures}
        if swapped != self._swapped:
            self._look_at_opencodes(self._exchange.present())
            self._swapped = swapped
        self._seen.work(self._context.clock())

    def see_opencodes(self) -> None:
        """Know of the opencodes that write into the log, before their lines are read."""
        self._remembered.look()

    def work(self) -> None:
        """Drop the lines that have waited, and nothing came for."""
        now = self._context.clock()
        waits = [(failure, until) for failure, until in self._held if self._waits(until, now)]
        self._held = deque(waits, maxlen=_KEPT)

    def _waits(self, until: datetime, now: datetime) -> bool:
        """Tell whether a line waits still; one that would for longer is of a clock set back."""
        return timedelta(0) < until - now <= HELD_FOR

    def _settle(self, is_about: Callable[[LoggedFailure], bool]) -> None:
        """Work off the lines that wait and that something came for; the others cost little."""
        held = list(self._held)
        self._held.clear()
        for failure, until in held:
            if not (is_about(failure) and self._is_settled(failure)):
                self._held.append((failure, until))

    def _look_around(self) -> _Around:
        present = self._exchange.present()
        running, bridged = self._look_at_opencodes(present)
        runs = runs_in(self._context.paths.opencode_logs)
        served = self._exchange.served_sessions()
        aside = self._exchange.sessions_of(filter(has_own_logins, present))
        return _Around(present, running, bridged, served, aside, runs)

    def _look_at_opencodes(
        self, present: list[Present]
    ) -> tuple[list[Opencode], list[OtherOpencode]]:
        """Return the opencodes without a bridge that we hear of and those with one."""
        paths = self._context.paths
        everyone = find_opencodes(paths.auth_file.parent)
        running = opencodes_without_bridge(paths, present, everyone)
        silent = {process.pid for process in running}
        bridged = [
            OtherOpencode(process, sends_unmarked(paths, process))
            for process in everyone
            if process.pid not in silent
        ]
        alone = [
            OtherOpencode(process, process.sends and not process.has_own_logins)
            for process in running
        ]
        self._seen.look([*alone, *bridged], self._context.clock())
        return running, bridged

    def _is_settled(self, failure: LoggedFailure) -> bool:
        """Tell whether a bridge has said of this failure what there is to say."""
        provider, at = failure.provider, failure.at
        repeated = self._repeats(self._passed, failure)
        if repeated is not None:
            self._passed.remove(repeated)
            return True
        note = self._note_about(self._notes, failure)
        if note is None:
            return False
        is_login = note.credential is not None
        if is_login and note.unproven and self.may_be_anothers(note.provider, note.session):
            return True
        if note.credential is not None:
            self._blame(replace(_signal(failure, at, note.credential), provider=note.provider))
        elif self._context.store.state().of(provider):
            if note.key is Foreign.UNSEEN:
                self._unsent[provider] = note.at
            why = _NOBODY_IS_BLAMED[note.key or Foreign.UNKNOWN]
            self._say(provider, f"{provider}: {why}")
        return True

    def _repeats(
        self, passed: Iterable[ReportedFailure], failure: LoggedFailure
    ) -> ReportedFailure | None:
        return find_reported(passed, failure.provider, failure.session, failure.at)

    def _note_about(self, notes: Iterable[Note], failure: LoggedFailure) -> Note | None:
        return find_note(notes, failure.provider, failure.model, failure.session, failure.at)

    def _judge_without_bridge(self, failure: LoggedFailure, around: _Around) -> None:
        if not self._context.store.state().of(failure.provider):
            # There is nobody to blame, and nothing to say.
            return
        if self._say_own(failure, around):
            return
        live = self._context.store.state().active(failure.provider)
        if live is not None and not is_sent(self._context, around.present, live):
            self._say(
                failure.provider,
                f"{why_unsent(self._context, around.present, live)}: nobody is blamed",
            )
            return
        beside = [*around.bridged, *self._seen.ended(failure.at, self._context.clock())]
        known = Surroundings(around.running, beside, self._unwatched.times(failure.provider))
        told = self._context, around.present, failure, around.runs
        at = attribution_time(*told, known)
        if at is not None:
            self._blame(_signal(failure, at))
        elif attribution_time(*told, replace(known, unwatched=())) is not None:
            self._say(failure.provider, f"{sanitize(failure.provider)}: {_BEFORE_US}")

    def _say_own(self, failure: LoggedFailure, around: _Around) -> bool:
        """Say what gives the provider a key of its own, and tell whether something does."""
        if not self._context.store.state().of(failure.provider):
            return False
        asked, remembered = [failure.provider], self._remembered
        origin = Origin(failure.run, failure.session, remembered.folders(failure.run))
        own = find_own_keys(self._context, around.present, asked, origin, running=around.running)
        # Its process may have ended, and another one run.
        key = own[0] if own else remembered.of_ended(failure.provider, failure.at)
        key = key or remembered.of_running(failure.provider, around.running)
        if key is not None:
            self._say(key.provider, key.says)
        return key is not None

    def _say(self, provider: str, why: str) -> None:
        """Tell it, unless it was told within the hour."""
        now, key = self._context.clock(), (provider, why)
        said = self._said.get(key)
        if said is None or not is_within(SAID_AGAIN_AFTER, said, now):
            kept = {k: at for k, at in self._said.items() if is_within(SAID_AGAIN_AFTER, at, now)}
            self._said = kept
            self._said[key] = now
            self._context.record([Event(now, EventKind.PROBLEM, provider, why=why)])


def _is_served(failure: LoggedFailure, around: _Around) -> bool:
    if failure.session is None:
        # An older opencode's line may name none: then any bridge may have served it.
        return bool(around.present)
    return failure.session in around.served


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
