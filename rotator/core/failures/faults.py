"""What answers mean that are none although their status is good, and when they count.

Pure. One of them may happen to everybody. The third of a session within ten seconds is taken for
what it says, else for an overload; so is the second time that opencode waited in vain. An error
that stands in a stream as an error counts at once, as its line in opencode's log does.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

from rotator.core.failures.classify import reason_of
from rotator.core.failures.error_codes import is_about_the_request, is_too_large, names_a_parameter
from rotator.core.failures.error_response import ErrorResponse, read_error_response
from rotator.model import (
    Account,
    Fault,
    FaultKind,
    Finding,
    Meaning,
    Signal,
    Verdict,
    VerdictKind,
)

TWICE = 2
COUNTS_FROM = 3
WITHIN = timedelta(seconds=10)
# So many in a row count however slowly they come, if none is long after the one before.
COUNTS_ANYWAY_FROM = 5
SLOWLY_WITHIN = timedelta(minutes=10)
# Once they count, the next one counts that comes this soon: opencode pauses up to 37 s.
GOES_ON = timedelta(seconds=60)
# A time-out of opencode's is five minutes long, if nobody says otherwise.
STALLS_WITHIN = timedelta(hours=1)
# How a sentence of ours begins that opencode logs as an error.
OWN = "[rotator] "

_NOBODYS = {Meaning.NOT_OURS, Meaning.FOREIGN_HISTORY}
_ONCE = {
    FaultKind.INSTEAD: "a document came instead of an answer",
    FaultKind.ERROR: "an error stood in the answer",
    FaultKind.EMPTY: "an answer was empty",
    FaultKind.CUT: "an answer broke off",
    FaultKind.STALLED: "an answer did not come in time",
}


def as_told(signal: Signal) -> Signal:
    """Return the signal with the status that a document states which came instead of an answer."""
    if signal.fault is None or signal.fault.kind is not FaultKind.INSTEAD:
        return signal
    return replace(signal, status=read_error_response(signal).status)


def find_fault(signal: Signal, fault: Fault, told: Finding) -> Finding | None:
    """Return what an answer means that was none, or None: it does not count yet.

    `told` is what it says of itself.
    """
    is_told = told.meaning not in _NOBODYS
    if fault.kind is FaultKind.ERROR and is_told:
        return told
    if not counts(fault):
        return None
    times = _times(len(fault.earlier) + 1)
    if is_told:
        return replace(told, reason=f"{told.reason}, said instead of an answer {times}")
    if told.meaning is Meaning.FOREIGN_HISTORY:
        return replace(told, meaning=Meaning.NOT_OURS)
    answer = read_error_response(signal)
    if _is_about_the_request(answer):
        code = next(iter(answer.codes), "")
        why = reason_of(None, Meaning.NOT_OURS, code, "the request itself is refused")
        return Finding(Meaning.NOT_OURS, why)
    return Finding(Meaning.OVERLOAD, f"{_ONCE[fault.kind]} {times}")


def counts(fault: Fault) -> bool:
    """Tell whether so many faults came so soon that they mean something."""
    if fault.kind is FaultKind.STALLED:
        stalls = (e for e in fault.earlier if e.kind is FaultKind.STALLED)
        if any(earlier.before <= STALLS_WITHIN for earlier in stalls):
            return True
    ages = [*(earlier.before for earlier in fault.earlier), timedelta(0)]
    if len(ages) >= COUNTS_ANYWAY_FROM and _go_on(ages[-COUNTS_ANYWAY_FROM:], SLOWLY_WITHIN):
        return True
    last = COUNTS_FROM - 1
    return any(
        ages[first] - ages[first + last] <= WITHIN and _go_on(ages[first + last :], GOES_ON)
        for first in range(len(ages) - last)
    )


def counted_before(fault: Fault) -> bool:
    """Tell whether the fault before this one counted already."""
    if not fault.earlier:
        return False
    *rest, last = fault.earlier
    earlier = tuple(replace(e, before=e.before - last.before) for e in rest)
    return last.before <= SLOWLY_WITHIN and counts(Fault(last.kind, earlier))


def with_end(
    verdict: Verdict, signal: Signal, account: Account | None, finding: Finding
) -> Verdict:
    """Return the verdict with the sentence that the answer fails with, where nothing else helps.

    Without one opencode would ask again at once, for ever. It pauses where it reads that it may
    try again later, and gives up after five pauses. With another account it asks anew by itself;
    but if this one has counted before, the other does not get into the request.
    """
    if account is None or signal.fault is None or verdict.kind is VerdictKind.ACK:
        return verdict
    goes_on = verdict.kind is VerdictKind.RETRY
    if goes_on and (signal.waited or not counted_before(signal.fault)):
        return verdict
    later = "" if finding.meaning is Meaning.NOT_OURS else "; try again later"
    return replace(verdict, end=f"{OWN}{account.name}: {finding.reason}{later}")


def _is_about_the_request(answer: ErrorResponse) -> bool:
    return is_about_the_request(answer) or is_too_large(answer) or names_a_parameter(answer)


def _go_on(ages: list[timedelta], pause: timedelta) -> bool:
    return all(before - after <= pause for before, after in pairwise(ages))


def _times(number: int) -> str:
    return "twice in a row" if number == TWICE else f"{number} times in a row"
