"""Which accounts a request can go on with, where a provider's accounts are for several places.

Pure. An opencode that does not follow switches builds a request for the place of the login that
it began with. Only what is in auth.json gets into it, and a bridge keeps what belongs to that
place in it.
"""

from __future__ import annotations

from dataclasses import replace

from rotator.core.selection.policy import stands_in
from rotator.model import Account, Signal, State


def has_left_place(state: State, signal: Signal, failed: Account) -> bool:
    """Tell whether what is live is for another place than that of the account that failed.

    Its request has its own login alone then, and goes on with no other one.
    """
    active = state.active(signal.provider)
    return active is not None and not fits(signal, active, failed)


def fits(signal: Signal, to: Account, failed: Account) -> bool:
    """Tell whether a request that failed with one account can go on with another one.

    Where switches are followed it is built anew for whoever is switched to.
    """
    return signal.home.follows_switches or stands_in(to, failed.credential)


def within_reach(state: State, signal: Signal, failed: Account) -> State:
    """Return the state with those accounts of its provider alone with which a request can go on."""
    is_alone = has_left_place(state, signal, failed)
    accounts = tuple(
        account
        for account in state.accounts
        if account.provider != signal.provider
        or account.id == failed.id
        or (not is_alone and fits(signal, account, failed))
    )
    return replace(state, accounts=accounts)
