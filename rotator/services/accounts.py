"""What a person does to accounts: add, rename, remove, disable, enable, merge.

Each is one transaction; where the account is live, auth.json is taken care of first.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from rotator.context import Context
from rotator.core.logins.aliases import free_alias, require_alias
from rotator.core.logins.credential_secrets import is_blank, why_useless
from rotator.core.logins.merging import (
    likelier,
    may_be_two,
    refuse_strangers,
    refuse_two_that_work,
)
from rotator.core.logins.remembered import MERGED, RENAMED
from rotator.core.logins.token_lines import Join, kept_logins
from rotator.core.selection.homes import live_of, seen_from
from rotator.core.selection.policy import Selection, choose
from rotator.errors import (
    AccountNotFound,
    LiveFileError,
    LiveFileUnreadable,
    NothingToRotateTo,
    StoreError,
    SwapConflict,
    SwapUnverified,
    UsageError,
)
from rotator.live.account_changes import How, join, renew, settle
from rotator.live.account_removal import remove_account
from rotator.live.knowledge import knowledge, owner_of_offered_entry
from rotator.live.swap import SwapRequest, swap, take_out
from rotator.model import (
    Account,
    AccountId,
    AccountState,
    Credential,
    Event,
    EventKind,
    HomeName,
    State,
)
from rotator.opencode.second_home import second_home
from rotator.services.lifts import lift_by_hand
from rotator.services.refresh import with_fresh_tokens
from rotator.services.rotate import find_account
from rotator.services.second_home import has_second_home
from rotator.services.still_sent import with_senders
from rotator.system.locks import swap_lock

BY_USER = "disabled by you"


@dataclass(frozen=True, slots=True)
class Done:
    """What happened to an account; `live` names who is active now, in auth.json first."""

    account: Account
    live: str | None
    note: str | None = None


def add(
    context: Context, provider: str, credential: Credential, *, alias: str | None, activate: bool
) -> Done:
    """Save a credential as an account; put it into auth.json if nobody is active or asked to.

    A credential that is saved already renews its account instead, in auth.json too if that
    account is live.
    """
    with swap_lock(context.paths.swap_lock), context.store.transaction():
        account_id, saved_as = _save(context, provider, credential, alias)
    account = next(a for a in context.store.state().accounts if a.id == account_id)
    note = f"it was saved already, as {saved_as}" if saved_as else None
    if saved_as is None:
        why = "added by hand"
        context.record(
            [Event(context.clock(), EventKind.CAPTURED, provider, account.name, why=why)]
        )
    context.notify_changed()
    state = context.store.state()
    active = state.active(provider)
    is_live = active is not None and active.id == account.id
    if activate or is_live or live_of(state, provider) is None:
        account = with_fresh_tokens(context, account) or account
        if account.why_login_at(context.clock()) is None:
            # It may turn out that somebody else has exchanged its refresh token.
            with contextlib.suppress(NothingToRotateTo):
                swap(context, SwapRequest(account.id, "added by hand"))
            account = context.store.state().account(account.id) or account
    why_login = account.why_login_at(context.clock())
    if why_login is not None:
        needs = f"it needs a login: {why_login}"
        note = needs if note is None else f"{note}; {needs}"
    return Done(account, _live(context, provider), note)


def _save(
    context: Context, provider: str, credential: Credential, alias: str | None
) -> tuple[AccountId, str | None]:
    """Return the account that holds the credential now, and its name if it was there before."""
    now = context.clock()
    if is_blank(credential):
        message = f"what was given for {provider} holds no secret"
        raise UsageError(message, hint="an entry without a secret is what a logout leaves")
    if (why := why_useless(credential)) is not None:
        raise UsageError(f"what was given for {provider} was not saved: {why}")
    owner, who = owner_of_offered_entry(context, provider, credential)
    if owner.account is None:
        taken = context.store.aliases(provider)
        name = untaken(provider, alias, taken) if alias else free_alias(provider, who.label, taken)
        return context.store.add_account(provider, name, credential, who, now), None
    if not owner.stale:
        # An older copy than the saved one proves nothing.
        context.store.set_rejected(owner.account.id, None)
        if owner.fresh:
            renew(context, owner.account, credential, who, How(owner.proof, owner.of_replaced), now)
    context.store.set_disabled(owner.account.id, None)
    return owner.account.id, owner.account.name


def rename(context: Context, account: Account, to: str) -> Done:
    """Give an account another alias; raises UsageError if it is taken or not usable."""
    now = context.clock()
    with context.store.transaction():
        account = _still_there(context, account)
        taken = context.store.aliases(account.provider) - {account.alias}
        alias = untaken(account.provider, to, taken)
        context.store.rename_account(account, alias)
    renamed = find_account(context.store.state(), account.provider, alias)
    why = f"{RENAMED}{account.alias} to {alias}"
    context.record([Event(now, EventKind.CHANGED, account.provider, renamed.name, why=why)])
    context.notify_changed()
    return Done(renamed, _live(context, account.provider))


def disable(context: Context, account: Account) -> Done:
    """Keep an account from being chosen; if it is live, the best other one is put in first.

    Where auth.json cannot be written it is kept from being chosen all the same.
    """

    def forbid() -> None:
        context.store.set_disabled(account.id, BY_USER)

    other = _successor(context, account)
    is_out = False
    try:
        note = _make_way_elsewhere(context, account)
    except LiveFileError as exc:
        note = f"{account.alias} stays active in {HomeName.DATABASE.value}: {exc.message}"
    if other is not None:
        try:
            is_out = _make_way(context, account, other, f"{account.alias} was disabled", forbid)
        except (LiveFileUnreadable, SwapConflict, SwapUnverified):
            raise  # these pass, or everything else was done by then
        except LiveFileError as exc:
            note = (
                f"{account.alias} stays live until it can be swapped out: {exc.message};"
                f" rotator rotate {account.provider} does it then"
            )
    elif _is_live(context, account):
        note = f"{account.alias} stays live: no other account of {account.provider} is ready"
    if not is_out:
        with context.store.transaction():
            forbid()
    _changed(context, account, BY_USER)
    return Done(account, _live(context, account.provider), with_senders(context, account, note))


def allow_refresh(context: Context, account: Account, *, allowed: bool) -> Done:
    """Let us refresh the account's tokens while it is parked, or no longer.

    The note names what its vendor says about that. Raises UsageError for an account that
    needs no leave, or that nobody here can refresh.
    """
    call = context.registry.refresh_call(account.provider, account.credential)
    if isinstance(call, str):
        message = f"{account.name} is not refreshed by rotator: {call}"
        raise UsageError(message, hint="opencode refreshes it when it is live")
    if call.consent is None:
        message = f"{account.name} needs no leave: its tokens are refreshed when they run out"
        raise UsageError(message, hint="there is nothing to do")
    with context.store.transaction():
        context.store.allow_refresh(account.id, allowed=allowed)
    verb = "allowed" if allowed else "forbidden"
    _changed(context, account, f"refreshing its tokens while it is parked was {verb}")
    return Done(account, _live(context, account.provider), call.consent if allowed else None)


def enable(context: Context, account: Account) -> Done:
    """Let an account be chosen again, whatever it rests for.

    Who says so knows that it is no other one's login.
    """
    with context.store.transaction():
        context.store.set_disabled(account.id, None)
        context.store.set_doubts(account.id, ())
        lifted = lift_by_hand(context, account, "enabled by you")
    context.record(lifted)
    _changed(context, account, "enabled by you")
    return Done(account, _live(context, account.provider))


def remove(context: Context, account: Account, *, with_kept: bool = False) -> Done:
    """Forget an account; if it is live, the best other one takes over, else the entry goes.

    Its credential leaves everything that is kept, backups and free bytes included. A login that
    it keeps and that may be somebody else's becomes an account; `with_kept`: it goes as well.
    Raises LiveFileError, with nothing done, where OpenCode 2 cannot be told of its successor.
    """
    parted: list[tuple[AccountId | None, list[Event]]] = []

    def forget() -> None:
        now = context.clock()
        parted[:] = [remove_account(context, account, now, with_kept=with_kept)]

    other = _successor(context, account)
    _make_way_elsewhere(context, account)
    _take_out_elsewhere(context, account)
    gone = (
        _make_way(context, account, other, f"{account.alias} was removed", forget)
        if other
        else take_out(context, account, also=forget)
    )
    if not gone:
        with context.store.transaction():
            forget()
    now = context.clock()
    why = "removed by you"
    ((kept_as, events),) = parted
    context.record(events)
    context.record([Event(now, EventKind.REMOVED, account.provider, account.name, why=why)])
    _forget_usage(context, account)
    context.notify_changed()
    is_purged = context.purge()
    heir = context.store.state().account(kept_as)
    notes = [
        f"what it kept of another login is {heir.name} now, which is disabled: rotator accounts"
        f" enable {heir.name}, or remove {heir.name} --all"
        if heir
        else None,
        with_senders(context, account),
        None if is_purged else "its credential leaves the backups at the next chance",
    ]
    return Done(account, _live(context, account.provider), "; ".join(filter(None, notes)) or None)


def kept_beside(context: Context, state: State) -> dict[AccountId, int]:
    """Return of each account how many logins it keeps that may be somebody else's."""
    known = knowledge(context, state)
    return {account.id: len(kept_logins(account, known)) for account in state.accounts}


def merge(context: Context, keep: Account, other: Account) -> Done:
    """Make one account of two that are one person's; the credential that lives is used.

    Raises UsageError for two that cannot be one, or of which each may work by itself.
    """
    refuse_strangers(keep, other)
    now = context.clock()
    with swap_lock(context.paths.swap_lock), context.store.transaction():
        # They may have got newer credentials since they were named.
        keep, other = _still_there(context, keep), _still_there(context, other)
        refuse_two_that_work(keep, other, now)
        active = context.store.state().active(keep.provider)
        best = likelier(keep, other, active)
        # Of what somebody has disabled nobody has seen that it is spent; a word may be wrong.
        is_disabled = (keep.disabled is None) is not (other.disabled is None)
        is_kept = is_disabled or may_be_two(keep, other, now)
        join(context, Join(keep, other, best, "you say so", is_told=is_kept), now)
        events = settle(context, keep.provider, now)
    context.record(events)
    _changed(context, keep, f"{other.alias}{MERGED}")
    if active is not None and active.id in {keep.id, other.id}:
        swap(context, SwapRequest(keep.id, f"{other.alias}{MERGED}"))
    context.purge()
    again = f"is kept, and rotator accounts split {keep.name} makes an account of it again"
    other_one = again if is_kept else "is not used any more"
    note = f"it goes on with the login of {best.alias}; the other one {other_one}"
    return Done(keep, _live(context, keep.provider), note)


def _still_there(context: Context, account: Account) -> Account:
    now = context.store.state().account(account.id)
    if now is None:
        message = f"{account.name} was removed meanwhile"
        raise AccountNotFound(message, hint="rotator accounts lists them")
    return now


def _make_way(
    context: Context, account: Account, other: Account, why: str, also: Callable[[], None]
) -> bool:
    """Put `other` into auth.json in place of `account`; False if that one is not live by now."""
    order = SwapRequest(other.id, why, expected=account.id, check_expected=True, also=also)
    return _is_live(context, account) and swap(context, order) is not None


def _make_way_elsewhere(context: Context, account: Account) -> str | None:
    """Switch to the best other login where the account is active beside auth.json.

    Returns what is to be said where nobody else there can. Raises LiveFileError where it cannot
    be done: then a server may send another login in this one's name.
    """
    state, now = context.decision_state(account.provider), context.clock()
    if HomeName.DATABASE not in state.live_in(account):
        return None
    from rotator.live.homes import switch  # noqa: PLC0415  # only who has an OpenCode 2 pays for it

    home = second_home(context.paths)
    there = {standing.account for standing in state.standings if standing.home is home.name}
    barred = {other.id for other in state.accounts if other.id not in there} | {account.id}
    other = choose(state, Selection(account.provider, barred, account.credential), now).account
    if other is None:
        none = f"no other login of {account.provider} there is ready"
        return f"{account.alias} stays active in {home.name.value}: {none}"
    switch(context, home, other.id, f"{account.alias} makes way")
    return None


def _take_out_elsewhere(context: Context, account: Account) -> None:
    """Take every login of an account out of OpenCode 2's database; raises LiveFileError."""
    if not has_second_home(context):
        return
    from rotator.live.homes import take_out_of  # noqa: PLC0415  # only who has an OpenCode 2 pays for it

    take_out_of(context, second_home(context.paths), account.id)


def _successor(context: Context, account: Account) -> Account | None:
    """Return the best other account, with good tokens where it is to go into auth.json."""
    barred = {account.id}
    while True:
        wanted = Selection(account.provider, barred, account.credential)
        state = seen_from(context.decision_state(account.provider), HomeName.AUTH_FILE)
        other = choose(state, wanted, context.clock()).account
        if other is None or not _is_live(context, account):
            return other
        fresh = with_fresh_tokens(context, other)
        if fresh is not None and fresh.state_at(context.clock()) is AccountState.READY:
            return fresh
        barred.add(other.id)


def _is_live(context: Context, account: Account) -> bool:
    return context.store.state().slot(account.provider).active == account.id


def _live(context: Context, provider: str) -> str | None:
    active = live_of(context.store.state(), provider)
    return active.alias if active else None


def untaken(provider: str, text: str, taken: set[str]) -> str:
    """Return `text` as an alias; raises UsageError if it is taken or cannot be one."""
    alias = require_alias(text)
    if alias in taken:
        message = f"there is an account {provider}/{alias} already"
        raise UsageError(message, hint="choose another alias")
    return alias


def _forget_usage(context: Context, account: Account) -> None:
    # It is no secret, and the history may be lost: that it cannot be written keeps nobody.
    with contextlib.suppress(StoreError):
        context.history.forget_usage(account.id)


def _changed(context: Context, account: Account, why: str) -> None:
    event = Event(context.clock(), EventKind.CHANGED, account.provider, account.name, why=why)
    context.record([event])
    context.notify_changed()
