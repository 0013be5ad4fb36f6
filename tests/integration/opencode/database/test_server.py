"""A server is asked on the loopback interface alone, and believed no more than it says."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rotator.opencode.database.server import Address, Info, activate, info_of
from rotator.opencode.database.servers import Server, find_servers, service_file
from rotator.secret import Secret
from rotator.system.paths import find_paths
from tests.support.home import places

PASSWORD = "PASSWORD-CANARY"
Ask = Callable[[http.server.BaseHTTPRequestHandler], tuple[int, bytes]]


@contextlib.contextmanager
def stub_server(answer: Ask) -> Iterator[int]:
    """Run a stub in a server's place; yield its port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            """Answer."""
            status, content = answer(self)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815  # the name that the library asks for

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield int(server.server_address[1])
        server.shutdown()
        thread.join()


def info(pid: int = 1, **more: object) -> Ask:
    said = json.dumps({"version": "2.0.15", "pid": pid} | more).encode()
    return lambda _: (200, said)


def here(port: int) -> Address:
    return Address("127.0.0.1", port, Secret(PASSWORD))


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com:80",
        "https://127.0.0.1:1",
        "http://127.0.0.1",
        "http://127.0.0.1.example:80",
        "http://[::1",
        "http://127.0.0.1:x",
        None,
        7,
    ],
)
def test_a_password_goes_to_this_computer_alone(url: object) -> None:
    assert Address.of(url, PASSWORD) is None


def test_an_address_shows_no_password() -> None:
    address = Address.of("http://localhost:80", PASSWORD)

    assert address is not None
    assert PASSWORD not in repr(address)


def test_a_server_says_who_it_is() -> None:
    with stub_server(info(7)) as port:
        assert info_of(here(port)) == Info("2.0.15", 7)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (lambda _: (401, b""), Info(is_locked=True)),
        (lambda _: (200, b"<html>"), None),
        (lambda _: (200, b"[]"), None),
        (lambda _: (200, b"{}"), None),
        (info(pid="x"), None),  # type: ignore[arg-type]
        (lambda _: (500, b"{}"), None),
    ],
    ids=["locked", "no JSON", "a list", "empty", "another shape", "failing"],
)
def test_whoever_answers_otherwise_is_no_server_that_we_know(answer: Ask, told: object) -> None:
    with stub_server(answer) as port:
        assert info_of(here(port)) == told


def test_nobody_there_is_no_server() -> None:
    with stub_server(info()) as port:
        pass

    assert info_of(here(port)) is None
    assert not activate(here(port), "cred_x")


def test_an_id_is_sent_as_one_part_of_the_path() -> None:
    asked: list[str] = []

    def answer(handler: http.server.BaseHTTPRequestHandler) -> tuple[int, bytes]:
        asked.append(handler.path)
        return 204, b""

    with stub_server(answer) as port:
        assert activate(here(port), "cred/../x")

    assert asked == ["/api/credential/cred%2F..%2Fx/activate"]


def write_service(home: Path, **told: object) -> None:
    path = service_file(find_paths(places(home)))
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(told))


def servers(home: Path) -> list[tuple[int, str | None]]:
    return [(server.pid, server.version) for server in find_servers(find_paths(places(home)))]


def test_the_service_is_found_where_it_says_that_it_is(home: Path) -> None:
    with stub_server(info(os.getpid())) as port:
        write_service(home, url=f"http://127.0.0.1:{port}", pid=os.getpid(), password="p")

        assert servers(home) == [(os.getpid(), "2.0.15")]


def test_the_service_is_asked_with_its_own_password_though_its_process_is_seen_too(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stub_server(info(os.getpid())) as port:
        write_service(home, url=f"http://127.0.0.1:{port}", pid=os.getpid(), password="p")
        seen = Server(os.getpid(), here(port), None)
        monkeypatch.setattr("rotator.opencode.database.servers._others", lambda _: iter([seen]))

        assert servers(home) == [(os.getpid(), "2.0.15")]


def test_somebody_else_on_the_port_of_a_service_that_has_ended_is_not_asked(home: Path) -> None:
    with stub_server(info(1)) as port:
        write_service(home, url=f"http://127.0.0.1:{port}", pid=os.getpid(), password="p")

        assert servers(home) == []


@pytest.mark.parametrize("told", [{}, {"url": "http://127.0.0.1:1", "pid": "x"}])
def test_a_file_that_says_nothing_is_no_service(home: Path, told: dict[str, object]) -> None:
    write_service(home, **told)

    assert servers(home) == []
