"""What runs on the computer of tests/histories/both.py: our processes, and tokens on their way."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field

from rotator.errors import RotatorError
from rotator.live.capture import capture_until_whole
from rotator.live.homes import capture_home, prepare
from rotator.model import Account, AccountId
from rotator.opencode.auth.file import Torn
from rotator.opencode.database.home import DatabaseHome
from rotator.opencode.home import Entries
from rotator.services.refresh_storing import Attempt, Result
from rotator.system.locks import Held, swap_lock
from tests.support.faults import Seam
from tests.support.live import (
    Entry,
    Live,
)


@dataclass(frozen=True)
class Plan:
    """What comes in between while we are at work."""

    crash_at: int = 0
    fault: int = 0
    fault_at: int = 0
    lasting: bool = False
    # What an opencode does before which step.
    other: str = ""
    other_at: int = 0
    # Only steps that have to do with the database count.
    in_database: bool = False
    # Only the beginning of a change of it counts.
    before_writing: bool = False
    locked: str = ""

    def __repr__(self) -> str:
        """Name what there is of it, as one would write it."""
        parts = [f"{name}={value!r}" for name, value in vars(self).items() if value]
        return f"Plan({', '.join(parts)})"


UNDISTURBED = Plan()


@dataclass
class Outcome:
    """How something that we did has ended."""

    done: bool = False
    crashed: bool = False
    mixed: bool = False
    faulty: bool = False
    refused: RotatorError | None = None

    @property
    def is_plain(self) -> bool:
        """Whether nothing stood in its way and nobody came in between."""
        return self.done and not self.mixed and not self.faulty


@dataclass
class Late:
    """Tokens that an opencode has got and is about to write: into a row, or into auth.json."""

    slot: str | None
    entry: Entry


@dataclass
class Asking:
    """A refresh of ours that has begun."""

    held: Held
    attempt: Attempt
    result: Result | None = None


@dataclass
class Watcher:
    """A running watcher, as rotator/watcher/daemon.py looks; threads and queues are left out."""

    seam: Seam
    stack: ExitStack
    live: Live
    home: DatabaseHome
    watched: bool = False
    watched_table: bool = False
    asking: list[Asking] = field(default_factory=list)

    def look(self) -> None:
        """Look at both homes."""
        context = self.live.context
        with swap_lock(self.live.paths.swap_lock):
            reading = capture_until_whole(context, self.watched, patience_seconds=0)
            self.watched = self.watched or not isinstance(reading, Torn)
        with swap_lock(self.live.paths.swap_lock):
            table = capture_home(context, self.home, watched=self.watched_table)
        self.watched_table = self.watched_table or isinstance(table, Entries)
        if context.store.live_digest() is None:
            with swap_lock(self.live.paths.swap_lock):
                capture_until_whole(context, self.watched, patience_seconds=0)

    # -- as a failure in OpenCode 2 is worked off --------------------------------------------------

    def prepare(self, account: AccountId) -> tuple[Account, str]:
        """Let an account stand in the table."""
        return prepare(self.live.context, self.home, account)

    def begin(self, slot: str) -> bool:
        """Let it become the active one."""
        return self.home.activate(slot)


@dataclass(frozen=True)
class Saved:
    """What is committed in the store."""

    # The access token of each account, by its id.
    tokens: dict[str, str]
    keys: list[str]
    held: frozenset[str]
