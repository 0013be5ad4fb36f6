"""In which homes an account is made active when somebody rotates to it. Pure."""

from __future__ import annotations

from rotator.model import Account, HomeName, State


def homes_for(state: State, account: Account) -> tuple[HomeName, ...]:
    """Return the homes in which a rotation makes the account the active one.

    A key goes wherever its provider is used. The tokens of a login work once, so it is not
    copied from one home into the other: it is switched to where it stands, and one that stands
    nowhere goes where its provider is used, into auth.json first. Never empty.
    """
    used = tuple(home for home in HomeName if state.is_used(home, account.provider))
    if not used:
        return state.homes_of(account) or (HomeName.AUTH_FILE,)
    if account.credential.type != "oauth":
        return used
    return state.homes_of(account) or used[:1]


def left_by(state: State, account: Account) -> Account | None:
    """Return who is active where the account is to be, the first home before the other."""
    active = (state.active_in(home, account.provider) for home in homes_for(state, account))
    return next((left for left in active if left is not None), None)


def live_of(state: State, provider: str) -> Account | None:
    """Return the provider's active account, that of auth.json before another home's."""
    active = (state.active_in(home, provider) for home in HomeName)
    return next((live for live in active if live is not None), None)
