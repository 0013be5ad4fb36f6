"""What a failed request means for the account that asked: the rules that hold for any provider.

A vendor's own rules are asked before these. Evidence counts in this order: machine-readable
codes, then what the provider's message says, then the status. Without evidence nobody is
blamed: the meaning is `not_ours` and the answer passes as it is. No text of a body goes into
the reason, since it may hold a part of a key.
"""

from __future__ import annotations

import re
from datetime import datetime
from http import HTTPStatus

from rotator.core.failures import error_codes as evidence
from rotator.core.failures.error_codes import Evidence
from rotator.core.failures.error_response import ErrorResponse, read_error_response
from rotator.core.failures.resets import stated_until
from rotator.model import EVERYTHING, Finding, Meaning, Scope, Signal
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
# A shorter name could be any word of a sentence.
_SHORTEST_MODEL = 4
_FIRST_SERVER_ERROR = 500
_LAST_SERVER_ERROR = 599
LIMITS = frozenset({Meaning.SHORT_LIMIT, Meaning.EXHAUSTED, Meaning.BILLING})
_TIMED = {Meaning.SHORT_LIMIT, Meaning.EXHAUSTED, Meaning.BILLING, Meaning.OVERLOAD}
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


def classify(signal: Signal, now: datetime) -> Finding:
    """Return what the failure means and, if the answer says so, until when it holds."""
    answer = read_error_response(signal)
    meaning, code = _evidence(signal.status, answer)
    until = stated_until(answer, signal.at, now) if meaning in _TIMED else None
    parts = [] if signal.status is None else [str(signal.status)]
    parts.append(f"{_WORDS[meaning]} ({code})" if _SHOWN_CODE.fullmatch(code) else _WORDS[meaning])
    if until is not None:
        parts.append(f"retry after {span((until - now).total_seconds())}")
    return Finding(meaning, ", ".join(parts), until)


def scope_of(signal: Signal, meaning: Meaning) -> Scope:
    """Return what a limit is counted for: for one model if the answer names the one asked for.

    OpenAI's wording, which many have taken over: `Rate limit reached for gpt-5 in organization …`.
    """
    model = signal.model
    if model is None or meaning is Meaning.BILLING or len(model) < _SHORTEST_MODEL:
        return EVERYTHING
    named = re.compile(
        rf"\b(?:for|of|on)(?: the)?(?: model)?[ `'\"]+{re.escape(model)}(?![\w-])", re.IGNORECASE
    )
    if any(named.search(message) for message in read_error_response(signal).messages):
        return Scope(model)
    return EVERYTHING


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


def _too_many_requests(answer: ErrorResponse) -> Evidence:
    if evidence.is_upstream(answer):
        return _OVERLOAD
    if evidence.is_too_large(answer):
        return _NOBODY
    clue = evidence.by_codes(evidence.LIMIT_CODES, answer)
    clue = clue or evidence.by_messages(evidence.LIMIT_MESSAGES, answer)
    return evidence.by_window(clue or (Meaning.SHORT_LIMIT, ""), answer)


def _payment_required(answer: ErrorResponse) -> Evidence:
    """Read a 402, which says billing even when bare, unless something more precise is said."""
    if evidence.is_upstream(answer) or evidence.is_about_the_request(answer):
        return _NOBODY
    clue = evidence.by_codes(evidence.PAYMENT_CODES, answer)
    clue = clue or evidence.by_messages(evidence.QUOTA_MESSAGES, answer)
    return evidence.by_window(clue or (Meaning.BILLING, ""), answer)


def _refused(answer: ErrorResponse) -> Evidence:
    """Read a 401 or 403, which say nothing about the account by themselves."""
    if evidence.is_upstream(answer) or evidence.is_about_the_request(answer):
        return _NOBODY
    clue = evidence.dead_login(answer)
    clue = clue or evidence.by_codes(evidence.QUOTA_CODES, answer)
    clue = clue or evidence.by_messages(evidence.QUOTA_MESSAGES, answer)
    return evidence.by_window(clue, answer) if clue else _NOBODY


def _bad_request(answer: ErrorResponse) -> Evidence:
    """Read a 400: nearly always the request's own fault, and then it may echo anything."""
    if evidence.is_upstream(answer) or evidence.is_about_the_request(answer):
        return _NOBODY
    clue = evidence.by_codes(evidence.QUOTA_CODES, answer)
    if clue is None and not evidence.names_a_parameter(answer):
        clue = evidence.by_messages(evidence.QUOTA_MESSAGES, answer)
    return evidence.by_window(clue, answer) if clue else _NOBODY


def _other(status: int, answer: ErrorResponse) -> Evidence:
    """Read a status that says nothing of limits: a 5xx is the server's trouble, unless by code."""
    if not _FIRST_SERVER_ERROR <= status <= _LAST_SERVER_ERROR or status in _HOPELESS:
        return _NOBODY
    if evidence.is_upstream(answer):
        return _OVERLOAD
    return evidence.by_codes(evidence.QUOTA_CODES, answer) or _OVERLOAD


def _without_status(answer: ErrorResponse) -> Evidence:
    """Read an error of a stream or of opencode's log, which may state its status in the text."""
    stated = answer.status or 0
    if stated in _SURE_STATUSES or stated >= _FIRST_SERVER_ERROR:
        return _evidence(stated, answer)
    if evidence.is_upstream(answer):
        return _OVERLOAD
    if evidence.is_about_the_request(answer):
        return _NOBODY
    clue = evidence.by_codes(evidence.STREAM_CODES, answer)
    clue = clue or evidence.by_messages(evidence.STREAM_MESSAGES, answer)
    return evidence.by_window(clue, answer) if clue else _NOBODY
