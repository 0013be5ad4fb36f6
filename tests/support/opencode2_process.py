"""The real OpenCode 2: its background service, a `serve` of its own, and its HTTP interface.

Each household has a port of its own: the service's usual one is fixed, and a second service on
one machine waits for ever. The service stays when its client ends; here it is ended by its pid.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

from tests.support.children import child, has_ended
from tests.support.household import Household
from tests.support.opencode_binary import OPENCODE_2_VERSION, opencode_binary
from tests.support.waiting import wait_until

PASSWORD = "PASSWORD-CANARY-serve"
_READY_SECONDS = 60.0
_ANSWER_SECONDS = 60.0
_COMMAND_SECONDS = 90.0
_END_SECONDS = 15.0


def opencode2() -> Path:
    """Return the program."""
    return opencode_binary(OPENCODE_2_VERSION)


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on."""
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        return int(place.getsockname()[1])


def service_file(house: Household) -> Path:
    """Return where the background service says where it listens."""
    return house.home / ".local" / "state" / "opencode" / "service.json"


def database(house: Household) -> Path:
    """Return the database that has the logins."""
    return house.auth_file.with_name("opencode.db")


def command2(house: Household, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command of OpenCode 2 to its end."""
    return command2_in(house.project, house, *words, **more)


def command2_in(
    folder: Path, house: Household, *words: str, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run a command of OpenCode 2 to its end, in another folder than the project."""
    return subprocess.run(
        [opencode2(), *words],
        env=house.env() | more,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_COMMAND_SECONDS,
        check=False,
    )


@dataclass
class Server2:
    """A running server of OpenCode 2, by where it listens."""

    house: Household
    url: str
    password: str
    pid: int

    def ask(
        self, method: str, path: str, body: object = None, *, seconds: float = _ANSWER_SECONDS
    ) -> tuple[int, Any]:
        """Send one request; return the status and the JSON of the answer."""
        where = urlsplit(self.url)
        given = None if body is None else json.dumps(body)
        login = base64.b64encode(f"opencode:{self.password}".encode()).decode()
        headers = {
            "authorization": f"Basic {login}",
            "content-type": "application/json",
            "x-opencode-directory": str(self.house.project),
        }
        connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=seconds)
        try:
            connection.request(method, path, given, headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        return answer.status, json.loads(content) if content else None

    def add_key(self, provider: str, key: str, label: str | None = None) -> None:
        """Log in with an API key, as the screens of OpenCode 2 do."""
        body: dict[str, str] = {"key": key} | ({} if label is None else {"label": label})
        self.connections(provider)
        status, said = self.ask("POST", f"/api/integration/{provider}/connect/key", body)
        assert status == 204, said

    def connections(self, provider: str) -> list[Mapping[str, Any]]:
        """Return the logins of a provider, the active one first; waits until it is loaded."""
        path = f"/api/integration/{provider}"
        what = f"{provider} to be loaded"
        wait_until(lambda: self.ask("GET", path)[0] == 200, _READY_SECONDS, what, poll_seconds=0.1)
        connections: list[Mapping[str, Any]] = self.ask("GET", path)[1]["data"]["connections"]
        return connections

    def create_session(self, model: str, title: str = "a title") -> str:
        """Begin a session that has a title, so that nothing but its turns is asked of a model."""
        provider, _, name = model.partition("/")
        body = {"title": title, "model": {"providerID": provider, "id": name}}
        status, said = self.ask("POST", "/api/session", body)
        assert status == 200, said
        return str(said["data"]["id"])

    def prompt(self, session: str, text: str, *, seconds: float = _ANSWER_SECONDS) -> str:
        """Send a message, and return what is said once the turn is over."""
        self.begin(session, text, seconds=seconds)
        return self.end_of_turn(session, seconds=seconds)

    def begin(self, session: str, text: str, *, seconds: float = _ANSWER_SECONDS) -> None:
        """Send a message and wait for nothing."""
        path = f"/api/session/{session}/prompt"
        status, said = self.ask("POST", path, {"text": text}, seconds=seconds)
        assert status == 200, said

    def interrupt(self, session: str) -> None:
        """Stop a turn, as the Esc key does."""
        assert self.ask("POST", f"/api/session/{session}/interrupt")[0] == 200

    def end_of_turn(self, session: str, *, seconds: float = _ANSWER_SECONDS) -> str:
        """Wait until a turn is over, and return the text that was said last, or its error."""
        path = f"/api/experimental/session/{session}/wait"
        status, said = self.ask("POST", path, seconds=seconds)
        assert status == 204, said
        messages = self.ask("GET", f"/api/session/{session}/message?limit=9&order=desc")[1]["data"]
        return next((_text_of(one) for one in messages if one["type"] == "assistant"), "")

    def activate(self, slot: str) -> None:
        """Make a login the active one."""
        assert self.ask("POST", f"/api/credential/{slot}/activate")[0] == 204

    def rename(self, slot: str, label: str) -> None:
        """Give a login another label."""
        assert self.ask("PATCH", f"/api/credential/{slot}", {"label": label})[0] < 300

    def remove(self, slot: str) -> None:
        """Log out."""
        assert self.ask("DELETE", f"/api/credential/{slot}")[0] == 204


def _text_of(message: Mapping[str, Any]) -> str:
    if message.get("error"):
        return json.dumps(message["error"])
    parts = message.get("content") or []
    return "".join(str(part.get("text", "")) for part in parts if part.get("type") == "text")


def _answers(server: Server2) -> bool:
    try:
        return server.ask("GET", "/api/info")[0] == 200
    except OSError:
        return False


@contextlib.contextmanager
def serve2(house: Household, **more: str) -> Iterator[Server2]:
    """Run a server with a password of its own, which no file names, while the block runs."""
    port = free_port()
    words: list[str | Path] = [opencode2(), "serve", "--hostname", "127.0.0.1", "--port", str(port)]
    env = house.env() | {"OPENCODE_PASSWORD": PASSWORD} | more
    password = env["OPENCODE_PASSWORD"]
    with child(words, env=env, cwd=house.project) as process:
        server = Server2(house, f"http://127.0.0.1:{port}", password, process.pid)
        wait_until(lambda: _answers(server), _READY_SECONDS, "the server to answer")
        yield server


@contextlib.contextmanager
def service2(house: Household) -> Iterator[Server2]:
    """Run the background service while the block runs."""
    set_port = command2(house, "service", "set", "port", str(free_port()))
    assert set_port.returncode == 0, set_port.stderr
    try:
        started = command2(house, "service", "start")
        assert started.returncode == 0, started.stderr
        told = json.loads(service_file(house).read_text())
        yield Server2(house, told["url"], told["password"], told["pid"])
    finally:
        end_services(house)


def end_service(house: Household) -> None:
    """End the background service, if it runs, and nothing else."""
    with contextlib.suppress(FileNotFoundError, psutil.NoSuchProcess):
        _end(psutil.Process(json.loads(service_file(house).read_text())["pid"]))


def end_services(house: Household) -> None:
    """End every process of OpenCode 2 that has the household's database open, by its pid."""
    for process in psutil.process_iter(["pid", "name"]):
        with contextlib.suppress(psutil.Error):
            if process.info["name"] != "opencode":
                continue
            if any(Path(place.path) == database(house) for place in process.open_files()):
                _end(process)


def _end(process: psutil.Process) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)
        with contextlib.suppress(TimeoutError):
            wait_until(lambda: has_ended(process.pid), _END_SECONDS, "opencode to end")
            return
    raise TimeoutError(f"opencode (pid {process.pid}) did not end")
