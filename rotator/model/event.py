"""What happened, as people read it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


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
