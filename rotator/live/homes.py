"""Between a home with several logins of a provider and the store, under the lock of swaps.

What stands there is saved before anything is changed; an account's newer tokens are put
wherever older ones of it stand; and an account is made the active one.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from rotator.context import Context
from rotator.core.logins.credential_secrets import same_secrets
from rotator.errors import AccountNotFound, LiveFileError, LiveFileUnreadable, SwapConflict
from rotator.live.capture_content import take_descents
from rotator.live.home_content import capture_entries, forget_home
from rotator.live.newest_tokens import look_into_auth_json
from rotator.live.refresh_answers import settled
from rotator.live.swap import Swapped, SwapRequest
from rotator.model import Account, AccountId, Event
from rotator.opencode.home import Absent, Entries, Home, HomeEntry, HomeReading, Unusable
from rotator.system.locks import swap_lock, watcher_pid

log = logging.getLogger(__name__)
_MOST_TRIES = 5
# A request waits for it, and the bridge for a quarter of a second.
_PATIENCE_SECONDS = 0.15


def capture_home(
    context: Context, home: Home, *, watched: bool, ours: frozenset[str] = frozenset()
) -> HomeReading:
    """Save what stands in a home, and put newer tokens where older ones stand; return it.

    Call it under the swap lock. A home that is not there or cannot be used changes nothing but
    that nothing is known to stand in one that is gone. Raises StoreError.
    """
    for _ in range(_MOST_TRIES):
        reading = home.read()
        match reading:
            case Absent():
                forget_home(context, home.name)
                return reading
            case Unusable():
                return reading
            case Entries():
                pass
        take_descents(context)
        capture_entries(context, home.name, reading, watched=watched, ours=ours)
        if not _mend(context, home, reading):
            return reading
    return home.read()


def capture_tokens(context: Context, home: Home, *, watched: bool) -> str | None:
    """Save newer tokens of what is known to stand in a home, and nothing else that is new there.

    Who is active there is heard of at the next look, by whoever knows what we have switched.
    Where it cannot be read it is returned why. Call it under the swap lock. Raises StoreError.
    """
    reading = home.read()
    if isinstance(reading, Unusable):
        return reading.why
    if isinstance(reading, Absent):
        return None
    known = {s.slot: s for s in context.store.state().standings if s.home is home.name}
    entries = (e for e in reading.entries if e.slot in known)
    reading = Entries(tuple(replace(e, active=known[e.slot].active) for e in entries))
    take_descents(context)
    capture_entries(context, home.name, reading, watched=watched)
    _mend(context, home, reading)
    return None


def switch(context: Context, home: Home, order: SwapRequest) -> Swapped | None:
    """Make an account the active one of its provider in a home, putting it in if need be.

    None if another one is active by now than was expected. Raises LiveFileUnreadable,
    SwapConflict, SwapUnverified, LiveFileError, AccountNotFound, NothingToRotateTo (its refresh
    token is spent, or may be), StoreError.
    """
    with swap_lock(context.paths.swap_lock):
        # By then a server may have refreshed what it was switched to.
        watched = watcher_pid(context.paths.watch_lock) is not None
        look_into_auth_json(context, watched=watched)
        for _ in range(_MOST_TRIES):
            reading = _required(capture_home(context, home, watched=watched), home)
            state = context.store.state()
            account = state.account(order.account)
            if account is None:
                message = "the account to rotate to was removed meanwhile"
                raise AccountNotFound(message)
            left = state.active_in(home.name, account.provider)
            if order.check_expected and (left.id if left else None) != order.expected:
                return None
            if _is_used(context, home, account, reading):
                return _settle(context, home, order, Swapped(left, account, written=False))
            account = settled(context, account)
            context.store.require_turn()
            slot = _slot_of(context, home, account, reading, watched=watched)
            if home.activate(slot):
                capture_home(context, home, watched=watched, ours=frozenset({slot}))
                return _settle(context, home, order, Swapped(left, account, written=True))
            log.info("a login went from %s while it was to be activated", reading)
    message = f"{home.where()} kept changing while a login was to be activated"
    raise SwapConflict(message, hint="try again in a moment")


def prepare(
    context: Context, home: Home, account_id: AccountId, *, ours: frozenset[str] = frozenset()
) -> tuple[Account, str]:
    """Let an account's newest tokens stand in a home; return it and where, and activate nothing.

    For a watcher, which misses nothing; `ours` are the slots that it is switching to. Raises what
    `switch` raises.
    """
    with swap_lock(context.paths.swap_lock, patience_seconds=_PATIENCE_SECONDS):
        look_into_auth_json(context, watched=True)
        reading = _required(capture_home(context, home, watched=True, ours=ours), home)
        account = context.store.state().account(account_id)
        if account is None:
            message = "the account to go on with was removed meanwhile"
            raise AccountNotFound(message)
        account = settled(context, account)
        context.store.require_turn()
        return account, _slot_of(context, home, account, reading, watched=True)


def take_out_of(context: Context, home: Home, account_id: AccountId) -> None:
    """Take every login of an account out of a home, if there is one; raises LiveFileError."""
    with swap_lock(context.paths.swap_lock):
        reading = capture_home(context, home, watched=False)
        if isinstance(reading, Absent):
            return
        reading = _required(reading, home)
        context.store.require_turn()
        left = [s for s in context.store.state().standings if s.home is home.name]
        for standing in context.store.state().standings_of(account_id):
            entry = reading.at(standing.slot)
            if entry is not None and home.remove(standing.slot, entry):
                left.remove(standing)
        with context.store.transaction():
            # Nobody has logged out there.
            context.store.set_standings(home.name, left)


def _required(reading: HomeReading, home: Home) -> Entries:
    match reading:
        case Entries():
            return reading
        case Absent():
            message = f"there is no {home.where()}: OpenCode 2 was never used here"
            raise LiveFileUnreadable(message, hint="log in with OpenCode 2 once")
        case Unusable(why=why):
            raise LiveFileUnreadable(why, hint="nothing was written")


def _is_used(context: Context, home: Home, account: Account, reading: Entries) -> bool:
    """Tell whether what is active in a home is the account, with the tokens that it has."""
    slots = _slots_of(context, home, account, reading)
    entry = reading.at(slots[0]) if slots else None
    return entry is not None and entry.active


def _slots_of(context: Context, home: Home, account: Account, reading: Entries) -> list[str]:
    """Return the slots that hold the account, the active one first.

    An active one that cannot get the account's tokens is none: another one has to be activated.
    """
    standing = [s for s in context.store.state().standings_of(account.id) if s.home is home.name]
    entries = ((place.slot, reading.at(place.slot)) for place in standing)
    return [slot for slot, entry in entries if entry is None or not _would_mix(account, entry)]


def _slot_of(
    context: Context, home: Home, account: Account, reading: Entries, *, watched: bool
) -> str:
    """Return a slot that holds the account, made if there is none."""
    slots = _slots_of(context, home, account, reading)
    if slots:
        return slots[0]
    slot = home.put(account.provider, account.alias, account.credential)
    capture_home(context, home, watched=watched, ours=frozenset({slot}))
    return slot


def _settle(context: Context, home: Home, order: SwapRequest, done: Swapped) -> Swapped:
    """Write down what was done."""
    order.on_renamed(done.put)
    with context.store.transaction():
        order.also()
    events = list(order.events)
    if done.written:
        left, put = done.left.alias if done.left else None, done.put
        why, now = f"{order.why} (in {home.name.value})", context.clock()
        events.append(Event(now, order.kind, put.provider, put.name, left, put.alias, why))
    context.record(events)
    context.notify_changed()
    return done


def _mend(context: Context, home: Home, reading: Entries) -> bool:
    """Put newer tokens where older ones of the same account stand; tell whether any were put."""
    done, state = False, context.store.state()
    for standing in (s for s in state.standings if s.home is home.name):
        account, entry = state.account(standing.account), reading.at(standing.slot)
        if account is None or entry is None or not _is_behind(account, entry):
            continue
        context.store.require_turn()
        try:
            done |= home.update(standing.slot, entry, account.credential)
        except LiveFileError as exc:
            # It is tried again at the next look.
            log.warning("newer tokens of %s could not be put in: %s", account.name, exc.message)
    return done


def _is_behind(account: Account, entry: HomeEntry) -> bool:
    """Tell whether an account has newer tokens than stand there.

    Also such as nothing but the time says are its own: what stood there is kept beside them, and
    whoever sends it once more ends the login in both homes.
    """
    credential = entry.credential
    return (
        not isinstance(credential, str)
        and not _would_mix(account, entry)
        and account.credential.type == credential.type == "oauth"
        and account.maybe is None
        and not same_secrets(account.credential, credential)
    )


def _would_mix(account: Account, entry: HomeEntry) -> bool:
    """Tell whether a running server would send an account's tokens in another one's name.

    So it is with an active row of another account of the vendor's: of its name nobody tells it.
    """
    credential = entry.credential
    if isinstance(credential, str) or not entry.active:
        return False
    names = {credential.account_id, account.credential.account_id}
    is_another = None not in names and len(names) > 1
    return is_another and not same_secrets(account.credential, credential)
