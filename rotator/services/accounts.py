"""What a person does to accounts: add, rename, remove, disable, enable, merge.

Each is one transaction; where the account is live, auth.json is taken care of first.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from rotator.context import Books
from rotator.core.logins.aliases import free_alias, require_alias
from rotator.core.logins.credential_secrets import is_blank
from rotator.core.logins.token_lines import liveliness
from rotator.core.selection.policy import Wanted, choose
from rotator.errors import (
    AccountNotFound,
    LiveFileError,
    LiveFileUnreadable,
    StoreError,
    SwapConflict,
    SwapUnverified,
    UsageError,
)
from rotator.live.account_changes import How, join, renew, settle
from rotator.live.homes import switch, take_out_of
from rotator.live.knowledge import offered
from rotator.live.swap import Order, swap, take_out
from rotator.model import (
    Account,
    AccountId,
    AccountState,
    Credential,
    Event,
    EventKind,
)
from rotator.opencode.database.home import DatabaseHome
from rotator.services.refresh import freshened
from rotator.services.rotate import find_account
from rotator.system.locks import swap_lock

BY_USER = "disabled by you"


@dataclass(frozen=True, slots=True)
class Done:
    """What happened to an account; `live` names the alias that is in auth.json now."""

    account: Account
    live: str | None
    note: str | None = None


def add(
    books: Books, provider: str, credential: Credential, *, alias: str | None, activate: bool
) -> Done:
    """Save a credential as an account; put it into auth.json if the slot is empty or asked to.

    A credential that is saved already renews its account instead, in auth.json too if that
    account is live.
    """
    with swap_lock(books.paths.swap_lock), books.store.transaction():
        account_id, saved_as = _save(books, provider, credential, alias)
    account = next(a for a in books.store.state().accounts if a.id == account_id)
    note = f"it was saved already, as {saved_as}" if saved_as else None
    if note is None:
        why = "added by hand"
        books.record([Event(books.clock(), EventKind.CAPTURED, provider, account.name, why=why)])
    books.announce()
    active = books.store.state().active(provider)
    if activate or active is None or active.id == account.id:
        account = freshened(books, account) or account
        if account.rejected is not None:
            return Done(account, _live(books, provider), f"it needs a login: {account.rejected}")
        swap(books, Order(account.id, "added by hand"))
    return Done(account, _live(books, provider), note)


def _save(
    books: Books, provider: str, credential: Credential, alias: str | None
) -> tuple[AccountId, str | None]:
    """Return the account that holds the credential now, and its name if it was there before."""
    now = books.clock()
    if is_blank(credential):
        message = f"what was given for {provider} holds no secret"
        raise UsageError(message, hint="an entry without a secret is what a logout leaves")
    owner, who = offered(books, provider, credential)
    if owner.account is None:
        taken = books.store.aliases(provider)
        name = untaken(provider, alias, taken) if alias else free_alias(provider, who.label, taken)
        return books.store.add_account(provider, name, credential, who, now), None
    if not owner.stale:
        # An older copy than the saved one proves nothing.
        books.store.set_rejected(owner.account.id, None)
        if owner.fresh:
            renew(books, owner.account, credential, who, How(owner.proof, owner.of_replaced), now)
    books.store.set_disabled(owner.account.id, None)
    return owner.account.id, owner.account.name


def rename(books: Books, account: Account, to: str) -> Done:
    """Give an account another alias; raises UsageError if it is taken or not usable."""
    now = books.clock()
    with books.store.transaction():
        account = _still_there(books, account)
        taken = books.store.aliases(account.provider) - {account.alias}
        alias = untaken(account.provider, to, taken)
        books.store.rename_account(account, alias)
    renamed = find_account(books.store.state(), account.provider, alias)
    why = f"renamed from {account.alias} to {alias}"
    books.record([Event(now, EventKind.CHANGED, account.provider, renamed.name, why=why)])
    books.announce()
    return Done(renamed, _live(books, account.provider))


def disable(books: Books, account: Account) -> Done:
    """Keep an account from being chosen; if it is live, the best other one is put in first.

    Where auth.json cannot be written it is kept from being chosen all the same.
    """

    def forbid() -> None:
        books.store.set_disabled(account.id, BY_USER)

    other = _successor(books, account)
    is_out, note = False, _make_way_elsewhere(books, account)
    if other is not None:
        try:
            is_out = _make_way(books, account, other, f"{account.alias} was disabled", forbid)
        except (LiveFileUnreadable, SwapConflict, SwapUnverified):
            raise  # these pass, or everything else was done by then
        except LiveFileError as exc:
            note = (
                f"{account.alias} stays live until it can be swapped out: {exc.message};"
                f" rotator rotate {account.provider} does it then"
            )
    elif _is_live(books, account):
        note = f"{account.alias} stays live: no other account of {account.provider} is ready"
    if not is_out:
        with books.store.transaction():
            forbid()
    _changed(books, account, BY_USER)
    return Done(account, _live(books, account.provider), note)


def allow_refresh(books: Books, account: Account, *, allowed: bool) -> Done:
    """Let us refresh the account's tokens while it is parked, or no longer.

    The note names what its vendor says about that. Raises UsageError for an account that
    needs no leave, or that nobody here can refresh.
    """
    call = books.registry.refresh_call(account.provider, account.credential)
    if isinstance(call, str):
        message = f"{account.name} is not refreshed by rotator: {call}"
        raise UsageError(message, hint="opencode refreshes it when it is live")
    if call.consent is None:
        message = f"{account.name} needs no leave: its tokens are refreshed when they run out"
        raise UsageError(message, hint="there is nothing to do")
    with books.store.transaction():
        books.store.allow_refresh(account.id, allowed=allowed)
    verb = "allowed" if allowed else "forbidden"
    _changed(books, account, f"refreshing its tokens while it is parked was {verb}")
    return Done(account, _live(books, account.provider), call.consent if allowed else None)


def enable(books: Books, account: Account) -> Done:
    """Let an account be chosen again; who says so knows that it is no other one's login."""
    with books.store.transaction():
        books.store.set_disabled(account.id, None)
        books.store.set_doubts(account.id, ())
    _changed(books, account, "enabled by you")
    return Done(account, _live(books, account.provider))


def remove(books: Books, account: Account) -> Done:
    """Forget an account; if it is live, the best other one takes over, else the entry goes.

    Its credential leaves everything that is kept, backups and free bytes included.
    """

    def forget() -> None:
        books.store.remove_account(account, books.clock())

    other = _successor(books, account)
    _make_way_elsewhere(books, account)
    take_out_of(books, DatabaseHome(books.paths), account.id)
    gone = (
        _make_way(books, account, other, f"{account.alias} was removed", forget)
        if other
        else take_out(books, account, also=forget)
    )
    if not gone:
        with books.store.transaction():
            forget()
    now = books.clock()
    why = "removed by you"
    books.record([Event(now, EventKind.REMOVED, account.provider, account.name, why=why)])
    _forget_usage(books, account)
    books.announce()
    note = None if books.purge() else "its credential leaves the backups at the next chance"
    return Done(account, _live(books, account.provider), note)


def merge(books: Books, keep: Account, other: Account) -> Done:
    """Make one account of two that are one person's; the credential that lives is kept.

    Raises UsageError for two that cannot be one.
    """
    _refuse_strangers(keep, other)
    now = books.clock()
    with swap_lock(books.paths.swap_lock), books.store.transaction():
        # They may have got newer credentials since they were named.
        keep, other = _still_there(books, keep), _still_there(books, other)
        active = books.store.state().active(keep.provider)
        best = max((keep, other), key=lambda a: _liveliness(a, keep, other, active))
        join(books, keep, other, best, now)
        events = settle(books, keep.provider, now)
    books.record(events)
    _changed(books, keep, f"{other.alias} was merged into it")
    if active is not None and active.id in {keep.id, other.id}:
        swap(books, Order(keep.id, f"{other.alias} was merged into it"))
    books.purge()
    return Done(keep, _live(books, keep.provider))


def _refuse_strangers(keep: Account, other: Account) -> None:
    why = None
    if keep.id == other.id:
        why = "they are one account already"
    elif keep.provider != other.provider:
        why = "they are of two providers"
    elif keep.credential.type != other.credential.type:
        why = f"one is {keep.credential.type} and the other {other.credential.type}"
    if why is not None:
        message = f"{keep.name} and {other.name} cannot be merged: {why}"
        raise UsageError(message, hint="rotator accounts lists them")


def _liveliness(
    account: Account, keep: Account, other: Account, active: Account | None
) -> tuple[object, ...]:
    """Return what is larger for the credential that more likely lives."""
    *first, captured_at = liveliness(account, keep, other)
    return (*first, active is not None and account.id == active.id, captured_at)


def _still_there(books: Books, account: Account) -> Account:
    now = books.store.state().account(account.id)
    if now is None:
        message = f"{account.name} was removed meanwhile"
        raise AccountNotFound(message, hint="rotator accounts lists them")
    return now


def _make_way(
    books: Books, account: Account, other: Account, why: str, also: Callable[[], None]
) -> bool:
    """Put `other` into auth.json in place of `account`; False if that one is not live by now."""
    order = Order(other.id, why, expected=account.id, check_expected=True, also=also)
    return _is_live(books, account) and swap(books, order) is not None


def _make_way_elsewhere(books: Books, account: Account) -> str | None:
    """Switch to the best other login where the account is active beside auth.json.

    Returns what is to be said where it stays active there.
    """
    home = DatabaseHome(books.paths)
    state, now = books.outlook(account.provider), books.clock()
    if home.name not in state.live_in(account):
        return None
    standing = {one.account for one in state.standings if one.home is home.name}
    barred = {one.id for one in state.accounts if one.id not in standing} | {account.id}
    other = choose(state, Wanted(account.provider, barred, account.credential), now).account
    if other is None:
        none = f"no other login of {account.provider} there is ready"
        return f"{account.alias} stays active in {home.name.value}: {none}"
    try:
        switch(books, home, other.id, f"{account.alias} makes way")
    except LiveFileError as exc:
        return f"{account.alias} stays active in {home.name.value}: {exc.message}"
    return None


def _successor(books: Books, account: Account) -> Account | None:
    """Return the best other account, with good tokens where it is to go into auth.json."""
    barred = {account.id}
    while True:
        wanted = Wanted(account.provider, barred, account.credential)
        other = choose(books.outlook(account.provider), wanted, books.clock()).account
        if other is None or not _is_live(books, account):
            return other
        fresh = freshened(books, other)
        if fresh is not None and fresh.state_at(books.clock()) is AccountState.READY:
            return fresh
        barred.add(other.id)


def _is_live(books: Books, account: Account) -> bool:
    return books.store.state().slot(account.provider).active == account.id


def _live(books: Books, provider: str) -> str | None:
    active = books.store.state().active(provider)
    return active.alias if active else None


def untaken(provider: str, text: str, taken: set[str]) -> str:
    """Return `text` as an alias; raises UsageError if it is taken or cannot be one."""
    alias = require_alias(text)
    if alias in taken:
        message = f"there is an account {provider}/{alias} already"
        raise UsageError(message, hint="choose another alias")
    return alias


def _forget_usage(books: Books, account: Account) -> None:
    # It is no secret, and the history may be lost: that it cannot be written keeps nobody.
    with contextlib.suppress(StoreError):
        books.history.forget_usage(account.id)


def _changed(books: Books, account: Account, why: str) -> None:
    event = Event(books.clock(), EventKind.CHANGED, account.provider, account.name, why=why)
    books.record([event])
    books.announce()
