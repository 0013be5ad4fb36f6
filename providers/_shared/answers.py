"""Asks for usage, and tells an answer that can be read from one that means something else.

A message names a status, never what a server said.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime

from providers._shared.fields import Part
from rotator.errors import LoginRejected, ProviderUnavailable, RateLimited, UnexpectedAnswer
from rotator.model import Credential
from rotator.provider import HttpAnswer, HttpRequest
from rotator.secret import Secret, unpadded

_UNAUTHORIZED, _TOO_MANY, _FIRST_SERVER_ERROR, _SUCCESS = 401, 429, 500, 2
_SECONDS = re.compile(r"\d{1,12}(?:\.\d{1,9})?", re.ASCII)
_HTTP_DATE = re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT", re.ASCII)
_LONGEST = timedelta(days=400)


def get(url: str, credential: Credential, **headers: str) -> HttpRequest:
    """Return a GET with the credential as bearer; `_` in a header's name stands for `-`."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return HttpRequest("GET", url, {"authorization": bearer(credential), **named})


def bearer(credential: Credential) -> Secret:
    """Return the value of the header `authorization`."""
    return Secret(f"Bearer {unpadded(credential.secret.reveal())}")


def document(
    answer: HttpAnswer, now: datetime, rejected: Collection[int] = (_UNAUTHORIZED,)
) -> Part:
    """Return the object in a good answer.

    Raises RateLimited, LoginRejected (for the statuses in `rejected`), ProviderUnavailable for
    trouble of the server's and pages of whoever stands before it, else UnexpectedAnswer.
    """
    good(answer, now, rejected)
    text = answer.body.reveal()
    if not text.strip():
        raise UnexpectedAnswer("the vendor's answer is empty")
    try:
        # A balance is exact; a float would make 0.1 something else.
        value = json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError, InvalidOperation):
        value = None
    if not isinstance(value, dict):
        # Neither its text nor where it broke off: both come from the body.
        raise UnexpectedAnswer("the vendor's answer is no whole JSON object")
    return Part(value)


def good(answer: HttpAnswer, now: datetime, rejected: Collection[int] = (_UNAUTHORIZED,)) -> None:
    """Raise what an answer means that is not a good one, as `document` does."""
    if answer.status == _TOO_MANY:
        at = retry_at(answer.headers, now)
        raise RateLimited("the vendor does not want to be asked so often", retry_at=at)
    if _is_page(answer) or answer.status >= _FIRST_SERVER_ERROR:
        message = f"the vendor has trouble of its own: {_told(answer)}"
        raise ProviderUnavailable(message, sent=True)
    if answer.status in rejected:
        raise LoginRejected(f"the vendor does not accept the login: {_told(answer)}")
    if answer.status // 100 != _SUCCESS:
        raise UnexpectedAnswer(f"the vendor's answer has the status {answer.status}")


def retry_at(headers: Mapping[str, str], now: datetime) -> datetime | None:
    """Return when the headers say to ask again, never before now; None: they do not say."""
    exact, usual = headers.get("retry-after-ms", "").strip(), headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(exact):
        return _later(timedelta(seconds=float(exact) / 1_000), now)
    if _SECONDS.fullmatch(usual):
        return _later(timedelta(seconds=float(usual)), now)
    if not _HTTP_DATE.fullmatch(usual):
        return None
    try:
        return _later(parsedate_to_datetime(usual) - now, now)
    except (ValueError, OverflowError):
        return None


def _later(wait: timedelta, now: datetime) -> datetime | None:
    return now + max(wait, timedelta(0)) if wait <= _LONGEST else None


def _is_page(answer: HttpAnswer) -> bool:
    kind = answer.headers.get("content-type", "")
    return "text/html" in kind.lower() or answer.body.reveal().lstrip("\ufeff \t\r\n")[:1] == "<"


def _told(answer: HttpAnswer) -> str:
    what = "a page instead of an answer, " if _is_page(answer) else ""
    return f"{what}status {answer.status}"
