"""Logins whose refresh token somebody else has exchanged: written down, and told once.

They count as logins that are needed from the moment at which it is known
(`rotator.core.logins.spent_tokens`); nothing here decides whether one is sent or put in.
"""

from __future__ import annotations

from rotator.context import Context
from rotator.core.logins.refresh_policy import is_spent_for_good
from rotator.model import SPENT_ELSEWHERE, Account, Event, EventKind
from rotator.opencode.auth.file import Whole, read_live

STILL_LIVE = "opencode would send that token once more when its access token runs out"


def reject_spent(context: Context) -> None:
    """Say of logins whose refresh token somebody else has exchanged that they need a login.

    A bridge saw that, and what came for it is not here: a plug-in or another program keeps it for
    itself. The one in auth.json stays there: nobody but its owner may log it out, and its access
    token works as long as it is good. Raises StoreError.
    """
    state, now = context.store.state(), context.clock()
    for account in state.accounts:
        if account.rejected is None and is_spent_for_good(state, account, now):
            _reject(context, account)


def _reject(context: Context, account: Account) -> None:
    now = context.clock()
    with context.store.transaction():
        # A login, or what came for the token, may be here by now.
        state = context.store.state()
        kept = state.account(account.id)
        if kept is None or not is_spent_for_good(state, kept, now):
            return
        live_in = state.live_in(kept)
        # It may stand in auth.json and be saved only once that is whole.
        if any(home.has_one_place for home in live_in) and not _is_saved(context):
            return
        context.store.set_rejected(kept.id, SPENT_ELSEWHERE)
    then = f"; {STILL_LIVE}" if live_in else ""
    why = f"{SPENT_ELSEWHERE}; it needs a login{then}"
    context.record([Event(now, EventKind.REJECTED, kept.provider, kept.name, why=why)])
    context.notify_changed()


def _is_saved(context: Context) -> bool:
    """Tell whether everything that auth.json holds now is in the store."""
    reading = read_live(context.paths.auth_file)
    return isinstance(reading, Whole) and reading.digest == context.store.live_digest()
