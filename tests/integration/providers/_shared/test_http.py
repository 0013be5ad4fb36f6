"""Asking a vendor over the network: what comes back, and what a failure says about the request.

The vendor is the real host's name, reached through the environment's proxy and certificates only.
"""

from __future__ import annotations

import logging
import os
import re
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from providers._shared.deadline import PendingAnswer, Phase, Trouble
from providers._shared.http import LARGEST_BYTES, USUAL, Deadlines, send, trouble_of
from rotator import __version__
from rotator.errors import ProviderUnavailable
from rotator.plugins.registry import ask_vendor
from rotator.provider import HttpAnswer, HttpRequest
from rotator.secret import Secret
from tests.support.provider_answers import Answer
from tests.support.vendor import Pieces, Reply, Tunnel, Vendor, cut_off, dripped
from tests.support.waiting import wait_until

HOST = "auth.openai.com"
PATH = "/oauth/token"
TOKEN = "REF-CANARY-a-1"
REQUEST = HttpRequest(
    "POST",
    f"https://{HOST}{PATH}?shown=QUERY-CANARY",
    {"content-type": "text/plain", "authorization": Secret(f"Bearer {TOKEN}")},
    Secret(f"token={TOKEN}"),
)
# Long enough for what has to happen before, on a busy machine too.
QUICK = Deadlines(connect_seconds=0.5, whole_seconds=1.5)
OK = Answer(body={"access_token": "ACC-CANARY-a-2"})


@pytest.fixture
def vendor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Vendor]:
    """Return a vendor that this process finds through its environment."""
    with Vendor(tmp_path) as vendor:
        for name, value in vendor.environment.items():
            monkeypatch.setenv(name, value)
        yield vendor


def failure(
    request: HttpRequest = REQUEST,
    deadlines: Deadlines = USUAL,
    transport: httpx2.BaseTransport | None = None,
) -> ProviderUnavailable:
    """Return how asking fails, after a look that nobody can read a secret from it."""
    with pytest.raises(ProviderUnavailable) as caught:
        send(request, deadlines, transport)
    exc = caught.value
    assert "CANARY" not in "".join(traceback.format_exception(exc))
    assert (exc.__cause__, exc.__context__) == (None, None)
    return exc


# -- what goes out and what comes back -----------------------------------------------------------


def test_a_request_goes_through_the_proxy_to_the_vendor_and_its_answer_comes_back(
    vendor: Vendor,
) -> None:
    vendor.answer(HOST, PATH, Answer(201, {"X-Odd": "1"}, body={"a": "é"}))

    answer = send(REQUEST)

    (asked,) = vendor.requests
    assert vendor.hosts == [HOST]
    assert (asked.method, asked.host, asked.path) == ("POST", HOST, PATH)
    assert asked.query == {"shown": "QUERY-CANARY"}
    assert asked.raw_body == f"token={TOKEN}".encode()
    assert (answer.status, answer.headers["x-odd"]) == (201, "1")
    assert answer.body.reveal() == '{"a": "\\u00e9"}'


def test_the_headers_are_ours_and_those_of_the_request(vendor: Vendor) -> None:
    vendor.answer(HOST, PATH, OK)

    send(REQUEST)

    (asked,) = vendor.requests
    assert dict(asked.headers) == {
        "host": HOST,
        "accept": "application/json",
        "accept-encoding": "identity",
        "authorization": f"Bearer {TOKEN}",
        "connection": "keep-alive",
        "content-length": str(len(asked.raw_body)),
        "content-type": "text/plain",
        "user-agent": f"opencode-rotator/{__version__}",
    }


def test_a_header_of_the_request_goes_before_ours(vendor: Vendor) -> None:
    send(HttpRequest("GET", f"https://{HOST}/", {"User-Agent": "another", "Accept": "*/*"}))

    (asked,) = vendor.requests
    assert (asked.method, asked.raw_body) == ("GET", b"")
    assert (asked.headers["user-agent"], asked.headers["accept"]) == ("another", "*/*")


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 429, 500, 503])
def test_every_status_is_an_answer(vendor: Vendor, status: int) -> None:
    vendor.answer(HOST, PATH, Answer(status, body="text"))

    answer = send(REQUEST)

    assert (answer.status, answer.body.reveal()) == (status, "text")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("to", ["https://elsewhere.example/?t=CANARY", "/other", "http://[", ""])
def test_a_redirect_is_an_answer_and_not_followed(vendor: Vendor, status: int, to: str) -> None:
    vendor.answer(HOST, PATH, Answer(status, {"location": to}))

    answer = send(REQUEST)

    assert answer.status == status
    assert "location" not in answer.headers
    assert (vendor.hosts, len(vendor.requests)) == ([HOST], 1)


def test_a_cookie_is_neither_handed_on_nor_sent_back(vendor: Vendor) -> None:
    vendor.answer(HOST, PATH, Answer(headers={"Set-Cookie": "session=CANARY; Path=/"}))

    answers = [send(REQUEST), send(REQUEST)]

    assert ["set-cookie" in answer.headers for answer in answers] == [False, False]
    assert ["cookie" in asked.headers for asked in vendor.requests] == [False, False]


def test_what_is_no_utf_8_is_text_all_the_same(vendor: Vendor) -> None:
    vendor.answer(HOST, PATH, Answer(body=b"\xef\xbb\xbfa\xff"))

    assert send(REQUEST).body.reveal() == "a\ufffd"


def test_the_answer_shows_no_secret(vendor: Vendor) -> None:
    vendor.answer(HOST, PATH, OK)

    assert "CANARY" not in repr(send(REQUEST))


@pytest.mark.parametrize("bytes_over", [0, 1])
def test_an_answer_is_bounded(vendor: Vendor, bytes_over: int) -> None:
    vendor.answer(HOST, PATH, Answer(body="x" * (LARGEST_BYTES + bytes_over)))

    if not bytes_over:
        assert len(send(REQUEST).body.reveal()) == 256 * 1024
        return
    exc = failure()

    assert exc.sent
    assert exc.message == f"{HOST} gave no whole answer: what came is larger than 256 KiB"


def test_nothing_is_logged_even_if_everything_is(
    vendor: Vendor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    vendor.answer(HOST, PATH, OK)

    send(REQUEST)
    vendor.answer(HOST, PATH, Pieces())
    failure()

    assert caplog.records == []


def test_a_child_process_finds_the_vendor_too(vendor: Vendor) -> None:
    vendor.answer(HOST, PATH, OK)
    code = (
        "from rotator.plugins.registry import ask_vendor\n"
        "from rotator.provider import HttpRequest\n"
        f"print(ask_vendor(HttpRequest('GET', 'https://{HOST}{PATH}')).status)"
    )

    ended = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": os.environ["PATH"], **vendor.environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert ended.stdout == "200\n"


def test_the_registry_s_question_is_this_one(vendor: Vendor) -> None:
    vendor.answer(HOST, PATH, OK)

    assert ask_vendor(REQUEST).status == 200


# -- what cannot have been sent ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tunnel", "why"),
    [
        (Tunnel.REFUSED, "the proxy refuses to connect"),
        (Tunnel.CLOSED, "what came is not whole or no HTTP"),
        (Tunnel.SILENT, "it took too long"),
        (Tunnel.DEAF, "no connection came about in time"),
        (Tunnel.FOREIGN, "its certificate is not trusted"),
    ],
)
def test_what_fails_before_there_is_a_connection_was_not_sent(
    vendor: Vendor, tunnel: Tunnel, why: str
) -> None:
    vendor.treat(HOST, tunnel)
    # A handshake takes its time; only who never answers has to be given up.
    hangs = tunnel in {Tunnel.SILENT, Tunnel.DEAF}

    exc = failure(deadlines=QUICK if hangs else USUAL)

    assert (exc.message, exc.sent) == (f"{HOST} was not asked: {why}", False)
    assert (vendor.hosts, vendor.requests) == ([HOST], [])


def test_a_proxy_that_is_not_there_was_asked_nothing(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{unused_port()}")

    exc = failure()

    assert (exc.message, exc.sent) == (f"{HOST} was not asked: the connection was refused", False)
    assert vendor.hosts == []


def test_a_host_that_needs_no_proxy_is_asked_without_it(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "other.example,localhost")

    exc = failure(replace(REQUEST, url=f"https://localhost:{unused_port()}/"))

    assert (exc.message, exc.sent) == (
        "localhost was not asked: the connection was refused",
        False,
    )
    assert vendor.hosts == []


@pytest.mark.parametrize("proxy", ["odd://127.0.0.1:1", "socks5://127.0.0.1:1"])
def test_a_proxy_that_cannot_be_used_is_said_to_be_none(
    monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy.replace("//", "//user:CANARY@"))

    exc = failure()

    why = "the proxy that the environment names cannot be used"
    assert (exc.message, exc.sent) == (f"{HOST} was not asked: {why}", False)


def test_certificates_that_cannot_be_read_are_named(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))

    exc = failure()

    why = "the certificates to trust cannot be read"
    assert (exc.message, exc.sent) == (f"{HOST} was not asked: {why}", False)
    assert vendor.hosts == []


def test_without_the_variable_the_system_s_certificates_are_trusted(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")

    exc = failure()

    assert vendor.requests == []
    assert exc.message == f"{HOST} was not asked: its certificate is not trusted"


@pytest.mark.parametrize("value", [f"{TOKEN}\r\nX: y", f"{TOKEN}\n", f"{TOKEN}\0", f"é{TOKEN}"])
@pytest.mark.parametrize("name", ["authorization", "x-\n", "x-é"])
def test_a_header_that_is_none_is_not_sent_and_not_shown(
    vendor: Vendor, name: str, value: str
) -> None:
    exc = failure(replace(REQUEST, headers={name: Secret(value)}))

    assert (exc.message, exc.sent) == (
        f"{HOST} was not asked: a header holds what no header may",
        False,
    )
    assert vendor.hosts == []


def test_a_body_that_is_no_text_is_not_sent_and_not_shown(vendor: Vendor) -> None:
    exc = failure(replace(REQUEST, body=Secret(f"{TOKEN}\ud800")))

    assert not exc.sent
    assert vendor.hosts == []


@pytest.mark.parametrize(
    "url",
    [
        "http://auth.openai.com/oauth/token",
        "ftp://auth.openai.com/",
        "https:///oauth/token",
        "https://user:CANARY@auth.openai.com/",
        "https://[CANARY/",
        "https://a\nb/",
        "/oauth/token",
        "",
    ],
)
def test_an_address_that_is_not_https_and_a_host_is_not_asked(vendor: Vendor, url: str) -> None:
    exc = failure(replace(REQUEST, url=url))

    assert re.fullmatch(r"[\w. ]+ was not asked: its address is not [\w ]+", exc.message)
    assert not exc.sent
    assert vendor.hosts == []


# -- what may have been sent ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        pytest.param(Pieces(), "what came is not whole or no HTTP", id="nothing"),
        pytest.param(Pieces((b"oops\r\n\r\n",)), "what came is not whole or no HTTP", id="no HTTP"),
        pytest.param(cut_off(OK), "what came is not whole or no HTTP", id="cut off"),
        pytest.param(
            Answer(headers={"content-encoding": "gzip"}, body="CANARY"),
            "what came cannot be unpacked",
            id="not packed",
        ),
    ],
)
def test_what_fails_after_the_request_was_read_may_have_been_sent(
    vendor: Vendor, reply: Reply, why: str
) -> None:
    vendor.answer(HOST, PATH, reply)

    exc = failure()

    assert (exc.message, exc.sent) == (f"{HOST} gave no whole answer: {why}", True)
    assert len(vendor.requests) == 1


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(Answer(body="late", delay_seconds=30), id="silent"),
        pytest.param(dripped(OK, pause_seconds=0.05), id="headers that drip"),
        pytest.param(
            Pieces((b"HTTP/1.1 200 OK\r\n\r\n", *[b" "] * 900), 0.05), id="a body that drips"
        ),
        pytest.param(Pieces((b"HTTP/1.1 100 Continue\r\n\r\n",) * 900, 0.05), id="not yet"),
    ],
)
def test_no_server_keeps_us_longer_than_the_deadline(vendor: Vendor, reply: Reply) -> None:
    vendor.answer(HOST, PATH, reply)
    started = time.monotonic()

    exc = failure(deadlines=QUICK)

    assert (exc.message, exc.sent) == (f"{HOST} gave no whole answer: it took too long", True)
    assert 1.5 <= time.monotonic() - started < 10


def test_an_answer_that_is_cut_off_by_the_deadline_is_none(vendor: Vendor) -> None:
    # Its end is only known by the end of the connection, and that one is ours.
    whole = b'HTTP/1.1 200 OK\r\n\r\n{"access_token": "ACC-CANARY", "refresh_token": "RE'
    vendor.answer(HOST, PATH, Pieces((whole, b""), pause_seconds=30))

    exc = failure(deadlines=QUICK)

    assert exc.sent


def test_after_the_deadline_nobody_keeps_the_connection(vendor: Vendor) -> None:
    vendor.answer(HOST, PATH, Pieces((b"HTTP/1.1 200 OK\r\n\r\n", *[b" "] * 900), 0.05))

    failure(deadlines=QUICK)

    def working() -> bool:
        return any(thread.name == "vendor request" for thread in threading.enumerate())

    wait_until(lambda: not working(), 5, "the connection to be closed")


def test_the_deadlines_are_five_and_fifteen_seconds() -> None:
    assert Deadlines(connect_seconds=5, whole_seconds=15) == USUAL


# -- the deadline by itself ----------------------------------------------------------------------


def test_nothing_is_sent_once_nobody_waits_any_more() -> None:
    exchange, gate = PendingAnswer(), socket.socketpair()
    ended: list[BaseException] = []

    def work() -> Trouble:
        exchange.begin()
        exchange.follow("connection.connect_tcp.started", {})
        gate[1].recv(1)
        try:
            exchange.follow("http11.send_request_headers.started", {})
        except BaseException as exc:
            ended.append(exc)
            raise
        return Trouble("sent", sent=True)

    with gate[0], gate[1]:
        outcome = exchange.run(lambda: trouble(work), 0.05)
        gate[0].send(b"x")
        wait_until(lambda: ended, 10, "the work to be refused")

    assert outcome == Trouble("it took too long", sent=False)


def trouble(work: object) -> Trouble:
    try:
        return work()  # type: ignore[operator,no-any-return]  # a function without arguments
    except Exception as exc:  # noqa: BLE001  # as the client does
        return trouble_of(exc)


@pytest.mark.parametrize(
    ("steps", "phase"),
    [
        ([], Phase.ASKED),
        (["connection.connect_tcp.started"], Phase.CONNECTING),
        (["connection.connect_tcp.started", "proxy.start_tls.started"], Phase.CONNECTING),
        (["connection.connect_tcp.started", "http11.response_closed.started"], Phase.CONNECTING),
        (["connection.connect_tcp.started", "http11.send_request_headers.started"], Phase.SENDING),
        (["connection.connect_tcp.started", "anything.unknown.started"], Phase.SENDING),
    ],
)
def test_a_step_that_is_not_known_to_send_nothing_may_have_sent_all(
    steps: list[str], phase: Phase
) -> None:
    exchange = PendingAnswer()
    exchange.begin()

    for step in steps:
        exchange.follow(step, {})

    assert exchange.phase is phase


def test_only_a_phase_that_sends_nothing_proves_a_request_unsent() -> None:
    unsent = {phase for phase in Phase if not phase.may_be_sent}

    assert unsent == {Phase.BUILDING, Phase.CONNECTING}


# -- every failure that the library knows --------------------------------------------------------


def failures_of_the_library() -> list[type[Exception]]:
    """Return every exception class of httpx2, however deep, that is loaded with it."""
    found: list[type[Exception]] = []
    left: list[type[Exception]] = [Exception]
    while left:
        for kind in left.pop().__subclasses__():
            left.append(kind)
            if kind.__module__.partition(".")[0] == "httpx2" and not issubclass(kind, Warning):
                found.append(kind)
    return sorted(set(found), key=lambda kind: kind.__name__)


UNSENT: tuple[type[Exception], ...] = (
    *(httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError),
    *(httpx2.UnsupportedProtocol, httpx2.LocalProtocolError, httpx2.InvalidURL),
)


def raised(kind: type[Exception]) -> Exception:
    """Return an exception of that kind whose text holds a secret."""
    exc = kind.__new__(kind)
    Exception.__init__(exc, TOKEN)
    exc.__cause__ = ValueError(TOKEN)
    return exc


@pytest.mark.parametrize("kind", failures_of_the_library(), ids=lambda kind: kind.__name__)
def test_every_failure_of_the_library_is_told_without_its_words(kind: type[Exception]) -> None:
    def answer(_: httpx2.Request) -> httpx2.Response:
        raise raised(kind)

    exc = failure(transport=httpx2.MockTransport(answer))

    assert exc.sent is (kind not in UNSENT)
    assert trouble_of(raised(kind)).why in exc.message


@pytest.mark.parametrize("kind", [ValueError, OSError, RuntimeError, KeyError, UnicodeError])
def test_any_other_failure_may_have_been_sent(kind: type[Exception]) -> None:
    def answer(_: httpx2.Request) -> httpx2.Response:
        raise kind(TOKEN)

    assert failure(transport=httpx2.MockTransport(answer)).sent


def test_the_library_has_the_failures_that_we_know() -> None:
    assert len(failures_of_the_library()) >= 28
    assert set(failures_of_the_library()) >= set(UNSENT)


@pytest.mark.parametrize("kind", UNSENT)
def test_a_failure_of_a_request_that_was_seen_to_go_out_was_sent(kind: type[Exception]) -> None:
    assert trouble_of(raised(kind), Phase.SENDING).sent


def test_a_failure_while_connecting_was_not_sent_whatever_it_says() -> None:
    assert not trouble_of(raised(httpx2.ReadTimeout), Phase.CONNECTING).sent


def test_a_whole_answer_comes_from_any_transport() -> None:
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, text="text"))

    answer = send(REQUEST, transport=transport)

    assert answer.body == Secret("text")
    assert isinstance(answer, HttpAnswer)


def unused_port() -> int:
    """Return a port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
