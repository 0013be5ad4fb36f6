"""Which opencodes have the bridge loaded, by what each says of itself.

For whoever only looks: no folder is made, nothing is swept.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rotator.clock import from_iso
from rotator.model import HomeName
from rotator.opencode.bridge.fields import (
    LARGEST_SIGNAL,
    SCHEMA,
    as_list,
    as_number,
    is_provider,
    is_text,
)
from rotator.system.auth_content import AUTH_CONTENT
from rotator.system.liveness import NAMESPACE, is_alive, is_known_here
from rotator.system.paths import Paths
from rotator.system.regular_files import head
from rotator.text import sanitize

# For these variables a bridge leaves requests alone, and says so.
WEBSOCKETS = "OPENCODE_EXPERIMENTAL_WEBSOCKETS"
# What stands in a pid's place where the pid is another process's, or nobody's, here.
ELSEWHERE = "in another container"
# Of more bridges than anybody runs the first are looked at, and those of dead processes removed.
MOST_PRESENT = 500
# Beside what a bridge says of itself, for as long as a turn of its opencode goes on.
BUSY = ".busy"
# A bridge is named by its pid, and where another container has that name already by more.
_NAME = re.compile(r"[1-9]\d{0,9}(-[0-9a-f]{8})?")


@dataclass(frozen=True, slots=True)
class Present:
    """A bridge that says it is loaded in a running opencode.

    `is_here` says that its pid names a process that we see; else it runs in another container.
    `unseen` are the providers whose last turn was answered past the bridge's fetch, `bought` those
    whose model is asked with a token that the login has bought, `aside` the variable for which the
    bridge leaves requests alone: all, or those that a WebSocket takes. `is_second`: it is one of an
    OpenCode 2, which uses the logins in its database.
    """

    pid: int
    bridge: str
    kind: str
    auth_file: str
    started_at: datetime | None
    opencode: str = ""
    directories: tuple[str, ...] = ()
    is_here: bool = True
    namespace: str = ""
    name: str = ""
    unseen: tuple[str, ...] = ()
    bought: tuple[str, ...] = ()
    aside: str = ""
    is_second: bool = False

    def misses(self, provider: str) -> bool:
        """Tell whether it sees none of that provider's requests, though it sees others'."""
        return provider in self.unseen or self.sends_by_socket(provider)

    def sends_by_socket(self, provider: str) -> bool:
        """Tell whether opencode sends that provider's requests through a WebSocket (1.18.33)."""
        return self.aside == WEBSOCKETS and provider == "openai"

    @property
    def who(self) -> str:
        """The opencode, by its kind and pid."""
        return f"{self.kind} (pid {self.pid})" if self.is_here else f"{self.kind} ({ELSEWHERE})"


def bridges_of(paths: Paths) -> list[Present]:
    """Return the bridges of the opencodes that run and use our auth.json."""
    return [bridge for bridge in _all_of(paths) if not bridge.is_second]


def second_bridges_of(paths: Paths) -> list[Present]:
    """Return the bridges of those OpenCode 2 that run and use our database."""
    return [bridge for bridge in _all_of(paths) if bridge.is_second]


def _all_of(paths: Paths) -> list[Present]:
    bridges = [read_present(path) for path in present_files(paths)]
    ours = str(paths.auth_file)
    return [bridge for bridge in bridges if bridge and bridge.auth_file == ours]


def present_files(paths: Paths) -> list[Path]:
    """Return the files in which bridges say that they are loaded; none of a closed folder."""
    try:
        return sorted((paths.bridge / "present").glob("*.json"))[:MOST_PRESENT]
    except PermissionError:
        # Whoever looks further says that it may not be entered.
        return []


def read_present(path: Path) -> Present | None:
    """Return what a bridge says of itself, if it is one and its opencode still runs."""
    try:
        content = head(path, LARGEST_SIGNAL)
        value = json.loads(content or b"{}")
        pid = as_number(value["pid"])
        if value["schema"] != SCHEMA or pid is None or not is_named_after(pid, path):
            return None
        if not is_alive(value, pid, path.stat().st_mtime):
            return None
        started = value.get("started_at")
        return Present(
            pid=pid,
            bridge=sanitize(value.get("bridge")),
            kind=value["kind"] if value.get("kind") in {"tui", "serve", "run"} else "tui",
            auth_file=str(value.get("auth_file")),
            started_at=from_iso(started) if isinstance(started, str) else None,
            opencode=sanitize(value.get("opencode") or ""),
            directories=tuple(text for text in as_list(value.get("directories")) if is_text(text)),
            is_here=is_known_here(value),
            namespace=str(value.get(NAMESPACE) or ""),
            name=path.stem,
            unseen=_providers(value.get("unseen")),
            bought=_providers(value.get("bought")),
            aside=_variable(value.get("aside")),
            is_second=value.get("home") == HomeName.DATABASE,
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def is_named_after(pid: int, path: Path) -> bool:
    """Tell whether a file is one of the process that says it has that pid."""
    return bool(_NAME.fullmatch(path.stem)) and path.stem.partition("-")[0] == str(pid)


def _providers(value: object) -> tuple[str, ...]:
    return tuple(name for name in as_list(value) if is_provider(name))


def _variable(value: object) -> str:
    return value if isinstance(value, str) and value in {AUTH_CONTENT, WEBSOCKETS} else ""
