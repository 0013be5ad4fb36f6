"""Which limits are waited for on the same account, and how those that waited go on.

Pure. Another account has none of what the vendor keeps of a conversation (its prompt cache), so
a second's wait is cheaper than a swap. Requests that failed or waited together do not go on
together: they would be refused together once more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rotator.core.selection.limits import limits_of
from rotator.model import Account, Finding, Limit

# A limit that comes so soon after the last one was over is not waited for.
SECOND_WITHIN = timedelta(minutes=1)
# Requests that go on together are spread over this.
RAMP = timedelta(seconds=1)


def is_waited_for(
    before: Limit | None,
    limit: Limit,
    finding: Finding,
    patience: timedelta,
    now: datetime,
    *,
    is_elsewhere: bool = False,
) -> bool:
    """Tell whether the account keeps its requests until `limit` is over, which a failure led to.

    `before` is what it had, or had last, on the same; the failure itself has to state an end.
    Where it `is_elsewhere`, as whoever would take over was limited just as well, nothing is won
    by moving on.
    """
    if finding.until is None or finding.until - now > patience:
        return False
    if was_limited(before, now) and not is_elsewhere:
        return False
    return limit.until - now <= patience and is_short(limit, patience)


def was_limited(before: Limit | None, now: datetime) -> bool:
    """Tell whether an account's last limit was over less than a minute ago."""
    return before is not None and timedelta(0) <= now - before.until < SECOND_WITHIN


def continued(before: Limit | None, limit: Limit, patience: timedelta, now: datetime) -> Limit:
    """Return the limit, as of when those began to wait whose wait it makes longer.

    So nobody waits for ever where each failure during a wait states a later end.
    """
    if before is None or before.until <= now or not is_short(before, patience):
        return limit
    return replace(limit, since=before.since)


def is_short(limit: Limit, patience: timedelta) -> bool:
    """Tell whether a limit is one that its account's requests wait for, as far as it shows.

    One that another account took over for is as short, but that account is live by then.
    """
    return limit.is_stated and limit.since is not None and limit.until - limit.since <= patience


def waits_until(
    account: Account, model: str | None, patience: timedelta, now: datetime
) -> datetime | None:
    """Return until when a request that waits for its account goes on waiting; None: no longer."""
    held = limits_of(account, model, now)
    if not held or not all(is_short(limit, patience) for limit in held):
        return None
    return held[0].until


@dataclass(frozen=True, slots=True)
class Ramp:
    """Requests that go on together: since when they do, and how many have a place by now."""

    begun_at: datetime
    placed: int = 0


def place_of(
    ramp: Ramp | None, now: datetime, last_at: datetime | None = None
) -> tuple[Ramp, datetime]:
    """Return when the next request goes on, and the ramp with it.

    The first one at once; each later one into the middle of the largest gap that those before
    it have left, so that they are spread over the whole second however many there will be. One
    whose conversation had its place at `last_at`, on this ramp, goes at once: it comes alone, and
    was spread then.
    """
    if ramp is None or not timedelta(0) <= now - ramp.begun_at < RAMP:
        ramp = Ramp(now)
    if last_at is not None and ramp.begun_at <= last_at < now:
        return ramp, now
    due_at = ramp.begun_at + RAMP * _between(ramp.placed)
    return replace(ramp, placed=ramp.placed + 1), max(due_at, now)


def _between(number: int) -> float:
    """Return 0, 1/2, 1/4, 3/4, 1/8, 5/8, …: the binary digits behind the point, reversed."""
    part, share = 0.5, 0.0
    while number:
        share += part * (number & 1)
        number >>= 1
        part /= 2
    return share
