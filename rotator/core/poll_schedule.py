"""How often a vendor is asked about an account; one schedule for everybody who looks.

Pure: no I/O, no clock, no chance of its own. A reading serves for three minutes, less while a
limit is near, longer once nothing is left or the vendor does not answer: asked more often, some
vendors count the questions themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from rotator.clock import is_ahead
from rotator.errors import LoginRejected, ProviderError, RateLimited, UnexpectedAnswer
from rotator.model import Snapshot

SERVES = timedelta(seconds=180)
SERVES_NEAR_A_LIMIT = timedelta(seconds=60)
SERVES_WHEN_SPENT = timedelta(seconds=600)
NEAR = 0.9
# What does not get better by asking again is asked again rarely.
HOPELESS = timedelta(hours=1)
FIRST_BACK_OFF = timedelta(seconds=30)
LONGEST_BACK_OFF = timedelta(seconds=600)
# A vendor that says when to ask again still refused some who did so to the second.
LATER_THAN_SAID = timedelta(seconds=60)
JITTER = 0.1
# To ask once a day disturbs nobody, whatever was said of when to ask again.
LONGEST_PAUSE = timedelta(days=1)
# A vendor that has not said in so many tries whose a login is does not say it.
MOST_TRIES = 5
# Whoever has begun to ask is not disturbed for so long.
LEASE = timedelta(seconds=40)


@dataclass(frozen=True, slots=True)
class UsageRecord:
    """What is known of asking for an account's usage: the last good reading, and failures since."""

    snapshot: Snapshot | None = None
    failure: str | None = None
    failures: int = 0
    due_at: datetime | None = None
    leased_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class OwnerRecord:
    """How often a vendor was asked whose a credential is, and whether it said so."""

    tries: int = 0
    is_answered: bool = False
    due_at: datetime | None = None


def may_ask_owner(asked: OwnerRecord, now: datetime) -> bool:
    """Tell whether the vendor may be asked now whose a credential is."""
    if asked.is_answered or asked.tries >= MOST_TRIES:
        return False
    return not _is_ahead(asked.due_at, now)


def _is_ahead(due_at: datetime | None, now: datetime) -> bool:
    """Tell whether it is too early; for longer than ever said it is of a clock set back since."""
    return due_at is not None and timedelta(0) < due_at - now <= LONGEST_PAUSE


def is_due(asked: UsageRecord, now: datetime) -> bool:
    """Tell whether the vendor may be asked now: not served yet, and nobody else is at it."""
    leased = asked.leased_until
    # What is further ahead than it can have been made is of a clock that was set back since.
    if leased is not None and timedelta(0) < leased - now <= LEASE:
        return False
    if asked.snapshot is not None and is_ahead(asked.snapshot.read_at, now):
        return True
    return not _is_ahead(asked.due_at, now)


def after_reading(snapshot: Snapshot, least: timedelta, chance: float) -> datetime:
    """Return when a good reading has served its time; `chance` is a random number from 0 to 1.

    `least` is the vendor's own least time between two questions.
    """
    tightest = max((w.used for w in snapshot.windows if w.blocks), default=0.0)
    serves = SERVES
    if snapshot.spent or tightest >= 1:
        serves = SERVES_WHEN_SPENT
    elif tightest >= NEAR:
        serves = SERVES_NEAR_A_LIMIT
    return snapshot.read_at + _jittered(max(serves, least), chance)


def after_failure(error: ProviderError, failures: int, now: datetime, chance: float) -> datetime:
    """Return when to ask again after the failure number `failures` in a row."""
    match error:
        case RateLimited(retry_at=at) if at is not None:
            return min(at + _jittered(LATER_THAN_SAID, chance), now + LONGEST_PAUSE)
        case LoginRejected() | UnexpectedAnswer():
            return now + _jittered(HOPELESS, chance)
        case _:
            doubled = FIRST_BACK_OFF * 2 ** min(failures - 1, 10)
            return now + _jittered(min(doubled, LONGEST_BACK_OFF), chance)


def _jittered(span: timedelta, chance: float) -> timedelta:
    """Return a span that is up to a tenth longer: many accounts are not asked in one instant."""
    return span * (1 + JITTER * chance)
