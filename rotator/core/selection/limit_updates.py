"""What a reading of usage says about limits that failures have told of.

Pure. A failure is what happened, a reading what a vendor says of it. So a reading only counts
if it is younger; it shortens no time that the vendor has stated; and it lifts a limit only
where nothing is missing in it that can have led to the limit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from rotator.core.selection.limit_lifts import LimitUpdate, lifted
from rotator.core.selection.limits import concerns, members
from rotator.model import Account, AccountState, Limit, Snapshot, Window

# What a vendor counts may lag behind what it has just refused.
LEAST_AGE = timedelta(seconds=10)
# So many requests or tokens in a minute, or in an hour, are in no reading: its windows are those
# of plans. A vendor states the end of such a limit, and it is never further away than this.
LONGEST_RATE = timedelta(hours=1)
# A vendor rounds, and counts what is under way: only with so much room it has given quota back.
MOST_USED = 0.95


def limit_updates(
    accounts: Iterable[Account], read: Account, told: Snapshot, now: datetime
) -> list[LimitUpdate]:
    """Return what a reading of the account `read` changes, for all that are limited with it."""
    return [
        LimitUpdate(account, after, after.until <= now)
        for account in members(accounts, read)
        for before in filter(None, (account.limit, *account.part_limits))
        if (after := updated_limit(before, told, now)) is not before
    ]


def updated_limit(limit: Limit, told: Snapshot, now: datetime) -> Limit:
    """Return the limit as it is after a reading; itself where that says nothing new.

    A time that was a guess gives way to the reset of what is used up.
    """
    since = limit.since
    if since is None or told.read_at <= since or limit.until <= now:
        return limit
    full = full_windows(told, limit.model, now)
    resets = [window.resets_at for window in full if window.resets_at is not None]
    if full and len(resets) == len(full) and not limit.is_stated:
        return replace(limit, state=AccountState.EXHAUSTED, until=max(resets), is_stated=True)
    if full or told.spent or not _covers(told, limit) or told.read_at - since < LEAST_AGE:
        return limit
    return lifted(limit, now)


def as_whole_as(told: Snapshot, before: Snapshot | None, now: datetime) -> Snapshot:
    """Return a reading, not complete where a window is missing that the one before had.

    One that has begun anew since may be left out until it is used.
    """
    if before is None:
        return told
    named = {(window.name, window.model) for window in told.windows}
    missing = [
        window
        for window in before.windows
        if window.blocks
        and (window.name, window.model) not in named
        and (window.resets_at is None or window.resets_at > now)
    ]
    return replace(told, complete=told.complete and not missing)


def full_windows(told: Snapshot, model: str | None, now: datetime) -> list[Window]:
    """Return the windows that let nothing through for `model` (None: for any) until they reset."""
    return [
        window
        for window in told.windows
        if window.blocks
        and window.used >= 1
        and concerns(window.model, model)
        and (window.resets_at is None or window.resets_at > now)
    ]


def _covers(told: Snapshot, limit: Limit) -> bool:
    """Tell whether a reading has all that can have led to the limit.

    Windows of other models say nothing of it, nor does money of how many requests a minute may
    have; a vendor who counts money alone tells by it whether anything is used up. What no
    window counts, only money that is there shows to be over.
    """
    if not told.complete:
        return False
    if limit.is_uncounted and told.windows:
        return told.balance is not None and told.balance.amount > 0
    if limit.state is AccountState.COOLING and limit.is_stated and _is_of_a_rate(limit):
        return False
    counted = [w for w in told.windows if w.blocks and concerns(w.model, limit.model)]
    if counted:
        return not limit.is_stated or max(window.used for window in counted) <= MOST_USED
    is_of_money = told.balance is not None and not told.windows
    return is_of_money and limit.state is AccountState.EXHAUSTED


def _is_of_a_rate(limit: Limit) -> bool:
    return limit.since is not None and limit.until - limit.since <= LONGEST_RATE
