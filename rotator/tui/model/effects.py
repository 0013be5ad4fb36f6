"""What the dashboard asks to be done; `work` carries it out, and nothing here does."""

from __future__ import annotations

from dataclasses import dataclass

from rotator.model import AccountId


@dataclass(frozen=True, slots=True)
class Quit:
    """Leave."""


@dataclass(frozen=True, slots=True)
class Redraw:
    """Draw the whole screen anew."""


@dataclass(frozen=True, slots=True)
class Suspend:
    """Stop, as Ctrl-Z does, until the shell lets us go on."""


@dataclass(frozen=True, slots=True)
class Activate:
    """Put an account into auth.json."""

    job: int
    provider: str
    alias: str


@dataclass(frozen=True, slots=True)
class RotateToBest:
    """Put a provider's best other account into auth.json."""

    job: int
    provider: str


@dataclass(frozen=True, slots=True)
class Rename:
    """Give an account another alias."""

    job: int
    account: AccountId
    alias: str


@dataclass(frozen=True, slots=True)
class Remove:
    """Forget an account."""

    job: int
    account: AccountId


@dataclass(frozen=True, slots=True)
class SetDisabled:
    """Keep an account from being chosen, or let it be chosen again."""

    job: int
    account: AccountId
    disabled: bool


@dataclass(frozen=True, slots=True)
class ReadUsage:
    """Ask vendors what is used of these accounts."""

    job: int
    accounts: tuple[AccountId, ...]


@dataclass(frozen=True, slots=True)
class SetBalancing:
    """Switch failover on or off."""

    job: int
    on: bool


@dataclass(frozen=True, slots=True)
class Undo:
    """Take back what was done."""

    job: int
    token: int


@dataclass(frozen=True, slots=True)
class StartWatcher:
    """Start a watcher that goes on without the dashboard."""

    job: int


@dataclass(frozen=True, slots=True)
class Connect:
    """Let opencode log in to a provider, in this terminal."""

    job: int
    provider: str


@dataclass(frozen=True, slots=True)
class Captured:
    """Find out what a login of opencode's has brought, beside what was there before it."""

    job: int
    provider: str
    before: frozenset[AccountId]
    last_event: int
    # The exit code of the login.
    code: int = 0


@dataclass(frozen=True, slots=True)
class OfferProviders:
    """Look for the providers that one can log in to."""


@dataclass(frozen=True, slots=True)
class OfferModels:
    """Look for a provider's models, or for those of all."""

    provider: str


@dataclass(frozen=True, slots=True)
class Explain:
    """Say why this account of a provider and not that."""

    provider: str


@dataclass(frozen=True, slots=True)
class ReadPast:
    """Read how the windows of these accounts came to be so."""

    accounts: tuple[AccountId, ...]


@dataclass(frozen=True, slots=True)
class ReadSettings:
    """Read the settings and where each comes from."""


@dataclass(frozen=True, slots=True)
class MovePriority:
    """Move a provider up or down in the priorities, by so many places."""

    job: int
    provider: str
    by: int


@dataclass(frozen=True, slots=True)
class SetPriority:
    """Set a provider's model in the priorities, or switch it on or off; None leaves it."""

    job: int
    provider: str
    model: str | None = None
    enabled: bool | None = None


@dataclass(frozen=True, slots=True)
class SetSetting:
    """Write a setting into config.toml."""

    job: int
    name: str
    value: str


Effect = (
    Quit
    | Redraw
    | Suspend
    | Activate
    | RotateToBest
    | Rename
    | Remove
    | SetDisabled
    | ReadUsage
    | SetBalancing
    | Undo
    | StartWatcher
    | Connect
    | Captured
    | OfferProviders
    | OfferModels
    | Explain
    | ReadPast
    | ReadSettings
    | MovePriority
    | SetPriority
    | SetSetting
)
