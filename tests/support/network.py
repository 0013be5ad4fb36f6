"""No test talks to another machine: sockets reach the loopback interface and nothing else.

The ban holds in the tests' own process. Children get no proxy from us, see `home.py`.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest


def is_local(host: object) -> bool:
    """Return whether `host`, a name or an address, is this machine without asking anybody."""
    name = host.decode() if isinstance(host, bytes) else host
    if name in {None, "", "localhost"}:
        return True
    try:
        return ipaddress.ip_address(str(name)).is_loopback
    except ValueError:
        return False


def _refuse(host: object) -> None:
    # Not an OSError, nor an Exception at all: the program must not take it for an outage.
    pytest.fail(f"a test tried to reach {host}; only the loopback interface is allowed")


def _guarded(original: Callable[..., Any]) -> Callable[..., Any]:
    def call(self: socket.socket, *args: Any) -> Any:
        # sendto(data, address) and sendto(data, flags, address) have the address last too.
        address = args[-1]
        if self.family in {socket.AF_INET, socket.AF_INET6} and not is_local(address[0]):
            _refuse(address[0])
        return original(self, *args)

    return call


@pytest.fixture(scope="session", autouse=True)
def only_loopback() -> Iterator[None]:
    """Guard everything that sends to an address or looks one up."""
    look_up = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        if not is_local(host):
            _refuse(host)
        return look_up(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex", "sendto"):
            patch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))
        patch.setattr(socket, "getaddrinfo", getaddrinfo)
        yield
