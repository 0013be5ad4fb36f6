"""What a vendor says of how much is used."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from rotator.model.credential import NOBODY, Identity


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
    identity: Identity = NOBODY
    spent: bool = False
    complete: bool = False
