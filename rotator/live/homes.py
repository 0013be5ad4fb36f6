"""Between a home with several logins of a provider and the store, under the lock of swaps.

What stands there is saved before anything is changed; an account's newer tokens are put
wherever older ones of it stand; and an account is made the active one.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from rotator.context import Books
from rotator.core.logins.credential_secrets import same_secrets
from rotator.errors import AccountNotFound, LiveFileError, LiveFileUnreadable, SwapConflict
from rotator.live.capture_content import take_descents
from rotator.live.home_content import forget_home, take_in_entries
from rotator.model import Account, AccountId, Event, EventKind
from rotator.opencode.home import Absent, Entries, Home, HomeEntry, HomeReading, Unusable
from rotator.system.locks import swap_lock

log = logging.getLogger(__name__)
_MOST_TRIES = 5


@dataclass(frozen=True, slots=True)
class SwitchedIn:
    """What a switch in a home did: who was active, who is, and whether anything was done."""

    left: Account | None
    put: Account
    done: bool


def absorb_home(
    books: Books, home: Home, *, watched: bool, ours: frozenset[str] = frozenset()
) -> HomeReading:
    """Save what stands in a home, and put newer tokens where older ones stand; return it.

    Call it under the swap lock. A home that is not there or cannot be used changes nothing but
    that nothing is known to stand in one that is gone. Raises StoreError.
    """
    for _ in range(_MOST_TRIES):
        reading = home.read()
        match reading:
            case Absent():
                forget_home(books, home.name)
                return reading
            case Unusable():
                return reading
            case Entries():
                pass
        take_descents(books)
        take_in_entries(books, home.name, reading, watched=watched, ours=ours)
        if not _mend(books, home, reading):
            return reading
    return home.read()


def switch(books: Books, home: Home, account_id: AccountId, why: str) -> SwitchedIn:
    """Make an account the active one of its provider in a home, putting it in if need be.

    Raises LiveFileUnreadable, SwapConflict, SwapUnverified, LiveFileError, AccountNotFound,
    StoreError.
    """
    with swap_lock(books.paths.swap_lock):
        for _ in range(_MOST_TRIES):
            reading = _required(absorb_home(books, home, watched=False), home)
            state = books.store.state()
            account = state.account(account_id)
            if account is None:
                message = "the account to rotate to was removed meanwhile"
                raise AccountNotFound(message)
            left = state.active_in(home.name, account.provider)
            if left is not None and left.id == account.id:
                return SwitchedIn(left, account, done=False)
            slot = _slot_of(books, home, account)
            if home.activate(slot):
                absorb_home(books, home, watched=False, ours=frozenset({slot}))
                _tell(books, home, SwitchedIn(left, account, done=True), why)
                return SwitchedIn(left, account, done=True)
            log.info("a login went from %s while it was to be activated", reading)
    message = f"{home.where()} kept changing while a login was to be activated"
    raise SwapConflict(message, hint="try again in a moment")


def take_out_of(books: Books, home: Home, account_id: AccountId) -> None:
    """Take every login of an account out of a home; raises LiveFileError."""
    with swap_lock(books.paths.swap_lock):
        reading = absorb_home(books, home, watched=False)
        if not isinstance(reading, Entries):
            return
        for one in books.store.state().standings_of(account_id):
            entry = reading.at(one.slot)
            if entry is not None:
                home.remove(one.slot, entry)


def _required(reading: HomeReading, home: Home) -> Entries:
    match reading:
        case Entries():
            return reading
        case Absent():
            message = f"there is no {home.where()}: OpenCode 2 was never used here"
            raise LiveFileUnreadable(message, hint="log in with OpenCode 2 once")
        case Unusable(why=why):
            raise LiveFileUnreadable(why, hint="nothing was written")


def _slot_of(books: Books, home: Home, account: Account) -> str:
    """Return a slot that holds the account, made if there is none."""
    standing = [s for s in books.store.state().standings_of(account.id) if s.home is home.name]
    if standing:
        return standing[0].slot
    slot = home.put(account.provider, account.alias, account.credential)
    absorb_home(books, home, watched=False, ours=frozenset({slot}))
    return slot


def _tell(books: Books, home: Home, done: SwitchedIn, why: str) -> None:
    left, put = done.left.alias if done.left else None, done.put
    said = f"{why} (in {home.name.value})"
    event = Event(books.clock(), EventKind.SWAPPED, put.provider, put.name, left, put.alias, said)
    books.record([event])
    books.announce()


def _mend(books: Books, home: Home, reading: Entries) -> bool:
    """Put newer tokens where older ones of the same account stand; tell whether any were put."""
    done = False
    for one in (s for s in books.store.state().standings if s.home is home.name):
        account, entry = books.store.state().account(one.account), reading.at(one.slot)
        if account is None or entry is None or not _is_behind(account, entry):
            continue
        try:
            done |= home.update(one.slot, entry, account.credential)
        except LiveFileError as exc:
            # It is tried again at the next look.
            log.warning("newer tokens of %s could not be put in: %s", account.name, exc.message)
    return done


def _is_behind(account: Account, entry: HomeEntry) -> bool:
    """Tell whether an account has newer tokens than stand there, and nobody doubts whose."""
    credential = entry.credential
    return (
        not isinstance(credential, str)
        and account.credential.type == credential.type == "oauth"
        and not account.unproven
        and account.maybe is None
        and not same_secrets(account.credential, credential)
    )
