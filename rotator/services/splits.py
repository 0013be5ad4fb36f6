"""What a person does to an account that keeps a login of somebody else: split it."""

from __future__ import annotations

from rotator.context import Context
from rotator.errors import UsageError
from rotator.live.account_splits import split_account
from rotator.model import Account
from rotator.services.accounts import Done, live_aliases
from rotator.system.locks import swap_lock


def split(context: Context, account: Account) -> Done:
    """Make an account of the older logins that an account keeps and that may be somebody else's.

    Nothing in auth.json changes. Raises UsageError where there are none.
    """
    with swap_lock(context.paths.swap_lock), context.store.transaction():
        new, events = split_account(context, account, context.clock())
    state = context.store.state()
    added = state.account(new)
    if added is None:
        message = f"{account.name} keeps no login that can be an account of its own"
        hint = "rotator accounts says which account keeps one; one of the same name stays with it"
        raise UsageError(message, hint=hint)
    context.record(events)
    context.notify_changed()
    older = next((a for a in (added, state.account(account.id)) if a and a.maybe), None)
    note = f"{added.name} is what was split off"
    if older is not None:
        note += f"; {older.name} is not used yet: {older.doubt}"
    return Done(account, live_aliases(context, account.provider), note)
