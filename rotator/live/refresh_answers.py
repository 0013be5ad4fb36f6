"""Refresh tokens that were sent: what came for them is used, and what is in doubt is not put in.

Whoever puts a login into a home of logins asks here first, under the swap lock, so that opencode
never gets a refresh token that we, or another process of ours, have sent.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import datetime

from rotator.clock import to_iso
from rotator.context import Context
from rotator.core.logins.credential_secrets import secrets_of
from rotator.core.logins.refresh_policy import due_again_at, is_due
from rotator.core.selection.rests import held_up
from rotator.errors import NothingToRotateTo
from rotator.live.account_changes import How, renew
from rotator.model import (
    SPENT_ELSEWHERE,
    Account,
    AccountId,
    AccountState,
    Credential,
    Descent,
    Event,
    EventKind,
    PendingRefresh,
    State,
)
from rotator.opencode.auth.entries import BadEntry, parse_entry
from rotator.storage.kept_answers import kept_answers
from rotator.system.locks import who_holds

WHY_REFRESHED = "refreshed before its use"


def take_in_kept(context: Context) -> None:
    """Take the answers that lie beside the store into it. Raises StoreError.

    One that holds no login is none of ours, and costs itself alone.
    """
    for answered in kept_answers(context.paths.data):
        with contextlib.suppress(BadEntry):
            _take_in(context, answered)


def _take_in(context: Context, answered: PendingRefresh) -> None:
    with context.store.transaction():
        account = context.store.state().account(answered.account)
        if account is None or answered.answer is None:
            return
        credential = parse_entry(account.provider, answered.answer)
        refresh = account.credential.refresh
        if refresh is not None and refresh.digest() == answered.spent:
            context.store.answer_refresh(answered, answered.answer)
            return
        # It has other tokens by now: these, or those of a login since.
        if credential.digest != account.credential.digest:
            context.store.know_credential(account, credential, context.clock())


def use_answer(context: Context, account_id: AccountId) -> Account | None:
    """Make a stored answer the account's; return the account as it was if they are its newest.

    It may have got other tokens meanwhile. Call it under the swap lock, in a transaction.
    """
    state, now = context.store.state(), context.clock()
    kept, account = state.refreshes.get(account_id), state.account(account_id)
    if kept is None or kept.answer is None:
        return None
    context.store.end_refresh(account_id)
    if account is None:
        return None
    credential = parse_entry(account.provider, kept.answer)
    refresh = account.credential.refresh
    if refresh is None or refresh.digest() != kept.spent:
        # Somebody logged in meanwhile: what came is the account's, but no longer its newest.
        if credential.digest != account.credential.digest:
            context.store.know_credential(account, credential, now)
        return None
    who = context.registry.identify(account.provider, credential)
    context.store.note_descents([_descent(kept, credential, now)], now)
    renew(context, account, credential, who, How(), now)
    return account


def _descent(pending: PendingRefresh, credential: Credential, now: datetime) -> Descent:
    """Return what is known of where tokens come from that a vendor has given us."""
    name = f"{pending.account}-{to_iso(now)}"
    return Descent(name, now, is_login=False, came_from=pending.spent, to=secrets_of(credential))


def settled(context: Context, target: Account) -> Account:
    """Return the account as it may be put in, with what a vendor has given for it.

    Call it under the swap lock. Raises NothingToRotateTo for one whose refresh token somebody has
    sent, or is about to send: opencode would send it once more. Raises StoreError.
    """
    pending = context.store.state().refreshes.get(target.id)
    if pending is not None and pending.answer is not None:
        with context.store.transaction():
            used = use_answer(context, target.id)
            target = context.store.state().account(target.id) or target
        if used is not None:
            tell_refreshed(context, target)
    require_unspent(target)
    why = why_unsettled(context, target)
    if why is not None:
        message = f"{target.name} is not put in: {why}"
        raise NothingToRotateTo(message, hint="run the command again when that is over")
    return target


def tell_refreshed(context: Context, account: Account) -> None:
    """Write down that an account has got new tokens."""
    now, kind = context.clock(), EventKind.REFRESHED
    context.record([Event(now, kind, account.provider, account.name, why=WHY_REFRESHED)])
    context.notify_changed()


def require_unspent(target: Account) -> None:
    """Refuse a login that opencode would refresh with a token which somebody else has exchanged."""
    if target.spent_from is not None:
        message = f"{target.name} needs a new login: {SPENT_ELSEWHERE}"
        hint = f"log in again: opencode auth login -p {target.provider}"
        raise NothingToRotateTo(message, hint=hint)


def why_unsettled(context: Context, account: Account) -> str | None:
    """Return why nobody can tell whether the account's refresh token is spent, or None.

    Somebody else gets new tokens for it, and may be stopped in the middle of it; or its vendor did
    not say what became of it, and it is not yet time to ask again. One that was sent so often that
    we ask no more is left to opencode.
    """
    refresh = account.credential.refresh
    if refresh is None:
        return None
    holder = who_holds(context.paths.refresh_lock(account.id))
    if holder is not None:
        return f"{holder} is getting new tokens for it"
    pending = context.store.state().refreshes.get(account.id)
    if pending is None or pending.spent != refresh.digest() or pending.answer is not None:
        return None
    if due_again_at(pending) is None or is_due(pending, context.clock()):
        return None
    return "its refresh token was sent, and what came for it is not known"


def resting(context: Context, account: Account) -> Account:
    """Return the account as one that rests if nobody can tell whether its token is spent."""
    why, now = why_unsettled(context, account), context.clock()
    if why is None or account.state_at(now) is not AccountState.READY:
        return account
    return held_up(account, why, now)


def with_resting(context: Context, state: State, tried: set[AccountId]) -> State:
    """Return the state in which those of `tried` rest whose token may be spent."""
    if not tried:
        return state
    accounts = tuple(resting(context, a) if a.id in tried else a for a in state.accounts)
    return replace(state, accounts=accounts)
