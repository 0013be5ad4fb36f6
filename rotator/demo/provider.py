"""The made-up provider: a chat endpoint on 127.0.0.1 that limits one of its two accounts.

It knows keys and requests, and nothing of rotator.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from rotator.secret import Secret

MODEL = "m1"
RETRY_AFTER_SECONDS = 3600
_LIMITED = {
    "error": {"message": "Rate limit reached", "type": "requests", "code": "rate_limit_exceeded"}
}
_UNKNOWN = {"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}}
_LARGEST_REQUEST = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ServedRequest:
    """One request: whose key it carried (None: nobody's), when it came, how and when it ended.

    Times are those of `time.monotonic`, in seconds; `answered_at` is just before the first byte.
    """

    account: str | None
    status: int
    arrived_at: float
    answered_at: float


class MadeUpProvider:
    """A provider on a free port of 127.0.0.1; a context manager that starts and stops it.

    `keys` are the accounts' keys by the account's name; the account named `limited` gets 429.
    """

    def __init__(self, keys: Mapping[str, Secret], *, limited: str) -> None:
        self._accounts = {key.digest(): name for name, key in keys.items()}
        self._limited = limited
        self._answered: list[ServedRequest] = []
        self._server = _Server(self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), name="made-up provider", daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    @property
    def base_url(self) -> str:
        """What a client is given as the provider's address."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def answered(self) -> tuple[ServedRequest, ...]:
        """The requests so far, in the order of their answers."""
        return tuple(self._answered)

    def decide(self, key: Secret, arrived_at: float) -> ServedRequest:
        """Return how a request with that key is answered, and remember it."""
        account = self._accounts.get(key.digest())
        status = 401 if account is None else 429 if account == self._limited else 200
        answered = ServedRequest(account, status, arrived_at, time.monotonic())
        self._answered.append(answered)
        return answered


def answer_text(account: str) -> str:
    """Return what the made-up model says when it is asked with the key of `account`."""
    return f"Hello, this is {account}."


class _Server(ThreadingHTTPServer):
    # Ending waits for the threads: none outlives the demo.
    daemon_threads = False
    block_on_close = True

    def __init__(self, provider: MadeUpProvider) -> None:
        self.provider = provider
        super().__init__(("127.0.0.1", 0), _RequestHandler)

    def server_bind(self) -> None:
        """Bind without the base's look-up of the host's name, which may ask the network."""
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def handle_error(self, *_: object) -> None:
        """Say nothing of a client that left: the step that does not happen is named instead."""


class _RequestHandler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    # Two small writes in a row would otherwise wait for the client's acknowledgement.
    disable_nagle_algorithm = True
    timeout = 10.0

    def do_POST(self) -> None:
        """Answer a chat request."""
        arrived_at = time.monotonic()
        length = min(int(self.headers.get("content-length") or 0), _LARGEST_REQUEST)
        request = json.loads(self.rfile.read(length) or b"{}")
        key = Secret((self.headers.get("authorization") or "").removeprefix("Bearer "))
        answered = self.server.provider.decide(key, arrived_at)
        if answered.account is None:
            self._send(401, _UNKNOWN)
        elif answered.status != 200:  # noqa: PLR2004  # the status of success
            self._send(answered.status, _LIMITED, {"Retry-After": str(RETRY_AFTER_SECONDS)})
        elif request.get("stream"):
            self._stream(answer_text(answered.account))
        else:
            self._send(200, _whole(answer_text(answered.account)))

    def _send(
        self, status: int, value: Mapping[str, object], headers: Mapping[str, str] | None = None
    ) -> None:
        self._head(status, "application/json", headers or {})
        self.wfile.write(json.dumps(value).encode())

    def _stream(self, text: str) -> None:
        self._head(200, "text/event-stream", {})
        for value in _chunks(text):
            self.wfile.write(f"data: {json.dumps(value)}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")

    def _head(self, status: int, content_type: str, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        # The end of the connection is the end of the answer, and of this thread.
        for name, value in {"Content-Type": content_type, "Connection": "close", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing: the screen says what happens."""


def _whole(text: str) -> dict[str, object]:
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {"id": "demo", "object": "chat.completion", "model": MODEL, "choices": [choice]}


def _chunks(text: str) -> Iterator[dict[str, object]]:
    yield _chunk({"role": "assistant", "content": text}, None)
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    yield {**_chunk({}, "stop"), "usage": usage}


def _chunk(delta: Mapping[str, str], finish_reason: str | None) -> dict[str, object]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    kind = "chat.completion.chunk"
    return {"id": "demo", "object": kind, "created": 0, "model": MODEL, "choices": [choice]}
