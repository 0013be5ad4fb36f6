"""Real host names that lead to the loopback provider: a proxy that ends TLS and hands on the rest.

So opencode's own plug-ins ask the addresses that they build, and no plug-in of a test stands in
between; the provider sees each request with its `host`.
"""

from __future__ import annotations

import contextlib
import functools
import selectors
import socket
import ssl
import threading
from pathlib import Path

import trustme

from tests.support.loopback_http import Connection, LoopbackServer, Received, head
from tests.support.loopback_provider import LoopbackProvider

_AT_ONCE = 65536


class HostTunnel(LoopbackServer):
    """Hands on what is asked of `hosts` (ends of names); everybody else is hung up on."""

    def __init__(self, provider: LoopbackProvider, *hosts: str) -> None:
        super().__init__(self._tunnel)
        self._hosts = hosts
        self._to = int(provider.url.rpartition(":")[2])
        self._authority = trustme.CA()
        self._context = functools.lru_cache(self._new_context)
        self._stopped = threading.Event()

    @property
    def environment(self) -> dict[str, str]:
        """The variables that lead an opencode here."""
        proxy = f"http://127.0.0.1:{self.port}"
        return {"HTTPS_PROXY": proxy, "NODE_TLS_REJECT_UNAUTHORIZED": "0"}

    def trusted_below(self, folder: Path) -> dict[str, str]:
        """Return the variables that lead our own program here as well; a file comes to `folder`."""
        trusted = folder / "tunnel-authority.pem"
        self._authority.cert_pem.write_to_path(trusted)
        return self.environment | {"SSL_CERT_FILE": str(trusted)}

    def close(self) -> None:
        """End all tunnels, too."""
        self._stopped.set()
        super().close()

    def _new_context(self, host: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert(host).configure_cert(context)
        return context

    def _tunnel(self, received: Received, connection: Connection) -> bool:
        host = received.target.rpartition(":")[0]
        if not host.endswith(self._hosts):
            return False
        connection.send(head(200, {}))
        with contextlib.suppress(OSError):
            sock = self._context(host).wrap_socket(connection.sock, server_side=True)
            with sock, socket.create_connection(("127.0.0.1", self._to)) as provider:
                self._hand_on(sock, provider)
        return False

    def _hand_on(self, client: ssl.SSLSocket, provider: socket.socket) -> None:
        other: dict[object, socket.socket] = {client: provider, provider: client}
        with selectors.DefaultSelector() as selector:
            for sock in (client, provider):
                selector.register(sock, selectors.EVENT_READ)
            while not self._stopped.is_set():
                for key, _ in selector.select(0.1):
                    if not (data := key.fileobj.recv(_AT_ONCE)):  # type: ignore[union-attr]  # a socket
                        return
                    other[key.fileobj].sendall(data)
                    while isinstance(key.fileobj, ssl.SSLSocket) and key.fileobj.pending():
                        other[key.fileobj].sendall(key.fileobj.recv(_AT_ONCE))
