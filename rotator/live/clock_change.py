"""Follows a clock that was set back: what was noted by the old one does not hold for hours."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from datetime import datetime
from functools import partial

from rotator.context import Context
from rotator.core.logins.changes import REVERT_WINDOW
from rotator.core.logins.credential_secrets import refresh_digests
from rotator.core.selection.limits import pinned
from rotator.errors import LiveFileError
from rotator.live.swap import rewrite_live
from rotator.model import NOBODY, Account, AccountId, Credential, Limit
from rotator.opencode.auth.entries import parse_entry, renewed_entry
from rotator.provider import Tokens
from rotator.secret import Secret

log = logging.getLogger(__name__)


def follow_clock(context: Context, *, watched: bool = False) -> bool:
    """Let rests that began in what is now the future begin now; forget swaps made there.

    So do exchanges of refresh tokens: a spent one would else be sent again for hours.
    Tokens that came there, by whomever, have run out: how long they live nobody knows any more.
    opencode renews its own then. Costs next to nothing otherwise; false if nothing was done. For
    `watched` see `capture_live`. Raises StoreError.
    """
    done = _begin_anew(context)
    for login in _came_ahead(context, are_live=True):
        # What cannot be written now is looked at again.
        with contextlib.suppress(LiveFileError):
            done |= rewrite_live(
                context, login, partial(_run_out, context.clock()), watched=watched
            )
    if done:
        log.warning("the clock was set back: what was noted by the old one begins anew")
        context.notify_changed()
    return done


def _begin_anew(context: Context) -> bool:
    if not (
        _moved(context)
        or _ahead(context)
        or _came_ahead(context, are_live=False)
        or context.store.exchanges_ahead(context.clock())
    ):
        return False
    with context.store.transaction():
        # Another process may have done it just before.
        for account, limit in _moved(context):
            context.store.set_limit(account, limit)
        for provider in _ahead(context):
            context.store.note_swap(provider, None)
        for login in _came_ahead(context, are_live=False):
            now = context.clock()
            credential = parse_entry(login.provider, _run_out(now, login.credential))
            context.store.renew_credential(login, credential, NOBODY, now)
        context.store.begin_exchanges_anew(context.clock())
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


def _came_ahead(context: Context, *, are_live: bool) -> list[Account]:
    """Return logins whose tokens came in what is now the future, and count as good."""
    state, now = context.store.state(), context.clock()
    return [
        account
        for account in state.accounts
        if _is_good(account.credential, now)
        and (state.slot(account.provider).active == account.id) is are_live
        and any(at - now > REVERT_WINDOW for at in _times(context, account))
    ]


def _times(context: Context, account: Account) -> Iterator[datetime]:
    """Yield when its tokens came: by whoever got them, and as they were saved."""
    digest = account.credential.digest
    descent = context.store.descent(digest)
    seen_at = context.store.seen_at(account.provider, digest)
    yield from filter(None, (descent and descent.at, seen_at))


def _is_good(credential: Credential, now: datetime) -> bool:
    """Tell whether it is said to be good, and can be renewed once it is not.

    A word in the place of the refresh token, or the request's own secret once more, renews nothing.
    """
    expires_at = credential.expires_at
    can_be_renewed = credential.digest not in (refresh_digests(credential) or [credential.digest])
    return expires_at is not None and expires_at > now and can_be_renewed


def _run_out(now: datetime, credential: Credential) -> Secret:
    return renewed_entry(credential, Tokens(credential.secret, now))
