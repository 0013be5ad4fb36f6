"""Everything that a decision is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from rotator.model.account import Account
from rotator.model.credential import AccountId, Digest, Replaced
from rotator.model.home import HomeName, Standing
from rotator.model.preferences import Failover, Preferences
from rotator.model.usage import Snapshot
from rotator.secret import Secret


@dataclass(frozen=True, slots=True)
class Tenure:
    """From `since` on, `account` was in the provider's slot (None: the slot was empty)."""

    account: AccountId | None
    since: datetime


@dataclass(frozen=True, slots=True)
class SwapMark:
    """Our last swap in a slot, kept to recognise an opencode that undoes it.

    `left_entry` is the digest of the entry's text that was replaced; `left_expired` says that
    its access token had expired by then, so that opencode may have been refreshing it. `put` is
    None where an account was taken out for nobody.
    """

    left: AccountId | None
    put: AccountId | None
    at: datetime
    left_entry: Digest | None
    left_expired: bool = False
    rounds: int = 0


@dataclass(frozen=True, slots=True)
class Slot:
    """A provider's one place in auth.json: who is in it, who was, and what we did there."""

    provider: str
    active: AccountId | None = None
    tenures: tuple[Tenure, ...] = ()
    swap: SwapMark | None = None
    overload_swap_at: datetime | None = None
    rejected_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PendingRefresh:
    """A refresh token that was sent to its vendor, and what is known of the answer.

    `spent` is the digest of the token, `attempts` how often it was sent, last at `begun_at`.
    `answer` is the entry of auth.json that the answer makes; None: no answer was stored.
    """

    account: AccountId
    spent: Digest
    begun_at: datetime
    attempts: int = 1
    answer: Secret | None = None


@dataclass(frozen=True, slots=True)
class State:
    """What decisions are made from: a cache of the store at one moment."""

    accounts: tuple[Account, ...] = ()
    slots: Mapping[str, Slot] = field(default_factory=lambda: MappingProxyType({}))
    balancing: bool = True
    # Which account a provider's secret (request secret or refresh token) belongs to, older
    # generations included.
    digests: Mapping[tuple[str, Digest], AccountId] = field(
        default_factory=lambda: MappingProxyType({})
    )
    # Secrets of accounts that the user removed.
    removed: frozenset[tuple[str, Digest]] = frozenset()
    refreshes: Mapping[AccountId, PendingRefresh] = field(
        default_factory=lambda: MappingProxyType({})
    )
    # Tokens that were replaced without a proof, by account, oldest first.
    replaced: Mapping[AccountId, tuple[Replaced, ...]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    # What was last seen in homes that have several logins of a provider.
    standings: tuple[Standing, ...] = ()
    # Rows that could not be read: one sentence each.
    broken: tuple[str, ...] = ()
    # What vendors last said of accounts, where it was asked for together with the rest.
    usage: Mapping[AccountId, Snapshot] = field(default_factory=lambda: MappingProxyType({}))
    preferences: Preferences = field(default_factory=Preferences)

    @property
    def failover(self) -> Failover:
        """What the user wants of accounts that follow each other."""
        return self.preferences.failover

    def account(self, account_id: AccountId | None) -> Account | None:
        """Return the account with that id, or None."""
        return next((a for a in self.accounts if a.id == account_id), None)

    def of(self, provider: str) -> tuple[Account, ...]:
        """Return the provider's accounts in alphabetical order of alias."""
        accounts = [a for a in self.accounts if a.provider == provider]
        return tuple(sorted(accounts, key=lambda a: (a.alias, a.id)))

    def slot(self, provider: str) -> Slot:
        """Return the provider's slot, an empty one where nothing was ever seen."""
        return self.slots.get(provider) or Slot(provider)

    def active(self, provider: str) -> Account | None:
        """Return the account in the provider's slot, or None."""
        return self.account(self.slot(provider).active)

    def standings_of(self, account: AccountId) -> tuple[Standing, ...]:
        """Return the places of an account in homes that have several, the active one first."""
        places = [place for place in self.standings if place.account == account]
        return tuple(sorted(places, key=lambda place: (not place.active, place.slot)))

    def active_in(self, home: HomeName, provider: str) -> Account | None:
        """Return the provider's account that is active in a home, or None."""
        if home.has_one_place:
            return self.active(provider)
        live = (
            standing.account for standing in self.standings if _is_live(standing, home, provider)
        )
        return self.account(next(live, None))

    def is_used(self, home: HomeName, provider: str) -> bool:
        """Tell whether a home has a login of the provider."""
        if home.has_one_place:
            return self.slot(provider).active is not None
        return any(
            standing.home is home and standing.provider == provider for standing in self.standings
        )

    def holds_logins(self, home: HomeName) -> bool:
        """Tell whether a home has a login of any provider."""
        if home.has_one_place:
            return any(slot.active is not None for slot in self.slots.values())
        return any(standing.home is home for standing in self.standings)

    def homes_of(self, account: Account) -> tuple[HomeName, ...]:
        """Return the homes in which an account stands."""
        standing = {place.home for place in self.standings_of(account.id)}
        live = self.live_in(account)
        return tuple(home for home in HomeName if home in standing or home in live)

    def live_in(self, account: Account) -> tuple[HomeName, ...]:
        """Return the homes in which an account is the active one."""
        live = (self.active_in(home, account.provider) for home in HomeName)
        pairs = zip(HomeName, live, strict=True)
        return tuple(
            home for home, active in pairs if active is not None and active.id == account.id
        )


def _is_live(standing: Standing, home: HomeName, provider: str) -> bool:
    return standing.active and standing.home is home and standing.provider == provider


@dataclass(frozen=True, slots=True)
class Choice:
    """Which account shall take over, or None, and the sentence that says why."""

    account: Account | None
    why: str
