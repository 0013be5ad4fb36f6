"""What was taken for a login, and proves to be the end of a refresh: the slot is as before it.

Call everything here within a transaction, under the swap lock.
"""

from __future__ import annotations

from datetime import datetime

from rotator.context import Context
from rotator.core.logins.changes import Login, is_left_empty
from rotator.core.logins.credential_secrets import given_as, has_real_secret
from rotator.core.logins.unproven_logins import UnprovenLogin, disproven, is_open
from rotator.live.knowledge import knowledge
from rotator.model import Digest, SwapMark


def note_unproven(context: Context, change: Login, now: datetime) -> None:
    """Note what the slot is before a login that nobody has proven; call it before it is live."""
    provider, is_proven = change.provider, change.is_login or change.is_refresh
    if is_proven or not change.fresh or change.stale or change.credential.type != "oauth":
        return
    # To read everything anew for each of many new logins would take seconds.
    if not has_real_secret(change.credential) or not context.store.aliases(provider):
        return
    state = context.store.state()
    before = state.active(provider)
    if before is None and not is_left_empty(state.slot(provider), state):
        return
    login = UnprovenLogin(
        provider,
        given_as(change.credential),
        now,
        before.id if before else None,
        {a.id: a.disabled for a in state.of(provider) if a.disabled is not None},
    )
    others = [old for old in context.store.unproven_logins() if old.provider != provider]
    context.store.set_unproven_logins([*others, login])


def undo_disproven(context: Context, now: datetime) -> None:
    """Let the slots be as before what was taken for a login and is known to be none by now.

    Who is in auth.json by it counts as brought back by an opencode: the next look takes it out.
    """
    logins = context.store.unproven_logins()
    left = []
    for login in logins:
        known = knowledge(context)
        account = disproven(login, known)
        if account is not None:
            context.store.set_disabled(account.id, login.disabled.get(account.id))
            context.store.set_active(login.provider, login.before, now)
            came = Digest(account.credential.entry.digest())
            context.store.note_swap(login.provider, SwapMark(account.id, login.before, now, came))
            context.store.forget_live_digest()
        elif is_open(login, known):
            left.append(login)
    if len(left) < len(logins):
        context.store.set_unproven_logins(left)
