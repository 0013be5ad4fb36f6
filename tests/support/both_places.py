"""One person's auth.json, OpenCode 2's table and store; no server of OpenCode 2 runs here."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rotator.live.homes import capture_home
from rotator.model import HomeName
from rotator.opencode.database.home import DatabaseHome
from rotator.opencode.home import HomeReading
from rotator.system.locks import swap_lock
from tests.support.live import Live, oauth, open_live
from tests.support.opencode2_table import Table, Value

DATABASE = HomeName.DATABASE


def tokens(name: str, generation: int = 1) -> Value:
    """Return a login whose owner its vendor names, as a row has it."""
    return {"methodID": "oauth", **oauth(name, generation)}


@dataclass
class Both:
    """One person's auth.json, table and store."""

    live: Live
    table: Table

    @property
    def home(self) -> DatabaseHome:
        return DatabaseHome(self.live.paths, servers=lambda _: [])

    def look(self, *, watched: bool = True) -> HomeReading:
        with swap_lock(self.live.paths.swap_lock):
            return capture_home(self.live.context, self.home, watched=watched)

    def log_in(self, provider: str, value: Value, label: str = "") -> str:
        slot = self.table.log_in(provider, value, label)
        self.look()
        return slot

    def active(self, provider: str) -> str | None:
        answer = self.live.state.active_in(DATABASE, provider)
        return answer.alias if answer else None

    def homes(self, name: str) -> list[str]:
        return [place.value for place in self.live.state.homes_of(self.live.account(name))]

    def refresh_token(self, slot: str) -> str:
        return str(self.table.values()[slot]["refresh"])


@contextlib.contextmanager
def open_both(home: Path) -> Iterator[Both]:
    """Open what the person has who lives in `home`; the table was looked at once and is empty."""
    with open_live(home) as live:
        table = Table(live.paths.opencode_database)
        table.make()
        answer = Both(live, table)
        answer.look()
        yield answer
        table.close()
