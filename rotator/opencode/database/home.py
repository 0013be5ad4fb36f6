"""OpenCode 2's database as a home of logins: read from the file, switched by its servers.

A running server makes of a login what its requests need (where they go, which account they name)
once, and anew only when it is told of a change. So whichever answers is told; the file alone is
changed where none does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rotator.errors import LiveFileError, SwapUnverified
from rotator.model import Credential, HomeName
from rotator.opencode.database import server as http
from rotator.opencode.database import writes
from rotator.opencode.database.servers import Server, find_servers
from rotator.opencode.database.table import TableReader, table_reader
from rotator.opencode.database.values import renewed_value, value_of
from rotator.opencode.home import Entries, HomeEntry, HomeReading
from rotator.system.paths import Paths
from rotator.text import sanitize

_LOOK_SECONDS = 0.01
# A server has switched by the time it says yes.
_PATIENCE_SECONDS = 1.0
_MOST_SWITCHES = 3


class DatabaseHome:
    """The logins of OpenCode 2."""

    name = HomeName.DATABASE

    def __init__(
        self,
        paths: Paths,
        *,
        reader: TableReader | None = None,
        servers: Callable[[Paths], list[Server]] = find_servers,
    ) -> None:
        """`reader` stays open, for whoever reads often."""
        self._paths = paths
        self._reader = reader
        self._servers = servers

    def where(self) -> Path:
        """Return the database."""
        return self._paths.opencode_database

    def watched(self) -> Sequence[Path]:
        """Return the database and its write-ahead log, where changes are written first."""
        path = self.where()
        return (path, path.with_name(f"{path.name}-wal"))

    def read(self) -> HomeReading:
        """Return what stands in it now."""
        if self._reader is not None:
            return self._reader.read()
        with table_reader(self.where()) as reader:
            return reader.read()

    def put(self, provider: str, label: str, credential: Credential) -> str:
        """Add a login that is not active and return its slot; raises LiveFileError."""
        value = value_of(provider, credential)
        slot = writes.new_slot()
        for server in (s for s in self._servers(self._paths) if s.abilities.puts):
            done = http.put(server.address, slot, provider, label, value)
            if done and self._becomes(lambda r: (e := r.at(slot)) is not None and not e.active):
                return slot
        return writes.put(self.where(), provider, label, value)

    def update(self, slot: str, old: HomeEntry, new: Credential) -> bool:
        """Put newer tokens of the same account into a row, if it is as it was.

        Raises LiveFileError.
        """
        value = renewed_value(old.provider, old.value, new)
        return value == old.value or writes.update(self.where(), slot, old.value, value)

    def activate(self, slot: str) -> bool:
        """Let OpenCode use the login in a slot; False if there is none any more.

        Raises LiveFileError where a server that cannot be told would mix two logins,
        SwapUnverified where one says yes and does nothing.
        """
        before = self.read()
        if not isinstance(before, Entries) or (wanted := before.at(slot)) is None:
            return False
        servers = self._servers(self._paths)
        if wanted.active:
            return True
        if not _can_stand_in(before, wanted):
            _require_one(servers)
        if any(server.can_be_asked for server in servers):
            return self._by_server([server for server in servers if server.can_be_asked], slot)
        if not writes.activate(self.where(), slot):
            return False
        # One that began a moment ago may have read what was there before.
        for server in (s for s in self._servers(self._paths) if s not in servers):
            self._let_look(server, before.of(wanted.provider)[0].slot, slot)
        return True

    def remove(self, slot: str, old: HomeEntry) -> bool:
        """Take a login out; False if its row holds another one by now. Raises LiveFileError."""
        reading = self.read()
        entry = reading.at(slot) if isinstance(reading, Entries) else None
        if entry is None or entry.value != old.value:
            return False
        for server in (s for s in self._servers(self._paths) if s.abilities.removes):
            if http.remove(server.address, slot) and self._becomes(lambda r: r.at(slot) is None):
                return True
        return writes.remove(self.where(), slot, old.value)

    def _by_server(self, servers: Sequence[Server], slot: str) -> bool:
        for _ in range(_MOST_SWITCHES):
            before = self._active()
            for server in servers:
                if http.activate(server.address, slot) and self._becomes(_active(slot)):
                    return True
            if self._active() == before:
                break
            # Somebody has logged in or switched just then.
        if self._is_gone(slot):
            return False
        message = f"OpenCode 2 (pid {servers[0].pid}) did not switch to the login"
        raise SwapUnverified(message, hint="run the command again, or restart OpenCode")

    def _let_look(self, server: Server, before: str, slot: str) -> None:
        """Let a server make anew what its requests need: it hears of a real switch alone."""
        if server.can_be_asked and http.activate(server.address, before):
            http.activate(server.address, slot)

    def _active(self) -> set[str]:
        reading = self.read()
        entries = reading.entries if isinstance(reading, Entries) else ()
        return {entry.slot for entry in entries if entry.active}

    def _is_gone(self, slot: str) -> bool:
        reading = self.read()
        return isinstance(reading, Entries) and reading.at(slot) is None

    def _becomes(self, holds: Callable[[Entries], bool]) -> bool:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            reading = self.read()
            if isinstance(reading, Entries) and holds(reading):
                return True
            if time.monotonic() > deadline:
                return False
            time.sleep(_LOOK_SECONDS)


def _active(slot: str) -> Callable[[Entries], bool]:
    def holds(entries: Entries) -> bool:
        entry = entries.at(slot)
        return entry is not None and entry.active

    return holds


def _can_stand_in(reading: Entries, wanted: HomeEntry) -> bool:
    """Tell whether a server may go on with what it has made of the login before this one."""
    left, other = reading.of(wanted.provider)[0].credential, wanted.credential
    if isinstance(left, str) or isinstance(other, str):
        # What nobody can read sends no request.
        return isinstance(left, str)
    return left.type == other.type == "api" and left.destination == other.destination


def _require_one(servers: Sequence[Server]) -> None:
    """Raise LiveFileError where a server would send the new login under the old one's account.

    Whichever is told switches the table for all of them at once, and the others are not told.
    """
    mixes = "would send the new login under the old one's account"
    for server in (s for s in servers if not s.can_be_asked):
        why = "runs with a password that is not known here"
        if server.version is not None:
            why = f"is of version {sanitize(server.version)} and does not say that it can switch"
        message = f"OpenCode 2 (pid {server.pid}) {why}, and {mixes}"
        raise LiveFileError(message, hint="switch in OpenCode itself, or restart it")
    if len(servers) > 1:
        pids = ", ".join(str(server.pid) for server in servers)
        message = f"several OpenCode 2 run on one database (pids {pids}), and all but one {mixes}"
        raise LiveFileError(message, hint="end all but one of them, then run the command again")
