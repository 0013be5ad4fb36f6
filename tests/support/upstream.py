"""What lies behind the bridge: a server that records every request and answers by its key.

Not the made-up provider of the tests with the real opencode: here an answer may be anything.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Self

from tests.support.loopback_http import Connection, LoopbackServer, Received, head

OURS = "rotator"  # no header of a request has this in its name
# Ways in which the driver gives a request to fetch.
FORMS = ["string", "url", "request", "both", "request as init", "getters as init"]
Respond = Callable[[Received, Connection], bool]


def reply(status: int, body: bytes = b"", **headers: str) -> Respond:
    """Return what answers with these; an underscore in a header's name stands for a hyphen."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    def respond(_: Received, connection: Connection) -> bool:
        connection.send(head(status, {"content-length": str(len(body)), **named}) + body)
        return True

    return respond


class Upstream:
    """The server; use it as a context manager. Without a rule it answers 200 with `ok`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: list[Received] = []
        self._rules: dict[str, Respond] = {}
        self._server = LoopbackServer(self._serve)

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._server.close()

    @property
    def url(self) -> str:
        """The address, without a slash at its end."""
        return f"http://127.0.0.1:{self._server.port}"

    def on(self, key: str, respond: Respond) -> None:
        """Answer requests that carry `key` in any header; the newest rule comes first."""
        with self._lock:
            self._rules = {key: respond, **{k: v for k, v in self._rules.items() if k != key}}

    def limit(self, key: str) -> None:
        """Answer 429 to `key`."""
        self.on(key, reply(429, b"limited", retry_after="60"))

    @property
    def requests(self) -> list[Received]:
        """All that was asked so far."""
        with self._lock:
            return list(self._requests)

    @property
    def keys(self) -> list[str]:
        """What each request carried in `authorization`, without a scheme."""
        return [r.headers.get("authorization", "").rpartition(" ")[2] for r in self.requests]

    @property
    def leaked_marks(self) -> list[Mapping[str, str]]:
        """The headers of requests that have one of which only the bridge could be the author."""
        return [r.headers for r in self.requests if OURS in " ".join(r.headers)]

    def _serve(self, received: Received, connection: Connection) -> bool:
        with self._lock:
            self._requests.append(received)
            values = " ".join(received.headers.values())
            found = (respond for key, respond in self._rules.items() if key in values)
            respond = next(found, reply(200, b"ok"))
        return respond(received, connection)


def model_request(
    upstream: Upstream, key: str = "KEY-CANARY-A", **changes: object
) -> dict[str, Any]:
    """Return the driver's `fetch` of a request as a model SDK makes it with `key`."""
    headers = {"Authorization": f"Bearer {key}", "content-type": "application/json"}
    plain = {"url": f"{upstream.url}/v1/chat/completions", "headers": headers, "body": "{}"}
    return plain | {"mark": {"provider": "mock"}} | changes
