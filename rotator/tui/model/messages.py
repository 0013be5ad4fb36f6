"""What reaches the dashboard: keys, clicks, news from the store, outcomes of work."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rotator.model import AccountId
from rotator.tui.model.world import Item, Past, SettingRow, World


@dataclass(frozen=True, slots=True)
class Pressed:
    """A key, by its name (`enter`, `shift+up`, `a`); `text` is what it types."""

    key: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Pasted:
    """Text that was pasted in one piece."""

    text: str


@dataclass(frozen=True, slots=True)
class Clicked:
    """A click on one thing of the list on screen, by its place in it."""

    account: AccountId | None = None
    row: int | None = None


@dataclass(frozen=True, slots=True)
class Scrolled:
    """The wheel was turned by so many lines, downwards if positive."""

    lines: int


@dataclass(frozen=True, slots=True)
class Resized:
    """The terminal has another size."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Ticked:
    """Time has gone on."""

    now: datetime


@dataclass(frozen=True, slots=True)
class WorldRead:
    """The store and what is around it were read anew."""

    world: World


@dataclass(frozen=True, slots=True)
class PastRead:
    """The readings of the accounts on screen, for the sparklines."""

    past: Past


@dataclass(frozen=True, slots=True)
class SettingsRead:
    """The settings, with where each comes from."""

    settings: tuple[SettingRow, ...]


@dataclass(frozen=True, slots=True)
class ChoicesLoaded:
    """A list to choose from has come, for the picker that waits for it."""

    wanted: str
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Explained:
    """Why this account and not that: sentences."""

    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Undoable:
    """What was done can be taken back until `until`, by handing `token` to the worker."""

    token: int
    says: str
    until: datetime


@dataclass(frozen=True, slots=True)
class JobFinished:
    """A piece of work has ended: well, or with `failed` and a hint what to do."""

    job: int
    says: str
    failed: bool = False
    undo: Undoable | None = None
    # The account that the selection shall go to.
    select: AccountId | None = None
    # A login was captured that can be given a name now.
    name_it: AccountId | None = None


@dataclass(frozen=True, slots=True)
class LockAwaited:
    """Work has waited for a lock for a second; who holds it."""

    says: str


@dataclass(frozen=True, slots=True)
class StoreUnreadable:
    """The store cannot be read now; what is on screen is what was known before."""

    says: str


Message = (
    Pressed
    | Pasted
    | Clicked
    | Scrolled
    | Resized
    | Ticked
    | WorldRead
    | PastRead
    | SettingsRead
    | ChoicesLoaded
    | Explained
    | JobFinished
    | LockAwaited
    | StoreUnreadable
)
