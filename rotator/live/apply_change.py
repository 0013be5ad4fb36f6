"""Carries out what a change in auth.json means: accounts, slots, and the entry to mend it with."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import datetime

from rotator.context import Context
from rotator.core.logins.aliases import free_alias
from rotator.core.logins.changes import (
    Change,
    Dropped,
    Gone,
    Login,
    Logout,
    Refresh,
    Revert,
    Revived,
    Unreadable,
    Wipe,
)
from rotator.core.logins.credential_secrets import given_as, same_secrets
from rotator.core.logins.owner import Proof
from rotator.core.logins.token_lines import line_of
from rotator.core.logins.unsaved import says_something
from rotator.errors import LiveFileError
from rotator.live.account_changes import How, renew
from rotator.live.unclaimed import LIST, keep
from rotator.live.unproven import note_unproven
from rotator.model import (
    Account,
    AccountId,
    Credential,
    Digest,
    Doubt,
    Event,
    EventKind,
    SwapMark,
)
from rotator.secret import Secret
from rotator.text import sanitize

LOGGED_OUT = "logged out in opencode"
_NO_ENTRY = Secret("")


def apply_change(
    context: Context, change: Change, now: datetime, also: list[Event]
) -> tuple[Event, Secret | None]:
    """Carry a change out; return its event and the entry that auth.json should have instead.

    None leaves auth.json as it is, an empty secret takes the entry out. What else has happened
    to accounts by it is added to `also`.
    """
    match change:
        case Login():
            return _login(context, change, now, also)
        case Refresh():
            return _refresh(context, change, now, also)
        case Revert():
            return _revert(context, change, now, also)
        case Dropped():
            return _drop(context, change, now), None
        case Logout() | Gone():
            return _left(context, change, now), None
        case Wipe() | Revived() | Unreadable():
            return _mended(change, now)


def _left(context: Context, change: Logout | Gone, now: datetime) -> Event:
    context.store.set_active(change.provider, None, now)
    if isinstance(change, Gone):
        why = "its entry went from auth.json while no watcher ran; rotate puts it back"
        return account_event(now, EventKind.PROBLEM, change.account, why)
    context.store.set_disabled(change.account.id, LOGGED_OUT)
    return account_event(now, EventKind.LOGGED_OUT, change.account, LOGGED_OUT)


def _mended(change: Wipe | Revived | Unreadable, now: datetime) -> tuple[Event, Secret | None]:
    match change:
        case Wipe(provider=provider, entry=entry):
            why = "its entry was lost in a write about another one and was put back"
            return Event(now, EventKind.RESTORED, provider, why=why), entry
        case Revived(provider=provider, entry=active):
            why = "an old copy of auth.json brought back a removed account; it was taken out again"
            return Event(now, EventKind.RESTORED, provider, why=why), active or _NO_ENTRY
        case Unreadable(provider=provider, why=why):
            # Its id may be what is wrong with it.
            return Event(now, EventKind.PROBLEM, sanitize(provider), why=why), None


def _drop(context: Context, change: Dropped, now: datetime) -> Event:
    """Keep an entry that opencode has left out because nobody can read it."""
    why = "its entry in auth.json could not be read and is gone from there"
    # Without room for it nothing could be done about it: it is gone.
    with contextlib.suppress(LiveFileError):
        if says_something(change.entry):
            content = change.entry.reveal().encode("utf-8", "surrogatepass")
            kept = keep(context, content, change.why, change.provider)
            why = f"{why}; it is kept as unclaimed content {kept.number}: {LIST}"
    return Event(now, EventKind.PROBLEM, sanitize(change.provider), why=why)


def _login(
    context: Context, change: Login, now: datetime, also: list[Event]
) -> tuple[Event, Secret | None]:
    store, account = context.store, change.account
    note_unproven(context, change, now)
    if account is None:
        return add_account(context, change, now, activate=True), None
    before = store.active_alias(change.provider)
    if change.fresh and not change.stale:
        also += renew_with(context, account, change, now)
    store.set_disabled(account.id, None)
    store.set_rejected(account.id, None)
    store.set_active(change.provider, account.id, now)
    store.note_swap(change.provider, None)
    why = "refreshed by an opencode" if change.is_refresh else "logged in in opencode"
    event = account_event(now, EventKind.SWAPPED, account, why)
    event = replace(event, from_alias=before, to_alias=account.alias)
    if not change.stale:
        return event, None
    return replace(event, why=event.why + keep_unknown(context, change)), account.credential.entry


def _doubt_replaced(context: Context, change: Login, added: AccountId) -> None:
    """Note which tokens a new account may come from that others took the place of just before."""
    if not change.may_be_replaced:
        # To read everything anew for each of many new logins would take seconds.
        return
    state, came_as = context.store.state(), given_as(change.credential)
    for account in state.of(change.provider):
        doubts = [
            Doubt(added, came_as, given_as(tokens.credential))
            for tokens in state.replaced.get(account.id, ())
            if tokens in change.may_be_replaced
        ]
        if doubts:
            context.store.set_doubts(account.id, [*account.doubts, *doubts])


def add_account(
    context: Context,
    change: Login | Refresh,
    now: datetime,
    *,
    activate: bool = False,
    label: str | None = None,
) -> Event:
    """Save a login as a new account, live in its slot if `activate`.

    `label` is what it is called where it came from, for want of its owner's name.
    """
    provider, who = change.provider, change.identity
    alias = free_alias(provider, who.label or label, context.store.aliases(provider))
    added = context.store.add_account(provider, alias, change.credential, who, now)
    may_be = change.may_be if isinstance(change, Login) else ()
    for account in may_be:
        came_as, line = given_as(change.credential), line_of(context.store.state(), account)
        doubts = [Doubt(added, came_as, given_as(tokens.credential)) for tokens in line]
        context.store.set_doubts(account.id, [*account.doubts, *doubts])
    if isinstance(change, Login):
        _doubt_replaced(context, change, added)
    if activate:
        context.store.set_active(provider, added, now)
    why = "a new login in auth.json was saved"
    if not activate:
        why = "a login that opencode wrote just when another one was put in was saved"
    if may_be:
        names = " or ".join(account.alias for account in may_be)
        why = f"{why}; it may be {names} with new tokens, which is not used until that is known"
    name, to = f"{provider}/{alias}", alias if activate else None
    return Event(now, EventKind.CAPTURED, provider, name, None, to, why)


def _refresh(
    context: Context, change: Refresh, now: datetime, also: list[Event]
) -> tuple[Event, Secret | None]:
    if change.stale:
        why = "an older copy of this login came back into auth.json; the newest was written again"
        why += keep_unknown(context, change)
        return account_event(
            now, EventKind.RESTORED, change.account, why
        ), change.account.credential.entry
    also += renew_with(context, change.account, change, now)
    if change.is_login:
        context.store.set_disabled(change.account.id, None)
    if change.of_replaced is not None:
        # Whoever took their place has left with an account of their own.
        put = _parted(context, change) if change.ends_older else None
        if put is not None:
            context.store.set_active(change.provider, put.id, now)
            return _put_again(context, _as_revert(change, put), now)
        context.store.set_active(change.provider, change.account.id, now)
    return renewed_event(change.account, change, now), None


def _parted(context: Context, change: Refresh) -> Account | None:
    """Return the account that the tokens have now which an account of the change had in use."""
    came_as = given_as(change.account.credential)
    rows = context.store.state().of(change.provider)
    return next(
        (row for row in rows if given_as(row.credential) == came_as and not row.disabled), None
    )


def _as_revert(change: Refresh, put: Account) -> Revert:
    return Revert(
        change.provider,
        change.credential,
        change.identity,
        change.account,
        fresh=True,
        put=put,
        rounds=1,
        proof=change.proof,
        of_replaced=change.of_replaced,
    )


def renewed_event(account: Account, change: Login | Refresh, now: datetime) -> Event:
    """Return the event of newer tokens of an account: by what they are taken for its own."""
    if change.is_login:
        why = "a new login with a token that it had was saved"
        if change.proof is Proof.IDENTITY:
            why = "a new login that names the same owner was saved"
            why += "; the one before is kept beside it"
        return account_event(now, EventKind.CAPTURED, account, why)
    return account_event(now, EventKind.REFRESHED, account, _how_refreshed(change))


def _how_refreshed(change: Login | Refresh) -> str:
    by = {Proof.NONE: "its times", Proof.SHARED: "a text that others may have as well"}
    if change.proof not in by:
        is_key = change.credential.type != "oauth"
        return "what stands beside it in auth.json changed" if is_key else "refreshed by opencode"
    kept = "its tokens before are kept until that is known"
    return f"refreshed by opencode, by {by[change.proof]}; {kept}"


def keep_unknown(context: Context, change: Login | Refresh | Revert) -> str:
    """Keep tokens that make room for an account's newer ones, if it never had them.

    Nothing but the time speaks against them, and a clock may have been wrong. Returns what an
    event says of it.
    """
    credential = change.credential
    secret = credential.refresh or credential.secret
    if not secret or context.store.holder(change.provider, Digest(secret.digest())):
        return ""
    why = "tokens that ran out before those of their account"
    kept = keep(context, credential.entry.reveal().encode("utf-8"), why, change.provider)
    return f"; what stood there is unclaimed content {kept.number}: {LIST}"


def _revert(
    context: Context, change: Revert, now: datetime, also: list[Event]
) -> tuple[Event, Secret | None]:
    store = context.store
    if change.fresh:
        also += renew_with(context, change.account, change, now)
    if change.give_up:
        store.note_swap(change.provider, None)
        store.set_active(change.provider, change.account.id, now)
        why = f"something keeps bringing {change.account.alias} back; it was left in auth.json"
        # As it came, unless the account has newer tokens by now: only those can be used.
        if change.fresh or same_secrets(change.account.credential, change.credential):
            return account_event(now, EventKind.PROBLEM, change.account, why), None
        why += " with its newest tokens" + keep_unknown(context, change)
        return account_event(
            now, EventKind.PROBLEM, change.account, why
        ), change.account.credential.entry
    return _put_again(context, change, now)


def _put_again(context: Context, change: Revert, now: datetime) -> tuple[Event, Secret | None]:
    """Let whoever belongs into the slot be put in again; what is new of the other one is saved."""
    mark = context.store.state().slot(change.provider).swap
    left, put = change.account.alias, change.put
    context.store.note_swap(change.provider, _undone_again(change, mark, now))
    saved = "its refreshed tokens were saved" if change.fresh else "nothing was lost"
    then = "it was taken out again" if put is None else f"{put.alias} is live again"
    why = f"an opencode wrote {left} back; {saved} and {then}"
    if not change.fresh:
        why += keep_unknown(context, change)
    event = account_event(now, EventKind.REVERTED, change.account, why)
    event = replace(event, from_alias=left, to_alias=put.alias if put else None)
    return event, put.credential.entry if put else _NO_ENTRY


def _undone_again(change: Revert, mark: SwapMark | None, now: datetime) -> SwapMark:
    """Return what is noted of a swap that has to be made again, or of one that was none of ours."""
    put = change.put.id if change.put else None
    if mark is not None and (mark.left, mark.put) == (change.account.id, put):
        return replace(mark, at=now, rounds=change.rounds)
    came = Digest(change.credential.entry.digest())
    return SwapMark(change.account.id, put, now, came, rounds=change.rounds)


def renew_with(
    context: Context, account: Account, change: Login | Refresh | Revert, now: datetime
) -> list[Event]:
    """Put the tokens of a change into an account; return what else happened by it."""
    how = How(change.proof, change.of_replaced)
    kept = _keep_other_place(context, account, change.credential, now)
    return [*kept, *renew(context, account, change.credential, change.identity, how, now)]


def _keep_other_place(
    context: Context, account: Account, new: Credential, now: datetime
) -> list[Event]:
    """Keep a login whose key came again with another place beside it: one key may serve both."""
    before = account.credential
    if before.type == "oauth" or before.destination == new.destination:
        return []
    why = "its key came again with another place to send it to"
    # Without room the newer one counts all the same: it stands in auth.json.
    with contextlib.suppress(LiveFileError):
        content = before.entry.reveal().encode("utf-8", "surrogatepass")
        kept = keep(context, content, f"{account.alias}: {why}", account.provider)
        why = f"{why}; the login before is kept as unclaimed content {kept.number}: {LIST}"
    return [account_event(now, EventKind.CHANGED, account, why)]


def account_event(now: datetime, kind: EventKind, account: Account, why: str) -> Event:
    """Return an event about an account."""
    return Event(now, kind, account.provider, account.name, why=why)
