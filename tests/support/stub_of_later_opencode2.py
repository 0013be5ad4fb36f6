"""A stub, not an OpenCode: what others tell of versions after 2.0.15, four routes of it.

It says what it can do at `/openapi.json`, takes logins with their values, and switches.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from rotator.opencode.database.server import Address, abilities_of, info_of
from rotator.opencode.database.servers import Server
from rotator.secret import Secret
from tests.support.opencode2_table import Table

# Route and verb, as its description names them.
SWITCHES = ("/api/credential/{credentialID}/activate", "post")
REMOVES = ("/api/credential/{credentialID}", "delete")
PUTS = ("/api/credential", "post")
EVERYTHING = (SWITCHES, REMOVES, PUTS)
PID = 7


@dataclass
class StubOfALaterOpenCode2:
    """The stub, over a table; `asked` has each request but those for what it is."""

    table: Table
    routes: tuple[tuple[str, str], ...] = EVERYTHING
    version: str = "2.0.20"
    asked: list[tuple[str, str]] = field(default_factory=list)
    # Whether it does what it says yes to.
    is_honest: bool = True

    def answer(self, verb: str, path: str, body: Any) -> tuple[int, object]:
        """Return status and answer of a request."""
        if path == "/api/info":
            return 200, {"version": self.version, "pid": PID}
        if path == "/openapi.json":
            paths: dict[str, dict[str, object]] = {}
            for route, known in self.routes:
                paths.setdefault(route, {})[known] = {}
            return 200, {"paths": paths}
        self.asked.append((verb, path))
        if self.is_honest:
            self._do(verb, path.split("/"), body)
        return 204, None

    def _do(self, verb: str, parts: list[str], body: Any) -> None:
        if verb == "POST" and parts[-1] == "activate":
            self.table.switch(parts[-2])
        elif verb == "DELETE":
            self.table.log_out(parts[-1])
        else:
            self._keep(body)

    def _keep(self, body: Mapping[str, Any]) -> None:
        self.table.do(
            "INSERT INTO credential VALUES (?, ?, ?, ?, NULL, NULL, ?, 1, 1)",
            *(body["id"], body["integrationID"], body["label"]),
            *(json.dumps(body["value"]), int(body["activate"])),
        )


@contextlib.contextmanager
def running(stub: StubOfALaterOpenCode2) -> Iterator[list[Server]]:
    """Run the stub while the block runs; yield it as it is found."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            """Answer."""
            length = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            status, said = stub.answer(self.command, self.path, body)
            self.send_response(status)
            self.end_headers()
            if said is not None:
                self.wfile.write(json.dumps(said).encode())

        do_POST = do_DELETE = do_GET  # noqa: N815  # the names that the library asks for

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        address = Address("127.0.0.1", int(server.server_address[1]), Secret("PASSWORD-CANARY"))
        info = info_of(address)
        assert info is not None
        try:
            yield [Server(PID, address, info.version, abilities_of(address, info.version))]
        finally:
            server.shutdown()
            thread.join()
