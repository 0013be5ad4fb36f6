"""Where the demo logs in: in auth.json as opencode 1 writes it, or with a server of OpenCode 2."""

from __future__ import annotations

import base64
import http.client
import json
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from rotator.demo.stage import Child, Stage
from rotator.opencode.bridge.presence import second_bridges_of
from rotator.secret import Secret

PASSWORD, USER = "OPENCODE_PASSWORD", "opencode"
_HOST = "127.0.0.1"
_ANSWER_SECONDS = 10.0
_OK, _NO_CONTENT = 200, 204


class DemoHome(Protocol):
    """**Protocol:** a home of logins of the demo; `name` is what it is called on the screen."""

    name: str

    def log_in(self, stage: Stage, provider: str, key: Secret) -> None:
        """Log in with a key, which is used from then on."""

    def wait_for_bridge(self, stage: Stage) -> None:
        """Wait until the bridge is loaded where it is to be, if anything runs."""


class AuthFile:
    """auth.json, written as opencode does: in place, all of it, and the mode afterwards."""

    name = "auth.json"

    def log_in(self, stage: Stage, provider: str, key: Secret) -> None:
        """Write the login."""
        auth_file = stage.paths.auth_file
        auth_file.parent.mkdir(parents=True, exist_ok=True)
        entry = {"type": "api", "key": key.reveal()}
        auth_file.write_text(json.dumps({provider: entry}, indent=2))
        auth_file.chmod(0o600)

    def wait_for_bridge(self, stage: Stage) -> None:
        """Wait for nothing: nobody runs yet."""


@dataclass(frozen=True)
class SecondServer:
    """A server of OpenCode 2 that the demo has started, with a made-up password."""

    child: Child
    port: int
    password: Secret = field(repr=False)

    name = "opencode.db"

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{_HOST}:{self.port}"

    @property
    def env(self) -> Mapping[str, str]:
        """What a client of it needs."""
        return {PASSWORD: self.password.reveal()}

    def log_in(self, stage: Stage, provider: str, key: Secret) -> None:
        """Log in over HTTP, as the screens of OpenCode 2 do."""
        path = f"/api/integration/{provider}"
        # A directory is loaded when it is used first.
        stage.wait(
            "OpenCode 2 knows the provider",
            lambda: self._ask(stage, "GET", path) == _OK,
            needs=[self.child],
        )
        body = json.dumps({"key": key.reveal()})
        stage.wait(
            "OpenCode 2 takes the login",
            lambda: self._ask(stage, "POST", f"{path}/connect/key", body) == _NO_CONTENT,
            needs=[self.child],
        )

    def wait_for_bridge(self, stage: Stage) -> None:
        """Wait until it has loaded what came into its folder of plug-ins."""
        stage.wait(
            "OpenCode 2 loads the bridge",
            lambda: bool(second_bridges_of(stage.paths)),
            needs=[self.child],
        )

    def _ask(self, stage: Stage, method: str, path: str, body: str | None = None) -> int | None:
        login = base64.b64encode(f"{USER}:{self.password.reveal()}".encode()).decode("ascii")
        headers = {
            "authorization": f"Basic {login}",
            "content-type": "application/json",
            "x-opencode-directory": str(stage.work),
        }
        connection = http.client.HTTPConnection(_HOST, self.port, timeout=_ANSWER_SECONDS)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            return None
        else:
            return answer.status
        finally:
            connection.close()


def start_second(stage: Stage, program: str, quiet: Mapping[str, str]) -> SecondServer:
    """Start a server of OpenCode 2 on a free port of 127.0.0.1."""
    with socket.socket() as place:
        place.bind((_HOST, 0))
        port = int(place.getsockname()[1])
    password = Secret(secrets.token_hex(16))
    words = [program, "serve", "--hostname", _HOST, "--port", str(port)]
    child = stage.start("opencode serve", words, {**quiet, PASSWORD: password.reveal()})
    return SecondServer(child, port, password)
