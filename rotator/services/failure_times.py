"""To whom a failure in opencode's log is charged where no bridge tells what the request carried.

An opencode without the bridge goes on with the API key that it has read at its start, so such a
failure is charged by the process that wrote the line. A login is read anew for each request, so
it is charged by when the request began: one that was under way at a swap carried the login
before. Where two accounts may be meant, nobody is.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from rotator.clock import is_ahead
from rotator.context import Books
from rotator.model import State, Tenure
from rotator.opencode.bridge.presence import Present
from rotator.opencode.log import LoggedFailure
from rotator.opencode.run_lines import Run, Runs
from rotator.services.without_bridge import Unbridged, unbridged
from rotator.system.processes import Opencode

# An attempt of which nobody knows when it began may have been under way for so long.
UNDER_WAY = timedelta(minutes=10)
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
    run = runs.runs.get(failure.run or "")
    requested = _requested(failure, run)
    spans = _loaded(unbridged(books.paths, present, running), failure, runs, requested)
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


def _requested(failure: LoggedFailure, run: Run | None) -> _Span:
    """Return when the request has read its login."""
    if failure.began_at is None:
        first = failure.at - UNDER_WAY
        return (first if run is None else min(max(first, run.first_at), failure.at), failure.at)
    # The line of a title's request stands for three attempts.
    last = failure.at if failure.small else min(failure.began_at + _READ_WITHIN, failure.at)
    return failure.began_at, last


def _loaded(
    without: Sequence[Unbridged], failure: LoggedFailure, runs: Runs, requested: _Span
) -> list[_Span]:
    """Return when the process has read its API keys; of several it may be, when each has."""
    run = runs.runs.get(failure.run or "")
    mine = [one for one in without if run is not None and run.is_of(one.opencode.started_at)]
    if any(one.is_following for one in mine):
        return [requested]
    spans = [] if run is None else [_used(run, failure, mine)]
    if run is None or (runs.since is not None and not mine):
        # The part of the log that is read may begin in the middle of that process.
        spans += [(one.opencode.started_at,) * 2 for one in without if one.is_stuck]
        spans += [requested for one in without if one.is_following]
    return spans


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
