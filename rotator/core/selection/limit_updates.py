"""What a reading of usage says about limits that failures have told of.

Pure. A failure is what happened, a reading what a vendor says of it. So a reading only counts
if it is younger; it shortens no time that the vendor has stated; and it lifts a limit only
where nothing is missing in it that can block.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rotator.core.selection.limits import concerns, members
from rotator.model import Account, AccountState, Limit, Snapshot, Window

# What a vendor counts may lag behind what it has just refused.
LEAST_AGE = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class LimitUpdate:
    """A limit of an account's that a reading has changed.

    One that is lifted ends in the past: so the next failure still counts as one in a row.
    """

    account: Account
    after: Limit
    is_lifted: bool


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
    if since is None or told.read_at <= since or limit.is_stated or limit.until <= now:
        return limit
    full = full_windows(told, limit.model, now)
    resets = [window.resets_at for window in full if window.resets_at is not None]
    if full and len(resets) == len(full):
        return replace(limit, state=AccountState.EXHAUSTED, until=max(resets), is_stated=True)
    if full or told.spent or not told.complete or told.read_at - since < LEAST_AGE:
        return limit
    return replace(limit, until=since)


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
