"""What a failed request means for the account that asked: the rules that hold for any provider.

A vendor's own rules are asked before these. Evidence counts in this order: machine-readable
codes, then what the provider's message says, then the status. Without evidence nobody is
blamed: the meaning is `not_ours` and the answer passes as it is. No text of a body goes into
the reason, since it may hold a part of a key.
"""

from __future__ import annotations

import re
from datetime import datetime, tzinfo
from http import HTTPStatus

from rotator.core.failures import error_codes as evidence
from rotator.core.failures.closed_logins import closed_login, dead_login
from rotator.core.failures.error_codes import Evidence
from rotator.core.failures.error_response import ErrorResponse, read_error_response
from rotator.core.failures.own_words import in_own_words
from rotator.core.failures.resets import names_a_full_window, stated_until
from rotator.model import Finding, Meaning, Signal
from rotator.wording import span

# 501 and 505: no account can do what the server cannot. 511: a captive portal answers.
_HOPELESS = {501, 505, 511}
_HISTORY_STATUSES = {
    None,
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.UNPROCESSABLE_ENTITY,
}
_SURE_STATUSES = {HTTPStatus.PAYMENT_REQUIRED, HTTPStatus.TOO_MANY_REQUESTS}
_FIRST_SERVER_ERROR = 500
_LAST_SERVER_ERROR = 599
LIMITS = frozenset({Meaning.SHORT_LIMIT, Meaning.EXHAUSTED, Meaning.BILLING})
TIMED = {Meaning.SHORT_LIMIT, Meaning.EXHAUSTED, Meaning.BILLING, Meaning.OVERLOAD}
_NOBODY: Evidence = (Meaning.NOT_OURS, "")
_OVERLOAD: Evidence = (Meaning.OVERLOAD, "")
# A code of letters alone, not too long, can hold no part of a key.
_SHOWN_CODE = re.compile(r"[a-z][a-z_]{2,39}")
_WORDS = {
    Meaning.SHORT_LIMIT: "rate limited",
    Meaning.EXHAUSTED: "usage limit reached",
    Meaning.BILLING: "credit or billing problem",
    Meaning.LOGIN_DEAD: "login no longer accepted",
    Meaning.OVERLOAD: "trouble at the provider",
    Meaning.FOREIGN_HISTORY: "history of another account",
    Meaning.NOT_OURS: "not about the account",
}


def classify(signal: Signal, now: datetime, zone: tzinfo | None = None) -> Finding:
    """Return what the failure means and, if the answer says so, until when it holds.

    `zone` is what its vendor means where it names none.
    """
    answer = read_error_response(signal)
    meaning, code = _evidence(signal.status, answer)
    until = None
    if meaning in TIMED:
        is_of_plan = meaning in {Meaning.EXHAUSTED, Meaning.BILLING}
        until = stated_until(answer, signal.at, now, zone, renewals_count=is_of_plan)
    reason = reason_of(signal.status, meaning, code)
    if until is not None:
        reason = f"{reason}, retry after {span((until - now).total_seconds())}"
    return Finding(meaning, reason, until)


def reason_of(status: int | None, meaning: Meaning, code: str = "", why: str = "") -> str:
    """Return a short phrase of our own about a failure."""
    what = why or _WORDS[meaning]
    if _SHOWN_CODE.fullmatch(code):
        what = f"{what} ({code})"
    return what if status is None else f"{status}, {what}"


def _evidence(status: int | None, answer: ErrorResponse) -> Evidence:
    if status in _HISTORY_STATUSES and evidence.is_foreign_history(answer):
        return Meaning.FOREIGN_HISTORY, ""
    match status:
        case None:
            return _without_status(answer)
        case HTTPStatus.TOO_MANY_REQUESTS:
            return _too_many_requests(answer)
        case HTTPStatus.PAYMENT_REQUIRED:
            return _payment_required(answer)
        case HTTPStatus.BAD_REQUEST:
            return _bad_request(answer)
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return _refused(answer)
        case _:
            return _other(status, answer)


def _is_nobodys(answer: ErrorResponse) -> bool:
    """Tell whether the request itself is refused, or trouble is passed on from further behind."""
    return (
        evidence.is_upstream(answer)
        or evidence.is_about_the_request(answer)
        or evidence.is_too_large(answer)
    )


def _too_many_requests(answer: ErrorResponse) -> Evidence:
    if evidence.is_upstream(answer):
        return _OVERLOAD
    refuses = evidence.is_about_the_request(answer)
    if refuses and evidence.by_codes(evidence.RATE_CODES, answer) is None:
        return _NOBODY
    if evidence.is_too_large(answer):
        return _NOBODY
    clue = evidence.by_codes(evidence.LIMIT_CODES, answer)
    clue = clue or evidence.by_messages(evidence.LIMIT_MESSAGES, answer)
    if clue is None and names_a_full_window(answer.headers):
        return Meaning.EXHAUSTED, ""
    return evidence.by_window(clue or (Meaning.SHORT_LIMIT, ""), answer)


def _payment_required(answer: ErrorResponse) -> Evidence:
    """Read a 402, which says billing even when bare, unless something more precise is said."""
    if _is_nobodys(answer):
        return _NOBODY
    clue = evidence.by_codes(evidence.PAYMENT_CODES, answer)
    clue = clue or evidence.by_messages(evidence.QUOTA_MESSAGES, answer)
    return evidence.by_window(clue or (Meaning.BILLING, ""), answer)


def _refused(answer: ErrorResponse) -> Evidence:
    """Read a 401 or 403, which say nothing about the account by themselves."""
    if _is_nobodys(answer):
        return _NOBODY
    clue = dead_login(answer) or closed_login(answer)
    clue = clue or evidence.by_codes(evidence.QUOTA_CODES, answer)
    clue = clue or evidence.by_messages(evidence.QUOTA_MESSAGES, answer)
    return evidence.by_window(clue, answer) if clue else _NOBODY


def _bad_request(answer: ErrorResponse) -> Evidence:
    """Read a 400: nearly always the request's own fault, and then it may echo anything."""
    if _is_nobodys(answer):
        return _NOBODY
    answer = in_own_words(answer)
    clue = evidence.by_codes(evidence.QUOTA_CODES, answer)
    if clue is None and not evidence.names_a_parameter(answer):
        clue = closed_login(answer)
    if clue is None and not evidence.names_a_parameter(answer):
        clue = evidence.by_messages(evidence.QUOTA_MESSAGES, answer)
    return evidence.by_window(clue, answer) if clue else _NOBODY


def _other(status: int, answer: ErrorResponse) -> Evidence:
    """Read a status that says nothing of limits: a 5xx is the server's trouble.

    A code may say something else, and words that are of whoever asks.
    """
    if not _FIRST_SERVER_ERROR <= status <= _LAST_SERVER_ERROR or status in _HOPELESS:
        return _NOBODY
    if evidence.is_upstream(answer):
        return _OVERLOAD
    clue = evidence.by_codes(evidence.QUOTA_CODES, answer)
    if clue is not None:
        return clue
    clue = evidence.of_whoever_asks(in_own_words(answer))
    return evidence.by_window(clue, answer) if clue else _OVERLOAD


def _without_status(answer: ErrorResponse) -> Evidence:
    """Read an error of a stream or of opencode's log, which may state its status in the text."""
    stated = answer.status or 0
    if stated in _SURE_STATUSES or stated >= _FIRST_SERVER_ERROR:
        return _evidence(stated, answer)
    if evidence.is_upstream(answer):
        return _OVERLOAD
    if _is_nobodys(answer):
        return _NOBODY
    answer = in_own_words(answer)
    clue = closed_login(answer)
    clue = clue or evidence.by_codes(evidence.STREAM_CODES, answer)
    clue = clue or evidence.by_messages(evidence.STREAM_MESSAGES, answer)
    return evidence.by_window(clue, answer) if clue else _NOBODY
