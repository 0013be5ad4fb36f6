"""In which homes an account is made active when somebody rotates to it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from rotator.model import Account, AccountId, Digest, HomeName, Signal, Slot, State


def homes_for(state: State, account: Account) -> tuple[HomeName, ...]:
    """Return the homes in which a rotation makes the account the active one.

    A key goes wherever its provider is used, and one of a provider that nobody uses yet wherever
    logins stand. The tokens of a login work once, so it is not copied from one home into the
    other: it is switched to where it stands, and one that stands nowhere goes into the first of
    those homes. Where a provider has one place, whoever was in it a while ago stands there as
    well. Never empty.
    """
    return _homes_of(state, account, _used(state, account.provider))


def _used(state: State, provider: str) -> tuple[HomeName, ...]:
    used = tuple(home for home in HomeName if state.is_used(home, provider))
    return used or tuple(home for home in HomeName if state.holds_logins(home)) or (*HomeName,)[:1]


def _homes_of(state: State, account: Account, used: tuple[HomeName, ...]) -> tuple[HomeName, ...]:
    if account.credential.type != "oauth":
        return used
    homes = {*state.homes_of(account)}
    if homes and _was_in_slot(state, account):
        homes |= {home for home in used if home.has_one_place}
    return tuple(home for home in HomeName if home in homes) or used[:1]


def _was_in_slot(state: State, account: Account) -> bool:
    tenures = state.slot(account.provider).tenures
    return any(tenure.account == account.id for tenure in tenures)


def left_by(state: State, account: Account) -> Account | None:
    """Return whose place the account is to take, or itself where it is active already."""
    homes = homes_for(state, account)
    return whose_place([state.active_in(home, account.provider) for home in homes], account)


def whose_place(active: Sequence[Account | None], account: Account) -> Account | None:
    """Return of those who are active in some homes the first that is not the account.

    Where it is active in all of them it is the account, for nothing changes then.
    """
    others = [live for live in active if live is None or live.id != account.id]
    if not others:
        return account
    return next((live for live in others if live is not None), None)


def live_of(state: State, provider: str) -> Account | None:
    """Return the provider's active account, in the first home that has one."""
    active = (state.active_in(home, provider) for home in HomeName)
    return next((live for live in active if live is not None), None)


def live_in_each(state: State, provider: str) -> dict[HomeName, Account | None]:
    """Return who is active in each home that has a login of the provider."""
    used = (home for home in HomeName if state.is_used(home, provider))
    return {home: state.active_in(home, provider) for home in used}


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
    if home.has_one_place:
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
    if signal.home.has_one_place or failed is None or slot.active not in tried:
        return seen
    # The request went on with another one, which is yet to be made active.
    return replace(seen, slots={**seen.slots, slot.provider: replace(slot, active=failed.id)})


def _slot_in(state: State, home: HomeName, provider: str) -> Slot:
    active = state.active_in(home, provider)
    return replace(
        state.slot(provider), active=active.id if active else None, tenures=(), swap=None
    )


def _owner(state: State, signal: Signal, digest: Digest | None) -> Account | None:
    return state.account(state.digests.get((signal.provider, digest))) if digest else None
