"""To whom a failure in opencode's log is charged where no bridge tells what the request carried.

An opencode without the bridge goes on with the API key that it has read at its start, so such a
failure is charged by the process that wrote the line. A login is read anew for each request, so
it is charged by when the request began: one that was under way at a swap carried the login
before. Where two accounts may be meant, nobody is.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from rotator.books import Books
from rotator.clock import is_ahead
from rotator.model import State, Tenure
from rotator.opencode.exchange import Present
from rotator.opencode.logtail import LoggedFailure
from rotator.opencode.run_lines import Run, Runs
from rotator.processes import Opencode
from rotator.unbridged import Unbridged, unbridged

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

# When something was read: not before the first, not after the second.
_Span = tuple[datetime, datetime]


def charge_time(
    books: Books,
    present: Sequence[Present],
    failure: LoggedFailure,
    runs: Runs,
    running: Sequence[Opencode] | None = None,
) -> datetime | None:
    """Return the time by which a failure is charged to whoever was live then; None: nobody is."""
    state, at = books.store.state(), failure.at
    tenures = _settled(state.slot(failure.provider).tenures, books.clock())
    if not tenures:
        return at
    without = unbridged(books.paths, present, running)
    requested = _requested(failure, _began_at(without, failure, runs))
    spans = _loaded(without, failure, runs, requested)
    began_with = [one for span in spans for one in _held(tenures, span)]
    if began_with and not any(_is_login(state, one) for one in began_with):
        return _only(began_with, tenures, at)
    by_request = _held(tenures, requested)
    logins = [one for one in (*began_with, *by_request) if _is_login(state, one)]
    if began_with and len(logins) < len(began_with) + len(by_request):
        # What began with the one kind has built its requests for it, and uses none of the other.
        return None
    return _only(by_request, tenures, at)


def _is_login(state: State, tenure: Tenure) -> bool:
    account = state.account(tenure.account)
    return account is not None and account.credential.type == "oauth"


def _settled(tenures: Sequence[Tenure], now: datetime) -> list[Tenure]:
    """Leave out what was before a time ahead of now: the clock was set back, and that is past."""
    ahead = [number for number, one in enumerate(tenures) if is_ahead(one.since, now)]
    return list(tenures[ahead[-1] :] if ahead else tenures)


def _began_at(without: Sequence[Unbridged], failure: LoggedFailure, runs: Runs) -> datetime | None:
    """Return when the process that wrote the line began, at the earliest; None: nobody knows."""
    run = runs.runs.get(failure.run or "")
    if run is None:
        return None
    mine = _of_run(without, run)
    if not run.is_whole:
        # Its log says less, or was cut: the line may come long after its beginning.
        return min((one.opencode.started_at for one in mine), default=None)
    return run.first_at if mine or not _is_older_missing(without, run, runs) else None


def _is_older_missing(without: Sequence[Unbridged], run: Run, runs: Runs) -> bool:
    """Tell whether an older opencode runs whose beginning is not in the log: it may be this."""
    older = [one for one in without if one.opencode.started_at < run.first_at]
    begun = runs.runs.values()
    return any(
        one.uses_auth_json and not any(other.is_of(one.opencode.started_at) for other in begun)
        for one in older
    )


def _of_run(without: Sequence[Unbridged], run: Run) -> list[Unbridged]:
    return [one for one in without if run.is_of(one.opencode.started_at)]


def _requested(failure: LoggedFailure, process_began_at: datetime | None) -> _Span:
    """Return when the request has read its login."""
    if failure.began_at is None:
        first = max(failure.at - UNDER_WAY, process_began_at or failure.at - UNDER_WAY)
        return min(first, failure.at), failure.at
    # The line of a title's request stands for three attempts.
    last = failure.at if failure.small else min(failure.began_at + _READ_WITHIN, failure.at)
    return failure.began_at, last


def _loaded(
    without: Sequence[Unbridged], failure: LoggedFailure, runs: Runs, requested: _Span
) -> list[_Span]:
    """Return when the process has read its API keys; of several it may be, when each has."""
    run = runs.runs.get(failure.run or "")
    if run is None:
        # An older opencode gives its process no name.
        stuck = [(one.opencode.started_at,) * 2 for one in without if one.is_stuck]
        return [*stuck, *(requested for one in without if one.is_following)]
    mine = _of_run(without, run)
    if any(one.is_following for one in mine):
        return [requested]
    began_at = _began_at(without, failure, runs)
    if run.is_whole and began_at is not None:
        return [_used(run, failure, mine)]
    if began_at is None:
        running = (one.opencode.started_at for one in without if one.uses_auth_json)
        began_at = min(failure.at - _RAN, *running, failure.at)
    return [(began_at, max(began_at, requested[1]))]


def _used(run: Run, failure: LoggedFailure, mine: Sequence[Unbridged]) -> _Span:
    """Return when a process has read its keys: between its use of a folder and its request."""
    built = list(run.folders.values()) or [run.first_at]
    ends = [failure.began_at or failure.at]
    if len(built) == 1 and run.asked_at is not None:
        ends.append(run.asked_at)
    if mine and all(one.opencode.kind != "serve" for one in mine):
        ends.append(max(built) + _LOADED_WITHIN)
    return min(built), max(min(ends), min(built))


def _held(tenures: Sequence[Tenure], span: _Span) -> list[Tenure]:
    """Return who was in the slot at some time of the span; before the first, the first was."""
    first, last = span
    ends = [one.since for one in tenures[1:]]
    before = sum(end <= first for end in ends)
    until = sum(end <= last + _NOTED_WITHIN for end in ends)
    return list(tenures[before : until + 1])


def _only(held: Sequence[Tenure], tenures: Sequence[Tenure], at: datetime) -> datetime | None:
    """Return a time at which it was live, the last until `at`, if all are one account's."""
    if len({one.account for one in held}) != 1:
        return None
    latest = max(held, key=lambda one: one.since)
    end = next((one.since for one in tenures if one.since > latest.since), None)
    return at if end is None or at < end else max(end - _TICK, latest.since)
