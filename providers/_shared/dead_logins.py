"""What the refusal of a refresh says of the login: dead, or nothing.

Codes stand in several places of an answer, and some vendors say in words alone what is wrong
with the refresh token or with the account. Neither counts with a status that means something
else: a firewall's 403 has no code, a 429 or 5xx will be over. A fault of whoever asks, and
trouble of the server's, is never the login's, whatever is said beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_BAD_REQUEST = 400
_REFUSALS = frozenset({_BAD_REQUEST, 401})
_FORBIDDEN = 403

# What an account is told that does not come back by itself; every vendor's.
_CLOSED = "the vendor has suspended or closed the account"
_WHO = r"(?:account|user|organi[sz]ation|workspace|team)"
_STATE = r"(?:suspended|banned|deactivated|disabled|deleted|terminated|closed)"
_CLOSED_CODE = re.compile(
    rf"{_WHO}[_-](?:is[_-])?{_STATE}|(?:(?:suspended|banned|deactivated)(?:[_-]{_WHO})?)"
)
# Some are blocked for a while, so such a code counts with no words to that effect.
_BLOCKED_CODE = re.compile(rf"blocked[_-]{_WHO}|{_WHO}[_-](?:is[_-])?blocked")
_CLOSED_WORDS = re.compile(
    rf"\b{_WHO}\b[^.]{{0,60}}? (?:is|was|been)(?: \w+ly)? (?:{_STATE}|blocked)\b"
    rf"|\baccount {_STATE}\b|\b(?:suspended|banned|deactivated) {_WHO}\b"
)
# Not for good, or of the program that asks.
_NOT_FOR_GOOD = re.compile(
    r"\b(?:not|temporar\w*|try again|retry|user[ -]agent|apps?|applications?|clients?)\b"
)

# What is said of the token where the code says only that the request was wrong.
_SPENT = "its refresh token is not accepted any more"
_TOKEN = r"refresh[ _-]?token"
_END = r"(?:expired|revoked|invalidated|terminated|ended)"
_BAD = (
    rf"(?:not found|not valid|no longer valid|not recogni[sz]ed|unrecogni[sz]ed|does not exist"
    rf"|no longer exists|not accepted|superseded|invalid|malformed|unknown|used|{_END})"
)
_SPENT_WORDS = re.compile(
    rf"\b{_TOKEN}\b[^'\".]{{0,40}}?\b{_BAD}\b"
    rf"|\b{_BAD}(?: or {_BAD})? {_TOKEN}\b"
    rf"|\b(?:token|session|grant|authorization|login) (?:(?:has|have|was|is|been|already) )*"
    rf"(?:{_END} or )?{_END}\b"
)

# Whose fault it is then: the program's that asks, or the server's.
_NOT_THE_LOGIN = re.compile(
    r"invalid[_-]client.*|unauthorized[_-]client|unsupported[_-].*|invalid[_-]scope"
    r"|.*server[_-]error|temporarily[_-]unavailable|service[_-]unavailable"
    r"|.*rate[_-]?limit.*|slow[_-]down|too[_-]many[_-]requests|.*overloaded.*|timeout"
)
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,79}")
_NAMES = ("code", "type", "error_code", "error")
_MESSAGES = ("error_description", "message", "error_message", "description", "detail", "error")
_LONGEST_TEXT = 500
_DEEPEST = 3


def why_dead(status: int, body: Mapping[str, Any] | None, dead: Mapping[str, str]) -> str | None:
    """Return why the login is dead by a refusal with this body; None: it does not say so.

    `dead` has the vendor's own codes about a refresh token, each with what it means.
    """
    if body is None or status not in {*_REFUSALS, _FORBIDDEN}:
        return None
    codes = [*_codes(body)]
    # Some say in words what others have a code for.
    has_code = bool(codes) or isinstance(body.get("code"), str)
    if any(_NOT_THE_LOGIN.fullmatch(code.lower()) for code in codes):
        return None
    texts = [*_texts(body)]
    if not has_code:
        # Words alone say nothing of a token; that the account is closed they can say.
        return _CLOSED if status != _BAD_REQUEST and _is_closed([], texts) else None
    if status in _REFUSALS:
        known = next((code.lower() for code in codes if code.lower() in dead), None)
        if known is not None:
            return f"{dead[known]} ({known})"
        if any(_SPENT_WORDS.search(text) for text in texts):
            return _SPENT
    return _CLOSED if _is_closed(codes, texts) else None


def _is_closed(codes: list[str], texts: list[str]) -> bool:
    if any(_CLOSED_CODE.fullmatch(code.lower()) for code in codes):
        return True
    if any(_BLOCKED_CODE.fullmatch(code.lower()) for code in codes):
        return not any(_NOT_FOR_GOOD.search(text) for text in texts)
    return any(_CLOSED_WORDS.search(text) and not _NOT_FOR_GOOD.search(text) for text in texts)


def _codes(part: Mapping[str, Any], depth: int = 0) -> Iterator[str]:
    """Yield the codes in the usual places of an object and of those inside it."""
    for name in _NAMES:
        value = part.get(name)
        if isinstance(value, str) and _CODE.fullmatch(value):
            yield value
    for inner in _inside(part, depth):
        yield from _codes(inner, depth + 1)


def _texts(part: Mapping[str, Any], depth: int = 0) -> Iterator[str]:
    """Yield what is said in words there, in lower case and bounded."""
    for name in _MESSAGES:
        value = part.get(name)
        if isinstance(value, str) and not _CODE.fullmatch(value):
            yield value[:_LONGEST_TEXT].lower()
    for inner in _inside(part, depth):
        yield from _texts(inner, depth + 1)


def _inside(part: Mapping[str, Any], depth: int) -> Iterator[Mapping[str, Any]]:
    if depth < _DEEPEST:
        yield from (
            inner for name in ("error", "detail") if isinstance(inner := part.get(name), dict)
        )
