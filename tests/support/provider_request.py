"""One request that the loopback provider got, and what became of its answer."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.support.loopback_http import Received

# The first words of opencode's own system prompt for the request that names a session.
_TITLE_MARK = b"You are a title generator"
_MODEL = re.compile(rb'"model"\s*:\s*"([^"]*)"')
_KEY_HEADERS = ("x-api-key", "x-goog-api-key", "api-key")


class Request:
    """A request and its fate; `status`, `sent_ns` and `client_left` are filled in with the answer.

    Times are `time.monotonic_ns()`: `read_ns` when the request was fully read, `sent_ns` when
    the last byte of the answer was handed to the system (None while it is under way, and for
    ever when the client left before the end). `chunks_ns` has the time of each piece sent.
    """

    def __init__(self, received: Received, number: int) -> None:
        address = urlsplit(received.target)
        self.number = number
        self.method = received.method
        self.path = address.path
        self.query = dict(parse_qsl(address.query))
        self.headers: Mapping[str, str] = received.headers
        self.raw_body = received.body
        self.read_ns = received.read_ns
        self.credential = _credential(received.headers)
        self.is_title = _TITLE_MARK in received.body
        self.status: int | None = None
        self.chunks_ns: list[int] = []
        self.sent_ns: int | None = None
        self.client_left = False

    # Parsed on demand: a conversation of some size takes longer to parse than to answer.
    @functools.cached_property
    def body(self) -> Any:
        """The body: parsed JSON, the fields of a form as a dict, or text."""
        text = self.raw_body.decode()
        if "x-www-form-urlencoded" in self.headers.get("content-type", ""):
            return dict(parse_qsl(text))
        try:
            return json.loads(text)
        except ValueError:
            return text

    @property
    def model(self) -> str:
        """The model that the request asks for."""
        found = _MODEL.search(self.raw_body)
        return found[1].decode() if found else ""

    def __repr__(self) -> str:
        kind = "title " if self.is_title else ""
        return f"<{self.number}: {kind}{self.method} {self.path} {self.credential} {self.status}>"


def _credential(headers: Mapping[str, str]) -> str | None:
    kind, _, token = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and token:
        return token
    return next((headers[name] for name in _KEY_HEADERS if name in headers), None)
