"""Follows a clock that was set back: what was noted by the old one does not hold for hours."""

from __future__ import annotations

import logging
from datetime import datetime

from rotator.context import Context
from rotator.core.logins.changes import REVERT_WINDOW
from rotator.core.selection.limits import pinned
from rotator.model import NOBODY, Account, AccountId, Limit
from rotator.opencode.auth.entries import parse_entry, renewed_entry
from rotator.provider import Tokens

log = logging.getLogger(__name__)


def follow_clock(context: Context) -> bool:
    """Let rests that began in what is now the future begin now; forget swaps made there.

    Tokens that a parked login got there have run out: how long they live nobody knows any more.
    Costs next to nothing otherwise; false if there is nothing to do. Raises StoreError.
    """
    if not (_moved(context) or _ahead(context) or _got_ahead(context)):
        return False
    with context.store.transaction():
        # Another process may have done it just before.
        for account, limit in _moved(context):
            context.store.set_limit(account, limit)
        for provider in _ahead(context):
            context.store.note_swap(provider, None)
        for login in _got_ahead(context):
            _let_run_out(context, login)
    log.warning("the clock was set back: what was noted by the old one begins anew")
    context.notify_changed()
    return True


def _moved(context: Context) -> list[tuple[AccountId, Limit]]:
    now = context.clock()
    return [
        (account.id, after)
        for account in context.store.state().accounts
        for before in filter(None, (account.limit, *account.part_limits, *account.limits_before))
        if (after := pinned(before, now)) is not before
    ]


def _ahead(context: Context) -> list[str]:
    slots, now = context.store.state().slots, context.clock()
    return [p for p, slot in slots.items() if slot.swap and slot.swap.at - now > REVERT_WINDOW]


def _got_ahead(context: Context) -> list[Account]:
    """Return parked logins whose tokens came in what is now the future, and count as good.

    opencode wrote what is in auth.json, and goes by it.
    """
    state, now = context.store.state(), context.clock()
    return [
        account
        for account in state.accounts
        if _is_good(account, now)
        and state.slot(account.provider).active != account.id
        and (came := context.store.descent(account.credential.digest)) is not None
        and came.at - now > REVERT_WINDOW
    ]


def _is_good(account: Account, now: datetime) -> bool:
    expires_at = account.credential.expires_at
    return expires_at is not None and expires_at > now and account.credential.refresh is not None


def _let_run_out(context: Context, account: Account) -> None:
    now, credential = context.clock(), account.credential
    entry = renewed_entry(credential, Tokens(credential.secret, now))
    run_out = parse_entry(account.provider, entry)
    context.store.renew_credential(account, run_out, NOBODY, now)
