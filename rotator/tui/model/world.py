"""What the dashboard shows: the store at one moment, without a single secret.

Frozen values; who fills them is `jobs.read_world`, who draws them is `view`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from rotator.core.selection.limits import concerns
from rotator.model import AccountId, AccountState, Event, Limit
from rotator.model.preferences import Priority

# The readings of one account, oldest first, by window and model.
Readings = Mapping[tuple[str, str | None], tuple[float, ...]]
Past = Mapping[AccountId, Readings]


@dataclass(frozen=True, slots=True)
class Gauge:
    """One window of an account: how much of it is used, and until when."""

    name: str
    used: float
    resets_at: datetime | None = None
    model: str | None = None
    blocks: bool = True

    @property
    def title(self) -> str:
        """The window's name, with the model that it binds."""
        return f"{self.name} {self.model}" if self.model else self.name


@dataclass(frozen=True, slots=True)
class Row:
    """One account."""

    id: AccountId
    provider: str
    alias: str
    type: str
    active: bool = False
    state: AccountState = AccountState.READY
    until: datetime | None = None
    reason: str | None = None
    # Limits on some models alone.
    parts: tuple[Limit, ...] = ()
    identity: str | None = None
    plan: str | None = None
    balance: str | None = None
    gauges: tuple[Gauge, ...] = ()
    spent: bool = False
    read_at: datetime | None = None
    unread: str | None = None
    last_used_at: datetime | None = None

    @property
    def name(self) -> str:
        """`provider/alias`."""
        return f"{self.provider}/{self.alias}"

    def state_at(self, now: datetime) -> AccountState:
        """Return the state at `now`: a rest ends by itself."""
        return AccountState.READY if self.until and self.until <= now else self.state

    def reason_at(self, now: datetime) -> str | None:
        """Return why it is not ready at `now`, or None."""
        return None if self.state_at(now) is AccountState.READY else self.reason

    def parts_at(self, now: datetime) -> tuple[Limit, ...]:
        """Return the limits on some models that hold at `now`."""
        return tuple(part for part in self.parts if now < part.until)

    def serves(self, model: str | None, now: datetime) -> bool:
        """Tell whether the account can answer for that model."""
        ready = self.state_at(now) is AccountState.READY
        return ready and not any(concerns(p.model, model) for p in self.parts_at(now))

    @property
    def tightest(self) -> Gauge | None:
        """The window of which most is used, of those whose end stops the work."""
        blocking = [gauge for gauge in self.gauges if gauge.blocks] or list(self.gauges)
        return max(blocking, key=lambda gauge: gauge.used, default=None)


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event with its place in the history."""

    number: int
    event: Event

    @property
    def words(self) -> str:
        """Everything that a search looks at."""
        event = self.event
        parts = (event.kind.value, event.provider, event.account, event.from_alias, event.to_alias)
        return " ".join(filter(None, (*parts, event.why, event.detail))).casefold()


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One setting: its value as config.toml has it, where it comes from, what it is for."""

    name: str
    value: str
    origin: str
    says: str
    is_switch: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """Something to choose from a list."""

    key: str
    label: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class World:
    """Everything at one moment."""

    rows: tuple[Row, ...] = ()
    balancing: bool = True
    watcher_pid: int | None = None
    # Whether what follows has been found out yet; it takes longer than the rest.
    scouted: bool = True
    bridge: str | None = None
    bridge_current: bool = True
    opencodes: int = 0
    unbridged: int = 0
    events: tuple[EventRow, ...] = ()
    problems: tuple[str, ...] = ()
    priorities: tuple[Priority, ...] = ()
    # What is wrong with the settings, or None.
    unsettled: str | None = None

    def row(self, account: AccountId | None) -> Row | None:
        """Return the account with that id, or None."""
        return next((row for row in self.rows if row.id == account), None)

    def active(self, provider: str) -> Row | None:
        """Return the provider's live account, or None."""
        return next((r for r in self.rows if r.provider == provider and r.active), None)

    @property
    def providers(self) -> tuple[str, ...]:
        """The providers that have accounts, in the order of the rows."""
        return tuple(dict.fromkeys(row.provider for row in self.rows))
