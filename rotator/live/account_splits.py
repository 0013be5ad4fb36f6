"""Makes an account of its own of logins that another one keeps; within a transaction."""

from __future__ import annotations

from datetime import datetime

from rotator.context import Context
from rotator.core.logins.credential_secrets import given_as
from rotator.core.logins.line_parting import split_off
from rotator.core.logins.token_lines import kept_logins, line_of
from rotator.live.account_changes import about_older, part, settle
from rotator.live.knowledge import knowledge
from rotator.model import Account, AccountId, Event


def split_account(
    context: Context, account: Account, now: datetime
) -> tuple[AccountId | None, list[Event]]:
    """Part what an account keeps of others; return the new account (None: nothing), and events.

    Nobody knows whether the older tokens were exchanged for the newer ones, so the account that
    has them is not used before somebody knows, or says so.
    """
    store = context.store
    known = knowledge(context)
    parted = split_off(line_of(known.state, account), kept_logins(account, known))
    if parted is None:
        return None, []
    events = part(context, account, parted, "it was split", now)
    new = store.holder(account.provider, given_as(parted.left[-1].credential))
    is_newer = parted.left[-1].number is None
    older, newer = (account.id, new) if is_newer else (new, account.id)
    before, after = (parted.kept, parted.left) if is_newer else (parted.left, parted.kept)
    row = store.state().account(older)
    if row is not None and newer is not None:
        doubts = [doubt for tokens in before for doubt in about_older(tokens, newer, after)]
        store.set_doubts(row.id, [*row.doubts, *doubts])
    return new, [*events, *settle(context, account.provider, now)]
