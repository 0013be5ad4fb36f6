"""Vendors on 127.0.0.1: a proxy that ends TLS itself, with certificates of an authority of its own.

A request to a vendor's real host comes here through HTTPS_PROXY and is answered here, because
SSL_CERT_FILE says to trust the authority; nothing in the program is changed for it.
"""

from __future__ import annotations

import contextlib
import functools
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Self

import trustme

from tests.support.loopback_http import (
    ClientLeftError,
    Connection,
    LoopbackServer,
    Received,
    head,
)
from tests.support.provider_answers import Answer, refusal
from tests.support.provider_request import Request
from tests.support.waiting import wait_until


class Asked(Request):
    """A request that came through the tunnel to `host`; see `Request` for the rest of it."""

    def __init__(self, received: Received, number: int, host: str) -> None:
        super().__init__(received, number)
        self.host = host


@dataclass(frozen=True, slots=True)
class Pieces:
    """Bytes sent as they are, one piece after the other, and then the end of the connection.

    Without any piece the request is read and never answered.
    """

    pieces: tuple[bytes, ...] = ()
    pause_seconds: float = 0.0


def dripped(answer: Answer, *, pause_seconds: float) -> Pieces:
    """Return an answer whose bytes, status and headers included, come one at a time."""
    whole = _encoded(answer)
    return Pieces(tuple(whole[n : n + 1] for n in range(len(whole))), pause_seconds)


def cut_off(answer: Answer, *, bytes_short: int = 1) -> Pieces:
    """Return an answer whose connection ends a few bytes before its body does."""
    return Pieces((_encoded(answer)[:-bytes_short],))


Reply = Answer | Pieces
Respond = Callable[[Asked], Reply]


class Tunnel(Enum):
    """How the proxy treats a host instead of letting requests through to it."""

    REFUSED = auto()
    CLOSED = auto()
    SILENT = auto()
    # The tunnel is made, and then nobody speaks TLS.
    DEAF = auto()
    # The tunnel ends at somebody whose certificate nobody trusts.
    FOREIGN = auto()


class Vendor:
    """The proxy and every vendor behind it; use it as a context manager.

    `environment` is what a process needs to find it. The newest rule for a host and a path
    answers; without one it is a 404.
    """

    def __init__(self, folder: Path) -> None:
        self._authority = trustme.CA()
        self._trusted = folder / "vendor-authority.pem"
        self._authority.cert_pem.write_to_path(self._trusted)
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._replies: dict[tuple[str, str], Reply | Respond] = {}
        self._tunnels: dict[str, Tunnel] = {}
        self._requests: list[Asked] = []
        self._hosts: list[str] = []
        self._sockets: set[socket.socket] = set()
        self._server = LoopbackServer(self._serve)
        self._context = functools.lru_cache(self._new_context)

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up on everyone and end; what was recorded stays."""
        self._closing.set()
        with self._lock:
            for sock in self._sockets:
                _shut(sock)
        self._server.close()

    @property
    def environment(self) -> dict[str, str]:
        """The variables that lead a process here, to be added to its environment."""
        proxy = f"http://127.0.0.1:{self._server.port}"
        return {"HTTPS_PROXY": proxy, "SSL_CERT_FILE": str(self._trusted)}

    # What it answers.

    def answer(self, host: str, path: str, reply: Reply | Respond) -> None:
        """Answer requests to that host and path with `reply`, or with what it returns."""
        with self._lock:
            self._replies[host, path] = reply

    def treat(self, host: str, tunnel: Tunnel | None) -> None:
        """Treat requests for a tunnel to that host so; None lets them through again."""
        with self._lock:
            if tunnel is None:
                self._tunnels.pop(host, None)
            else:
                self._tunnels[host] = tunnel

    # What it saw.

    @property
    def requests(self) -> list[Asked]:
        """Every request that was fully read, oldest first."""
        with self._lock:
            return list(self._requests)

    @property
    def hosts(self) -> list[str]:
        """The host of every tunnel that was asked for, whatever became of it."""
        with self._lock:
            return list(self._hosts)

    def wait_for(self, count: int, deadline_seconds: float = 10) -> list[Asked]:
        """Wait until so many requests have been read; return them."""

        def enough() -> list[Asked]:
            found = self.requests
            return found if len(found) >= count else []

        return wait_until(enough, deadline_seconds, f"request {count} to a vendor")

    # How it is done.

    def _serve(self, received: Received, connection: Connection) -> bool:
        host = received.target.rpartition(":")[0]
        with self._lock:
            self._hosts.append(host)
            tunnel = self._tunnels.get(host)
        match tunnel:
            case Tunnel.REFUSED:
                connection.send(head(403, {"content-length": "0"}))
            case Tunnel.CLOSED:
                pass
            case Tunnel.SILENT:
                self._pause(None)
            case Tunnel.DEAF:
                connection.send(head(200, {}))
                self._pause(None)
            case Tunnel.FOREIGN:
                self._tunnel(connection, host, self._new_context(host, trustme.CA()))
            case None:
                self._tunnel(connection, host, self._context(host))
        return False

    def _new_context(self, host: str, authority: trustme.CA | None = None) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        (authority or self._authority).issue_cert(host).configure_cert(context)
        return context

    def _tunnel(self, connection: Connection, host: str, context: ssl.SSLContext) -> None:
        connection.send(head(200, {}))
        # The wrapping takes the descriptor away from the server, which cannot hang up any more.
        sock = context.wrap_socket(connection.sock, server_side=True, do_handshake_on_connect=False)
        with self._lock:
            self._sockets.add(sock)
        try:
            # A client that does not trust the certificate ends it here.
            with contextlib.suppress(OSError, ClientLeftError):
                sock.do_handshake()
                self._speak(Connection(sock), host)
        finally:
            with self._lock:
                self._sockets.discard(sock)
            sock.close()

    def _speak(self, connection: Connection, host: str) -> None:
        for received in connection.requests():
            with self._lock:
                asked = Asked(received, len(self._requests) + 1, host)
                self._requests.append(asked)
                reply = self._replies.get((host, asked.path), refusal(404))
            if callable(reply):
                reply = reply(asked)
            if isinstance(reply, Pieces):
                for piece in reply.pieces:
                    connection.send(piece)
                    self._pause(reply.pause_seconds)
                return
            self._pause(reply.delay_seconds)
            connection.send(_encoded(reply))

    def _pause(self, seconds: float | None) -> None:
        if self._closing.wait(seconds):
            raise ClientLeftError


def _encoded(answer: Answer) -> bytes:
    content_type, body = answer.encoded_body()
    usual = {"content-type": content_type, "content-length": str(len(body))}
    return head(answer.status, {**usual, **answer.headers}) + body


def _shut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
