"""Whose a limit is where an account holds tokens of two, and is parted or joined with another.

A limit is an account's and says since when; nothing records which tokens it is of. So it is of
those that were in use then: what replaced the older ones has a time.
"""

from __future__ import annotations

from datetime import datetime

from rotator.context import Context
from rotator.core.logins.line_parting import Line
from rotator.model import Account, AccountId, Limit


def move_limits(
    context: Context, account: Account, new: AccountId, since: datetime, *, of_newer: bool
) -> None:
    """Let a new account have the limits of requests with its own tokens.

    They are the newer ones, which came at `since`, or the older ones.
    """
    before = context.store.state().account(account.id) or account
    for limit in limits_of(before):
        is_of_newer = limit.since is None or limit.since >= since
        if is_of_newer is of_newer:
            context.store.move_limit(account.id, new, limit)


def limits_of(account: Account) -> list[Limit]:
    """Return an account's limits, with those of the tokens before the ones in use."""
    held = (account.limit, *account.part_limits, *account.limits_before)
    return [limit for limit in held if limit is not None]


def replaced_at(context: Context, account: Account, older: Line) -> datetime:
    """Return when others took the place of an account's older tokens."""
    before = context.store.state().replaced.get(account.id, ())
    return next(tokens.at for tokens in before if tokens.number == older[-1].number)


def keep_off(context: Context, row: Account, joined: Account) -> None:
    """Let no limit of `joined` count as one of the older tokens that `row` keeps.

    Should those prove to be somebody else's they would take along whatever is older than what
    took their place. So that counts as older than such a limit, unless they have one themselves.
    """
    replaced = context.store.state().replaced.get(row.id, ())
    since = [rest.since for rest in (joined.limit, *joined.part_limits) if rest and rest.since]
    if not replaced or not since:
        return
    last = max(tokens.at for tokens in replaced)
    own = [rest.since for rest in limits_of(row) if rest.since and rest.since < last]
    if all(rest < min(since) for rest in own):
        context.store.date_back(row.id, min(since))
