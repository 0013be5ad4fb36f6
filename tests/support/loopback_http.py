"""A small and quick HTTP/1.1 server on 127.0.0.1 for tests: one thread a connection, keep-alive.

It knows bytes, headers and chunks, and nothing of what is asked or answered. It is written on
sockets because the standard library's server costs more than what the benchmarks measure.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Self

_READ_SIZE = 65536
# Two hundred sessions may connect in the same moment.
_BACKLOG = 1024
_REASONS = {200: "OK", 204: "No Content", 400: "Bad Request", 429: "Too Many Requests"}
_CLOSING_SECONDS = 10.0


class ClientLeftError(Exception):
    """The client closed the connection before it had the whole answer."""


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came over the wire; names are in lower case but in `head_lines`."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    read_ns: int
    head_lines: tuple[str, ...] = ()


@dataclass(eq=False, slots=True)
class Connection:
    """One client's connection: reads requests one after the other, and writes the answers."""

    sock: socket.socket
    _buffer: bytearray = field(default_factory=bytearray)

    def requests(self) -> Iterator[Received]:
        """Yield each request once it is fully read, until the client closes."""
        with contextlib.suppress(ClientLeftError, OSError):
            while True:
                yield self._read_request()

    def send(self, data: bytes) -> None:
        """Write all of `data`; raises ClientLeftError when nobody reads any more."""
        try:
            self.sock.sendall(data)
        except OSError as exc:
            raise ClientLeftError from exc

    def pause(self, seconds: float) -> None:
        """Wait; raises ClientLeftError as soon as the client closes, or the server hangs up."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if _readable((self.sock,), left) and not self._still_there():
                raise ClientLeftError

    def _still_there(self) -> bool:
        try:
            data = self.sock.recv(_READ_SIZE)
        except OSError:
            return False
        self._buffer += data
        return bool(data)

    def _fill(self) -> None:
        data = self.sock.recv(_READ_SIZE)
        if not data:
            raise ClientLeftError
        self._buffer += data

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._fill()
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    def _take_until(self, mark: bytes) -> bytes:
        searched = 0
        while (found := self._buffer.find(mark, searched)) < 0:
            searched = max(0, len(self._buffer) - len(mark))
            self._fill()
        taken = self._take(found + len(mark))
        return taken[:found]

    def _read_request(self) -> Received:
        head = self._take_until(b"\r\n\r\n").decode("latin-1")
        first, *lines = head.split("\r\n")
        method, target, _ = first.split(" ", 2)
        pairs = (line.split(":", 1) for line in lines)
        headers = {name.lower(): value.strip() for name, value in pairs}
        body = self._read_body(headers)
        return Received(method, target, headers, body, time.monotonic_ns(), (first, *lines))

    def _read_body(self, headers: Mapping[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() != "chunked":
            return self._take(int(headers.get("content-length", "0")))
        body = b""
        while size := int(self._take_until(b"\r\n").split(b";")[0], 16):
            body += self._take(size)
            self._take(2)
        self._take_until(b"\r\n")
        return body


def _readable(
    sockets: tuple[socket.socket, ...], seconds: float | None = None
) -> list[socket.socket]:
    # Not select: it refuses descriptors from 1024 on, which two thousand connections reach.
    poll = select.poll()
    for sock in sockets:
        poll.register(sock, select.POLLIN)
    ready = {number for number, _ in poll.poll(None if seconds is None else seconds * 1000)}
    return [sock for sock in sockets if sock.fileno() in ready]


def head(status: int, headers: Mapping[str, str]) -> bytes:
    """Return the status line and the headers, the empty line included."""
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Status')}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def chunk(data: bytes) -> bytes:
    """Return `data` as one chunk of a chunked body; nothing for nothing, which would end it."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


LAST_CHUNK = b"0\r\n\r\n"

Handler = Callable[[Received, Connection], bool]


class LoopbackServer:
    """A server on a free port of 127.0.0.1; use it as a context manager.

    `handler` answers on the connection and returns whether it stays open. When the server
    closes, open connections are closed and all its threads have ended.
    """

    def __init__(self, handler: Handler, *, name: str = "loopback") -> None:
        self._handler, self._name = handler, name
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
        self._stop, self._stopping = socket.socketpair()
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._threads: set[threading.Thread] = set()
        self._acceptor = threading.Thread(target=self._accept, name=name, daemon=True)
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        self._acceptor.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening, hang up on everyone and wait for the threads to end."""
        # Closing its other end makes the socket readable for everyone who selects on it.
        self._stop.close()
        self._acceptor.join(_CLOSING_SECONDS)
        self._listener.close()
        self.hang_up()
        self._stopping.close()

    def hang_up(self) -> None:
        """Hang up on everyone who is connected, and wait for the threads to end."""
        with self._lock:
            connections, threads = list(self._connections), list(self._threads)
        for sock in connections:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(_CLOSING_SECONDS)

    def _accept(self) -> None:
        while True:
            if self._stopping in _readable((self._listener, self._stopping)):
                return
            sock, _ = self._listener.accept()
            # Without this a small answer after another waits for the client's acknowledgement.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            name = f"{self._name} connection"
            thread = threading.Thread(target=self._serve, args=(sock,), name=name, daemon=True)
            with self._lock:
                self._connections.add(sock)
                self._threads.add(thread)
            thread.start()

    def _serve(self, sock: socket.socket) -> None:
        connection = Connection(sock)
        try:
            for received in connection.requests():
                if not self._handler(received, connection):
                    break
        except ClientLeftError:
            pass
        finally:
            with self._lock:
                self._connections.discard(sock)
                self._threads.discard(threading.current_thread())
            sock.close()
