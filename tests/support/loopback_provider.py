"""A made-up provider on 127.0.0.1 that records every request and answers as it was told to.

It always streams what a model would stream, however short. It decides nothing about accounts:
what a key may do is said by the test, rule by rule.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self

from tests.support.bound_history import BoundHistory
from tests.support.loopback_http import (
    LAST_CHUNK,
    ClientLeftError,
    Connection,
    LoopbackServer,
    Received,
    chunk,
    head,
)
from tests.support.provider_answers import Answer, HangUp, Pause, refusal, streamed
from tests.support.provider_request import Request
from tests.support.token_endpoint import TokenEndpoint
from tests.support.waiting import wait_until
from tests.support.wire import Renderer, renderer_for

Respond = Callable[[Request], Answer | None]
"""Answers a request, or leaves it (None) to the older rules. Called without any lock held."""

_SAME_TITLE = streamed("A title")
_SAME_TEXT = streamed("Hello from the loopback provider.")
_STREAM_HEADERS = {"content-type": "text/event-stream", "transfer-encoding": "chunked"}


@dataclass(eq=False, slots=True)
class _Rule:
    answer: Answer | Respond
    key: str | None = None
    path: str | None = None
    title: bool | None = None
    left: int | None = None

    def fits(self, request: Request) -> bool:
        return (
            self.left != 0
            and self.key in {None, request.credential}
            and self._fits_path(request.path)
            and self.title in {None, request.is_title}
        )

    def _fits_path(self, path: str) -> bool:
        return renderer_for(path) is not None if self.path is None else path.endswith(self.path)


class LoopbackProvider:
    """The provider; use it as a context manager, or `close` it.

    The newest rule that fits answers. Without a rule a model request gets a short text, a title
    request a title, `/oauth/token` what `tokens` says, `/page` a page, anything else a 404.
    `name` is that of its threads; one that outlives a test begins it with `leaks.LASTING`.
    """

    def __init__(self, name: str = "loopback") -> None:
        self._lock = threading.Lock()
        self._rules: list[_Rule] = []
        self._requests: list[Request] = []
        self._server = LoopbackServer(self._serve, name=name)
        self.tokens = TokenEndpoint()
        self.history = BoundHistory()

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up on everyone and end; what was recorded stays."""
        self._server.close()

    def begin_anew(self) -> None:
        """Hang up on everyone and forget every rule and request, for one that outlives a test."""
        self._server.hang_up()
        with self._lock:
            self._rules, self._requests = [], []

    @property
    def url(self) -> str:
        """The address without a slash at its end; a `baseURL` adds `/v1`."""
        return f"http://127.0.0.1:{self._server.port}"

    # What it answers.

    def answer(
        self,
        answer: Answer | Respond,
        *,
        key: str | None = None,
        path: str | None = None,
        title: bool | None = None,
        times: int | None = None,
    ) -> None:
        """Answer requests that fit all of what is given.

        `path` is the end of a path; without it only requests to a model are meant.
        """
        with self._lock:
            self._rules.append(_Rule(answer, key, path, title, times))

    def ok(self, text: str, *, key: str | None = None, times: int | None = None) -> None:
        """Answer requests (but those for a title) with a text."""
        self.answer(streamed(text), key=key, title=False, times=times)

    def limit(
        self,
        key: str,
        *,
        status: int = 429,
        headers: Mapping[str, str] | None = None,
        body: Mapping[str, object] | str | None = None,
        times: int | None = None,
    ) -> None:
        """Refuse the requests of a key: all of them, titles too, or `times` that are no title's."""
        title = None if times is None else False
        self.answer(refusal(status, body, headers), key=key, title=title, times=times)

    def script(self, *answers: Answer, key: str | None = None) -> None:
        """Answer the next requests (but those for a title) with these, one after the other."""
        for answer in reversed(answers):
            self.answer(answer, key=key, title=False, times=1)

    def lift(self, key: str) -> None:
        """Forget every rule about `key`."""
        with self._lock:
            self._rules = [rule for rule in self._rules if rule.key != key]

    # What it saw.

    @property
    def requests(self) -> list[Request]:
        """Everything that was asked so far, oldest first."""
        with self._lock:
            return list(self._requests)

    def asked(self, path: str = "", *, title: bool | None = False) -> list[Request]:
        """Return the requests whose path ends so, by default without those for a title."""
        return [
            request
            for request in self.requests
            if request.path.endswith(path) and title in {None, request.is_title}
        ]

    @property
    def keys(self) -> list[str | None]:
        """The credential of each model request but those for a title, oldest first."""
        return [request.credential for request in self.asked() if renderer_for(request.path)]

    def wait_for(self, count: int, deadline_seconds: float = 10, path: str = "") -> list[Request]:
        """Wait until `count` requests that are no title's have been asked; return them."""

        def enough() -> list[Request]:
            found = self.asked(path)
            return found if len(found) >= count else []

        return wait_until(
            enough, deadline_seconds, lambda: f"request {count}, seen: {self.requests}"
        )

    def settled(self, deadline_seconds: float = 10) -> list[Request]:
        """Wait until every answer is out, or its client gone; return all requests.

        A client may have read the last byte a moment before `sent_ns` is noted.
        """
        wait_until(
            lambda: all(r.sent_ns is not None or r.client_left for r in self.requests),
            deadline_seconds,
            lambda: f"every answer to be sent: {self.requests}",
        )
        return self.requests

    # How it is done.

    def _serve(self, received: Received, connection: Connection) -> bool:
        with self._lock:
            request = Request(received, len(self._requests) + 1)
            self._requests.append(request)
        try:
            return self._send(request, self._decide(request), connection)
        except ClientLeftError:
            request.client_left = True
            raise

    def _decide(self, request: Request) -> Answer:
        if (refused := self.history.refusal(request)) is not None:
            return refused
        with self._lock:
            # Newest first; a copy, because an answering function may add rules.
            rules = self._rules[::-1]
        for rule in rules:
            if self._take(rule, request):
                answer = rule.answer if isinstance(rule.answer, Answer) else rule.answer(request)
                if answer is not None:
                    return self.history.with_reasoning(request, answer)
        return self.history.with_reasoning(request, self._unasked(request))

    def _take(self, rule: _Rule, request: Request) -> bool:
        with self._lock:
            if not rule.fits(request):
                return False
            if rule.left is not None:
                rule.left -= 1
            return True

    def _unasked(self, request: Request) -> Answer:
        if request.path == "/oauth/token":
            return self.tokens.answer(request)
        if request.path == "/page":
            return Answer(body="A page.")
        if renderer_for(request.path):
            return _SAME_TITLE if request.is_title else _SAME_TEXT
        return refusal(404)

    def _send(self, request: Request, answer: Answer, connection: Connection) -> bool:
        if answer.delay_seconds:
            connection.pause(answer.delay_seconds)
        request.status = answer.status
        render = renderer_for(request.path)
        if answer.parts and render is not None:
            return _send_stream(request, answer, render, connection)
        content_type, body = answer.encoded_body()
        headers = {"content-type": content_type, **answer.headers}
        headers["content-length"] = str(len(body))
        connection.send(head(answer.status, headers) + body)
        request.sent_ns = time.monotonic_ns()
        return True


def _send_stream(
    request: Request, answer: Answer, render: Renderer, connection: Connection
) -> bool:
    waiting = bytearray(head(answer.status, {**_STREAM_HEADERS, **answer.headers}))

    def flush() -> None:
        connection.send(bytes(waiting))
        request.chunks_ns.append(time.monotonic_ns())
        waiting.clear()

    for frame in render(answer.parts, request.model):
        match frame:
            case Pause(seconds):
                flush()
                connection.pause(seconds)
            case HangUp():
                flush()
                return False
            case bytes():
                waiting += chunk(frame)
    waiting += LAST_CHUNK
    flush()
    request.sent_ns = request.chunks_ns[-1]
    return True
