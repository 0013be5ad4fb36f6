"""In which homes an account is made active when somebody rotates to it. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from rotator.model import Account, AccountId, Digest, HomeName, Signal, Slot, State


def homes_for(state: State, account: Account) -> tuple[HomeName, ...]:
    """Return the homes in which a rotation makes the account the active one.

    A key goes wherever its provider is used. The tokens of a login work once, so it is not
    copied from one home into the other: it is switched to where it stands, and one that stands
    nowhere goes where its provider is used, into auth.json first. In auth.json a provider has one
    place, so whoever was in it a while ago stands there as well. Never empty.
    """
    return _homes_of(state, account, _used(state, account.provider))


def _used(state: State, provider: str) -> tuple[HomeName, ...]:
    return tuple(home for home in HomeName if state.is_used(home, provider))


def _homes_of(state: State, account: Account, used: tuple[HomeName, ...]) -> tuple[HomeName, ...]:
    if not used:
        return state.homes_of(account) or (HomeName.AUTH_FILE,)
    if account.credential.type != "oauth":
        return used
    homes = {*state.homes_of(account)}
    if homes and HomeName.AUTH_FILE in used and _was_in_slot(state, account):
        homes.add(HomeName.AUTH_FILE)
    return tuple(home for home in HomeName if home in homes) or used[:1]


def _was_in_slot(state: State, account: Account) -> bool:
    tenures = state.slot(account.provider).tenures
    return any(tenure.account == account.id for tenure in tenures)


def left_by(state: State, account: Account) -> Account | None:
    """Return who is active where the account is to be, the first home before the other."""
    active = (state.active_in(home, account.provider) for home in homes_for(state, account))
    return next((left for left in active if left is not None), None)


def live_of(state: State, provider: str) -> Account | None:
    """Return the provider's active account, that of auth.json before another home's."""
    active = (state.active_in(home, provider) for home in HomeName)
    return next((live for live in active if live is not None), None)


def seen_from(state: State, home: HomeName, but: Collection[AccountId] = ()) -> State:
    """Return the state as an opencode sees it that has its logins in this home.

    Who is active there is in the slots. Accounts that are not to be put in there are left out,
    except `but`.
    """
    if not state.standings:
        return state
    used = {name: _used(state, name) for name in {a.provider for a in state.accounts}}
    accounts = tuple(
        a for a in state.accounts if a.id in but or home in _homes_of(state, a, used[a.provider])
    )
    if home is HomeName.AUTH_FILE:
        return replace(state, accounts=accounts)
    providers = {account.provider for account in accounts}
    return replace(
        state,
        accounts=accounts,
        slots={name: _slot_in(state, home, name) for name in providers},
    )


def seen_by(state: State, signal: Signal) -> State:
    """Return the state as the opencode sees it that a signal is from."""
    failed = _owner(state, signal, signal.credential)
    seen = seen_from(state, signal.home, [failed.id] if failed else [])
    slot = seen.slot(signal.provider)
    tried = {owner.id for d in signal.tried if (owner := _owner(state, signal, d)) is not None}
    if signal.home is HomeName.AUTH_FILE or failed is None or slot.active not in tried:
        return seen
    # The request went on with another one, which OpenCode is yet to make active.
    return replace(seen, slots={**seen.slots, slot.provider: replace(slot, active=failed.id)})


def _slot_in(state: State, home: HomeName, provider: str) -> Slot:
    active = state.active_in(home, provider)
    return replace(
        state.slot(provider), active=active.id if active else None, tenures=(), swap=None
    )


def _owner(state: State, signal: Signal, digest: Digest | None) -> Account | None:
    return state.account(state.digests.get((signal.provider, digest))) if digest else None
