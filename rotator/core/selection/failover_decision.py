"""What a failed request leads to, as data: who rests, who takes over, what the bridge is told."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from rotator.core.selection.fallback import PASS
from rotator.model import Account, Event, Limit, Verdict


class Renewal(Enum):
    """Whether an account's tokens can be renewed before it takes over."""

    NEVER = "never"
    NOW = "now"
    # Somebody else is at it.
    HELD_UP = "held up"


@dataclass(frozen=True, slots=True)
class SetLimit:
    """The account rests until the limit is over."""

    account: Account
    limit: Limit


@dataclass(frozen=True, slots=True)
class SetRejected:
    """The account needs a new login."""

    account: Account
    reason: str


@dataclass(frozen=True, slots=True)
class NoteOverloadSwap:
    """A swap of this provider was made because of an overload."""

    provider: str


AccountUpdate = SetLimit | SetRejected | NoteOverloadSwap


@dataclass(frozen=True, slots=True)
class PlannedSwap:
    """Put `to` into its provider's slot, in which `expected` is now."""

    to: Account
    expected: Account | None
    why: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What a signal leads to. The verdict holds if the ordered swap succeeds, else it is pass.

    With `freshen` the account that shall take over gets new tokens first, and then it is
    decided anew.
    """

    verdict: Verdict = PASS
    order: PlannedSwap | None = None
    freshen: bool = False
    updates: tuple[AccountUpdate, ...] = ()
    events: tuple[Event, ...] = ()
    # No account of the provider can answer: the turn goes on elsewhere, if it goes on.
    is_last_resort: bool = False
