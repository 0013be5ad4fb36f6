"""Drives a module's reading with answers from a list, and keeps what came of it."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from rotator.errors import (
    LoginRejected,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    UnexpectedAnswer,
)
from rotator.model import Snapshot
from rotator.provider import HttpAnswer, HttpRequest, Reading
from rotator.secret import Secret

# A reading is one account's share of a schedule: more than these are not asked for it.
MOST_REQUESTS = 6
FOUR_ERRORS = (LoginRejected, RateLimited, ProviderUnavailable, UnexpectedAnswer)

# Gives the answer to a request; raises NeedlessRequest for one that nobody has documented.
Answering = Callable[[HttpRequest], HttpAnswer]


class NeedlessRequest(Exception):
    """A module asks what no documented answer is there for."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a reading: a snapshot, one of the four errors, or a fault (a sentence)."""

    requests: tuple[HttpRequest, ...]
    snapshot: Snapshot | None = None
    error: ProviderError | None = None
    fault: str | None = None

    @property
    def texts(self) -> Iterator[str]:
        """Every text of it that may be shown or logged."""
        yield repr(self.snapshot)
        shown: BaseException | None = self.error
        while shown is not None:
            yield f"{shown} {shown!r} {getattr(shown, 'hint', None)}"
            # Whether the chain is hidden or not: a log may print it all the same.
            shown = shown.__cause__ or shown.__context__

    def __str__(self) -> str:
        if self.fault is not None:
            return self.fault
        return type(self.error).__name__ if self.error else "a Snapshot"


def drive(reading: Reading, answers: Answering | Sequence[HttpAnswer]) -> Outcome:
    """Return what came of `reading` with these answers, given one after the other."""
    answering = answers if callable(answers) else _in_turn(answers)
    asked: list[HttpRequest] = []
    try:
        request = next(reading)
        while True:
            asked.append(request)
            if len(asked) > MOST_REQUESTS:
                return Outcome(tuple(asked), fault=f"more than {MOST_REQUESTS} requests")
            request = reading.send(answering(request))
    except StopIteration as end:
        if isinstance(end.value, Snapshot):
            return Outcome(tuple(asked), end.value)
        return Outcome(tuple(asked), fault=f"{type(end.value).__name__} instead of a Snapshot")
    except FOUR_ERRORS as exc:
        return Outcome(tuple(asked), error=exc)
    except Exception as exc:  # noqa: BLE001  # whatever else it raises is a fault
        return Outcome(tuple(asked), fault=_place(exc))
    finally:
        reading.close()


def broken_requests(requests: Sequence[HttpRequest], secrets: Sequence[Secret]) -> Iterator[str]:
    """Yield a sentence for each rule that a request breaks."""
    for request in requests:
        parts = urlsplit(request.url)
        where = f"the request to {parts.hostname}"
        if parts.scheme != "https" or not parts.hostname or "@" in parts.netloc:
            yield f"{where} is not to an https address with a host alone"
        if not request.url.isascii() or not request.url.isprintable() or " " in request.url:
            yield f"{where} has an address that is not quoted"
        if request.method not in {"GET", "POST"} or (request.body is None) is (
            request.method == "POST"
        ):
            yield f"{where} is neither a GET without a body nor a POST with one"
        if not all(isinstance(value, str | Secret) for value in request.headers.values()):
            yield f"{where} has a header that is neither a text nor a Secret"
        plain = [request.url, *request.headers, *map(str, request.headers.values())]
        if any(secret.reveal() in text for secret in secrets if secret for text in plain):
            yield f"{where} carries the credential outside of a Secret"


def _in_turn(answers: Sequence[HttpAnswer]) -> Answering:
    left = iter(answers)

    def answering(request: HttpRequest) -> HttpAnswer:
        answer = next(left, None)
        if answer is None:
            raise NeedlessRequest(urlsplit(request.url).hostname)
        return answer

    return answering


def _place(exc: Exception) -> str:
    """Name the kind and the place of a failure; its text may quote a secret."""
    frame = traceback.extract_tb(exc.__traceback__)[-1]
    return f"{type(exc).__name__} at {frame.filename}:{frame.lineno}"
