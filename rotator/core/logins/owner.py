"""Whose a credential is, and what says so."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from rotator.model import Account, Replaced


class Proof(Enum):
    """What says that a credential is an account's."""

    # A secret of its own, or the token that it was exchanged for.
    DESCENT = auto()
    # Its vendor names one owner for both.
    IDENTITY = auto()
    # A text that stands in its place with several people, as far as anybody can tell.
    SHARED = auto()
    # Nothing but the time at which it came.
    NONE = auto()


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose credential it is, and whether the account has it, or a newer one, already.

    With `of_replaced` it comes from tokens of the account that others took the place of: it is
    theirs, and those others are somebody's of their own. Of a new login `may_be` names the
    accounts whose tokens it may have been made from, and `may_be_replaced` such tokens of others.
    """

    account: Account | None
    fresh: bool = True
    stale: bool = False
    proof: Proof = Proof.DESCENT
    of_replaced: int | None = None
    may_be: tuple[Account, ...] = ()
    may_be_replaced: tuple[Replaced, ...] = ()
