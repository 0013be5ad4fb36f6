"""An account, and why it rests.

Times are aware and in UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal, assert_never

from rotator.model.credential import AccountId, Credential

# Why a login is needed although the vendor has not refused the one that is there.
RAN_OUT = "its key has run out"
SPENT_ELSEWHERE = "its refresh token was exchanged for new tokens that somebody else keeps"


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

    `since` is when its failure was worked off. `is_stated`: the time is the vendor's own, and no
    guess of ours. With `model` the account rests for those models alone (see
    `rotator.core.selection.limits.concerns`). `is_own`: others of the account's group are not
    limited by it. `is_uncounted`: no window of a plan counts what is
    missing: money, a membership, a month that the vendor's usage leaves out.
    `asked` is the model that was refused where the whole account rests for it; None:
    that is not known.
    """

    state: RestState
    until: datetime
    reason: str
    strikes: int = 1
    since: datetime | None = None
    is_stated: bool = False
    model: str | None = None
    is_own: bool = False
    asked: str | None = None
    is_uncounted: bool = False


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
    # A bridge saw its refresh token exchanged for one that is not here. Whoever sends it once more
    # may end the login of whoever has that one, so from then on it needs a login, however long its
    # access token is good; the live one has a moment first, for whoever exchanged it to save it.
    spent_from: datetime | None = None

    @property
    def name(self) -> str:
        """`provider/alias`, as commands and events name an account."""
        return f"{self.provider}/{self.alias}"

    def state_at(self, now: datetime) -> AccountState:
        """Return the state at `now`, by the order of `AccountState`."""
        if self.disabled is not None or self.maybe is not None:
            return AccountState.DISABLED
        if self.why_login_at(now) is not None:
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
                return self.why_login_at(now)
            case AccountState.EXHAUSTED | AccountState.COOLING:
                return self.limit.reason if self.limit else None
            case AccountState.READY:
                return None
            case never:
                assert_never(never)

    def why_login_at(self, now: datetime) -> str | None:
        """Return why it needs a login at `now`, disabled or not; None: it needs none."""
        if self.spent_from is not None and self.spent_from <= now:
            return self.rejected or SPENT_ELSEWHERE
        if self.has_ended_at(now):
            return self.rejected or RAN_OUT
        return self.rejected

    def has_ended_at(self, now: datetime) -> bool:
        """Tell whether its key has run out at `now`, which nobody renews."""
        return self.credential.ends_at is not None and self.credential.ends_at <= now

    def until_at(self, now: datetime) -> datetime | None:
        """Return when the account frees up by itself, or None."""
        if self.state_at(now) in {AccountState.EXHAUSTED, AccountState.COOLING} and self.limit:
            return self.limit.until
        return None
