"""The real opencode: `run`, and `serve` with the part of its HTTP API that tests need."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.children import Lines, child, end
from tests.support.household import Household
from tests.support.opencode_binary import OPENCODE_VERSION, opencode_binary
from tests.support.waiting import wait_until

_RUN_SECONDS = 90.0
_READY_SECONDS = 60.0
_TURN_SECONDS = 60.0
_END_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Ran:
    """An `opencode run` that has ended."""

    code: int
    stdout: str
    stderr: str
    seconds: float


def run(
    house: Household, prompt: str, *words: str, seconds: float = _RUN_SECONDS, **more: str
) -> Ran:
    """Let `opencode run` answer `prompt`, with `more` in its environment.

    What does not end within `seconds` is ended, and fails with what it said so far.
    """
    started = time.monotonic()
    process = subprocess.Popen(
        [opencode_binary(), "run", *words, prompt],
        env=house.env() | more,
        cwd=house.project,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        stdout, stderr = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired as exc:
        end(process)
        stdout, stderr = process.communicate()
        said = f"{stdout}{stderr}"
        raise TimeoutError(f"`opencode run` did not end within {seconds:g} s: {said}") from exc
    finally:
        end(process)
    return Ran(process.returncode, stdout, stderr, time.monotonic() - started)


@dataclass(frozen=True, slots=True)
class Seen:
    """A piece of text of a session's answer, and when it reached the client (monotonic s)."""

    session: str
    at: float
    text: str


class Events:
    """What the server tells its clients as it happens."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self._connection = connection
        connection.request("GET", "/global/event")
        self._response = connection.getresponse()
        self._seen: list[tuple[float, dict[str, Any]]] = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        # An opencode that ends may do so in the middle of a piece.
        with contextlib.suppress(OSError, ValueError, AttributeError, http.client.HTTPException):
            for line in self._response:
                if line.startswith(b"data:"):
                    event = json.loads(line[5:])
                    self._seen.append((time.monotonic(), event.get("payload", event)))

    def all(self, kind: str) -> list[tuple[float, dict[str, Any]]]:
        """Return the properties of each event of a kind, with the time of its arrival."""
        return [
            (at, e.get("properties", {})) for at, e in list(self._seen) if e.get("type") == kind
        ]

    def texts(self, session: str) -> list[Seen]:
        """Return the pieces of text of a session's answers."""
        found = []
        for at, properties in self.all("message.part.delta"):
            if properties.get("sessionID") == session and properties.get("field") == "text":
                found.append(Seen(session, at, properties["delta"]))
        return found

    def wait_for(self, kind: str, deadline_seconds: float = _TURN_SECONDS) -> dict[str, Any]:
        """Return the properties of the first event of a kind, waiting for it."""
        return wait_until(lambda: self.all(kind), deadline_seconds, f"an event {kind}")[0][1]

    def close(self) -> None:
        """Stop listening."""
        # A read that has begun ends when the socket does, not when its object is closed.
        if (sock := self._connection.sock) is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self._thread.join(_END_SECONDS)
        self._response.close()
        self._connection.close()


class Server:
    """A running `opencode serve`."""

    def __init__(self, port: int, pid: int, project: Path) -> None:
        self.port = port
        self.pid = pid
        self._project = project
        self._listening: list[Events] = []

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        directory: Path | None = None,
        seconds: float = _TURN_SECONDS,
    ) -> Any:
        """Send one request to the server and return its JSON answer; fail unless it is a 2xx."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        headers = {
            "content-type": "application/json",
            "x-opencode-directory": str(directory or self._project),
        }
        try:
            given = None if body is None else json.dumps(body)
            connection.request(method, path, given, headers)
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        assert 200 <= response.status < 300, (method, path, response.status, content[:500])
        return json.loads(content) if content else None

    def create_session(self, *, directory: Path | None = None) -> str:
        """Return the id of a new session."""
        return str(self.ask("POST", "/session", {}, directory=directory)["id"])

    def prompt(
        self,
        session: str,
        text: str,
        *,
        model: str | None = None,
        directory: Path | None = None,
        seconds: float = _TURN_SECONDS,
    ) -> str:
        """Send a message and return the text of the answer once the turn is over."""
        path, body = f"/session/{session}/message", _message(text, model)
        answer = self.ask("POST", path, body, directory=directory, seconds=seconds)
        return "".join(p["text"] for p in answer["parts"] if p["type"] == "text")

    def prompt_async(
        self,
        session: str,
        text: str,
        *,
        model: str | None = None,
        directory: Path | None = None,
    ) -> None:
        """Send a message and do not wait for the answer."""
        path, body = f"/session/{session}/prompt_async", _message(text, model)
        self.ask("POST", path, body, directory=directory)

    def messages(self, session: str) -> list[dict[str, Any]]:
        """Return the session's messages."""
        found: list[dict[str, Any]] = self.ask("GET", f"/session/{session}/message")
        return found

    def abort(self, session: str) -> None:
        """Do what Esc does in the TUI."""
        self.ask("POST", f"/session/{session}/abort")

    def busy(self, *, directory: Path | None = None) -> dict[str, Any]:
        """Return the sessions that are not idle."""
        found: dict[str, Any] = self.ask("GET", "/session/status", directory=directory)
        return found

    def wait_idle(self, deadline_seconds: float = _TURN_SECONDS) -> None:
        """Wait until no session is at work."""
        wait_until(lambda: not self.busy(), deadline_seconds, lambda: f"idle: {self.busy()}")

    def set_auth(self, provider: str, entry: Mapping[str, object]) -> None:
        """Log in as opencode's own interfaces do."""
        self.ask("PUT", f"/auth/{provider}", entry)

    def delete_auth(self, provider: str) -> None:
        """Log out as opencode's own interfaces do."""
        self.ask("DELETE", f"/auth/{provider}")

    def events(self) -> Events:
        """Listen to what happens from now on."""
        listening = Events(http.client.HTTPConnection("127.0.0.1", self.port))
        self._listening.append(listening)
        return listening

    def close(self) -> None:
        """Stop listening."""
        for listening in self._listening:
            listening.close()


def _message(text: str, model: str | None) -> dict[str, Any]:
    body: dict[str, Any] = {"parts": [{"type": "text", "text": text}]}
    if model is not None:
        provider, _, name = model.partition("/")
        body["model"] = {"providerID": provider, "modelID": name}
    return body


@contextlib.contextmanager
def serve(house: Household, *, version: str = OPENCODE_VERSION, **more: str) -> Iterator[Server]:
    """Run `opencode serve` while the block runs, with `more` in its environment."""
    command: list[str | Path] = [
        opencode_binary(version),
        "serve",
        "--port",
        "0",
        "--hostname",
        "127.0.0.1",
    ]
    with child(command, env=house.env() | more, cwd=house.project) as process:
        lines = Lines(process)
        line = lines.wait_for("listening on", _READY_SECONDS)
        found = re.search(r":(\d+)\s*$", line)
        assert found is not None, line
        server = Server(int(found[1]), process.pid, house.project)
        try:
            yield server
        finally:
            server.close()
