"""Answers that are none though their status is good: when they count, and what they mean."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rotator.core.failures.classify import classify
from rotator.core.failures.faults import (
    OWN,
    as_told,
    counted_before,
    counts,
    find_fault,
    with_end,
)
from rotator.model import (
    EarlierFault,
    Fault,
    FaultKind,
    Finding,
    Meaning,
    Route,
    Signal,
    Verdict,
    VerdictKind,
)
from tests.support.builders import an_account
from tests.support.failures import NOW, failure

EMPTY, STALLED = FaultKind.EMPTY, FaultKind.STALLED
LIMIT = {"error": {"message": "Rate limit reached", "code": "rate_limit_exceeded"}}
WORK = an_account("work")


def row(*seconds: float, kind: FaultKind = EMPTY, before: FaultKind = EMPTY) -> Fault:
    """Return a fault with others before it, each so many seconds before."""
    earlier = (EarlierFault(before, timedelta(seconds=s)) for s in seconds)
    return Fault(kind, tuple(earlier), is_held=True)


def told(body: object, fault: Fault) -> Finding | None:
    """Return what an answer means that came as a fault."""
    signal = replace(failure(None, body), fault=fault)
    return find_fault(signal, fault, classify(as_told(signal), NOW))


def meaning(body: object, fault: Fault) -> Meaning:
    finding = told(body, fault)
    assert finding is not None
    return finding.meaning


@pytest.mark.parametrize(
    ("seconds", "is_counted"),
    [
        pytest.param((), False, id="the first"),
        pytest.param((1,), False, id="the second"),
        pytest.param((10, 5), True, id="the third within ten seconds"),
        pytest.param((10.001, 5), False, id="a moment later"),
        pytest.param((70, 65, 60), True, id="one that comes soon after three"),
        pytest.param((70.1, 65, 60.1), False, id="one that does not"),
        pytest.param((1000, 995, 990, 30), False, id="nor one that comes soon after that one"),
        pytest.param((300, 9, 4), True, id="an old one before three"),
        pytest.param((2400, 1800, 1200, 600), True, id="the fifth, however slowly"),
        pytest.param((2400.1, 1800, 1200, 600), False, id="the fifth of another time"),
        pytest.param((2300, 1800, 1200, 600.1), False, id="the fifth long after"),
        pytest.param((1800, 1200, 600), False, id="the fourth of slow ones"),
    ],
)
def test_the_third_within_ten_seconds_counts(
    seconds: tuple[float, ...],
    is_counted: bool,  # noqa: FBT001  # a table's column
) -> None:
    assert counts(row(*seconds)) is is_counted


@pytest.mark.parametrize(
    ("fault", "is_counted"),
    [
        (row(kind=STALLED), False),
        (row(302, kind=STALLED, before=STALLED), True),
        (row(3600, kind=STALLED, before=STALLED), True),
        (row(3600.1, kind=STALLED, before=STALLED), False),
        (row(302, kind=STALLED, before=EMPTY), False),
        (row(302, kind=EMPTY, before=STALLED), False),
        (row(8, 4, kind=STALLED, before=EMPTY), True),
    ],
)
def test_silence_counts_the_second_time(
    fault: Fault,
    is_counted: bool,  # noqa: FBT001  # a table's column
) -> None:
    assert counts(fault) is is_counted


@pytest.mark.parametrize(
    ("fault", "is_counted"),
    [
        (row(), False),
        (row(1), False),
        (row(3, 2), False),
        (row(4, 3, 2), True),
        (row(13, 8, 3), True),
        (row(13.1, 8, 3), False),
        (row(604, 602, 600), True),
        (row(604, 602, 600.1), False),
        (row(600, 300, kind=STALLED, before=STALLED), True),
    ],
)
def test_what_has_counted_before_is_no_news(
    fault: Fault,
    is_counted: bool,  # noqa: FBT001  # a table's column
) -> None:
    assert counted_before(fault) is is_counted


THIRD = row(2, 1)


@pytest.mark.parametrize(
    ("body", "means"),
    [
        (LIMIT, Meaning.SHORT_LIMIT),
        ({"error": {"message": "You exceeded your quota", "code": 429}}, Meaning.EXHAUSTED),
        ({"error": {"code": "insufficient_quota", "message": "x"}}, Meaning.BILLING),
        ({"error": {"code": 401, "message": "Incorrect API key provided: k"}}, Meaning.LOGIN_DEAD),
        ({"error": {"message": "模型繁忙，请稍后再试"}}, Meaning.OVERLOAD),
        ({"error": {"message": "Something odd"}}, Meaning.OVERLOAD),
        ("<html>502</html>", Meaning.OVERLOAD),
        ("", Meaning.OVERLOAD),
        ({"error": {"code": "context_length_exceeded", "message": "x"}}, Meaning.NOT_OURS),
        ({"error": {"message": "Request too large", "code": 413}}, Meaning.NOT_OURS),
        ({"error": {"message": "bad value", "param": "tools"}}, Meaning.NOT_OURS),
        ({"error": {"code": "invalid_encrypted_content", "message": "x"}}, Meaning.NOT_OURS),
    ],
)
def test_what_counts_means_what_it_says_else_an_overload(body: object, means: Meaning) -> None:
    assert meaning(body, replace(THIRD, kind=FaultKind.INSTEAD)) is means
    assert told(body, row(1, kind=FaultKind.INSTEAD)) is None


def test_an_error_in_a_stream_counts_at_once_if_it_says_anything() -> None:
    first = row(kind=FaultKind.ERROR)

    finding = told(LIMIT, first)

    assert finding == classify(failure(None, LIMIT), NOW)
    assert told({"error": {"message": "Something odd"}}, first) is None
    assert meaning({"error": {"message": "Something odd"}}, replace(THIRD, kind=first.kind)) is (
        Meaning.OVERLOAD
    )


@pytest.mark.parametrize(
    ("kind", "fault", "reason"),
    [
        (FaultKind.INSTEAD, row(2, 1), "a document came instead of an answer 3 times"),
        (FaultKind.ERROR, row(2, 1), "an error stood in the answer 3 times"),
        (EMPTY, row(3, 2, 1), "an answer was empty 4 times"),
        (FaultKind.CUT, row(2, 1), "an answer broke off 3 times"),
        (STALLED, row(9, before=STALLED), "an answer did not come in time twice"),
    ],
)
def test_the_reason_says_what_came_and_how_often(
    kind: FaultKind, fault: Fault, reason: str
) -> None:
    finding = told("", replace(fault, kind=kind))

    assert finding is not None
    assert finding.reason == f"{reason} in a row"


def test_the_reason_of_what_it_says_has_both() -> None:
    limit, refused = replace(THIRD, kind=FaultKind.INSTEAD), {"error": {"code": "unsupported_x"}}

    reasons = [(told(LIMIT, limit) or Finding(Meaning.NOT_OURS, "")).reason]
    reasons += [(told(refused, limit) or Finding(Meaning.NOT_OURS, "")).reason]

    assert reasons == [
        "rate limited (rate_limit_exceeded), said instead of an answer 3 times in a row",
        "the request itself is refused (unsupported_x)",
    ]


def test_only_what_came_instead_of_a_stream_has_the_status_that_it_states() -> None:
    body = {"error": {"code": 429, "message": "x"}}
    of = {kind: replace(failure(None, body), fault=Fault(kind)) for kind in FaultKind}

    statuses = {kind: as_told(signal).status for kind, signal in of.items()}

    assert statuses == dict.fromkeys(FaultKind) | {FaultKind.INSTEAD: 429}
    assert as_told(failure(None, body)).status is None


PASS = Verdict(VerdictKind.PASS)
BUSY = Finding(Meaning.OVERLOAD, "an answer was empty")


def ended(verdict: Verdict, fault: Fault | None = THIRD, **changes: object) -> str | None:
    signal: Signal = replace(failure(None), fault=fault, **changes)  # type: ignore[arg-type]  # a test's
    return with_end(verdict, signal, WORK, BUSY).end


def test_where_nothing_else_helps_the_answer_fails_with_a_sentence() -> None:
    sentence = f"{OWN}{WORK.name}: an answer was empty; try again later"

    for kind in (VerdictKind.PASS, VerdictKind.WAIT):
        assert ended(Verdict(kind)) == sentence
    assert ended(Verdict(VerdictKind.REROUTE, to=Route("zeta", "big"))) == sentence
    refused = Finding(Meaning.NOT_OURS, "the request itself is refused")
    signal = replace(failure(None), fault=THIRD)
    assert with_end(PASS, signal, WORK, refused).end == (
        f"{OWN}{WORK.name}: the request itself is refused"
    )


def test_with_another_account_it_ends_as_it_is_unless_that_one_does_not_get_in() -> None:
    again = Verdict(VerdictKind.RETRY, WORK.credential.digest)

    assert ended(again) is None
    assert ended(again, row(3, 2, 1)) is not None
    assert ended(again, row(3, 2, 1), waited=True) is None
    assert ended(Verdict(VerdictKind.ACK)) is None


def test_who_is_no_account_and_what_is_no_fault_have_no_such_sentence() -> None:
    assert ended(PASS, None) is None
    assert with_end(PASS, replace(failure(None), fault=THIRD), None, BUSY) == PASS
