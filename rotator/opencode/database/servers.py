"""Which servers of OpenCode 2 have the database open, and which of them can be asked.

The background service says where it is in service.json. A `serve` of its own and the server
inside of `--standalone` say it nowhere: they are known by the database that they have open, and
their password stands in the environment that they were started with, which is the user's own.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rotator.opencode.database.server import NONE, Abilities, Address, Info, abilities_of, info_of
from rotator.secret import Secret
from rotator.system.listening import ports_of
from rotator.system.paths import Paths
from rotator.system.processes import environment, find_opencodes, has_open, is_running
from rotator.system.regular_files import head

PASSWORD = "OPENCODE_PASSWORD"
# By this opencode 1 is told, whose servers have another interface.
_PASSWORD_OF_1 = "OPENCODE_SERVER_PASSWORD"
_LARGEST = 64 * 1024


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers; without a version it is one whose password we do not have."""

    pid: int
    address: Address
    version: str | None
    abilities: Abilities = NONE

    @property
    def can_be_asked(self) -> bool:
        """Whether it takes our password, and can be told who is active."""
        return self.abilities.activates


def find_servers(paths: Paths) -> list[Server]:
    """Return the servers that have the database open, the background service first."""
    # The background service has the database open as well; its own word has its password.
    servers = {server.pid: server for server in (*_others(paths), *_services(paths))}
    return sorted(servers.values(), key=lambda server: not server.can_be_asked)


def service_file(paths: Paths) -> Path:
    """Return where the background service says where it listens."""
    return paths.opencode_state / "service.json"


def _services(paths: Paths) -> Iterator[Server]:
    told = _told(service_file(paths))
    address, pid = Address.of(told.get("url"), told.get("password")), told.get("pid")
    if address is None or not isinstance(pid, int) or not is_running(pid):
        return
    info = info_of(address)
    # Somebody else may listen there since it ended.
    if info is not None and info.pid == pid:
        yield _server(pid, address, info)


def _others(paths: Paths) -> Iterator[Server]:
    for process in find_opencodes(paths.opencode_database.parent):
        if not has_open(process.pid, paths.opencode_database):
            continue
        env = environment(process.pid) or {}
        answers = [_at(process.pid, port, env) for port in ports_of(process.pid)]
        yield from [server for server in answers if server is not None][:1]


def _at(pid: int, port: int, env: Mapping[str, str]) -> Server | None:
    password = env.get(PASSWORD) or os.environ.get(PASSWORD)
    address = Address("127.0.0.1", port, Secret(password) if password else None)
    info: Info | None = info_of(address)
    if info is None or (info.is_locked and _PASSWORD_OF_1 in env):
        return None
    if not info.is_locked and info.pid != pid:
        return None
    return _server(pid, address, info)


def _server(pid: int, address: Address, info: Info) -> Server:
    return Server(pid, address, info.version, abilities_of(address, info.version))


def _told(path: Path) -> Mapping[str, Any]:
    try:
        value = json.loads(head(path, _LARGEST) or b"{}")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
