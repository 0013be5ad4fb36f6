"""Asks vendors over HTTPS: the one module that knows httpx2, and where a secret leaves for one.

Every failure becomes ProviderUnavailable with a constant sentence. What a library says may hold
a header or an address, so neither its text nor the exception itself is kept, not even as a cause.
"""

from __future__ import annotations

import contextlib
import logging
import re
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import urlsplit

import httpx2

from providers._shared.deadline import PendingAnswer, Phase, Trouble
from rotator import __version__
from rotator.errors import ProviderUnavailable
from rotator.provider import HttpAnswer, HttpRequest
from rotator.secret import Secret
from rotator.text import sanitize

LARGEST_BYTES = 256 * 1024
_OUR_HEADERS = {
    "accept": "application/json",
    # A small answer gains nothing, and what is not packed cannot unpack to gigabytes.
    "accept-encoding": "identity",
    "user-agent": f"opencode-rotator/{__version__}",
}
# They can be secrets as well, and nobody here has a use for them.
_KEPT_BACK = {"location", "set-cookie"}
_HOST = re.compile(rb"[a-z0-9.-]+")

# Told to talk, they write addresses and headers into whatever log there is.
for _name in ("httpx2", "httpcore2"):
    logging.getLogger(_name).setLevel(logging.CRITICAL + 1)


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long each step of connecting may take, and everything together."""

    connect_seconds: float = 5.0
    whole_seconds: float = 15.0


USUAL = Deadlines()
_NO_STEP_SECONDS = 600.0


class _Refused(Exception):
    """A request that must not go out, or an answer that must not come in; its text is ours."""


# Why there is no answer, by the most special class, and whether that proves the request unsent.
_TROUBLES: Mapping[type[BaseException], tuple[str, bool]] = {
    httpx2.ConnectError: ("no connection could be made", True),
    httpx2.ConnectTimeout: ("no connection came about in time", True),
    httpx2.PoolTimeout: ("no connection came about in time", True),
    httpx2.ProxyError: ("the proxy refuses to connect", True),
    httpx2.UnsupportedProtocol: ("its address is not https", True),
    httpx2.InvalidURL: ("its address is not valid", True),
    httpx2.LocalProtocolError: ("the request is not valid", True),
    httpx2.TimeoutException: ("it took too long", False),
    httpx2.NetworkError: ("the connection broke", False),
    httpx2.ProtocolError: ("what came is not whole or no HTTP", False),
    httpx2.DecodingError: ("what came cannot be unpacked", False),
    httpx2.HTTPError: ("the exchange failed", False),
    httpx2.StreamError: ("the exchange failed", False),
    httpx2.CookieConflict: ("the exchange failed", False),
    OSError: ("the connection broke", False),
    ValueError: ("something in it is not valid", False),
    Exception: ("the exchange failed", False),
}
# Why a connection could not be made, by what lies below.
_CAUSES: Mapping[type[BaseException], str] = {
    ssl.SSLCertVerificationError: "its certificate is not trusted",
    ssl.SSLError: "no encrypted connection could be made",
    socket.gaierror: "its name, or the proxy's, was not found",
    ConnectionRefusedError: "the connection was refused",
}


def send(
    request: HttpRequest,
    deadlines: Deadlines = USUAL,
    transport: httpx2.BaseTransport | None = None,
) -> HttpAnswer:
    """Ask, and return the whole answer, whatever its status; redirects are not followed.

    Proxies and trusted certificates are those of the environment (HTTPS_PROXY, NO_PROXY,
    SSL_CERT_FILE) and the system. Raises ProviderUnavailable; its `sent` is False only where
    the vendor can have seen nothing of the request.
    """
    exchange = PendingAnswer()
    outcome = exchange.run(
        lambda: _carry_out(exchange, request, deadlines, transport), deadlines.whole_seconds
    )
    if isinstance(outcome, HttpAnswer):
        return outcome
    told = "gave no whole answer" if outcome.sent else "was not asked"
    message = f"{_host(request.url)} {told}: {outcome.why}"
    raise ProviderUnavailable(message, sent=outcome.sent)


def trouble_of(exc: Exception, phase: Phase = Phase.ASKED) -> Trouble:
    """Return what an exception means that ended an exchange in this phase."""
    if isinstance(exc, _Refused):
        return Trouble(str(exc), phase.may_be_sent)
    why, unsent = next(_TROUBLES[kind] for kind in type(exc).__mro__ if kind in _TROUBLES)
    if isinstance(exc, httpx2.ConnectError):
        why = _cause_of(exc) or why
    # What the library was seen to do counts for more than what it says.
    return Trouble(why, phase is Phase.SENDING or (phase.may_be_sent and not unsent))


def _cause_of(exc: BaseException) -> str | None:
    below = exc.__cause__ or exc.__context__
    if below is None:
        return None
    why = next((why for kind, why in _CAUSES.items() if isinstance(below, kind)), None)
    return why or _cause_of(below)


def _carry_out(
    exchange: PendingAnswer,
    request: HttpRequest,
    deadlines: Deadlines,
    transport: httpx2.BaseTransport | None,
) -> HttpAnswer | Trouble:
    try:
        with _client(deadlines, transport) as client:
            asked = _built(client, request)
            asked.extensions["trace"] = exchange.follow
            exchange.begin()
            with contextlib.closing(client.send(asked, stream=True)) as response:
                return _whole(response)
    except Exception as exc:  # noqa: BLE001  # of any kind: its text may hold a secret
        return trouble_of(exc, exchange.phase)


def _client(deadlines: Deadlines, transport: httpx2.BaseTransport | None) -> httpx2.Client:
    try:
        # One for all: each proxy would read the system's certificates by itself.
        trusted: ssl.SSLContext | bool = httpx2.create_ssl_context() if transport is None else True
    except OSError as exc:
        raise _Refused("the certificates to trust cannot be read") from exc
    try:
        return httpx2.Client(
            transport=transport,
            verify=trusted,
            # The whole is `PendingAnswer`'s to bound: it knows of time in which we were stopped.
            timeout=httpx2.Timeout(_NO_STEP_SECONDS, connect=deadlines.connect_seconds),
        )
    except (ImportError, ValueError, httpx2.InvalidURL) as exc:
        raise _Refused("the proxy that the environment names cannot be used") from exc


def _built(client: httpx2.Client, request: HttpRequest) -> httpx2.Request:
    try:
        url = httpx2.URL(request.url)
    except httpx2.InvalidURL as exc:
        raise _Refused("its address is not valid") from exc
    if url.scheme != "https" or url.userinfo or not _HOST.fullmatch(url.raw_host):
        raise _Refused("its address is not https and a host")
    headers = _OUR_HEADERS | {name.lower(): _text(value) for name, value in request.headers.items()}
    for name, value in headers.items():
        if not (_is_plain(name) and _is_plain(value)):
            raise _Refused("a header holds what no header may")
    body = None if request.body is None else request.body.reveal().encode()
    return client.build_request(request.method, url, headers=headers, content=body)


def _whole(response: httpx2.Response) -> HttpAnswer:
    body = bytearray()
    for piece in response.iter_bytes():
        body += piece
        if len(body) > LARGEST_BYTES:
            raise _Refused(f"what came is larger than {LARGEST_BYTES // 1024} KiB")
    headers = {name.lower(): value for name, value in response.headers.items()}
    kept = {name: value for name, value in headers.items() if name not in _KEPT_BACK}
    text = body.decode("utf-8-sig", "replace")
    return HttpAnswer(response.status_code, MappingProxyType(kept), Secret(text))


def _text(value: str | Secret) -> str:
    return value.reveal() if isinstance(value, Secret) else value


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _host(url: str) -> str:
    try:
        host = urlsplit(url).hostname
    except ValueError:
        host = None
    return sanitize(host) if host else "the vendor"
