"""Forgets an account, and nothing of anybody else's that it keeps; within a transaction."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from rotator.context import Context
from rotator.core.logins.ancestry import ancestry_of
from rotator.core.logins.credential_secrets import given_as, secrets_of
from rotator.core.logins.knowledge import Knowledge
from rotator.core.logins.line_parting import Line, Parted, likeliest_last
from rotator.core.logins.token_lines import kept_logins, line_of, maybe_others, owner_key
from rotator.live.account_changes import part
from rotator.live.knowledge import knowledge
from rotator.model import Account, AccountId, Credential, Digest, Doubt, Event
from rotator.secret import Secret


def remove_account(
    context: Context, account: Account, now: datetime, *, with_kept: bool
) -> tuple[AccountId | None, list[Event]]:
    """Forget an account; tell which one has what it kept of others by now, and what happened.

    Those logins are an account of their own then, which is not used until somebody says so.
    `with_kept`: they are forgotten as well.
    """
    row = context.store.state().account(account.id)
    known = knowledge(context)
    others = maybe_others(row, known) if row is not None and not with_kept else ()
    if row is None or not others:
        context.store.remove_account(row or account, now)
        return None, []
    kept = likeliest_last(kept_logins(row, known))
    heir, events = _part_from(context, row, kept, now) if kept else (None, [])
    _part_digests(context, row, others, heir, known)
    context.store.remove_account(row, now, spared=_secrets(t.credential for t in kept))
    return heir, events


def _part_from(
    context: Context, account: Account, kept: Line, now: datetime
) -> tuple[AccountId | None, list[Event]]:
    """Make an account of what another one keeps; nobody but a person lets it be used."""
    line = line_of(context.store.state(), account)
    own = tuple(tokens for tokens in line if tokens not in kept)
    events = part(context, account, Parted(own, kept), "it was removed", now)
    heir = context.store.holder(account.provider, given_as(kept[-1].credential))
    added = context.store.state().account(heir)
    if added is not None:
        # They may have been exchanged for those that are removed.
        came_as = given_as(account.credential)
        doubts = [
            Doubt(account.id, came_as, given_as(tokens.credential))
            for tokens in kept
            if None in {tokens.who.key, owner_key(account)}
        ]
        context.store.set_doubts(added.id, [*added.doubts, *doubts])
        why = f"it was kept with {account.alias}, which was removed, and may be somebody else's"
        context.store.set_disabled(added.id, why)
    return heir, events


def _part_digests(
    context: Context, account: Account, others: Line, heir: AccountId | None, known: Knowledge
) -> None:
    """Let no secret count as removed that may be of those others, older ones included."""
    store = context.store
    theirs = {digest for tokens in others for digest in secrets_of(tokens.credential)}
    own = {
        d
        for t in line_of(known.state, account)
        if t not in others
        for d in _line(t.credential, known)
    }
    last = max((tokens.at for tokens in others if tokens.at is not None), default=None)
    if last is not None:
        store.part_digests(account, heir, before=last, but=own | theirs)
    for digest in theirs - own:
        if store.holder(account.provider, digest) == account.id:
            store.forget_digest(account.provider, digest)


def _line(credential: Credential, known: Knowledge) -> set[Digest]:
    """Return the secrets of a credential and of those that were exchanged for it."""
    return {*secrets_of(credential), *ancestry_of(credential, known).line}


def _secrets(credentials: Iterable[Credential]) -> set[Secret]:
    both = (
        secret for credential in credentials for secret in (credential.secret, credential.refresh)
    )
    return {secret for secret in both if secret}
