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

_LOOK_SECONDS = 0.01
# A server has switched by the time it says yes.
_PATIENCE_SECONDS = 1.0


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
        return writes.put(self.where(), provider, label, value_of(provider, credential))

    def update(self, slot: str, old: HomeEntry, new: Credential) -> bool:
        """Put newer tokens of the same account into a row, if it is as it was.

        Raises LiveFileError.
        """
        value = renewed_value(old.provider, old.value, new)
        return value == old.value or writes.update(self.where(), slot, old.value, value)

    def activate(self, slot: str) -> bool:
        """Let OpenCode use the login in a slot; False if there is none any more.

        Raises LiveFileError where a server that runs cannot be told and would mix two logins,
        SwapUnverified where it says yes and does nothing.
        """
        before = self.read()
        wanted = before.at(slot) if isinstance(before, Entries) else None
        if wanted is None:
            return False
        servers = self._servers(self._paths)
        if any(one.can_be_asked for one in servers):
            return self._by_servers(servers, wanted)
        if servers and not wanted.active and not _can_stand_in(before, wanted):
            raise _out_of_reach(servers[0])
        if not writes.activate(self.where(), slot):
            return False
        # One that began a moment ago may have read what was there before.
        self._tell([one for one in self._servers(self._paths) if one.can_be_asked], wanted)
        return True

    def remove(self, slot: str, old: HomeEntry) -> bool:
        """Take a login out; False if its row holds another one by now. Raises LiveFileError."""
        reading = self.read()
        found = reading.at(slot) if isinstance(reading, Entries) else None
        if found is None or found.value != old.value:
            return False
        for one in (s for s in self._servers(self._paths) if s.can_be_asked):
            if http.remove(one.address, slot) and self._becomes(lambda r: r.at(slot) is None):
                return True
        return writes.remove(self.where(), slot, old.value)

    def _by_servers(self, servers: Sequence[Server], wanted: HomeEntry) -> bool:
        can_be_asked = [one for one in servers if one.can_be_asked]
        for one in can_be_asked:
            if wanted.active:
                break
            if http.activate(one.address, wanted.slot) and self._becomes(_active(wanted.slot)):
                can_be_asked.remove(one)
                break
        else:
            if self._is_gone(wanted.slot):
                return False
            message = f"OpenCode 2 (pid {can_be_asked[0].pid}) did not switch to the login"
            raise SwapUnverified(message, hint="run the command again, or restart OpenCode")
        self._tell(can_be_asked, wanted)
        return True

    def _tell(self, servers: Sequence[Server], wanted: HomeEntry) -> None:
        """Let other servers look anew: what they are told of a login changes nothing in it."""
        for one in servers:
            http.rename(one.address, wanted.slot, wanted.label)

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
        found = entries.at(slot)
        return found is not None and found.active

    return holds


def _can_stand_in(reading: HomeReading, wanted: HomeEntry) -> bool:
    """Tell whether a server may go on with what it has made of the login before this one."""
    now = reading.of(wanted.provider)[0] if isinstance(reading, Entries) else wanted
    one, other = now.credential, wanted.credential
    if isinstance(one, str) or isinstance(other, str):
        return False
    return one.type == other.type == "api" and one.destination == other.destination


def _out_of_reach(server: Server) -> LiveFileError:
    message = (
        f"OpenCode 2 (pid {server.pid}) runs with a password that is not known here, and would"
        " send the new login under the old one's account"
    )
    return LiveFileError(message, hint="switch in OpenCode itself, or restart it")


def is_ours(slot: str) -> bool:
    """Tell whether we have put a row in: then nobody logged in there."""
    return slot.startswith(writes.OURS)
