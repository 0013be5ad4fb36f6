"""To whom a failure in opencode's log is charged where no bridge tells what the request carried.

An opencode without the bridge goes on with the API key that it has read at its start, so such a
failure is charged by the process that wrote the line, or by each one that may have written it
(`log_writers`). A login is read anew for each request, so it is charged by when the request
began: one that was under way at a swap carried the login before. Its place is not: what was put
in since for another place is not charged for an answer of the old one. Where two accounts may
be meant, nobody is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from rotator.clock import is_ahead
from rotator.context import Context
from rotator.model import Account, Digest, State, Tenure
from rotator.opencode.bridge.presence import Present
from rotator.opencode.log import LoggedFailure
from rotator.opencode.own_plugins import is_fixed_at_start
from rotator.opencode.run_lines import Run, Runs
from rotator.services.log_writers import find_writers
from rotator.services.without_bridge import Unbridged, opencodes_without_bridge, unbridged
from rotator.storage.tables.slots import TENURES_KEPT
from rotator.system.processes import Opencode

# An attempt of which nobody knows when it began may have been under way for so long.
UNDER_WAY = timedelta(minutes=10)
# An opencode that has ended may have run for so long.
_RAN = timedelta(days=1)
# So long after its line in the log a request has read its login.
_READ_WITHIN = timedelta(seconds=5)
# So long after it has used a folder an opencode that a person looks at has read its keys.
_LOADED_WITHIN = timedelta(seconds=10)
# A swap is noted so long after it has happened.
_NOTED_WITHIN = timedelta(seconds=1)
_TICK = timedelta(milliseconds=1)
# Who was in the slot before the first that is known, where more have been than are kept.
_UNKNOWN = Tenure(None, datetime.min.replace(tzinfo=UTC))

# When something was read: not before the first, not after the second.
_Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class OtherOpencode:
    """An opencode that writes, or wrote, into the log beside those that run without the bridge.

    It has a bridge, or has ended. One that `sends` may have written the line about a request
    that no bridge marked.
    """

    opencode: Opencode
    sends: bool


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What else is known when a failure is looked at.

    `running` are the opencodes without a bridge, None where nobody has looked for them yet. In the
    times that are `unwatched` anybody may have been live.
    """

    running: Sequence[Opencode] | None = None
    beside: Sequence[OtherOpencode] = ()
    unwatched: Sequence[_Span] = ()


_NOTHING_KNOWN = Surroundings()


@dataclass(frozen=True, slots=True)
class _Sender:
    """A process that sends requests with what is in auth.json.

    One that `follows` puts into each request what is in there by then.
    """

    opencode: Opencode
    follows: bool = False
    is_idle: bool = False
    is_beside: bool = False

    @property
    def began_at(self) -> datetime:
        """When it began."""
        return self.opencode.started_at


@dataclass(frozen=True, slots=True)
class _Suspects:
    """The senders that may have written the line, as `Writers` has them."""

    run: Run | None
    begins: bool
    beginners: Sequence[_Sender]
    older: Sequence[_Sender]

    @property
    def began_at(self) -> datetime | None:
        """When the process that wrote the line began, at the earliest; None: nobody knows."""
        starts = [sender.began_at for sender in self.older]
        if self.run is None or not (self.begins or self.is_young):
            return None
        return min([*starts, self.run.first_at] if self.begins else starts)

    @property
    def is_young(self) -> bool:
        """Whether one of them runs that began shortly before the run's first line."""
        run = self.run
        return run is not None and any(
            run.is_of(sender.began_at) for sender in self.older if not sender.is_beside
        )


def attribution_time(
    context: Context,
    present: Sequence[Present],
    failure: LoggedFailure,
    runs: Runs,
    around: Surroundings = _NOTHING_KNOWN,
) -> datetime | None:
    """Return the time by which a failure is charged to whoever was live then; None: nobody is."""
    state, now = context.store.state(), context.clock()
    known = _known(state, failure.provider)
    if not known:
        return failure.at
    silent, beside = around.running, around.beside
    if silent is None:
        silent = opencodes_without_bridge(context.paths, present)
    senders = _senders(unbridged(context.paths, present, silent), beside)
    suspects = _suspects(failure, runs, [*silent, *(writer.opencode for writer in beside)], senders)
    requested = _requested(failure, suspects.began_at if suspects else None)
    if suspects is None:
        spans = _loaded_unnamed(senders, requested)
    else:
        spans = _loaded(suspects, failure, requested)
    began_with = [tenure for span in spans for tenure in _held(known, span, now)]
    began_with += [_UNKNOWN for span in spans if _is_in(span, around.unwatched)]
    if began_with and not any(_is_login(state, failure.provider, tenure) for tenure in began_with):
        return _only(began_with, known, failure.at, now)
    # A request is of these days, whatever the clock was before.
    by_request = _held(known[_set_back(known, now) or 0 :], requested, now)
    by_request += [_UNKNOWN] if _is_in(requested, around.unwatched) else []
    logins = [
        tenure
        for tenure in (*began_with, *by_request)
        if _is_login(state, failure.provider, tenure)
    ]
    if began_with and len(logins) < len(began_with) + len(by_request):
        # What began with the one kind has built its requests for it, and uses none of the other.
        return None
    if len({_place(state, tenure) for tenure in logins if tenure is not _UNKNOWN}) > 1:
        # Tokens that were put in since went to the place of those that it began with.
        return None
    return _only(by_request, known, failure.at, now)


def _place(state: State, tenure: Tenure) -> Digest | None:
    account = state.account(tenure.account)
    return None if account is None else account.credential.destination


def _is_login(state: State, provider: str, tenure: Tenure) -> bool:
    """Tell whether that was a login which opencode reads anew for each request."""
    if tenure is _UNKNOWN:
        # A provider that has logins alone had one then, too.
        return all(map(_is_read_anew, state.of(provider)))
    account = state.account(tenure.account)
    return account is not None and _is_read_anew(account)


def _is_read_anew(account: Account) -> bool:
    return account.credential.type == "oauth" and not is_fixed_at_start(account)


def _set_back(tenures: Sequence[Tenure], now: datetime) -> int | None:
    """Return the place of the last of them that is of a clock that was set back since, if any."""
    next_at = [*(tenure.since for tenure in tenures[1:]), now]
    ahead = [n for n, tenure in enumerate(tenures) if is_ahead(tenure.since, next_at[n])]
    ahead += [n for n, tenure in enumerate(tenures) if is_ahead(tenure.since, now)]
    return max(ahead, default=None)


def _known(state: State, provider: str) -> list[Tenure]:
    """Return who was in the slot, as far back as that is kept; before it was somebody unknown."""
    tenures = state.slot(provider).tenures
    return [*([_UNKNOWN] if len(tenures) >= TENURES_KEPT else []), *tenures]


def _senders(without: Sequence[Unbridged], beside: Sequence[OtherOpencode]) -> list[_Sender]:
    running = [
        _Sender(process.opencode, follows=process.is_following, is_idle=process.is_idle)
        for process in without
        if process.uses_auth_json
    ]
    return [
        *running,
        *(_Sender(process.opencode, is_beside=True) for process in beside if process.sends),
    ]


def _suspects(
    failure: LoggedFailure, runs: Runs, processes: Sequence[Opencode], senders: Sequence[_Sender]
) -> _Suspects | None:
    """Return who may have written the line; None where the log gives its process no name."""
    if failure.run is None:
        return None
    writers = find_writers(failure.run, failure.at, runs, processes)

    def sending(processes_found: Sequence[Opencode]) -> list[_Sender]:
        return [sender for sender in senders if sender.opencode in processes_found]

    return _Suspects(
        writers.run, writers.begins, sending(writers.beginners), sending(writers.older)
    )


def _requested(failure: LoggedFailure, process_began_at: datetime | None) -> _Span:
    """Return when the request has read its login."""
    if failure.began_at is None:
        first = max(failure.at - UNDER_WAY, process_began_at or failure.at - UNDER_WAY)
        return min(first, failure.at), failure.at
    # The line of a title's request stands for three attempts.
    last = failure.at if failure.small else min(failure.began_at + _READ_WITHIN, failure.at)
    return failure.began_at, last


def _loaded(suspects: _Suspects, failure: LoggedFailure, requested: _Span) -> list[_Span]:
    """Return when the process has read its API keys; of several it may be, when each has."""
    run, end = suspects.run, requested[1]
    several = [*suspects.beginners, *suspects.older]
    spans = [requested] if any(process.follows for process in several) else []
    starts = [process.began_at for process in suspects.older if not process.follows]
    if run is not None and suspects.begins:
        kept = [process for process in suspects.beginners if not process.follows]
        if kept or not suspects.beginners:
            spans.append(_used(run, failure, kept))
    elif not suspects.is_young:
        # Its log says less, or was cut, and it may have ended: it began at any time.
        starts.append(failure.at - _RAN)
    return [*spans, *((min(start, end), end) for start in starts)]


def _loaded_unnamed(senders: Sequence[_Sender], requested: _Span) -> list[_Span]:
    """Return when each process has read its keys: an older opencode gives it no name."""
    spans = [requested for sender in senders if sender.follows]
    for sender in senders:
        read_by = requested[1]
        if sender.opencode.kind != "serve":
            read_by = min(read_by, sender.began_at + _LOADED_WITHIN)
        if not sender.follows and not sender.is_idle:
            spans.append((min(sender.began_at, read_by), read_by))
    return spans


def _used(run: Run, failure: LoggedFailure, mine: Sequence[_Sender]) -> _Span:
    """Return when a process has read its keys: between its use of a folder and its request."""
    built = list(run.folders.values()) or [run.first_at]
    ends = [failure.began_at or failure.at]
    if len(built) == 1 and run.asked_at is not None:
        ends.append(run.asked_at)
    if mine and all(process.opencode.kind != "serve" for process in mine):
        ends.append(max(built) + _LOADED_WITHIN)
    return min(built), max(min(ends), min(built))


def _held(tenures: Sequence[Tenure], span: _Span, now: datetime) -> list[Tenure]:
    """Return who was in the slot at some time of the span; before the first, the first was.

    Of a time that may be before the clock was set back anybody until then may have been.
    """
    first, last = span
    back = _set_back(tenures, now) or 0
    ends = [tenure.since for tenure in tenures[back + 1 :]]
    before = back + sum(end <= first for end in ends)
    until = back + sum(end <= last + _NOTED_WITHIN for end in ends)
    return list(tenures[0 if before == back else before : until + 1])


def _is_in(span: _Span, times: Sequence[_Span]) -> bool:
    return any(since <= span[1] and span[0] <= until for since, until in times)


def _only(
    held: Sequence[Tenure], tenures: Sequence[Tenure], at: datetime, now: datetime
) -> datetime | None:
    """Return a time at which it was live, the last until `at`, if all are one account's."""
    if len({tenure.account for tenure in held}) != 1:
        return None
    latest = max(number for number, tenure in enumerate(tenures) if tenure in held)
    end = next((tenure.since for tenure in tenures[latest + 1 :]), None)
    since = tenures[latest].since
    # Of a clock that was set back it may have begun after its end.
    time = at if end is None or at < end else end - _TICK
    time = max(time, since) if end is not None and since < end else time
    past = [tenure for tenure in tenures if tenure.since <= time or is_ahead(tenure.since, now)]
    # What was live for less than a moment has no time of its own.
    return time if not past or past[-1].account == tenures[latest].account else None
