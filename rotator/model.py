"""The values that flow through the program: frozen, without behaviour that needs I/O or a clock.

Times are aware and in UTC. A digest is the full SHA-256 of a secret in hex.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Literal, NewType, assert_never

from rotator.preferences import Failover, Preferences
from rotator.secret import Secret

AccountId = NewType("AccountId", str)
Digest = NewType("Digest", str)
CredentialType = Literal["api", "oauth", "wellknown"]

NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Credential:
    """One entry of auth.json, as opencode means it.

    `entry` is its JSON text, exactly as it stood in the file. `secret` is what goes with a
    request: the key, the access token or the well-known token. `destination` is a digest of
    what binds a request to a place (type, enterpriseUrl, metadata that names one): only
    credentials of one destination may stand in for each other in a request that is already built.
    """

    type: CredentialType
    entry: Secret
    secret: Secret
    destination: Digest
    refresh: Secret | None = None
    expires_at: datetime | None = None
    account_id: str | None = None
    enterprise_url: str | None = None
    # Everything else that the entry says of itself (metadata and fields of other plug-ins).
    extra: Mapping[str, str] = field(default_factory=lambda: NOTHING, repr=False)

    @property
    def digest(self) -> Digest:
        """The digest of `secret`: how the bridge and the store name this credential."""
        return Digest(self.secret.digest())


class AccountState(StrEnum):
    """What an account can do now; the first of these that holds."""

    DISABLED = "disabled"
    REJECTED = "rejected"
    EXHAUSTED = "exhausted"
    COOLING = "cooling"
    READY = "ready"


RestState = Literal[AccountState.COOLING, AccountState.EXHAUSTED]


@dataclass(frozen=True, slots=True)
class Limit:
    """Why an account rests and until when; `strikes` counts limits in a row without a reset.

    `since` is when its failure was worked off. `is_stated`: the time is the vendor's own, and
    no guess of ours. With `model` the account rests for those models alone (see
    `rotator.limits.concerns`). `is_own`: others of the account's group are not limited by it.
    """

    state: RestState
    until: datetime
    reason: str
    strikes: int = 1
    since: datetime | None = None
    is_stated: bool = False
    model: str | None = None
    is_own: bool = False


@dataclass(frozen=True, slots=True)
class Doubt:
    """Some tokens of an account may have been exchanged for those that another one began with.

    `came_as` is the digest of those then, as their vendor gave them; empty where where they came
    from decides nothing. `of` is that of the account's own, which others may have taken the place
    of since; empty: those in use.
    """

    newer: AccountId
    came_as: str = ""
    of: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """One captured login. `identity` is for people, `identity_key` is what is compared.

    `limit` is about the whole account, `part_limits` about some models each. Accounts of one
    `group` are limited together.
    """

    id: AccountId
    provider: str
    alias: str
    credential: Credential
    captured_at: datetime
    identity: str | None = None
    identity_key: str | None = None
    disabled: str | None = None
    rejected: str | None = None
    limit: Limit | None = None
    last_used_at: datetime | None = None
    plan: str | None = None
    # The user's leave to refresh its tokens, for vendors that ask for one.
    refresh_allowed: bool = False
    part_limits: tuple[Limit, ...] = ()
    group: str | None = None
    # Its newest tokens took the place of others without a proof, and nobody has said whose they
    # are: `identity` is of those before.
    unproven: bool = False
    # What the tokens before unproven ones were refused for: it counts once they are one person's.
    limits_before: tuple[Limit, ...] = ()
    # It may be the same login as that newer one, whose tokens would have spent its own: until
    # somebody knows it is not used. `doubts` are all such, that one last, `doubt` the sentence.
    maybe: AccountId | None = None
    doubts: tuple[Doubt, ...] = ()
    doubt: str | None = None

    @property
    def name(self) -> str:
        """`provider/alias`, as commands and events name an account."""
        return f"{self.provider}/{self.alias}"

    def state_at(self, now: datetime) -> AccountState:
        """Return the state at `now`, by the order of `AccountState`."""
        if self.disabled is not None or self.maybe is not None:
            return AccountState.DISABLED
        if self.rejected is not None:
            return AccountState.REJECTED
        if self.limit is not None and now < self.limit.until:
            return self.limit.state
        return AccountState.READY

    def reason_at(self, now: datetime) -> str | None:
        """Return why the account is not ready at `now`, or None when it is."""
        match self.state_at(now):
            case AccountState.DISABLED:
                return self.disabled or self.doubt
            case AccountState.REJECTED:
                return self.rejected
            case AccountState.EXHAUSTED | AccountState.COOLING:
                return self.limit.reason if self.limit else None
            case AccountState.READY:
                return None
            case never:
                assert_never(never)

    def until_at(self, now: datetime) -> datetime | None:
        """Return when the account frees up by itself, or None."""
        if self.state_at(now) in {AccountState.EXHAUSTED, AccountState.COOLING} and self.limit:
            return self.limit.until
        return None


@dataclass(frozen=True, slots=True)
class Tenure:
    """From `since` on, `account` was in the provider's slot (None: the slot was empty)."""

    account: AccountId | None
    since: datetime


@dataclass(frozen=True, slots=True)
class SwapMark:
    """Our last swap in a slot, kept to recognise an opencode that undoes it.

    `left_entry` is the digest of the entry's text that was replaced; `left_expired` says that
    its access token had expired by then, so that opencode may have been refreshing it.
    """

    left: AccountId | None
    put: AccountId
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
        found = [a for a in self.accounts if a.provider == provider]
        return tuple(sorted(found, key=lambda a: (a.alias, a.id)))

    def slot(self, provider: str) -> Slot:
        """Return the provider's slot, an empty one where nothing was ever seen."""
        return self.slots.get(provider) or Slot(provider)

    def active(self, provider: str) -> Account | None:
        """Return the account in the provider's slot, or None."""
        return self.account(self.slot(provider).active)


class Source(StrEnum):
    """Where a signal came from."""

    BRIDGE = "bridge"
    LOG = "log"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class Signal:
    """Evidence that a request of an account failed, as design calls it.

    `credential` is the digest of what the request carried (None for a log line, which does not
    say). `tried` are the digests that this request has used before, itself included.

    `left` are the providers that the turn has left already. A request that is `aside` is beside
    the turn (a title, a summary). With `waited` nothing new has failed: a wait that a verdict
    asked for is over, and the question is asked anew. `opencode` is the kind of opencode that
    asks (`run`, `serve`, `web` or `tui`).
    """

    id: str
    at: datetime
    provider: str
    source: Source
    credential: Digest | None = None
    request: str = ""
    attempt: int = 1
    model: str | None = None
    session: str | None = None
    tried: tuple[Digest, ...] = ()
    status: int | None = None
    error: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=lambda: NOTHING, repr=False)
    body: str = field(default="", repr=False)
    left: tuple[str, ...] = ()
    aside: bool = False
    waited: bool = False
    opencode: str | None = None


class Meaning(StrEnum):
    """What a failed answer says about the account that asked."""

    SHORT_LIMIT = "short_limit"
    EXHAUSTED = "exhausted"
    LOGIN_DEAD = "login_dead"
    BILLING = "billing"
    OVERLOAD = "overload"
    # The answer refuses another account's reasoning or item ids; it blames nobody.
    FOREIGN_HISTORY = "foreign_history"
    NOT_OURS = "not_ours"


class Reach(StrEnum):
    """Who is limited together by one limit."""

    ACCOUNT = "account"
    # All accounts of one `Identity.group`.
    GROUP = "group"
    # All accounts of the provider, as by a limit on the address that asks.
    PROVIDER = "provider"


@dataclass(frozen=True, slots=True)
class Scope:
    """What a limit is counted for: some models, or (None) every one; and for whom together."""

    model: str | None = None
    reach: Reach = Reach.GROUP


EVERYTHING = Scope()


@dataclass(frozen=True, slots=True)
class Finding:
    """The meaning of a failure, until when it holds if the answer says so, and why we think so.

    `scope` is what a limit is counted for.
    """

    meaning: Meaning
    reason: str
    until: datetime | None = None
    scope: Scope = EVERYTHING


class VerdictKind(StrEnum):
    """What the bridge shall do with a failed request."""

    ACK = "ack"
    RETRY = "retry"
    WAIT = "wait"
    PASS = "pass"
    REROUTE = "reroute"


@dataclass(frozen=True, slots=True)
class Route:
    """A provider and one of its models, by opencode's ids."""

    provider: str
    model: str

    @property
    def name(self) -> str:
        """`provider/model`, as opencode names a model."""
        return f"{self.provider}/{self.model}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to one signal.

    `to` is where a turn goes on that is rerouted. `note` is what the person before opencode is
    told of it, or of a wait: one sentence.
    """

    kind: VerdictKind
    credential: Digest | None = None
    drop: Literal["reasoning"] | None = None
    wait_ms: int = 0
    to: Route | None = None
    note: str | None = None


class EventKind(StrEnum):
    """What can happen; the contract of `rotator events`."""

    CAPTURED = "captured"
    REFRESHED = "refreshed"
    SWAPPED = "swapped"
    FAILOVER = "failover"
    LIMITED = "limited"
    RECOVERED = "recovered"
    REJECTED = "rejected"
    REVERTED = "reverted"
    RESTORED = "restored"
    LOGGED_OUT = "logged-out"
    REMOVED = "removed"
    REROUTED = "rerouted"
    CHANGED = "changed"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, in words a person can read; never a secret."""

    at: datetime
    kind: EventKind
    provider: str | None = None
    account: str | None = None
    from_alias: str | None = None
    to_alias: str | None = None
    why: str = ""
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """Which account shall take over, or None, and the sentence that says why."""

    account: Account | None
    why: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a credential is: `key` is compared, `label` is shown (an e-mail or a user name).

    `group` names what the vendor's limits are counted for, where that is more than the account:
    accounts of one group are limited together.
    """

    key: str | None = None
    label: str | None = None
    plan: str | None = None
    group: str | None = None


NOBODY = Identity()


@dataclass(frozen=True, slots=True)
class Replaced:
    """Tokens whose place in their account was taken without a proof, and whose they are.

    They are kept until somebody knows whose those are that took it. `at` is when that was. With
    `loose` those are gone: two accounts were joined since.
    """

    number: int
    credential: Credential
    at: datetime
    who: Identity = NOBODY
    loose: bool = False


@dataclass(frozen=True, slots=True)
class Descent:
    """What came out of one question for tokens, by digests; a bridge saw it pass.

    A login exchanged a code and `came_from` no other tokens; else those of `came_from` were
    exchanged. `to` are the secrets of the answer.
    """

    id: str
    at: datetime
    is_login: bool
    came_from: Digest | None
    to: tuple[Digest, ...] = ()


@dataclass(frozen=True, slots=True)
class Window:
    """A limit that begins anew from time to time, and how much of it is used.

    `used` is a fraction, 1 when nothing is left. `name` tells the length (`5h`, `7d`, `day`,
    `month`) and, for a part of a plan, what it is about. `model` is set where it binds some
    models alone. With `blocks` false nothing of a model's work stops when it is used up.
    """

    name: str
    used: float
    resets_at: datetime | None = None
    length_seconds: int | None = None
    model: str | None = None
    blocks: bool = True


@dataclass(frozen=True, slots=True)
class Balance:
    """What is left to spend; `currency` is an ISO code, or the vendor's unit in lower case."""

    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a vendor says of an account at one moment; what it does not say is not there.

    With `spent` nothing is left although no window says so. It is `complete` if no limit of the
    account's plan is missing that can make the vendor refuse a request.
    """

    read_at: datetime
    windows: tuple[Window, ...] = ()
    balance: Balance | None = None
    plan: str | None = None
    identity: Identity = Identity()
    spent: bool = False
    complete: bool = False
