"""What a person does to accounts: add, rename, remove, disable, enable, merge.

Each is one transaction; each home in which the account is live is taken care of first.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Mapping
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
from rotator.core.selection.homes import homes_for, live_in_each, live_of, seen_from
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
from rotator.live.every_home import LiveHome, homes_of_names
from rotator.live.knowledge import knowledge, owner_of_offered_entry
from rotator.live.swap import SwapRequest
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
from rotator.services.lifts import lift_by_hand
from rotator.services.refresh import with_fresh_tokens
from rotator.services.rotate import find_account, goes_on
from rotator.services.still_sent import with_senders
from rotator.system.locks import swap_lock

BY_USER = "disabled by you"


@dataclass(frozen=True, slots=True)
class Done:
    """What happened to an account; `live_in` names who is active now in each home that is used."""

    account: Account
    live_in: Mapping[HomeName, str | None]
    note: str | None = None

    @property
    def live(self) -> str | None:
        """Who is active, in the first home that has somebody."""
        return next(filter(None, self.live_in.values()), None)


def add(
    context: Context, provider: str, credential: Credential, *, alias: str | None, activate: bool
) -> Done:
    """Save a credential as an account; make it the live one if nobody is, or if asked to.

    A credential that is saved already renews its account instead, also wherever that is live.
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
    is_live, is_wanted = bool(state.live_in(account)), live_of(state, provider) is None
    if activate or is_live or is_wanted:
        account = with_fresh_tokens(context, account) or account
        wanted = homes_for(state, account) if activate or is_wanted else state.live_in(account)
        if account.why_login_at(context.clock()) is None:
            _put_in(context, account, wanted, "added by hand")
            account = context.store.state().account(account.id) or account
    why_login = account.why_login_at(context.clock())
    if why_login is not None:
        needs = f"it needs a login: {why_login}"
        note = needs if note is None else f"{note}; {needs}"
    return Done(account, live_aliases(context, provider), note)


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
    return Done(renamed, live_aliases(context, account.provider))


def disable(context: Context, account: Account) -> Done:
    """Keep an account from being chosen; where it is live, the best other one is put in first.

    Where that cannot be done it is kept from being chosen all the same.
    """

    def forbid() -> None:
        context.store.set_disabled(account.id, BY_USER)

    notes, why, is_out = list[str](), f"{account.alias} was disabled", False
    for home in _where_live(context, account):
        stays = f"{account.alias} stays live{_in(context, home)}"
        other = _successor(context, home, account)
        if other is None:
            where = _in(context, home)
            there = where and f" to be live{where}"
            notes.append(f"{stays}: no other account of {account.provider} is ready{there}")
            continue
        try:
            is_out |= home.put_in(_in_place_of(account, other, why, forbid)) is not None
        except (LiveFileUnreadable, SwapConflict, SwapUnverified):
            raise  # these pass, or everything else was done by then
        except LiveFileError as exc:
            then = f"rotator rotate {account.provider} does it then"
            notes.append(f"{stays} until it can be swapped out: {exc.message}; {then}")
    if not is_out:
        with context.store.transaction():
            forbid()
    _changed(context, account, BY_USER)
    note = with_senders(context, account, "; ".join(notes) or None)
    return Done(account, live_aliases(context, account.provider), note)


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
    return Done(account, live_aliases(context, account.provider), call.consent if allowed else None)


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
    return Done(account, live_aliases(context, account.provider))


def remove(context: Context, account: Account, *, with_kept: bool = False) -> Done:
    """Forget an account; where it is live, the best other one takes over, else its login goes.

    Its credential leaves everything that is kept, backups and free bytes included. A login that
    it keeps and that may be somebody else's becomes an account; `with_kept`: it goes as well.
    Raises LiveFileError where its successor cannot be put in; then it is there still.
    """
    for home in _where_live(context, account):
        other = _successor(context, home, account)
        if other is not None:
            home.put_in(_in_place_of(account, other, f"{account.alias} was removed"))
    for home in homes_of_names(context, context.store.state().homes_of(account)):
        home.take_out(account)
    now = context.clock()
    why = "removed by you"
    with context.store.transaction():
        kept_as, events = remove_account(context, account, now, with_kept=with_kept)
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
    return Done(
        account, live_aliases(context, account.provider), "; ".join(filter(None, notes)) or None
    )


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
        state = context.store.state()
        active = state.active(keep.provider)
        live_in = {*state.live_in(keep), *state.live_in(other)}
        best = likelier(keep, other, active)
        # Of what somebody has disabled nobody has seen that it is spent; a word may be wrong.
        is_disabled = (keep.disabled is None) is not (other.disabled is None)
        is_kept = is_disabled or may_be_two(keep, other, now)
        join(context, Join(keep, other, best, "you say so", is_told=is_kept), now)
        events = settle(context, keep.provider, now)
    context.record(events)
    _changed(context, keep, f"{other.alias}{MERGED}")
    obstacles = []
    for home in homes_of_names(context, live_in):
        try:
            home.put_in(SwapRequest(keep.id, f"{other.alias}{MERGED}"))
        except (LiveFileUnreadable, SwapConflict, SwapUnverified):
            raise  # these pass
        except LiveFileError as exc:
            obstacles.append(goes_on(home.name.value, exc.message))
    context.purge()
    again = f"is kept, and rotator accounts split {keep.name} makes an account of it again"
    other_one = again if is_kept else "is not used any more"
    note = f"it goes on with the login of {best.alias}; the other one {other_one}"
    return Done(keep, live_aliases(context, keep.provider), "; ".join((note, *obstacles)))


def _still_there(context: Context, account: Account) -> Account:
    now = context.store.state().account(account.id)
    if now is None:
        message = f"{account.name} was removed meanwhile"
        raise AccountNotFound(message, hint="rotator accounts lists them")
    return now


def _where_live(context: Context, account: Account) -> tuple[LiveHome, ...]:
    return homes_of_names(context, context.store.state().live_in(account))


def _in(context: Context, home: LiveHome) -> str:
    """Return in which home something is; nobody asks who has one."""
    return f" in {home.name.value}" if context.store.state().standings else ""


def _put_in(context: Context, account: Account, homes: Collection[HomeName], why: str) -> None:
    for home in homes_of_names(context, homes):
        # It may turn out that somebody else has exchanged its refresh token.
        with contextlib.suppress(NothingToRotateTo):
            home.put_in(SwapRequest(account.id, why))


def _in_place_of(
    account: Account, other: Account, why: str, also: Callable[[], None] = lambda: None
) -> SwapRequest:
    """Return the order to put `other` in, unless somebody else is live by now."""
    return SwapRequest(other.id, why, expected=account.id, check_expected=True, also=also)


def _successor(context: Context, home: LiveHome, account: Account) -> Account | None:
    """Return the best other account that may be put into a home, with good tokens."""
    barred = {account.id}
    while True:
        wanted = Selection(account.provider, barred, account.credential)
        state = seen_from(context.decision_state(account.provider), home.name)
        other = choose(state, wanted, context.clock()).account
        if other is None:
            return None
        fresh = with_fresh_tokens(context, other)
        if fresh is not None and fresh.state_at(context.clock()) is AccountState.READY:
            return fresh
        barred.add(other.id)


def live_aliases(context: Context, provider: str) -> dict[HomeName, str | None]:
    """Return the alias that is live in each home that has a login of the provider."""
    live = live_in_each(context.store.state(), provider)
    return {home: active.alias if active else None for home, active in live.items()}


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
