"""What the loopback provider can answer, said once for every wire protocol.

An answer with parts becomes the event stream of whichever protocol was asked; any other answer
is sent as it stands. Nothing here knows a protocol.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of the answer's text; each piece is an event of its own."""

    text: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing is sent for so long; what came before is already on its way."""

    seconds: float


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model asks for a tool of opencode, such as `bash` or `read`."""

    name: str
    arguments: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Reasoning:
    """A piece of reasoning; `ciphertext` makes it an item that is bound to an account."""

    summary: str
    ciphertext: str | None = None


@dataclass(frozen=True, slots=True)
class StreamError:
    """The stream reports an error and ends, after a status of 200."""

    message: str
    code: str = "rate_limit_exceeded"


@dataclass(frozen=True, slots=True)
class HangUp:
    """The connection is closed in the middle of the stream."""


Part = Text | Pause | ToolCall | Reasoning | StreamError | HangUp


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: an event stream when it has `parts`, else `body` (JSON unless it is text).

    `delay_seconds` passes before the first byte.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: _NO_HEADERS)
    parts: tuple[Part, ...] = ()
    body: Mapping[str, object] | str | bytes = ""
    delay_seconds: float = 0.0

    def encoded_body(self) -> tuple[str, bytes]:
        """Return the content type and the bytes of an answer without parts."""
        if isinstance(self.body, bytes):
            return "application/octet-stream", self.body
        if isinstance(self.body, str):
            return "text/plain; charset=utf-8", self.body.encode()
        return "application/json", json.dumps(self.body).encode()


def streamed(*parts: Part | str, delay_seconds: float = 0.0) -> Answer:
    """Return an answer that streams `parts`; a plain string is a piece of text."""
    pieces = tuple(Text(part) if isinstance(part, str) else part for part in parts)
    return Answer(parts=pieces, delay_seconds=delay_seconds)


def slow_text(*pieces: str, pause_seconds: float) -> Answer:
    """Return an answer whose pieces of text are sent `pause_seconds` apart."""
    parts: list[Part] = []
    for piece in pieces:
        parts += [Pause(pause_seconds), Text(piece)] if parts else [Text(piece)]
    return Answer(parts=tuple(parts))


def tool_call(name: str, **arguments: object) -> Answer:
    """Return an answer that asks for one tool call."""
    return Answer(parts=(ToolCall(name, arguments),))


def refusal(
    status: int,
    body: Mapping[str, object] | str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Return an answer that refuses the request; without `body` it has a fitting error body."""
    return Answer(status, headers or {}, body=_body_of(status) if body is None else body)


def _body_of(status: int) -> Mapping[str, object]:
    kind, message = _USUAL.get(status, ("server_error", "The server had an error."))
    return {"error": {"message": message, "type": kind, "param": None, "code": None}}


_USUAL = {
    401: ("invalid_request_error", "You have insufficient permissions for this operation."),
    402: ("billing_error", "Your credit balance is too low."),
    403: ("permission_error", "You have insufficient permissions for this operation."),
    404: ("not_found_error", "The model does not exist."),
    429: ("rate_limit_error", "Rate limit reached"),
}
